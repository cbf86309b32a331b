#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Verified I/O against targets that watch every rule: at the limits of what can be negotiated, in packets of
# every shape, and with faults in the middle of the load. No block is wrong afterwards, and the initiator
# has broken no rule. Several targets at a time, each with a setting or faults of its own.
#
# beds: uml uml-debug
# timeout: 300
# shared-boot: yes

# The faults are words.
# shellcheck disable=SC2046

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

size=$(scaled 2M 1M)
# Sessions at a time.
most=12
defaults='HeaderDigest= DataDigest= MaxRecvDataSegmentLength=65536 MaxBurstLength=262144
	FirstBurstLength=65536 InitialR2T=No ImmediateData=Yes MaxOutstandingR2T=1'

names=()
for ((number = 1; number <= most; number++)); do
	names+=("${prefix}faults-$number")
	target_up scripted "${names[-1]}" 127.0.0.1:$((3270 + number)) "$size"
done

# What the loads are for, and the words that a target is told before the session begins and when the
# kernel has looked at the disk.
loads=() before=() after=()

# load WHAT WORD... [-- WORD...]: a load with these settings and faults. Some of them are looked at when a
# session begins, the others should not hit what looks at a new disk; nor what stands behind the dashes,
# for the next login.
load() {
	local word now='' then=''
	loads+=("$1")
	shift
	while [ $# != 0 ]; do
		word=$1
		shift
		case $word in
		--) then+=" $*" && break ;;
		[A-Z]* | window=* | dribble | bundle) now+=" $word" ;;
		*) then+=" $word" ;;
		esac
	done
	before+=("$now")
	after+=("$then")
}

# run TIMEOUT DEPTH SIZE: writes and verifies so much of each disk, one for each of the loads. Commands time
# out after so many seconds, and there are so many at a time for each disk.
run() {
	local i name jobs=() used=("${names[@]:0:${#loads[@]}}")
	for i in "${!used[@]}"; do
		note "${loads[i]}"
		# shellcheck disable=SC2086
		later "${used[i]}" clear $defaults ${before[i]}
	done
	tell_all
	log_in "${used[@]}"
	for i in "${!used[@]}"; do
		name=${used[i]}
		jobs+=(--name="load-$i" --filename="${disks["$name 1"]}")
		echo "$1" >"/sys/block/${disks["$name 1"]#/dev/}/device/timeout"
		# shellcheck disable=SC2086
		later "$name" report ${after[i]}
	done
	tell_all >"$work/forgotten"
	fio_job --thread --rw=randwrite --bssplit=512/20:4k/30:20k/20:132k/20:1m/10 --bs_unaligned=0 \
		--iodepth="$2" --size="$3" --randseed=$RANDOM "${jobs[@]}"
	for i in "${!used[@]}"; do
		name=${used[i]}
		cmp "${disks["$name 1"]}" "$work/${name##*:}.1" || fail "${loads[i]}: the disk is not what the file is"
	done
	wait_for 60 'logins' all_logged_in
	report_all report "${used[@]}"
	for i in "${!used[@]}"; do
		report=${reports[${used[i]}]}
		obeyed "${loads[i]}"
		echo "  ${loads[i]}: ${report%,*}"
	done
	log_out "${used[@]}"
	loads=() before=() after=()
}

# many FAULT EVERY: the fault at every so many commands.
many() {
	local count
	for count in 1 2 3 4 5 6 7 8; do
		printf '%s@%d*1 ' "$1" $((count * $2))
	done
}

parameters retry_delay=1
udev_stop
initiator_up

load 'all as wanted'
load 'smallest lengths' MaxBurstLength=512 FirstBurstLength=512 MaxRecvDataSegmentLength=512
load 'odd lengths' MaxBurstLength=5002 FirstBurstLength=1234 MaxRecvDataSegmentLength=777
load 'R2T for everything' InitialR2T=Yes ImmediateData=No
load 'immediate data only' InitialR2T=Yes FirstBurstLength=8192
load 'unsolicited data only' ImmediateData=No FirstBurstLength=20000 MaxRecvDataSegmentLength=4096
load 'many R2Ts at a time' InitialR2T=Yes MaxOutstandingR2T=8 MaxBurstLength=4096 FirstBurstLength=4096
load 'more R2Ts than we serve' InitialR2T=Yes MaxOutstandingR2T=64 MaxBurstLength=2048 FirstBurstLength=512
load 'one command at a time' window=1
load 'status of reads apart, answers together' no-collapse bundle
load 'small packets' dribble
load 'tiny pieces' data-in-size=61 r2t-size=333 FirstBurstLength=512
run 120 16 1M

load 'window that closes now and then' window=4 $(many close-window=50 30)
load 'pings, strays and events' $(many nop-in=3 11) $(many stray 13) $(many data-in-stray 17) $(many async=vendor 19)
load 'busy and full' $(many status=08 11) $(many status=28 17) $(many check=b/00/00 23) $(many response=01 29)
load 'short reads' $(many read:short=right 3) $(many read:short=none 7) $(many read:no-data-copy 11)
load 'early ends of writes' $(many write:early 9)
run 120 16 "$size"

iscsiadm modify initiator-node -h CRC32 -d CRC32
load 'digests' MaxBurstLength=60000 FirstBurstLength=30001 MaxRecvDataSegmentLength=7777
load 'digests, in small packets' dribble no-collapse
load 'bad digests' read:bad-data-digest@20*1 read:bad-data-digest@60*1 bad-header-digest@130*1
load 'closed in the middle of an answer' close-mid@25*1 write:close@20*1 read:close-mid@120*1
load 'asked to leave' async=logout@30*1 async=drop@110*1
load 'wrong numbers' stat-sn-jump@30*1 write:r2t-sn@30*1 read:data-in-beyond@10*1
load 'other parameters after a new login' -- MaxBurstLength=3000 FirstBurstLength=700 \
	MaxRecvDataSegmentLength=999 InitialR2T=Yes close@60*1 write:close-mid@90*1
run 120 16 "$size"

load 'answers as late as the timeout' $(many delay=1950 12)
load 'aborts' $(many hold 15)
load 'aborts that come too late' $(many hold 15) abort=race
load 'answers after the abort' $(many hold 15) abort=late
load 'resets' hold@20*1 hold@21*1 hold@50*1 abort=fail
load 'resets that fail' hold@20*1 write:hold@60*1 abort=fail lun-reset=fail
run 2 8 "$size"
initiator_down
udev_start
