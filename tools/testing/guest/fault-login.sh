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

everybody=()
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13; do
	everybody+=("${prefix}faults-$number")
	target_up scripted "${everybody[-1]}" 127.0.0.1:$((3270 + number)) 16M
done
name=${everybody[0]}
portal=${target_portal[$name]}

# readable WHAT FILE: there is nothing in it that a terminal should not get.
readable() {
	! LC_ALL=C grep -qP '[^\x20-\x7e\t]' "$2" || fail "$1 is not fit for a terminal: $(cat "$2")"
}

# logged_in_at PEER: the session is, and there.
logged_in_at() {
	logged_in "$name" && [ "$(session_field "$name" '.connections[0].peer')" = "$1" ]
}

# The faults of the next round, each for a target of its own, and the reasons.
faults=() patterns=()

# fails FAULT PATTERN: a login with this fault fails for this reason. Where the fault names a target's own
# portal, it is PORTAL.
fails() {
	faults+=("$1") patterns+=("$2")
	[ ${#faults[@]} != ${#everybody[@]} ] || round
}

# lines_with WORDS FILE: puts the lines in which the words stand into ${lines[@]}.
lines_with() {
	local line all
	lines=()
	mapfile -t all <"$2"
	for line in "${all[@]}"; do
		[[ $line != *"$1"* ]] || lines+=("$line")
	done
}

# once WHAT WORDS FILE PATTERN: one line has the words, and it matches; the line is ${lines[0]}.
once() {
	lines_with "$2" "$3"
	equal "number of lines of $1" ${#lines[@]} 1
	[[ ${lines[0]} =~ $4 ]] || fail "$1 does not match '$4': ${lines[0]}"
}

# round: logs in to the targets whose faults have gathered, at the same time, and looks at what is said.
round() {
	local i each at lines operands=() used=("${everybody[@]:0:${#faults[@]}}")
	for i in "${!used[@]}"; do
		at=${target_portal[${used[i]}]}
		note "${faults[i]}"
		later "${used[i]}" clear report "${faults[i]/PORTAL/$at}"
		operands+=("${used[i]},$at")
	done
	tell_all >"$work/forgotten"
	initiator_up
	marker="fault-login: $RANDOM$RANDOM"
	echo "$marker" >/dev/kmsg
	exits 2 iscsiadm add static-config "${operands[@]}"
	equal 'standard output' "$stdout" ''
	equal 'number of lines of the answer' "$(wc -l <<<"$stderr")" ${#used[@]}
	echo "$stderr" >"$work/answer"
	readable 'the answer' "$work/answer"
	exits 0 iscsiadm list target -v
	echo "$stdout" >"$work/listing"
	readable 'list target -v' "$work/listing"
	awk '/^Target: / { name = $2 } /^\tLast Error: / { print name " " $0 }' "$work/listing" >"$work/errors"
	dmesg | sed "1,/$marker/d" | grep 'login failed' >"$work/said"
	report_all report "${used[@]}"
	for i in "${!used[@]}"; do
		each=${used[i]}
		once "the answer to ${faults[i]}" "${operands[i]}: " "$work/answer" \
			"^iscsiadm: ${operands[i]}: .*(${patterns[i]})"
		echo "  ${lines[0]#iscsiadm: }"
		once "list target -v after ${faults[i]}" "$each " "$work/errors" "	Last Error: .*(${patterns[i]})"
		once "the kernel log about ${faults[i]}" "($each)" "$work/said" "(${patterns[i]})"
		report=${reports[$each]}
		obeyed "${faults[i]}"
	done
	removed "$(scaled 6 20)" "${used[@]}"
	faults=() patterns=()
}

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
fails login-close 'closed .*security stage'
fails accept-close 'closed .*security stage'
fails login-half 'closed .*security stage'
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
fails login-redirect=PORTAL redirect
fails login-redirect=nowhere 'nowhere'
fails login-redirect=127.0.0.1:1 'refused'
fails login-redirect=127.0.0.1:70000 '70000'
fails login-redirect= '.'

[ ${#faults[@]} = 0 ] || round

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
scripted-target --listen 127.0.0.1:3290 --name "$name" --control "$work/other.socket" \
	--lun "$(backing "$name" 1)" 2>"$work/other.log" &
process=$!
scripted-target --tell "$work/other.socket" clear
begin "$name" login-redirect=127.0.0.1:3290,1
login "$name"
equal 'peer' "$(session_field "$name" '.connections[0].peer')" 127.0.0.1:3290
kill $process
wait $process || true
note 'and which goes away again: the session comes back to its portal'
begin "$name"
wait_for 30 'login at the portal' logged_in_at "$portal"
logout "$name"
initiator_down
