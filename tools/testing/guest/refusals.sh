#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A login that fails: the configuration is stored, and one readable reason stands in the CLI's answer
# (exit code 2), in `list target -v` and in the kernel log. Once the cause has gone, it logs in.
#
# beds: uml uml-debug
# long-beds: qemu
# timeout: 120
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

# fails NAME PORTAL PATTERN: the login fails for this reason, and all three places tell it.
fails() {
	local name=$1 portal=$2 pattern=$3 marker
	marker="refusals: $RANDOM$RANDOM"
	echo "$marker" >/dev/kmsg
	exits 2 iscsiadm add static-config "$name,$portal"
	equal 'standard output' "$stdout" ''
	grep -qF "$name,$portal: " <<<"$stderr" || fail "the answer does not say which target: $stderr"
	matches 'the answer' "$stderr" "$pattern"
	equal 'number of lines of the answer' "$(wc -l <<<"$stderr")" 1
	equal 'what is stored' "$(iscsiadm list static-config "$name")" "Static Configuration Target: $name,$portal"
	exits 0 iscsiadm list target -v "$name"
	matches 'list target -v' "$stdout" "	Last Error: .*$pattern"
	matches 'list target -v' "$stdout" '	Connections: 0'
	dmesg | sed -n "/$marker/,\$p" | grep -F "$name" >"$work/said" || fail 'the kernel log says nothing'
	matches 'the kernel log' "$(cat "$work/said")" "$pattern"
	cat "$work/said"
	not links_of "$name"
}

initiator_up

note 'connection refused'
fails ${prefix}nobody 127.0.0.1:3260 '[Rr]efused'
exits 0 iscsiadm remove static-config ${prefix}nobody

note 'routes that let nothing through'
# no_way KIND PORTAL PATTERN: there is a route of this kind to the portal.
no_way() {
	local address=${2%:*} family=-4
	[[ $address != '['* ]] || family=-6 address=${address:1:-1}
	ip $family route add "$1" "$address"
	fails "${prefix}$1" "$2" "$3"
	exits 0 iscsiadm remove static-config "${prefix}$1"
	ip $family route del "$1" "$address"
}
no_way blackhole 198.51.100.7:3260 'cannot connect to 198.51.100.7:3260: its route is a blackhole'
no_way blackhole '[2001:db8::7]:3260' 'cannot connect to .*: its route is a blackhole'
no_way prohibit 198.51.100.7:3260 'prohibited by a route'
no_way unreachable 198.51.100.7:3260 'no route to host'

portal_group_refused() {
	[[ $(session_field "$1" .last_error) = *'portal group tag is 1 instead of 78' ]]
}

# sharing NAME: entries of one portal with several tags. There is one whose tag is wrong.
sharing() {
	local name=$1 id
	note 'an entry that takes any portal group, then one more that takes another'
	exits 0 iscsiadm add static-config "$name,127.0.0.1:3260"
	equal 'standard error' "$stderr" ''
	exits 2 iscsiadm add static-config "$name,127.0.0.1:3260,78"
	equal 'the answer' "$stderr" "iscsiadm: $name,127.0.0.1:3260: target portal group tag is 1 instead of 78"
	logged_in "$name" || fail 'the session suffered'

	note 'a session stays for as long as an entry wants it, and ends once'
	id=$(session_field "$name" .session_id)
	exits 0 iscsiadm remove static-config "$name,127.0.0.1:3260,78"
	exits 0 iscsiadm add static-config "$name,127.0.0.1:3260,1"
	equal 'number of the session' "$(session_field "$name" .session_id)" "$id"
	logout "$name"
	equal 'sessions' "$(iscsiadm list target --json)" '[]'
	exits 0 iscsiadm add static-config "$name,127.0.0.1:3260,1"
	equal 'number of the next session' "$(session_field "$name" .session_id)" $((id + 1))

	note 'the entry goes that the session serves, and another one stays'
	exits 2 iscsiadm add static-config "$name,127.0.0.1:3260,78"
	logout "$name,127.0.0.1:3260,1"
	wait_for 20 'refusal' portal_group_refused "$name"

	note 'the entry comes back that the target serves, behind the one that it does not'
	exits 0 iscsiadm add static-config "$name,127.0.0.1:3260,1"
	logged_in "$name" || fail 'no session'
}

for kind in lio tgt; do
	name=$prefix$kind-refusals
	target_up $kind "$name" 127.0.0.1:3260 16M
	note "$kind: a name that the target does not have"
	# LIO calls itself unavailable then.
	fails $prefix$kind-unknown 127.0.0.1:3260 'status 0x0(203 .*not found|301 .*unavailable)'
	exits 0 iscsiadm remove static-config $prefix$kind-unknown
	equal 'sessions' "$(iscsiadm list target --json)" '[]'

	note "$kind: a target whose portal group is another than the configured one"
	exits 2 iscsiadm add static-config "$name,127.0.0.1:3260,77"
	matches 'the answer' "$stderr" '[Pp]ortal group'
	[ $kind != lio ] || sharing "$name"
	exits 0 iscsiadm remove static-config "$name"
	target_down "$name"
done

note 'a target that wants digests, and we do not'
target_up lio ${prefix}picky 127.0.0.1:3260 16M
target_set ${prefix}picky HeaderDigest=CRC32C
fails ${prefix}picky 127.0.0.1:3260 '.'
exits 0 iscsiadm remove static-config ${prefix}picky

note 'a target that demands authentication: LIO closes the connection without an answer'
target_set ${prefix}picky HeaderDigest=CRC32C,None
lio_attribute ${prefix}picky authentication 1
fails ${prefix}picky 127.0.0.1:3260 'closed the connection in the security stage .*authentication'
exits 0 iscsiadm remove static-config ${prefix}picky
lio_attribute ${prefix}picky authentication 0

note 'a target that is disabled, then enabled: the initiator tries again by itself'
lio_disable ${prefix}picky
fails ${prefix}picky 127.0.0.1:3260 'status 0x0301 .*unavailable'
lio_enable ${prefix}picky
wait_for 90 'login' logged_in ${prefix}picky
disk_of ${prefix}picky 1 >/dev/null
logout ${prefix}picky
target_down ${prefix}picky
initiator_down
