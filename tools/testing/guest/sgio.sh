#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Commands as no disk driver sends them, by the SG_IO ioctl: lengths that do not fit the command, odd ones,
# none at all, CDBs of 6 to 32 bytes, buffers at odd addresses, and commands that fail. The residual, the
# status, the sense data and the bytes are what they should be, and no byte beside them changes, in memory or
# on the disk. The commands are in sgio.pl.
#
# beds: uml uml-debug
# timeout: 60
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

one_kind() {
	local kind=$1 name=$prefix$1-sgio disk file
	note "$kind"
	target_up "$kind" "$name" 127.0.0.1:3260 2M
	find_backing "$name" 1
	pattern "$file" $((2 << 20))
	login "$name"
	disk=$(disk_of "$name" 1)
	udevadm settle --timeout=60
	"$here/sgio.pl" "$kind" "$disk" "$file" "$(scaled all few)"
	logged_in "$name" || fail 'the session did not live through it'
	equal 'sessions that were lost' "$(session_field "$name" '.connections | length')" 1
	logout "$name"
	target_down "$name"
}

initiator_up
for kind in $(scaled 'lio tgt scripted' scripted); do
	one_kind "$kind"
done
initiator_down
