#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that hang or misbehave while their logical units are being found: removing the session takes a
# bounded time at every step, the module goes, and a target that comes to its senses gets its disks.
# Many targets at a time, each at another step.
#
# beds: uml
# long-beds: uml-debug
# timeout: 300
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

everybody=()
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	everybody+=("${prefix}faults-$number")
	target_up scripted "${everybody[-1]}" 127.0.0.1:$((3270 + number)) 16M 16M
done

# The targets in use, and what each does.
names=() deeds=()

# does WHAT WORD...: one more target, whose name is in $name, begins with these faults.
does() {
	name=${everybody[${#names[@]}]}
	names+=("$name")
	deeds+=("$1")
	note "$name: $1"
	later "$name" clear report "${@:2}"
}

# configure: as `log_in`, but a session may be lost again before the CLI sees it.
configure() {
	local name operands=()
	tell_all >"$work/forgotten"
	for name in "${names[@]}"; do
		operands+=("$name,${target_portal[$name]}")
	done
	iscsiadm add static-config "${operands[@]}" 2>"$work/stderr" || equal 'exit code' $? 2
}

# all_fired FAULT...: each of the targets has committed the fault that stands in its place here, `-` for none.
all_fired() {
	local name
	report_all peek "${names[@]}"
	for name in "${names[@]}"; do
		report=${reports[$name]}
		number_of fired "$1"
		[ "$1" = - ] || [ "$number" != 0 ] || return 1
		shift
	done
}

# all_removed LIMIT: nobody has broken a rule, and the sessions go within so many seconds each, and the module.
all_removed() {
	local i
	report_all report "${names[@]}"
	for i in "${!names[@]}"; do
		report=${reports[${names[i]}]}
		obeyed "${deeds[i]}"
	done
	removed "$1" "${names[@]}"
	names=() deeds=()
}

# found COUNT: there are so many disks.
found() {
	local nodes=(/sys/class/iscsi_session/session*/device/target*/*:[12]/block/sd*)
	[ ${#nodes[@]} = "$1" ]
}

parameters logout_timeout=1 retry_delay=1
udev_stop
initiator_up
faults=()
for step in 0 1 2 3 5 8 13 17; do
	does "the command after $step others hangs" "any:hold@$step*1"
	faults+=(hold)
done
for step in 0 2 5 11; do
	does "silence after $step commands" "any:silent@$step*1"
	faults+=(silent)
done
does 'a window that is closed from the beginning' 'window=0*1'
closed=$name
does 'every command fails' any:check=4/44/00
does 'every connection ends at the first command' any:close
configure
wait_for 60 'faults' all_fired "${faults[@]}" - check close
sleep 2
report_all peek "$closed"
report=${reports[$closed]}
says counts other_commands 0
all_removed 15

initiator_up
for fault in check=2/04/01 status=08 response=01 close close-mid stat-sn-jump huge opcode=2f reject=04 \
	async=logout async=scsi over short=wrong; do
	does "$fault while units are found: they are found" "any:$fault@1*1" "any:$fault@4*1"
done
does 'a window that opens late' 'window=0*1'
configure
sleep 3
tell "$name" open
wait_for 60 'disks' found 28
all_removed 20
udev_start
