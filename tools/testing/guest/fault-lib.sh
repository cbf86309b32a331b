# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A third kind of target for lib.sh, `scripted`, which does wrong what it is told to; see
# tools/testing/target. Sourced after lib.sh.

# Processes by the names of their targets.
declare -A scripted_process=()

scripted_up() {
	local name=$1 lun=0 files=() size
	for size in ${target_sizes[$name]}; do
		lun=$((lun + 1))
		files+=(--lun "$(backing "$name" $lun)")
	done
	scripted-target --listen "${target_portal[$name]}" --name "$name" \
		--control "$(scripted_socket "$name")" "${files[@]}" 2>>"$(scripted_log "$name")" &
	scripted_process[$name]=$!
	wait_for 10 "answer from $name" tell "$name" clear
}

scripted_socket() {
	echo "$work/${1##*:}.socket"
}

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
	local name=$1
	shift
	scripted-target --tell "$(scripted_socket "$name")" "$@"
}

# begin NAME WORD...: forgets what was planned and what has happened, and plans this.
begin() {
	local name=$1
	shift
	tell "$name" clear report >/dev/null
	[ $# = 0 ] || tell "$name" "$@"
}

# report NAME: takes the report, and fails if the initiator broke a rule. What is in it is for
# `reported` and `fired`.
report() {
	tell "$1" report >"$work/report"
	equal "complaints of $1" "$(jq -c .complaints "$work/report")" '[]'
}

# reported COUNT: prints a number of the last report.
reported() {
	jq ".counts.$1 // 0" "$work/report"
}

# fired FAULT: prints how often the fault was committed.
fired() {
	jq ".fired[\"$1\"] // 0" "$work/report"
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
