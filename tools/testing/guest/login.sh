#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A login makes a session that every tool sees, and disks with all their names; a logout takes all of
# it away.
#
# beds: uml uml-debug qemu
# timeout: 90
# shared-boot: yes

udev=all
. "$(dirname "$0")/lib.sh"

# scsi_names NAME LUN: the names that udev gives to a disk by what the SCSI device says of itself.
by_id_of() {
	local disk
	disk=$(basename "$(disk_of "$1" "$2")")
	find /dev/disk/by-id -lname "*/$disk" -name 'scsi-3*'
}

one_kind() {
	local name=$prefix$1-login portal=127.0.0.1:3260 session disk id lun device luns thread threads
	note "$1: login"
	target_up "$1" "$name" "$portal" 16M 32M
	login "$name"

	note "$1: list target"
	equal 'portal' "$(session_field "$name" .portal)" "$portal"
	equal 'TPGT' "$(session_field "$name" .tpgt)" 1
	equal 'discovery method' "$(session_field "$name" '.discovery_methods[]')" Static
	equal 'connection state' "$(session_field "$name" '.connections[0].state')" logged_in
	equal 'peer' "$(session_field "$name" '.connections[0].peer')" "$portal"
	matches 'local address' "$(session_field "$name" '.connections[0].local')" '^127\.0\.0\.1:[0-9]+$'
	exits 0 iscsiadm list target -v "$name"
	matches 'list target -v' "$stdout" "^Target: $name\$"
	matches 'list target -v' "$stdout" '^	Connections: 1$'
	matches 'list target -v' "$stdout" 'IP address \(Peer\): 127\.0\.0\.1:3260$'
	matches 'list target -v' "$stdout" 'Header Digest: NONE$'

	note "$1: the transport class and lsscsi"
	session=$(grep -lx "$name" /sys/class/iscsi_session/session*/targetname) ||
		fail "no iscsi_session has the target name"
	session=$(dirname "$session")
	equal "state in sysfs" "$(cat "$session/state")" LOGGED_IN
	for lun in 1 2; do
		disk=$(disk_of "$name" $lun)
		matches 'lsscsi -t' "$(lsscsi -t)" "$name,t,0x1 +$disk"
		equal "size of LUN $lun" "$(blockdev --getsize64 "$disk")" $((lun * 16 << 20))
		equal "rq_affinity of LUN $lun" "$(cat "/sys/block/${disk#/dev/}/queue/rq_affinity")" 0
	done

	note "$1: threads"
	id=$(session_field "$name" .session_id)
	# Other processes may end meanwhile.
	threads=$(cat /proc/[0-9]*/comm 2>/dev/null) || true
	for thread in tx rx ic wd; do
		matches 'names of processes' "$threads" "^iscsi_$thread/$id\$"
	done

	note "$1: list target -S"
	exits 0 iscsiadm list target -S --json "$name"
	luns=$(jq -c '[.[0].luns[].lun] | sort' <<<"$stdout")
	case $1 in
	# tgt has a controller in front, which is no disk.
	tgt) equal 'LUNs' "$luns" '[0,1,2]' ;;
	*) equal 'LUNs' "$luns" '[1,2]' ;;
	esac
	for lun in 1 2; do
		device=$(jq -r ".[0].luns[] | select(.lun == $lun) | .device" <<<"$stdout")
		equal "device of LUN $lun" "$device" "$(disk_of "$name" $lun)"
	done
	exits 0 iscsiadm list target -S "$name"
	matches 'list target -S' "$stdout" '^	LUN: 2$'
	matches 'list target -S' "$stdout" "^	     OS Device Name: $(disk_of "$name" 2)\$"

	note "$1: by-id"
	wait_for 20 'link in /dev/disk/by-id' by_id_of "$name" 1
	id=$(by_id_of "$name" 1)
	[ -n "$id" ] || fail "no scsi-3* link to LUN 1"

	note "$1: logout"
	logout "$name"
	equal 'sessions' "$(iscsiadm list target --json)" '[]'
	[ ! -d "$session" ] || fail "$session is still there"
	wait_for 20 "end of $id" not test -L "$id"
	lsscsi -t | grep -F "$name" && fail "lsscsi still shows it"
	target_down "$name"
}

initiator_up
one_kind lio
one_kind tgt
initiator_down
