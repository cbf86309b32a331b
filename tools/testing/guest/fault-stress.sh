#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Everything at once: two disks under verified load, resets, scans, listings, faults and lost connections,
# over and over. No block is wrong, nothing hangs.
#
# beds: uml uml-debug
# timeout: 240
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

name=${prefix}faults
portal=127.0.0.1:3270
size=$(scaled 4M 1M)
rounds=$(scaled 12 6)

# writes NUMBER: load on one disk, until it is told to stop.
writes() {
	fio --ioengine=libaio --direct=1 --verify=crc32c --verify_fatal=1 --verify_dump=0 --name="stress$1" \
		--filename="$(disk_of "$name" "$1")" --rw=randwrite --bssplit=4k/50:24k/40:264k/10 --iodepth=8 \
		--size="$size" --loops=10000 --rate_iops=300 --trigger-file="$work/enough.$1" \
		>"$work/fio.$1.log" 2>&1 </dev/null
}

# worries: looks at everything and asks for scans, until the work directory says stop.
worries() {
	local host
	host=$(session_field "$name" .host)
	while [ ! -e "$work/enough" ]; do
		iscsiadm list target -v >/dev/null
		iscsiadm list target -S --json >/dev/null
		grep -r . /sys/class/scsi_host/host"$host"/ /sys/class/iscsi_session/*/ >/dev/null 2>&1 || true
		echo '- - -' >"/sys/class/scsi_host/host$host/scan"
		sleep 0.2
	done
}

target_up scripted "$name" "$portal" "$size" "$size"
initiator_up
login "$name"
for lun in 1 2; do
	disk=$(disk_of "$name" $lun)
	settled
	echo 2 >"/sys/block/$(basename "$disk")/device/timeout"
done

note 'load'
begin "$name"
writes 1 &
first=$!
writes 2 &
second=$!
worries &
worrying=$!

for ((round = 1; round <= rounds; round++)); do
	note "round $round"
	tell "$name" hold@20*1 hold@$((round * 7))*1 nop-in=3@10*1 check=b/00/00@33*1 status=28@44*1 stray@50*1 \
		read:short=none@5*1
	sleep 1
	case $((round % 4)) in
	0) sg_reset -t "$(disk_of "$name" 1)" || true ;;
	1) sg_reset -d "$(disk_of "$name" 2)" || true ;;
	2) tell "$name" write:close@5*1 ;;
	3) tell "$name" abort=fail*1 send=async:logout ;;
	esac
	sleep 1
	wait_for 30 'login' logged_in "$name"
done
tell "$name" clear

note 'enough'
touch "$work"/enough{,.1,.2}
for process in $first $second $worrying; do
	code=0
	wait "$process" || code=$?
	[ $code = 0 ] || {
		cat "$work"/fio.*.log
		fail "exit code $code"
	}
done
code=0
wait_for 30 'login' logged_in "$name"
settled
report "$name"
jq -Mc '[.counts, .fired]' "$work/report"
for lun in 1 2; do
	disk=$(disk_of "$name" $lun)
	fio_job --name=after --filename="$disk" --rw=write --bs=64k --iodepth=4 --size="$size"
	cmp "$disk" "$(backing "$name" $lun)" || fail "LUN $lun is not what its file is"
done
settled
logout "$name"
initiator_down
