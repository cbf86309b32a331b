#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Three logins and a load of the module (with LONG=1, 200 and 50), a refused login, a lost target and a
# change of configuration leave no memory that nothing points to.
#
# beds: uml-debug
# timeout: 180
# long-timeout: 900
# append: kmemleak=on

. "$(dirname "$0")/lib.sh"

[ -n "${LONG:-}" ] || LONG=0
logins=$((LONG ? 200 : 3))
loads=$((LONG ? 50 : 1))

kmemleak=/sys/kernel/debug/kmemleak

# An object that is freed by RCU or lives in a register can look lost once, but not three times.
leaks() {
	local _
	for _ in 1 2 3; do
		echo scan >$kmemleak
	done
	cat $kmemleak
}

no_leaks() {
	leaks >"$work/after"
	[ ! -s "$work/after" ] || {
		cat "$work/after"
		fail 'memory has leaked'
	}
}

[ -w $kmemleak ] || fail 'this kernel has no kmemleak, or it is off'
target_up lio ${prefix}lio-leaks 127.0.0.1:3260 16M
note 'what leaked before us'
leaks >"$work/before"
echo clear >$kmemleak

initiator_up
note "$logins logins"
for ((i = 1; i <= logins; i++)); do
	login ${prefix}lio-leaks
	dd if=/dev/zero of="$(disk_of ${prefix}lio-leaks 1)" bs=1M count=2 oflag=direct status=none
	logout ${prefix}lio-leaks
done
note "$loads loads"
for ((i = 1; i <= loads; i++)); do
	module_gone
	modprobe iscsi
	login ${prefix}lio-leaks
	logout ${prefix}lio-leaks
done
note 'a login that is refused, and one that is never answered'
exits 2 iscsiadm add static-config ${prefix}unknown,127.0.0.1:3260
exits 2 iscsiadm add static-config ${prefix}nobody,127.0.0.1:3999
exits 0 iscsiadm remove static-config ${prefix}unknown ${prefix}nobody
note 'a target that is lost'
login ${prefix}lio-leaks
disk_of ${prefix}lio-leaks 1 >/dev/null
target_kill ${prefix}lio-leaks
target_revive ${prefix}lio-leaks
wait_for 60 'next login' logged_in ${prefix}lio-leaks
logout ${prefix}lio-leaks
note 'configuration'
iscsiadm modify target-param -d CRC32 -p firstburstlength=65536,maxburstlength=65536 ${prefix}lio-leaks
iscsiadm list target-param -v --json >/dev/null
iscsiadm remove target-param ${prefix}lio-leaks

# With the module there, for the names of its functions; then without it, for what only it pointed to.
note 'scan'
no_leaks
initiator_down
no_leaks
target_down ${prefix}lio-leaks
