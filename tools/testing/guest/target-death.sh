#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target dies while fio writes and comes back: fio waits, ends without an error, and every block
# verifies. Three deaths each: the portal refuses connections, LIO refuses logins, tgtd is killed.
#
# beds: uml uml-debug qemu
# timeout: 180
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

not_logged_in() {
	! logged_in "$1"
}

# The sectors written to a disk so far.
written() {
	awk '{ print $7 }' "/sys/class/block/$(basename "$1")/stat"
}

writes_past() {
	[ "$(written "$1")" -gt "$2" ]
}

# die_and_return NAME DISK KILL REVIVE: once some more was written.
die_and_return() {
	local name=$1 disk=$2 kill=$3 revive=$4
	wait_for 20 'more writes' writes_past "$disk" $(($(written "$disk") + 256))
	note "$name: $kill"
	$kill "$name"
	wait_for 20 'end of the login' not_logged_in "$name"
	matches 'last error' "$(session_field "$name" .last_error)" '.'
	note "$name: $revive"
	$revive "$name"
	wait_for 60 'next login' logged_in "$name"
	kill -0 $fio 2>/dev/null || fail 'fio ended before its time'
}

one_kind() {
	local kind=$1 name=$prefix$1-death size disk end
	size=$(scaled 64M 8M)
	target_up "$kind" "$name" 127.0.0.1:3260 "$size"
	login "$name"
	disk=$(disk_of "$name" 1)
	note "$kind: fio writes"
	# Slow enough to be busy at each death, so many rounds that it has to be stopped.
	fio --ioengine=libaio --direct=1 --verify=crc32c --verify_fatal=1 --verify_dump=0 --name=death \
		--filename="$disk" --rw=randwrite --bs=8k --iodepth=16 --size="$size" --rate_iops=400 \
		--loops=1000 --trigger-file="$work/enough" >"$work/fio.log" 2>&1 </dev/null &
	fio=$!
	die_and_return "$name" "$disk" target_kill target_revive
	if [ "$kind" = lio ]; then
		die_and_return "$name" "$disk" lio_disable lio_enable
	fi
	die_and_return "$name" "$disk" target_kill target_revive

	note "$kind: fio stops and verifies"
	touch "$work/enough"
	end=0
	wait $fio || end=$?
	[ $end = 0 ] || {
		cat "$work/fio.log"
		fail "fio: exit code $end"
	}
	rm "$work/enough"
	fio_job --filename="$disk" --name=after --rw=write --bssplit="$mixed_sizes" --iodepth=16 --size="$size"
	cmp "$disk" "$(backing "$name" 1)" || fail 'the disk is not what the backing file is'
	logout "$name"
	target_down "$name"
}

initiator_up
one_kind lio
one_kind tgt
initiator_down
