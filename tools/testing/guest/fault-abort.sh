#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Commands that a target does not answer in time: aborts answered in every way, and what follows up to a
# new login; resets that an operator asks for. After each the bytes are right, no command is lost, and
# nothing of the session has to be repaired by hand.
#
# beds: uml uml-debug
# timeout: 240
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

name=${prefix}faults
portal=127.0.0.1:3270
bytes=$((128 << 10))

# impatient [SECONDS]: commands time out after that.
impatient() {
	local device
	device=/sys/block/$(basename "$disk")/device
	echo "${1:-1}" >"$device/timeout"
	echo 5 >"$device/eh_timeout"
}

# again [WORD...]: a new session, with these faults planned.
again() {
	if [ -n "$(session_state "$name")" ]; then
		tell "$name" clear
		logout "$name"
	fi
	login "$name"
	disk=$(disk_of "$name" 1)
	other=$(disk_of "$name" 2)
	settled
	impatient
	begin "$name" "$@"
}

# held_by COUNT: waits until the target holds so many commands.
held_by() {
	wait_for 10 "$1 held commands" holds "$1"
}

holds() {
	[ "$(tell "$name" held)" = "$1" ]
}

# put: writes a pattern and says where.
put() {
	pattern "$work/pattern" $bytes
	dd if="$work/pattern" of="$disk" bs=$bytes count=1 oflag=direct status=none
	cmp -n $bytes "$work/pattern" "$(backing "$name" 1)" || fail "wrong bytes were written"
}

# get: reads what was put.
get() {
	dd if="$disk" of="$work/got" bs=$bytes count=1 iflag=direct status=none
	cmp "$work/pattern" "$work/got" || fail "wrong bytes were read"
}

# counted ABORTS LUN_RESETS LOGINS: what the target has seen, and nothing against the rules.
counted() {
	wait_for 30 'login' logged_in "$name"
	report "$name"
	equal 'aborts' "$(reported aborts)" "$1"
	equal 'LUN resets' "$(reported lun_resets)" "$2"
	equal 'logins' "$(reported logins)" "$3"
	equal 'commands left at the target' "$(reported held)" 0
}

target_up scripted "$name" "$portal" 16M 16M
initiator_up

for operation in put get; do
	direction=$([ $operation = put ] && echo write || echo read)

	note "$direction: the abort completes"
	again "$direction:hold*1"
	$operation
	counted 1 0 0

	note "$direction: the task does not exist"
	tell "$name" "$direction:hold*1" abort=no-task*1
	$operation
	counted 1 0 0

	note "$direction: the answer comes just before the answer to the abort"
	tell "$name" "$direction:hold*1" abort=race*1
	$operation
	counted 1 0 0

	note "$direction: the answer comes after the abort, against the rules"
	tell "$name" "$direction:hold*1" abort=late*1
	$operation
	counted 1 0 0

	note "$direction: the answer belongs to no task"
	tell "$name" "$direction:wrong-itt*1"
	$operation
	counted 1 0 0

	note "$direction: the abort fails, the LUN reset does not"
	tell "$name" "$direction:hold*1" abort=fail*1
	$operation
	counted 1 1 0

	note "$direction: neither is known to the target"
	tell "$name" "$direction:hold*1" abort=unsupported lun-reset=unsupported
	$operation
	counted 1 1 1

	note "$direction: several at once"
	again "$direction:hold@3*1" "$direction:hold@9*1" "$direction:hold@20*1" "$direction:hold@21*1"
	fio_job --name=several --filename="$disk" --rw=write --bs=16k --iodepth=8 --size=2M
	report "$name"
	equal 'held commands' "$(fired hold)" 4
	equal 'commands left at the target' "$(reported held)" 0
	put
	get
done

note 'a write that waits for data of which the target asks too little'
again write:r2t-sn*1
put
get
counted 0 0 1

note 'a closed window is no reason to abort anything'
again read:close-window=3500*1 window=2
readers=()
for count in 1 2 3 4 5 6; do
	dd if="$disk" of=/dev/null bs=4k count=1 skip=$count iflag=direct status=none &
	readers+=($!)
done
sleep 1
get
wait "${readers[@]}"
counted 0 0 0

note 'sg_reset: the commands of one unit end and are tried again, those of the other go on'
again
impatient 60
put
settled
tell "$name" read:hold*2
dd if="$other" of="$work/other" bs=$bytes count=1 iflag=direct status=none &
of_other=$!
held_by 1
dd if="$disk" of="$work/got" bs=$bytes count=1 iflag=direct status=none &
of_disk=$!
held_by 2
at_most 5 'sg_reset -d' sg_reset -d "$disk"
wait $of_disk
cmp "$work/pattern" "$work/got" || fail 'wrong bytes were read'
kill -0 $of_other 2>/dev/null || fail 'the command of the other unit is gone'
tell "$name" release
wait $of_other
cmp -n $bytes "$work/other" "$(backing "$name" 2)" || fail 'wrong bytes were read'
counted 0 1 0

note 'sg_reset -t: a new login'
again
impatient 60
put
settled
tell "$name" read:hold*1
dd if="$disk" of="$work/got" bs=$bytes count=1 iflag=direct status=none &
of_disk=$!
held_by 1
at_most 10 'sg_reset -t' sg_reset -t "$disk"
wait $of_disk
cmp "$work/pattern" "$work/got" || fail 'wrong bytes were read'
counted 0 0 1

logout "$name"
initiator_down
