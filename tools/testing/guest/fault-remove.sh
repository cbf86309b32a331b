#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Sessions that are removed while their target is silent, dead, half logged in or busy: it takes a bounded
# time, and nothing stays behind. A disk in use is no disk to take away.
#
# beds: uml-debug
# long-beds: uml
# timeout: 240
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

name=${prefix}faults
portal=127.0.0.1:3270

# ready [WORD...]: a session, and faults.
ready() {
	begin "$name"
	login "$name"
	disk=$(disk_of "$name" 1)
	settled
	begin "$name" "$@"
}

# gone LIMIT: the session goes within so many seconds, and its disk with it.
gone() {
	removed "$1" "$name"
	[ ! -e "$disk" ] || wait_for 10 "end of $disk" not test -e "$disk"
	modprobe iscsi
	iscsiadm modify initiator-node -N $initiator_name
	iscsiadm modify discovery --static enable
}

# has_open PROCESS: dd has the disk open.
has_open() {
	[ "$(readlink "/proc/$1/fd/0")" = "$disk" ]
}

not_logged_in() {
	! logged_in "$name"
}

# refused_after_loss: the last error names both.
refused_after_loss() {
	[[ $(session_field "$name" .last_error) =~ 'connection refused; before that: connection '(closed|lost) ]]
}

target_up scripted "$name" "$portal" 16M
parameters logout_timeout=2 nop_interval=1 nop_timeout=10 retry_delay=1
initiator_up

for how in ignore fail close; do
	note "logout: $how"
	ready "logout=$how"
	gone 15
	report "$name"
	equal 'logouts' "$(reported logouts)" 1
done

note 'a target that stands still'
ready
scripted_stop "$name"
gone 15
scripted_continue "$name"

note 'a target that stands still, and data in the cache of the disk'
ready
dd if=/dev/zero of="$disk" bs=64k count=8 status=none oflag=direct
settled
scripted_stop "$name"
gone 15
scripted_continue "$name"

note 'a target that has stopped answering'
ready read:silent*1
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
wait_for 20 'open disk' has_open $reader
exits 1 iscsiadm remove static-config "$name"
matches 'the answer' "$stderr" 'in use'
at_most 20 'end of a reader' wait $reader
settled
gone 15

note 'a target that is gone: why the login fails does not hide why the connection was lost'
ready
target_kill "$name"
wait_for 20 'both reasons' refused_after_loss
gone 5
target_revive "$name"

note 'a target that is gone, and a reader that waits for it'
ready
target_kill "$name"
wait_for 10 'loss of the connection' not_logged_in
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none &
reader=$!
wait_for 20 'open disk' has_open $reader
exits 1 iscsiadm remove static-config "$name"
matches 'the answer' "$stderr" 'in use'
target_revive "$name"
wait_for 30 'login' logged_in "$name"
wait $reader
settled
gone 15

# removed_while_it_waits WHAT PORTAL: a login there waits for that, and is no reason for the session to stay.
removed_while_it_waits() {
	iscsiadm add static-config "$name,$2" >"$work/answer" 2>&1 &
	adding=$!
	wait_for 20 "login that waits for the $1" waits_for "$1"
	at_most 20 'remove static-config' exits 0 iscsiadm remove static-config "$name"
	equal 'sessions' "$(iscsiadm list target --json)" '[]'
	kill $adding 2>/dev/null || true
	wait $adding || true
}

# waits_for WHAT: the login under way does.
waits_for() {
	[ "$(session_field "$name" '.connections[0].login.waits_for')" = "$1" ]
}

note 'a login that is not answered'
begin "$name" login-silent
removed_while_it_waits response "$portal"

note 'a connection that does not come up'
# Packets to there come back as from nobody.
ip route add 192.0.2.1 dev lo
removed_while_it_waits connection 192.0.2.1
ip route del 192.0.2.1 dev lo

note 'a disk that is open, and another target in the same call: both stay'
ready
nobody=${prefix}nobody
exits 2 iscsiadm add static-config "$nobody,127.0.0.1:3279"
sessions=$(iscsiadm list target --json | jq -c 'map(.session_id)')
exec 9<"$disk"
exits 1 iscsiadm remove static-config "$nobody" "$name"
matches 'the answer' "$stderr" "^iscsiadm: $name: .*: $portal \(Logical unit in use\)"
equal 'sessions' "$(iscsiadm list target --json | jq -c 'map(.session_id)')" "$sessions"
exits 0 iscsiadm remove static-config "$nobody"
logged_in "$name" || fail 'the session suffered'
dd if="$disk" of=/dev/null bs=4k count=1 iflag=direct status=none
! rmmod iscsi 2>"$work/stderr" || fail 'the module went with a session'
matches 'the answer of rmmod' "$(cat "$work/stderr")" 'in use'
exec 9<&-
gone 15

note 'a disk that was deleted by hand while it is open'
ready
exec 9<"$disk"
echo 1 >"/sys/block/${disk##*/}/device/delete"
at_most 15 'remove static-config' exits 0 iscsiadm remove static-config "$name"
equal 'sessions' "$(iscsiadm list target --json)" '[]'
exits 1 rmmod iscsi
matches 'the answer of rmmod' "$stderr" 'in use'
# Its end is at its beginning.
equal 'bytes of a disk that is gone' "$({ dd bs=4k count=1 iflag=direct status=none <&9 || true; } | wc -c)" 0
exec 9<&-
initiator_down
