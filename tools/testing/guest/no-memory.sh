#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Memory that cannot be had, at every place where some is asked for: while the module is loaded, while it
# is configured, while sessions log in, while disks are read and written, while sessions end. What fails
# says so and has changed nothing, what must go on does, and nothing is lost, kept or left over.
#
# beds: uml-debug
# timeout: 120
# long-timeout: 900
# append: kmemleak=on
# wire: initiator

. "$(dirname "$0")/lib.sh"

[ -n "${LONG:-}" ] || LONG=0

# In a long run each allocation fails, else some of them where there are hundreds.
step=$((LONG ? 1 : 37))
name=${prefix}no-memory
kmemleak=/sys/kernel/debug/kmemleak
slabs=/sys/kernel/debug/failslab
pages=/sys/kernel/debug/fail_page_alloc

# Allocations that may wait fail as well, without a word, and only where one is asked to. Those of kmemleak
# itself would be every second one. Of programs that begin, none may fail: user-mode Linux dies of it.
choose() {
	local each
	for each in $slabs $pages; do
		echo 0 >"$each/verbose"
		echo 0 >"$each/probability"
		echo -1 >"$each/times"
		echo N >"$each/ignore-gfp-wait"
		echo Y >"$each/task-filter"
	done
	for each in /sys/kernel/slab/*/failslab; do
		[[ $each == */kmemleak_* ]] || echo 1 >"$each"
	done
	echo Y >$slabs/cache-filter
}

walk() {
	python3 -B "$here/no-memory.py" "$@" || fail "no-memory.py $*"
}

parameters retry_delay=1
# Without a disk, for what takes longest in a login is to look at disks.
target_up tgt "$name" 127.0.0.1:3260
target_up tgt "$name-disk" 127.0.0.1:3260 16M
echo scan >$kmemleak
echo clear >$kmemleak
udev_stop

modprobe -a scsi_transport_iscsi
choose
walk load "$(modinfo -n iscsi)" $((LONG ? 1 : 3))
rm -f "$database"*
modprobe iscsi
walk requests

walk sessions "$name" $step

note 'refusals'
tgtadm --lld iscsi --op unbind --mode target --tid "${target_id[$name]}" --initiator-address ALL
walk refused-logins "$name"
tgtadm --lld iscsi --op bind --mode target --tid "${target_id[$name]}" --initiator-address ALL

initiator_up
login "$name-disk"
wait_for 20 disk compgen -G '/sys/class/iscsi_session/session*/device/target*/*:1/block/*'
disk=/dev/$(basename /sys/class/iscsi_session/session*/device/target*/*:1/block/*)
wait_for 20 "$disk to open" opens "$disk"
walk disk "$disk"

# storm WHAT: fio writes and verifies while allocations fail at random.
storm() {
	note "$1"
	fio_job --filename="$disk" --name=storm --rw=randwrite --bs=16k --iodepth=8 --size=4M
	cmp "$disk" "$(backing "$name-disk" 1)" || fail 'the disk is not what the backing file is'
}

mapfile -t threads < <(pgrep '^iscsi_(tx|rx|ic|wd)/')
equal 'number of threads' ${#threads[@]} 4
for each in "${threads[@]}"; do
	echo 1 >"/proc/$each/make-it-fail"
done
echo 0 >$pages/min-order
echo 10 | tee $slabs/probability >$pages/probability
storm 'a tenth of what the threads ask for'
echo 0 | tee $slabs/probability >$pages/probability

# Of the network alone: nothing else here is made to go on without memory that cannot wait.
for each in /sys/kernel/slab/*/failslab; do
	echo 0 >"$each"
done
for each in /sys/kernel/slab/skbuff_*/failslab; do
	echo 1 >"$each"
done
echo N >$slabs/task-filter
echo Y >$slabs/ignore-gfp-wait
echo 3 >$slabs/probability
storm 'packets that are lost for want of memory'
echo 0 >$slabs/probability
wait_for 60 login logged_in "$name-disk"

iscsiadm remove static-config "$name-disk"
module_gone
udev_start
for _ in 1 2 3; do
	echo scan >$kmemleak
done
cat $kmemleak
[ -z "$(cat $kmemleak)" ] || fail 'memory has leaked'
target_down "$name"
target_down "$name-disk"
