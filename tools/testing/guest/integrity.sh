#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fio writes blocks of 512 bytes to 4 MiB at queue depths 1, 8 and 64 side by side on disks of both kinds of
# target, each block with a CRC32C of its own, with and without digests on the wire, and reads them back at
# once. After another login the disk is what it was, and so is the backing file.
#
# beds: uml uml-debug qemu
# timeout: 180
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

# Each of a disk's three jobs has a third of it, in MiB.
part=6

# jobs_on DISK: adds three jobs to ${jobs[@]}. fio fills a buffer of the biggest size for each command in
# flight before it begins, so the deepest one has no big commands.
jobs_on() {
	jobs+=(
		--name=depth1 --filename="$1" --offset=0 --iodepth=1 --bssplit="$mixed_sizes"
		--name=depth8 --filename="$1" --offset="${part}M" --iodepth=8 --bssplit="$mixed_sizes"
		--name=depth64 --filename="$1" --offset="$((2 * part))M" --iodepth=64 --bssplit="$small_sizes"
	)
}

# one_run DIGEST: with all targets at once.
one_run() {
	local digest=$1 name jobs=()
	local -A sums=()
	note "digests $digest: write, read back"
	iscsiadm modify target-param -h "$digest" -d "$digest" "${targets[@]}"
	for name in "${targets[@]}"; do
		login "$name"
		equal 'digests' "$(session_field "$name" \
			'.connections[0].negotiated | .headerdigest + " " + .datadigest')" "${digest^^} ${digest^^}"
		jobs_on "$(disk_of "$name" 1)"
	done
	fio_job --rw=write --size="${part}M" "${jobs[@]}"
	for name in "${targets[@]}"; do
		logout "$name"
		sums[$name]=$(sum "$(backing "$name" 1)")
	done

	note "digests $digest: log in again, read back"
	for name in "${targets[@]}"; do
		login "$name"
		equal "sum of the disk of $name" "$(sum "$(disk_of "$name" 1)")" "${sums[$name]}"
		logout "$name"
		equal "sum of the backing file of $name" "$(sum "$(backing "$name" 1)")" "${sums[$name]}"
	done
}

initiator_up
target_up lio ${prefix}lio-integrity 127.0.0.1:3260 "$((3 * part))M"
target_up tgt ${prefix}tgt-integrity 127.0.0.1:3261 "$((3 * part))M"
for name in "${targets[@]}"; do
	target_set "$name" HeaderDigest=CRC32C,None DataDigest=CRC32C,None
done
for digest in none CRC32; do
	one_run $digest
done
target_down ${prefix}lio-integrity
target_down ${prefix}tgt-integrity
initiator_down
