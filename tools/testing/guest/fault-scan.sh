#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that hang or misbehave while their logical units are being found: removing the session takes a
# bounded time at every step, the module goes, and a target that comes to its senses gets its disks.
#
# beds: uml
# long-beds: uml-debug
# timeout: 300
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

name=${prefix}faults
portal=127.0.0.1:3270

# removed: the session goes, and the module.
removed() {
	at_most 15 'remove static-config' exits 0 iscsiadm remove static-config "$name"
	equal 'sessions' "$(iscsiadm list target --json)" '[]'
	module_gone
	modprobe iscsi
	iscsiadm modify initiator-node -N $initiator_name
	iscsiadm modify discovery --static enable
}

# configure: as `login`, but the session may be lost again before the CLI sees it.
configure() {
	iscsiadm add static-config "$(operand "$name")" 2>"$work/stderr" || equal 'exit code' $? 2
}

fired_once() {
	report "$name"
	[ "$(fired "$1")" != 0 ]
}

target_up scripted "$name" "$portal" 16M 16M
parameters logout_timeout=1 retry_delay=1
initiator_up

for step in 0 1 2 3 5 8 13 17; do
	note "the command after $step others hangs"
	begin "$name" "any:hold@$step*1"
	login "$name"
	wait_for 20 'hanging command' fired_once hold
	removed
done

for step in 0 2 5 11; do
	note "silence after $step commands"
	begin "$name" "any:silent@$step*1"
	login "$name"
	wait_for 20 'silence' fired_once silent
	removed
done

note 'a window that is closed from the beginning'
begin "$name" window=0*1
login "$name"
sleep 2
report "$name"
equal 'commands' "$(reported other_commands)" 0
removed

note 'a window that opens late'
begin "$name" window=0*1
login "$name"
sleep 3
tell "$name" open
disk_of "$name" 1
disk_of "$name" 2
settled
report "$name"
removed

for fault in check=2/04/01 status=08 response=01 close close-mid stat-sn-jump huge opcode=2f reject=04 \
	async=logout async=scsi over short=wrong; do
	note "$fault while units are found: they are found"
	begin "$name" "any:$fault@1*1" "any:$fault@4*1"
	configure
	disk_of "$name" 1 >/dev/null
	disk_of "$name" 2 >/dev/null
	settled
	report "$name"
	at_most 20 'remove static-config' exits 0 iscsiadm remove static-config "$name"
done

note 'every command fails'
begin "$name" any:check=4/44/00
login "$name"
wait_for 20 'command that fails' fired_once check
removed

note 'every connection ends at the first command'
begin "$name" any:close
configure
wait_for 20 'connection that ends' fired_once close
removed
