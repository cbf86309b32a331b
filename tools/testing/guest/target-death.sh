#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The target dies while fio writes and comes back: fio waits, ends without an error, and every block
# verifies; the module does not go meanwhile. Three deaths each: the portal refuses connections, LIO refuses
# logins, tgtd is killed.
#
# beds: uml uml-debug qemu
# timeout: 180
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

not_logged_in() {
	! logged_in "$1"
}

# The sectors moved to and from a disk so far.
moved() {
	awk '{ print $3 + $7 }' "/sys/class/block/$(basename "$1")/stat"
}

moves_past() {
	[ "$(moved "$1")" -gt "$2" ]
}

# write_and_verify DISK SIZE: rounds of writing and verifying, each with other bytes, until told that it
# is enough.
write_and_verify() {
	local round=0
	until [ -e "$work/enough" ]; do
		round=$((round + 1))
		fio_job --filename="$1" --name=death --rw=randwrite --bs=8k --iodepth=16 --size="$2" 			--rate_iops=400 --randseed=$round
	done
	note "$round rounds"
}

# die_and_return NAME DISK KILL REVIVE: while fio is busy.
die_and_return() {
	local name=$1 disk=$2 kill=$3 revive=$4
	wait_for 20 'more I/O' moves_past "$disk" $(($(moved "$disk") + 512))
	exits 1 rmmod iscsi
	matches 'what rmmod says' "$stderr" 'in use'
	note "$name: $kill"
	$kill "$name"
	wait_for 20 'end of the login' not_logged_in "$name"
	matches 'last error' "$(session_field "$name" .last_error)" '.'
	note "$name: $revive"
	$revive "$name"
	wait_for 60 'next login' logged_in "$name"
	kill -0 $fio 2>/dev/null || fail 'fio has given up'
}

one_kind() {
	local kind=$1 name=$prefix$1-death size disk
	size=$(scaled 64M 8M)
	target_up "$kind" "$name" 127.0.0.1:3260 "$size"
	# Both would have us wait for 2 s before each of the next logins.
	target_set "$name" DefaultTime2Wait=0
	login "$name"
	disk=$(disk_of "$name" 1)
	note "$kind: fio writes"
	write_and_verify "$disk" "$(scaled 8M 4M)" &
	fio=$!
	die_and_return "$name" "$disk" target_kill target_revive
	if [ "$kind" = lio ]; then
		# The disk was found without it, and its pages change as they are sent.
		iscsiadm modify target-param -d CRC32 "$name"
		die_and_return "$name" "$disk" lio_disable lio_enable
		equal 'data digest' "$(session_field "$name" '.connections[0].negotiated.datadigest')" NONE
	fi
	die_and_return "$name" "$disk" target_kill target_revive

	note "$kind: fio verifies its last round"
	touch "$work/enough"
	wait $fio || fail 'fio found a wrong block or an error'
	rm "$work/enough"
	fio_job --filename="$disk" --name=after --rw=write --bssplit="$mixed_sizes" --iodepth=4 --size="$size"
	cmp "$disk" "$(backing "$name" 1)" || fail 'the disk is not what the backing file is'
	logout "$name"
	target_down "$name"
}

initiator_up
one_kind lio
one_kind tgt
initiator_down
