#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Twenty logins and logouts and five loads of the module (with LONG=1, 200 and 50) leave nothing behind: no
# reference, no thread, no socket, no growing memory. While a session is up the module cannot be unloaded.
#
# beds: uml uml-debug qemu
# timeout: 120
# long-timeout: 600
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

[ -n "${LONG:-}" ] || LONG=0

# Prints what the module should not leave behind.
left_behind() {
	pgrep -l '^iscsi_(tx|rx|ic|wd|end)' || true
	find /sys/class/iscsi_session /sys/class/iscsi_connection /sys/class/iscsi_host -mindepth 1 2>/dev/null || true
	ss -Htn state established "( dport = :3260 )"
	find /sys/class/scsi_host -mindepth 1 -exec grep -lx iscsi {}/proc_name \; 2>/dev/null || true
}

nothing_left() {
	[ -z "$(left_behind)" ]
}

check_nothing_left() {
	local left
	left=$(left_behind)
	wait_for 20 "end of $left" nothing_left
}

# Unreclaimable SLUB memory in KiB, which leaks would eat.
slab() {
	awk '$1 == "SUnreclaim:" { print $2 }' /proc/meminfo
}

# disk_in_sysfs: puts the disk of LUN 1 of the only session into $disk, if it is there.
disk_in_sysfs() {
	local found=(/sys/class/iscsi_session/session*/device/target*/*:1/block/*)
	disk=/dev/${found##*/}
	[ -b "$disk" ] && opens "$disk"
}

cycles() {
	local kind=$1 count=$2 name=$prefix$1-cycles disk i before=0 after
	target_up "$kind" "$name" 127.0.0.1:3260 16M
	note "$kind: $count logins and logouts"
	for i in $(seq "$count"); do
		login "$name"
		# In every second round at once, while the kernel still looks for disks.
		if [ $((i % 2)) = 0 ]; then
			wait_for 20 'disk' disk_in_sysfs
			dd if="$disk" of=/dev/null bs=64k count=4 iflag=direct status=none
		fi
		logout "$name"
		[ "$i" != $((count / 2)) ] || before=$(slab)
	done
	check_nothing_left
	after=$(slab)
	note "$kind: unreclaimable slab memory went from $before KiB after half of them to $after KiB"
	# KASAN keeps what was freed for a while.
	[ $((after - before)) -lt 1024 ] || [ "$(bed)" = uml-debug ] || fail 'that is too much'
	wait_for 20 'module without users' not module_in_use
	target_down "$name"
}

# all_logged_in COUNT
all_logged_in() {
	[ "$(iscsiadm list target --json | jq 'map(select(.state == "logged_in")) | length')" = "$1" ]
}

# many ROUNDS: sessions with eight portals of a target that come together, and are ended at the same time.
many() {
	local name=${prefix}lio-many operands=() i round
	target_up lio "$name" 127.0.0.1:3260 16M
	for i in {1..8}; do
		mkdir -p "$lio/iscsi/$name/tpgt_1/np/127.0.0.$i:3260"
		operands+=("$name,127.0.0.$i")
	done
	note "$1 times: eight sessions at once"
	for ((round = 1; round <= $1; round++)); do
		iscsiadm add static-config "${operands[@]}" || true
		wait_for 60 'eight logins' all_logged_in 8
		logout "$name"
		equal 'sessions' "$(iscsiadm list target --json)" '[]'
	done
	check_nothing_left
	target_down "$name"
}

udev_stop
initiator_up
cycles lio $((LONG ? 100 : 10))
cycles tgt $((LONG ? 100 : 10))
many $((LONG ? 20 : 2))

udev_start
note 'rmmod is refused while a session is up'
target_up lio ${prefix}lio-cycles 127.0.0.1:3260 16M
login ${prefix}lio-cycles
disk=$(disk_of ${prefix}lio-cycles 1)
exits 1 rmmod iscsi
matches 'what rmmod says' "$stderr" 'in use'
logged_in ${prefix}lio-cycles || fail 'the session is gone nevertheless'
dd if="$disk" of=/dev/null bs=64k count=4 iflag=direct status=none
logout ${prefix}lio-cycles
module_gone

loads=$((LONG ? 50 : 5))
note "$loads times: load, log in, log out, unload"
for ((i = 1; i <= loads; i++)); do
	modprobe iscsi
	login ${prefix}lio-cycles
	disk_of ${prefix}lio-cycles 1 >/dev/null
	logout ${prefix}lio-cycles
	module_gone
	check_nothing_left
done
# And once by the names that need it, as systemd or the CLI would.
exits 0 iscsiadm list discovery
module_gone
target_down ${prefix}lio-cycles
rm -f "$database"*
