# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A third kind of target for lib.sh, `scripted`, which does wrong what it is told to; see
# tools/testing/target. Sourced after lib.sh.

# Processes and control sockets by the names of their targets.
declare -A scripted_process=() scripted_socket=()

# Whoever tells it something first waits until it listens.
scripted_up() {
	local name=$1 lun=0 files=() size file
	for size in ${target_sizes[$name]}; do
		lun=$((lun + 1))
		find_backing "$name" $lun
		files+=(--lun "$file")
	done
	scripted_socket[$name]=$work/${name##*:}.socket
	rm -f "${scripted_socket[$name]}"
	scripted-target --listen "${target_portal[$name]}" --name "$name" \
		--control "${scripted_socket[$name]}" "${files[@]}" 2>>"$(scripted_log "$name")" &
	scripted_process[$name]=$!
	tell "$name" clear
}

# scripted_log NAME: prints where it says what it sees.
scripted_log() {
	echo "$work/${1##*:}.log"
}

scripted_set() {
	tell "$1" "$2=$3"
}

scripted_kill() {
	kill -KILL "${scripted_process[$1]}"
	wait "${scripted_process[$1]}" 2>/dev/null || true
}

scripted_revive() {
	scripted_up "$1"
}

# scripted_down NAME: after a failure, what it has seen is shown.
scripted_down() {
	if [ "${code:-0}" != 0 ]; then
		echo "--- last of what $1 saw"
		tail -n 40 "$(scripted_log "$1")"
	fi
	scripted_kill "$1" 2>/dev/null || true
}

# scripted_stop NAME, scripted_continue NAME: it stands still, with its connections open.
scripted_stop() {
	kill -STOP "${scripted_process[$1]}"
}

scripted_continue() {
	kill -CONT "${scripted_process[$1]}"
}

# tell NAME WORD...: tells the target.
tell() {
	scripted-target --tell "${scripted_socket[$1]}" "${@:2}"
}

# begin NAME WORD...: forgets what was planned and what has happened, and plans this.
begin() {
	tell "$1" clear report "${@:2}" >"$work/forgotten"
}

# report NAME: takes the report, and fails if the initiator broke a rule. What is in it is for `says`,
# `reported` and `fired`.
report() {
	tell "$1" report >"$work/report"
	read -r report <"$work/report"
	obeyed "$1"
}

# obeyed NAME: the report that was taken has no complaints.
obeyed() {
	[[ $report = *'"complaints":[]}' ]] || fail "complaints of $1: $report"
}

# number_of counts|fired KEY: puts a number of the last report into $number.
number_of() {
	number=0
	! [[ $report =~ \"$1\":\{[^}]*\"$2\":([0-9]+) ]] || number=${BASH_REMATCH[1]}
}

# says counts|fired KEY NUMBER [WHAT]: the last report says that.
says() {
	local number
	number_of "$1" "$2"
	equal "${4:+$4: }$2" "$number" "$3"
}

# reported COUNT: prints a number of the last report.
reported() {
	local number
	number_of counts "$1"
	echo "$number"
}

# fired FAULT: prints how often the fault was committed.
fired() {
	local number
	number_of fired "$1"
	echo "$number"
}

# ---- Several at a time ----------------------------------------------------------------------------
#
# A program costs more here than what most of them do, and waiting costs nothing: whoever has much to try
# does it with several targets at the same time, without udevd.

# What is to be told, to whom.
telling=()

# later NAME WORD...: tells the target, once `tell_all` is called.
later() {
	telling+=(--tell "${scripted_socket[$1]}" "${@:2}")
}

tell_all() {
	scripted-target "${telling[@]}"
	telling=()
}

# Reports by the names of their targets.
declare -A reports=()

# report_all peek|report NAME...: fills ${reports[@]}.
report_all() {
	local how=$1 name lines=()
	shift
	for name; do
		later "$name" "$how"
	done
	tell_all >"$work/report"
	mapfile -t lines <"$work/report"
	for name; do
		reports[$name]=${lines[0]}
		lines=("${lines[@]:1}")
	done
}

# Device nodes by the names of targets and LUNs, as in "NAME 1".
declare -A disks=()

# log_in NAME...: sessions with all of these; their disks are in ${disks[@]}. It is over when the kernel
# itself has looked at them.
log_in() {
	local mark="fault-lib: sessions begin, $RANDOM$RANDOM" name size count=0 operands=() session device
	echo "$mark" >/dev/kmsg
	for name; do
		operands+=("$name,${target_portal[$name]}")
		for size in ${target_sizes[$name]}; do
			count=$((count + 1))
		done
	done
	exits 0 iscsiadm add static-config "${operands[@]}"
	wait_for 120 'disks' attached "$mark" $count
	for session in /sys/class/iscsi_session/session*; do
		read -r name <"$session/targetname"
		for device in "$session"/device/target*/*/block/*; do
			size=${device%/block/*}
			disks["$name ${size##*:}"]=/dev/${device##*/}
		done
	done
}

# attached MARK COUNT: the kernel has seen so many disks since it was told the mark.
attached() {
	dmesg | awk -v mark="$1" -v count="$2" '
		index($0, mark) { seen = 0 }
		/ Attached SCSI disk$/ { seen++ }
		END { exit seen < count }'
}

# log_out NAME...: ends all these sessions.
log_out() {
	exits 0 iscsiadm remove static-config "$@"
}

# all_logged_in: every session is.
all_logged_in() {
	iscsiadm list target --json >"$work/sessions"
	jq -e 'all(.state == "logged_in")' "$work/sessions"
}

# pattern FILE BYTES: random bytes, other ones each time.
pattern() {
	head -c "$2" /dev/urandom >"$1"
}

# settled: udev has looked at all disks.
settled() {
	udevadm settle --timeout=30
}

# seconds_of COMMAND...: runs it and puts the whole seconds that it took into $took.
seconds_of() {
	local start=$SECONDS
	"$@"
	took=$((SECONDS - start))
}

# at_most LIMIT WHAT COMMAND...: the command may take this many seconds.
at_most() {
	local limit=$1 what=$2 took
	shift 2
	seconds_of "$@"
	[ "$took" -lt 5 ] || echo "  $what took $took s"
	[ "$took" -le "$limit" ] || fail "$what took $took s, not $limit"
}

# removed LIMIT NAME...: the sessions go one after the other, each within so many seconds; there are no others, and
# the module goes, too.
removed() {
	local limit=$1 name
	shift
	for name; do
		at_most "$limit" "remove static-config $name" exits 0 iscsiadm remove static-config "$name"
	done
	equal 'sessions' "$(iscsiadm list target --json)" '[]'
	module_gone
}
