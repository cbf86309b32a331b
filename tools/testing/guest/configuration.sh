#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The configuration outlives the module: the first call after a load puts it back. Its file belongs to
# root alone; from a broken one the CLI falls back on the one before.
#
# beds: uml uml-debug
# long-beds: qemu
# timeout: 90
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

configuration() {
	local what
	for what in static-config discovery initiator-node target-param; do
		iscsiadm list $what --json
	done
}

name=${prefix}lio-configuration
idle=${prefix}lio-idle

note 'the first call loads the module and gives the initiator a name'
rm -f "$database"*
exits 0 iscsiadm list initiator-node --json
[ -d /sys/module/iscsi ] || fail 'the module is not loaded'
first=$(jq -r .node_name <<<"$stdout")
matches 'initial name' "$first" '^iqn\.[0-9]{4}-[0-9]{2}\.[a-z].*:[0-9a-f]+$'
module_gone
equal 'name after the next load' "$(iscsiadm list initiator-node --json | jq -r .node_name)" "$first"
module_gone

note 'stored at once, for root only'
target_up lio "$name" 127.0.0.1:3260 16M
initiator_up
iscsiadm modify initiator-node -A 'a guest'
iscsiadm modify initiator-node -h CRC32
iscsiadm modify target-param -d CRC32 -p maxburstlength=524288,immediatedata=no "$name"
login "$name"
equal 'mode of the file' "$(stat -c '%a %U' "$database")" '600 root'
jq . "$database" >/dev/null || fail 'it is not JSON'
exits 0 iscsiadm list initiator-node
matches 'list initiator-node' "$stdout" "^Initiator node name: $initiator_name\$"
matches 'list initiator-node' "$stdout" '^Initiator node alias: a guest$'
matches 'list initiator-node' "$stdout" 'Header Digest: NONE/CRC32$'
exits 0 iscsiadm list discovery
matches 'list discovery' "$stdout" 'Static: enabled'
exits 0 iscsiadm list target-param -v "$name"
matches 'list target-param -v' "$stdout" 'Max Burst Length: [0-9]+/524288$'
matches 'list target-param -v' "$stdout" 'Immediate Data: yes/no$'

note 'it takes effect'
equal 'digests and ImmediateData' "$(session_field "$name" '.connections[0].negotiated |
	"\(.headerdigest) \(.datadigest) \(.immediatedata)"')" 'CRC32 CRC32 false'

note 'static discovery cannot be disabled while a disk is open: the answer says of which target, all sessions stay'
target_up lio "$idle" 127.0.0.1:3260 16M
logout "$name"
login "$idle"
login "$name"
sessions=$(iscsiadm list target --json | jq -c 'map([.session_id, .state])')
exec 9<"$(disk_of "$name" 1)"
exits 1 iscsiadm modify discovery --static disable
matches 'the answer' "$stderr" "open or mounted: $name"
exec 9<&-
equal 'sessions' "$(iscsiadm list target --json | jq -c 'map([.session_id, .state])')" "$sessions"
disk_of "$idle" 1 >/dev/null
logout "$idle"
target_down "$idle"

note 'disabling static discovery ends the session, and the entry stays'
exits 0 iscsiadm modify discovery --static disable
wait_for 20 'end of the session' not links_of "$name"
equal 'state of the session' "$(session_state "$name")" null
before=$(configuration)
module_gone

note 'a load, and the first call brings all of it back'
modprobe iscsi
equal 'the configuration' "$(configuration)" "$before"
exits 0 iscsiadm modify discovery --static enable
logged_in "$name" || fail 'not logged in'
disk_of "$name" 1 >/dev/null
exits 0 iscsiadm modify discovery --static disable
module_gone

note 'a broken file: the one before is used, and the operator is told'
iscsiadm modify initiator-node -A 'the last one'
iscsiadm modify initiator-node -A 'too late'
module_gone
head -c 40 "$database" >"$work/broken"
cat "$work/broken" >"$database"
exits 0 iscsiadm list initiator-node
matches 'standard error' "$stderr" "^iscsiadm: $database: .*kept as $database.corrupt"
matches 'the alias' "$stdout" 'alias: the last one'
cmp "$work/broken" "$database.corrupt" || fail 'the broken file was not kept'
equal 'mode of the file' "$(stat -c %a "$database")" 600
exits 0 iscsiadm list initiator-node
equal 'standard error of the second call' "$stderr" ''
module_gone
exits 0 iscsiadm list initiator-node
matches 'the alias' "$stdout" 'alias: the last one'

note 'what the kernel refuses at a load is told and kept, until it is removed'
module_gone
refused=${prefix}refused
jq --arg target "$refused" '.target_param += [{ $target, login: { maxburstlength: 512, firstburstlength: 1024 } }]' \
	"$database" >"$work/edited"
cat "$work/edited" >"$database"
for attempt in first second; do
	exits 0 iscsiadm list discovery
	matches "standard error of the $attempt call" "$stderr" "^iscsiadm: stored configuration: $refused: .*it is kept, and"
	iscsiadm modify initiator-node -A "the $attempt"
	equal 'what is kept' "$(jq -c '.refused.target_param[0].login' "$database")" \
		'{"firstburstlength":1024,"maxburstlength":512}'
	module_gone
done
exits 0 iscsiadm remove target-param "$refused"
equal 'what is kept' "$(jq -c .refused "$database")" null

exits 0 iscsiadm remove target-param "$name"
target_down "$name"
initiator_down
