#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A target that answers commands wrongly, in all the ways it knows: after each the right bytes are on the
# disk and in the reader's hands, or the reader gets an error that is the target's own; the session
# is there, and the initiator itself has broken no rule.
#
# beds: uml-debug
# long-beds: uml
# timeout: 240
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

name=${prefix}faults
portal=127.0.0.1:3270
bytes=$((320 << 10))

# transfer OPERATION: reads or writes $bytes bytes at the start of the disk, in one command.
transfer() {
	case $1 in
	read) dd if="$disk" of="$work/got" bs=$bytes count=1 iflag=direct status=none ;;
	write) dd if="$work/pattern" of="$disk" bs=$bytes count=1 oflag=direct status=none ;;
	esac
}

# prepare OPERATION: what is read next was not there before; what is written next neither.
prepare() {
	pattern "$work/pattern" $bytes
	if [ "$1" = read ]; then
		dd if="$work/pattern" of="$(backing "$name" 1)" bs=$bytes conv=notrunc status=none
		rm -f "$work/got"
	fi
}

# right OPERATION: the bytes are where they should be.
right() {
	case $1 in
	read) cmp "$work/pattern" "$work/got" ;;
	write) cmp -n $bytes "$work/pattern" "$(backing "$name" 1)" ;;
	esac
}

# fresh: a new session. One that has lost connections soon after they came up takes its time.
fresh() {
	lost=0
	logout "$name"
	login "$name"
	disk=$(disk_of "$name" 1)
	settled
}

# after FAULT OPERATION LOGINS: the fault is committed once, the operation succeeds, and the session had
# to log in that often: a number, or `-` for any.
after() {
	local fault=$1 operation=$2 logins=$3
	[ $lost -lt 2 ] || fresh
	note "$operation, $fault"
	prepare "$operation"
	settled
	begin "$name" "$operation:$fault*1"
	timeout 60 bash -c "$(declare -f transfer); disk=$disk bytes=$bytes work=$work transfer $operation" ||
		fail "$operation with $fault"
	right "$operation" || fail "wrong bytes after a $operation with $fault"
	wait_for 20 'login' logged_in "$name"
	report "$name"
	equal "times of $fault" "$(fired "${fault%%=*}")" 1
	[ "$logins" = - ] || equal "logins after $fault" "$(reported logins)" "$logins"
	lost=$((lost + $(reported logins)))
}

# error FAULT OPERATION: the fault is committed once, and the operation ends with an error.
error() {
	local fault=$1 operation=$2
	note "$operation, $fault: an error"
	prepare "$operation"
	settled
	begin "$name" "$operation:$fault*1"
	! transfer "$operation" 2>"$work/stderr" || fail "$operation went well with $fault"
	matches 'the answer' "$(cat "$work/stderr")" '^dd: error'
	report "$name"
	equal "logins after $fault" "$(reported logins)" 0
	transfer "$operation"
	right "$operation" || fail "wrong bytes after a $operation with $fault"
}

# all OPERATION: the faults that fit both.
common() {
	local operation=$1
	note "$operation: what the mid-layer deals with"
	after check=6/29/00 "$operation" 0
	after check=b/00/00 "$operation" 0
	after status=08 "$operation" 0
	after status=28 "$operation" 0
	after status=40 "$operation" 0
	after response=01 "$operation" 0
	after sense-long "$operation" 0
	after sense-lie "$operation" 0
	error check=3/11/00 "$operation"
	error check=5/21/00 "$operation"
	error status=18 "$operation"
	note "$operation: what changes nothing"
	after stray "$operation" 0
	after data-in-stray "$operation" 0
	after twice "$operation" 0
	after nop-in=20 "$operation" 0
	after window-nonsense "$operation" 0
	after close-window=300 "$operation" 0
	after delay=700 "$operation" 0
	after async=scsi "$operation" 0
	after async=vendor "$operation" 0
	note "$operation: what ends the connection"
	after nop-in=2000 "$operation" -
	after close "$operation" 1
	after close-mid "$operation" 1
	after stat-sn-jump "$operation" 1
	after stat-sn-repeat "$operation" 1
	after huge "$operation" 1
	after opcode=2f "$operation" 1
	after opcode=23 "$operation" 1
	after opcode=24 "$operation" 1
	after reject=04 "$operation" 1
	after reject=09 "$operation" 1
	after reject-empty "$operation" 1
	after async=logout "$operation" 1
	after async=drop "$operation" 1
	after async=session "$operation" 1
	after async=negotiate "$operation" 1
	after bad-header-digest "$operation" 1
}

target_up scripted "$name" "$portal" 16M
parameters retry_delay=1
initiator_up
iscsiadm modify initiator-node -h CRC32 -d CRC32
login "$name"
fresh
equal 'header digest' "$(session_field "$name" '.connections[0].negotiated.headerdigest')" CRC32

common read
after short=right read 0
after short=none read 0
after short=wrong read 0
after over read 0
after no-data-copy read 0
after data-in-empty read 0
after bad-data-digest read 1
after data-in-beyond read 1
after data-in-more read 1
after data-in-gap read 1
after data-in-sn read 1
after r2t-read read 1

common write
after short=right write 0
after short=wrong write 0
after early write 0
after data-in-write write 1
after r2t-beyond write 1
after r2t-sn write 1
after r2t-empty write 1
# Whether it is seen depends on who is faster: an R2T that has been answered is not outstanding any more.
after r2t-flood write -

note 'an R2T longer than MaxBurstLength'
tell "$name" MaxBurstLength=65536
fresh
after r2t-long write 1

note 'without digests'
iscsiadm modify initiator-node -h none -d none
fresh
equal 'header digest' "$(session_field "$name" '.connections[0].negotiated.headerdigest')" NONE
after close-mid read 1
after data-in-more read 1
after huge read 1
after r2t-beyond write 1
after twice write 0

logout "$name"
initiator_down
