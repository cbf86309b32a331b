#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# fio writes blocks of 512 bytes to 4 MiB at queue depths 1, 8 and 64 side by side, each with a CRC32C
# of its own, with and without digests on the wire. They are read back at once, again after another
# login, and the backing file is what the disk shows.
#
# beds: uml uml-debug qemu
# timeout: 180
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

# Three jobs, each on a third of the disk. fio fills a buffer of the biggest size for each command in flight
# before it begins, so the deepest one has no big commands.
part=6
jobs=(
	--size="${part}M"
	--name=depth1 --offset=0 --iodepth=1 --bssplit="$mixed_sizes"
	--name=depth8 --offset="${part}M" --iodepth=8 --bssplit="$mixed_sizes"
	--name=depth64 --offset="$((2 * part))M" --iodepth=64 --bssplit="$small_sizes"
)

# write_and_verify DISK [OPTION...]
write_and_verify() {
	local disk=$1
	shift
	fio_job --filename="$disk" --rw=write "$@" "${jobs[@]}"
}

one_run() {
	local kind=$1 digest=$2 name=$prefix$1-integrity disk
	note "$kind, digests $digest: write, read back"
	iscsiadm modify target-param -h "$digest" -d "$digest" "$name"
	login "$name"
	equal 'header digest' "$(session_field "$name" '.connections[0].negotiated.headerdigest')" "${digest^^}"
	equal 'data digest' "$(session_field "$name" '.connections[0].negotiated.datadigest')" "${digest^^}"
	disk=$(disk_of "$name" 1)
	write_and_verify "$disk"
	logout "$name"

	note "$kind, digests $digest: log in again, read back, compare with the backing file"
	login "$name"
	disk=$(disk_of "$name" 1)
	write_and_verify "$disk" --verify_only
	cmp "$disk" "$(backing "$name" 1)" || fail 'the disk is not what the backing file is'
	logout "$name"
}

initiator_up
for kind in lio tgt; do
	target_up $kind ${prefix}$kind-integrity 127.0.0.1:3260 "$((3 * part))M"
	target_set ${prefix}$kind-integrity HeaderDigest=CRC32C,None DataDigest=CRC32C,None
	for digest in none CRC32; do
		one_run $kind $digest
	done
	target_down ${prefix}$kind-integrity
done
initiator_down
