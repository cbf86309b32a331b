#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One, eight and 64 LUNs on a session: all are found, all work at the same time, all go with the session.
# And units that say that they are busy or that their queue is full, again and again: nobody sees an error,
# and the bytes are right.
#
# beds: uml
# long-beds: uml-debug
# timeout: 120
# long-timeout: 300
# shared-boot: yes

# The faults are words.
# shellcheck disable=SC2046

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

portal=127.0.0.1:3260

# disks COUNT: puts the disks of $name into ${disk[@]}, by LUN. There are exactly so many.
disks() {
	local count=$1 lun device
	disk=()
	wait_for 120 "$count disks" found "$count"
	while read -r lun device; do
		disk[lun]=$device
	done <"$work/disks"
	for ((lun = 1; lun <= count; lun++)); do
		[ -b "${disk[lun]:-}" ] || fail "LUN $lun is no disk: '${disk[lun]:-}'"
	done
	equal 'the number of disks' ${#disk[@]} "$count"
}

# found COUNT: the session has so many disks. There are so many device nodes before it says so.
found() {
	local nodes=(/dev/sd*) lines
	[ ${#nodes[@]} -ge "$1" ] || return 1
	iscsiadm list target -S --json "$name" |
		jq -r '.[].luns[] | select(.device | strings | startswith("/dev/sd")) | "\(.lun) \(.device)"' >"$work/disks"
	mapfile -t lines <"$work/disks"
	[ ${#lines[@]} = "$1" ] && opens "${nodes[@]}"
}

no_disks() {
	local nodes=(/dev/sd*)
	[ ! -b "${nodes[0]}" ]
}

# together KIND COUNT
together() {
	local kind=$1 count=$2 name=$prefix$1-luns-$2 sizes=() disk lun file nodes pairs=()
	note "$kind: $count LUNs"
	for ((lun = 1; lun <= count; lun++)); do
		sizes+=(1M)
	done
	target_up "$kind" "$name" $portal "${sizes[@]}"
	login "$name"
	disks "$count"
	for ((lun = 1; lun <= count; lun++)); do
		find_backing "$name" $lun
		pairs+=("${disk[lun]}" "$file")
	done
	# One job, for each of 64 would take a third of a second to start.
	printf -v nodes '%s:' "${disk[@]}"
	fio_job --name=luns --filename="${nodes%:}" --file_service_type=random --rw=randwrite \
		--bssplit=512/20:4k/40:64k/40 --bs_unaligned=0 --iodepth=$((4 * count)) --number_ios=$((20 * count)) \
		--size=$((count * 128))k --randseed=$RANDOM
	# No LUN has got what was for another.
	same $((128 << 10)) "${pairs[@]}"
	exits 0 iscsiadm remove static-config "$name"
	wait_for 60 'end of all disks' no_disks
	target_down "$name"
}

# busy WHAT WORD...: with these faults at the target.
busy() {
	local name=${prefix}scripted-busy disk
	note "$1"
	shift
	begin "$name"
	login "$name"
	disk=$(disk_of "$name" 1)
	settled
	begin "$name" "$@"
	fio_job --name=load --filename="$disk" --rw=randwrite --bssplit=512/30:4k/50:64k/20 --bs_unaligned=0 \
		--iodepth=32 --size=1M --randseed=$RANDOM
	cmp "$disk" "$(backing "$name" 1)" || fail 'the disk is not what the file is'
	report "$name"
	equal 'logins meanwhile' "$(reported logins)" 0
	settled
	logout "$name"
}

# often STATUS EVERY: the status at every so many commands, and once ten times in a row.
often() {
	local count
	for count in 1 2 3 4 5 6 7 8 9 10 11 12; do
		printf 'status=%s@%d*1 ' "$1" $((count * $2))
	done
	printf 'status=%s@25*10 ' "$1"
}

udev_stop
initiator_up
for kind in lio tgt scripted; do
	together $kind 1
	together $kind 8
	# It takes long to tell the others of so many.
	[ $kind != scripted ] && [ -z "${LONG:-}" ] || together $kind "$(scaled 64 16)"
done
udev_start

target_up scripted ${prefix}scripted-busy 127.0.0.1:3270 1M
busy 'TASK SET FULL now and then' $(often 28 7)
busy 'BUSY now and then' $(often 08 7)
busy 'both, and a narrow window' window=2 $(often 28 9) $(often 08 13)
target_down ${prefix}scripted-busy
initiator_down
