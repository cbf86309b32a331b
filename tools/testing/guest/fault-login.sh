#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that refuse a login or answer nonsense: each leaves one readable reason in the CLI's answer,
# in the kernel log and in `list target -v`, and nothing that keeps the module from going at once.
#
# beds: uml
# long-beds: uml-debug
# timeout: 150
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

name=${prefix}faults
portal=127.0.0.1:3270
cases=0

# bad_characters FILE: whether there is anything that a terminal should not get.
bad_characters() {
	LC_ALL=C grep -qP '[^\x20-\x7e\t]' "$1"
}

# logged_in_at PEER: the session is, and there.
logged_in_at() {
	logged_in "$name" && [ "$(session_field "$name" '.connections[0].peer')" = "$1" ]
}

# fails FAULT PATTERN: a login with this fault fails for this reason.
fails() {
	local fault=$1 pattern=$2 marker said
	note "$fault"
	begin "$name" "$fault"
	[ -d /sys/module/iscsi ] || initiator_up
	marker="fault-login: $RANDOM$RANDOM"
	echo "$marker" >/dev/kmsg
	exits 2 iscsiadm add static-config "$name,$portal"
	equal 'standard output' "$stdout" ''
	equal 'number of lines of the answer' "$(wc -l <<<"$stderr")" 1
	matches 'the answer' "$stderr" "^iscsiadm: $name,$portal: .*$pattern"
	! bad_characters "$work/stderr" || fail "not fit for a terminal: $stderr"
	echo "  ${stderr#iscsiadm: "$name,$portal: "}"
	exits 0 iscsiadm list target -v "$name"
	matches 'list target -v' "$stdout" "	Last Error: .*$pattern"
	! bad_characters "$work/stdout" || fail "not fit for a terminal: $stdout"
	dmesg | sed "1,/$marker/d" >"$work/said"
	said=$(grep -c 'login failed' "$work/said" || true)
		equal 'lines of the kernel log about it' "$said" 1
	matches 'the kernel log' "$(cat "$work/said")" "$name.*$pattern"
	report "$name"
	at_most "$(scaled 6 20)" "remove static-config after $fault" exits 0 iscsiadm remove static-config "$name"
	cases=$((cases + 1))
	[ $((cases % 10)) != 1 ] || {
		equal 'sessions' "$(iscsiadm list target --json)" '[]'
		module_gone
	}
}

target_up scripted "$name" "$portal" 16M

fails login-status=0x0200 '0x0200'
fails login-status=0x0201 'uthentication'
fails login-status=0x0202 'uthorization'
fails login-status=0x0203 'not found'
fails login-status=0x0204 'removed'
fails login-status=0x0205 'version'
fails login-status=0x0206 'too many connections'
fails login-status=0x0207 'missing parameter'
fails login-status=0x0209 'session type'
fails login-status=0x02ee '0x02ee'
fails login-status=0x0300 'target error'
fails login-status=0x0301 'unavailable'
fails login-status=0x0302 'resources'
fails login-status=0x07aa '0x07aa'
fails login-status=0x0101 '[Aa]ddress|redirect'
for seed in 1 2 3 4 5; do
	fails login-garbage=$seed '.'
done
fails login-opcode=21 'SCSI Response|0x21|33'
fails login-opcode=3f 'Reject|0x3f|63'
fails login-close 'closed'
fails accept-close 'closed'
fails login-half 'closed'
fails login-huge '8192'
fails login-huge=8193 '8192'
fails login-endless '.'
fails login-more '.'
fails login-tsih=0 'TSIH'
fails login-itt '.'
fails login-stage '[Ss]tage'
fails login-version=3 '[Vv]ersion'
fails login-stat-sn 'StatSN'
fails login-junk '.'
fails login-text=FirstBurstLength=999999 'FirstBurstLength'
fails login-text=MaxBurstLength=0 'MaxBurstLength'
fails login-text=MaxBurstLength=99999999999 'MaxBurstLength'
fails login-text=MaxBurstLength=many 'MaxBurstLength'
fails login-text=MaxOutstandingR2T=0 'MaxOutstandingR2T'
fails login-text=MaxRecvDataSegmentLength=17 'MaxRecvDataSegmentLength'
fails login-text=InitialR2T=Perhaps 'InitialR2T'
fails login-text=ImmediateData=yes 'ImmediateData'
fails login-text=HeaderDigest=CRC32C 'HeaderDigest'
fails login-text=ErrorRecoveryLevel=2 'ErrorRecoveryLevel'
fails login-text=AuthMethod=CHAP 'AuthMethod|CHAP'
fails login-text=TargetPortalGroupTag=banana 'TargetPortalGroupTag'
fails "login-redirect=$portal" 'redirect'
fails login-redirect=nowhere 'nowhere'
fails login-redirect=127.0.0.1:1 'refused'
fails login-redirect=127.0.0.1:70000 '70000'
fails login-redirect= '.'

[ ! -d /sys/module/iscsi ] || module_gone

note 'the target comes to its senses, and the initiator by itself'
begin "$name" login-status=0x0301*2
initiator_up
exits 2 iscsiadm add static-config "$name,$portal"
wait_for 20 login logged_in "$name"
equal 'last error' "$(session_field "$name" .last_error)" null
report "$name"
equal 'logins' "$(reported logins)" 1
logout "$name"

note 'a redirection that leads somewhere'
scripted-target --listen 127.0.0.1:3272 --name "$name" --control "$work/other.socket" \
	--lun "$(backing "$name" 1)" 2>"$work/other.log" &
process=$!
wait_for 10 'other target' scripted-target --tell "$work/other.socket" clear
begin "$name" login-redirect=127.0.0.1:3272,1
login "$name"
equal 'peer' "$(session_field "$name" '.connections[0].peer')" 127.0.0.1:3272
kill $process
wait $process || true
note 'and which goes away again: the session comes back to its portal'
begin "$name"
wait_for 30 'login at the portal' logged_in_at "$portal"
logout "$name"
initiator_down
