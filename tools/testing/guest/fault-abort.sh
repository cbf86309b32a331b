#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Commands that a target does not answer in time: aborts answered in every way, and what follows up to a
# new login; resets that an operator asks for. After each the bytes are right, no command is lost, and
# nothing of the session has to be repaired by hand. Several targets at a time, for most of it is waiting.
#
# beds: uml uml-debug
# timeout: 240
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

bytes=$((128 << 10))
names=()

# up SIZE...: one more target, whose name is in $name.
up() {
	name=${prefix}faults-$((${#names[@]} + 1))
	target_up scripted "$name" 127.0.0.1:$((3271 + ${#names[@]})) "$@"
	names+=("$name")
}

# What is tried for reads and for writes: what it is, the aborts, LUN resets and logins that the target
# sees, and its faults.
titles=() counts=() faults=() tried=()

# try WHAT ABORTS LUN_RESETS LOGINS FAULT [WORD...]
try() {
	titles+=("$1") counts+=("$2 $3 $4") faults+=("${*:5}")
	up 16M
	tried+=("$name")
}

try 'the abort completes' 1 0 0 'hold*1'
try 'the task does not exist' 1 0 0 'hold*1' 'abort=no-task*1'
try 'the answer comes just before the answer to the abort' 1 0 0 'hold*1' 'abort=race*1'
try 'the answer comes after the abort, against the rules' 1 0 0 'hold*1' 'abort=late*1'
try 'the answer belongs to no task' 1 0 0 'wrong-itt*1'
try 'the abort fails, the LUN reset does not' 1 1 0 'hold*1' 'abort=fail*1'
try 'neither is known to the target' 1 1 1 'hold*1' abort=unsupported lun-reset=unsupported
up 16M && several_writes=$name
up 16M && several_reads=$name
up 16M && greedy=$name
up 16M && closed=$name
up 16M 16M && units=$name
up 16M && sessions=$name

# patience SECONDS NAME...: their commands time out after that.
patience() {
	local name device disk
	for name in "${@:2}"; do
		for disk in "${disks["$name 1"]}" ${disks["$name 2"]:-}; do
			device=/sys/block/${disk#/dev/}/device
			echo "$1" >"$device/timeout"
			echo 5 >"$device/eh_timeout"
		done
	done
}

# transfer OPERATION NAME [LUN]: one word for transfers.py.
transfer() {
	word=$1:${disks["$2 ${3:-1}"]}:$work/${2##*:}.${3:-1}
}

# right OPERATION NAME...: the disks are read or written, and that goes well.
right() {
	local name words=() results
	for name in "${@:2}"; do
		transfer "$1" "$name"
		words+=("$word")
	done
	"$here/transfers.py" $bytes "${words[@]}" >"$work/results"
	mapfile -t results <"$work/results"
	for name in "${@:2}"; do
		equal "$1 of $name" "${results[0]}" right
		results=("${results[@]:1}")
	done
}

# counted WHAT NAME ABORTS LUN_RESETS LOGINS: what the target has seen, and nothing against the rules.
counted() {
	report=${reports[$2]}
	obeyed "$1"
	says counts aborts "$3" "$1"
	says counts lun_resets "$4" "$1"
	says counts logins "$5" "$1"
	# Commands left at the target.
	says counts held 0 "$1"
}

# all OPERATION: everything that is tried, at the same time.
all() {
	local i word words
	for i in "${!tried[@]}"; do
		note "$1: ${titles[i]}"
		words=()
		for word in ${faults[i]}; do
			words+=("$word")
		done
		later "${tried[i]}" clear report "$1:${words[0]}" "${words[@]:1}"
	done
	tell_all >"$work/forgotten"
	right "$1" "${tried[@]}"
	wait_for 60 'logins' all_logged_in
	report_all report "${tried[@]}"
	for i in "${!tried[@]}"; do
		# shellcheck disable=SC2086
		counted "$1: ${titles[i]}" "${tried[i]}" ${counts[i]}
	done
}

# holds NAME COUNT: the target holds so many commands.
holds() {
	[ "$(tell "$1" held)" = "$2" ]
}

# counter NAME: puts into $count how many commands of the closed disk that is true of.
counter() {
	read -r count <"/sys/block/${disks["$closed 1"]#/dev/}/device/$1_cnt"
	count=$((count))
}

# all_timed_out: what the readers wait for has timed out, was taken back and handed over again.
all_timed_out() {
	local reader waiting=0 count timeouts
	for reader in "${readers[@]}"; do
		! kill -0 "$reader" 2>/dev/null || waiting=$((waiting + 1))
	done
	counter iotmo
	timeouts=$count
	counter iorequest
	[ "$timeouts" != 0 ] && [ "$timeouts" = $waiting ] && [ $((count - before - timeouts)) = ${#readers[@]} ]
}

# aborting NAME: the target has seen an abort.
aborting() {
	report_all peek "$1"
	report=${reports[$1]}
	number_of counts aborts
	[ "$number" != 0 ]
}

# held_read NAME LUN COUNT: reads the disk, until the target holds so many commands. The process is $!.
held_read() {
	local word
	transfer read "$1" "$2"
	"$here/transfers.py" $bytes "$word" >"$work/read.$2" &
	wait_for 30 "$3 held commands" holds "$1" "$3"
}

# Longer than an abort without an answer has to wait for the loss of its connection.
parameters abort_timeout=300
udev_stop
initiator_up
# Commands at a time, from the login on.
tell "$closed" window=2
log_in "${names[@]}"
patience 4 "${names[@]}"
# Long enough for the window to open between a command's first timeout and its second.
patience 15 "$closed"
patience 60 "$units"

note 'an abort that is not answered, of which more below'
begin "$sessions" 'read:hold*1' 'abort=ignore*1'
held_read "$sessions" 1 1
of_disk=$!

note 'a closed window is no reason to abort anything'
begin "$closed" read:close-window=600000*1
counter iorequest
before=$count readers=()
for count in 1 2 3 4 5 6; do
	# With blocks between them, or two might become one command.
	dd if="${disks["$closed 1"]}" of=/dev/null bs=4k count=1 skip=$((2 * count)) iflag=direct status=none &
	readers+=($!)
done

note 'several at once'
for direction in write read; do
	several=several_${direction}s
	later "${!several}" clear report "$direction:hold@3*1" "$direction:hold@9*1" "$direction:hold@20*1" \
		"$direction:hold@21*1"
	# Or there might be fewer commands than that.
	disk=${disks["${!several} 1"]}
	echo 2 >"/sys/block/${disk#/dev/}/queue/nomerges"
done
tell_all >"$work/forgotten"
fio_job --thread --rw=write --bs=16k --iodepth=8 --size=2M --name=several --filename="${disks["$several_writes 1"]}" \
	--name=several-too --filename="${disks["$several_reads 1"]}" &
several=$!

all write
all read

note 'a write that waits for data of which the target asks too little'
begin "$greedy" 'write:r2t-sn*1'
right write "$greedy"
right read "$greedy"

wait $several
wait_for 60 'logins' all_logged_in
report_all report "$greedy" "$several_writes" "$several_reads"
counted 'data of which the target asks too little' "$greedy" 0 0 1
for name in "$several_writes" "$several_reads"; do
	report=${reports[$name]}
	obeyed "$name"
	says fired hold 4
	says counts held 0
done
right write "$several_writes" "$several_reads"
right read "$several_writes" "$several_reads"

note 'a connection is lost while an abort waits for its answer: the next one is not to blame'
wait_for 60 'abort' aborting "$sessions"
# With one processor, who has waited for the abort gets it when the next login is over.
for process in ${scripted_process[$sessions]} $(pgrep '^iscsi_wd/'); do
	chrt --all-tasks --fifo --pid 1 "$process"
done
tell "$sessions" send=close
wait $of_disk
equal 'what was read' "$(cat "$work/read.1")" right
wait_for 60 'logins' all_logged_in
report_all report "$sessions"
counted 'an abort that a loss has ended' "$sessions" 1 0 1
patience 60 "$sessions"

note 'sg_reset: the commands of one unit end and are tried again, those of the other go on'
begin "$units" 'read:hold*2'
held_read "$units" 2 1
of_other=$!
held_read "$units" 1 2
of_disk=$!
at_most 20 'sg_reset -d' sg_reset -d "${disks["$units 1"]}"
wait $of_disk
equal 'what was read of the one' "$(cat "$work/read.1")" right
kill -0 $of_other 2>/dev/null || fail 'the command of the other unit is gone'
tell "$units" release
wait $of_other
equal 'what was read of the other' "$(cat "$work/read.2")" right
report_all report "$units"
counted 'sg_reset -d' "$units" 0 1 0

note 'sg_reset -t: a new login'
begin "$sessions" 'read:hold*1'
held_read "$sessions" 1 1
of_disk=$!
at_most 20 'sg_reset -t' sg_reset -t "${disks["$sessions 1"]}"
wait $of_disk
equal 'what was read' "$(cat "$work/read.1")" right
wait_for 60 'logins' all_logged_in
report_all report "$sessions"
counted 'sg_reset -t' "$sessions" 0 0 1

note 'and the window opens'
# Not while one of them is being taken back: it would go out, and be aborted at the target.
wait_for 60 'commands that have all waited for too long' all_timed_out
tell "$closed" open
wait "${readers[@]}"
right read "$closed"
report_all report "$closed"
counted 'a closed window' "$closed" 0 0 0
says fired close-window 1

log_out "${names[@]}"
initiator_down
udev_start
