#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that fall silent, or nearly so: at login, towards commands, towards task management. The initiator gives each
# its time, then begins anew; no command is lost. Targets that want to be left alone for a while. Slow by nature, so all
# at the same time.
#
# beds: uml
# long-beds: uml-debug
# timeout: 240

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

bytes=$((64 << 10))
port=3280
declare -A disks=() readers=()

# reader NAME TIMEOUT [KEY=VALUE] WORD...: a target with this setting and these faults, a session with it, and a
# reader whose command times out after so many seconds.
reader() {
	local name=$prefix$1 timeout=$2
	target_up scripted "$name" "127.0.0.1:$port" 16M
	[[ $3 != [A-Z]* ]] || tell "$name" "$3"
	port=$((port + 1))
	pattern "$(backing "$name" 1).pattern" $bytes
	dd if="$(backing "$name" 1).pattern" of="$(backing "$name" 1)" conv=notrunc status=none
	login "$name"
	disks[$name]=$(disk_of "$name" 1)
	settled
	echo "$timeout" >"/sys/block/$(basename "${disks[$name]}")/device/timeout"
	shift 2
	begin "$name" "$@"
	dd if="${disks[$name]}" of="$(backing "$name" 1).got" bs=$bytes count=1 iflag=direct status=none &
	readers[$name]=$!
}

# ends NAME ABORTS LUN_RESETS LOGINS: the read succeeds, after so much of each.
ends() {
	local name=$prefix$1
	note "$1"
	wait "${readers[$name]}"
	cmp "$(backing "$name" 1).pattern" "$(backing "$name" 1).got" || fail "$1: wrong bytes"
	wait_for 20 'login' logged_in "$name"
	report "$name"
	equal "$1: aborts" "$(reported aborts)" "$2"
	equal "$1: LUN resets" "$(reported lun_resets)" "$3"
	equal "$1: logins" "$(reported logins)" "$4"
	dmesg | grep -F "($name)" | tail -n 1 || true
}

# session_field_is NAME FILTER VALUE
session_field_is() {
	[ "$(session_field "$1" "$2")" = "$3" ]
}

parameters nop_interval=2 nop_timeout=8 abort_timeout=6 lu_reset_timeout=10
initiator_up

note 'a login without an answer, and one whose answer never comes to its end'
target_up scripted ${prefix}mute 127.0.0.1:3270 16M
begin ${prefix}mute login-silent
target_up scripted ${prefix}slow 127.0.0.1:3271 16M
begin ${prefix}slow login-trickle=2000
iscsiadm add static-config "$(operand ${prefix}mute)" "$(operand ${prefix}slow)" >"$work/answer" 2>&1 &
adding=$!

reader silent 40 read:silent*1
reader no-pings 40 read:hold*1 ping=ignore
reader silent-early 1 read:silent*1
reader no-abort 1 read:hold*1 abort=ignore
reader no-reset 1 read:hold*1 abort=fail lun-reset=ignore
reader rejects-pings 1 ping=reject
# These complain of a login that comes too early.
reader closes 40 DefaultTime2Wait=4 read:close*1
reader drops 40 read:async=drop/4*1
reader logs-out 40 read:async=logout*1 logout=fail/4
started=$SECONDS

code=0
wait $adding || code=$?
equal 'exit code of add' $code 2
answer=$(cat "$work/answer")
for operand in "$(operand ${prefix}mute)" "$(operand ${prefix}slow)"; do
	matches 'the answer' "$answer" "^iscsiadm: $operand: not logged in yet, waiting for the login response \([0-9]+ s\)\$"
done

ends silent 0 0 1
ends no-pings 0 0 1
ends silent-early 1 0 1
ends no-abort 1 0 1
ends no-reset 1 1 1
ends rejects-pings 0 0 0
ends closes 0 0 1
ends drops 0 0 1
ends logs-out 0 0 1
[ $((SECONDS - started)) -le 120 ] || fail "all that took $((SECONDS - started)) s"

note 'what the logins without an answer came to'
for name in ${prefix}mute ${prefix}slow; do
	wait_for 70 'reason' session_field_is "$name" .last_error 'login failed: target did not answer the login within 60 s'
done
note 'and their removals'
at_most 20 'removal of two targets' exits 0 iscsiadm remove static-config ${prefix}mute ${prefix}slow
initiator_down
