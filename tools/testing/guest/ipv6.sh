#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A portal with an IPv6 address, written in brackets everywhere.
#
# beds: uml uml-debug qemu
# timeout: 60
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

one_kind() {
	local name=$prefix$1-ipv6 portal='[::1]:3266' disk
	note "$1: log in at $portal"
	target_up "$1" "$name" "$portal" 32M
	login "$name"
	equal 'portal' "$(session_field "$name" .portal)" "$portal"
	equal 'peer' "$(session_field "$name" '.connections[0].peer')" "$portal"
	matches 'local address' "$(session_field "$name" '.connections[0].local')" '^\[::1\]:[0-9]+$'
	exits 0 iscsiadm list static-config
	equal 'list static-config' "$stdout" "Static Configuration Target: $name,$portal"
	disk=$(disk_of "$name" 1)
	fio_job --filename="$disk" --name=ipv6 --rw=write --bssplit="$mixed_sizes" --iodepth=8 --size=4M
	exits 0 iscsiadm remove static-config "$name,$portal"
	wait_for 20 'end of its links' not links_of "$name"
	target_down "$name"
}

initiator_up
one_kind lio
one_kind tgt
initiator_down
