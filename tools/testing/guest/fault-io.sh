#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Targets that answer commands wrongly, in all the ways they know: after each the right bytes are on the
# disk and in the reader's hands, or the reader gets an error that is the target's own; the session
# is there, and the initiator itself has broken no rule. Several targets at a time, each with another fault.
#
# beds: uml-debug
# long-beds: uml
# timeout: 300
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

bytes=$((320 << 10))

everybody=()
for number in 1 2 3 4 5 6 7 8 9 10 11; do
	everybody+=("${prefix}faults-$number")
	target_up scripted "${everybody[-1]}" 127.0.0.1:$((3270 + number)) 1M
done
# The last one is for R2Ts longer than its MaxBurstLength, the others have a round after the other.
names=("${everybody[@]:0:10}")
bursts=${everybody[10]}
tell "$bursts" MaxBurstLength=65536

# The faults of the next round, each for a target of its own: the fault, the operation, how that ends, the
# logins that it takes, and what the operator reads of it.
faults=() operations=() ends=() logins=() reasons=()
tracing=/sys/kernel/tracing

# after FAULT OPERATION LOGINS [REASON]: the fault is committed once, the operation succeeds, and the
# session had to log in that often: a number, or `-` for any. The kernel log and the trace say why, in
# words that match the extended regular expression.
after() {
	try "$1" "$2" right "$3" "${4:-}"
}

# error FAULT OPERATION: the fault is committed once, and the operation ends with an error.
error() {
	try "$1" "$2" 'E[A-Z0-9]+' 0 ''
}

try() {
	faults+=("$1") operations+=("$2") ends+=("$3") logins+=("$4") reasons+=("$5")
	[ ${#faults[@]} != ${#names[@]} ] || round
}

# round: commits the faults that have gathered, at the same time.
round() {
	local i name used=("${names[@]:0:${#faults[@]}}") mark="fault-io: round, $RANDOM$RANDOM" log trace
	echo "$mark" >/dev/kmsg
	echo >$tracing/trace
	for i in "${!used[@]}"; do
		note "${operations[i]}, ${faults[i]}"
		later "${used[i]}" clear report "${operations[i]}:${faults[i]}*1"
	done
	tell_all >"$work/forgotten"
	transfer
	for i in "${!used[@]}"; do
		[[ ${results[i]} =~ ^${ends[i]}$ ]] || fail "${operations[i]} with ${faults[i]}: ${results[i]}"
	done
	wait_for 60 'logins' has_logged_in
	wait_for 60 'logins' all_logged_in
	report_all report "${used[@]}"
	log=$(dmesg | sed "1,/$mark/d")
	contents trace $tracing/trace
	for i in "${!used[@]}"; do
		report=${reports[${used[i]}]}
		name="${operations[i]}, ${faults[i]}"
		obeyed "$name"
		says fired "${faults[i]%%=*}" 1 "$name"
		[ "${logins[i]}" = - ] || says counts logins "${logins[i]}" "$name"
		[ -n "${reasons[i]}" ] || continue
		matches "$name: the log" "$log" "\\(${used[i]}\\): protocol error of the target: ${reasons[i]}\$"
		matches "$name: the trace" "$trace" "fault=protocol .* reason=\"protocol error of the target: ${reasons[i]}\"\$"
	done
	if [[ ${ends[*]} = *E* ]]; then
		transfer
		for i in "${!used[@]}"; do
			equal "${operations[i]} after ${faults[i]}" "${results[i]}" right
		done
	fi
	faults=() operations=() ends=() logins=() reasons=()
}

# transfer: reads or writes all the disks of the round, and puts into ${results[@]} how that ends.
transfer() {
	local i name words=()
	for i in "${!used[@]}"; do
		name=${used[i]}
		words+=("${operations[i]}:${disks["$name 1"]}:$work/${name##*:}.1")
	done
	timeout 120 "$here/transfers.py" $bytes "${words[@]}" >"$work/results" || fail "transfers: exit code $?"
	mapfile -t results <"$work/results"
}

# has_logged_in: the targets of the round have seen the logins that there should be.
has_logged_in() {
	local i number
	report_all peek "${used[@]}"
	for i in "${!used[@]}"; do
		report=${reports[${used[i]}]}
		number_of counts logins
		[ "${logins[i]}" = - ] || [ "$number" -ge "${logins[i]}" ] || return 1
	done
}

# common OPERATION: the faults that fit both.
common() {
	local operation=$1
	# What the mid-layer deals with.
	after check=6/29/00 "$operation" 0
	after check=b/00/00 "$operation" 0
	after status=08 "$operation" 0
	after status=28 "$operation" 0
	after status=40 "$operation" 0
	after response=01 "$operation" 0
	after sense-long "$operation" 0
	after sense-lie "$operation" 0
	error check=3/11/00 "$operation"
	error check=5/21/00 "$operation"
	error status=18 "$operation"
	# What changes nothing.
	after stray "$operation" 0
	after data-in-stray "$operation" 0
	after twice "$operation" 0
	after nop-in=20 "$operation" 0
	after window-nonsense "$operation" 0
	after close-window=300 "$operation" 0
	after delay=700 "$operation" 0
	after async=scsi "$operation" 0
	after async=vendor "$operation" 0
	# What ends the connection.
	after nop-in=2000 "$operation" -
	after close "$operation" 1
	after close-mid "$operation" 1
	after stat-sn-jump "$operation" 1 'SCSI (Response|Data-In) with StatSN [0-9]+ instead of [0-9]+'
	after stat-sn-repeat "$operation" 1
	after huge "$operation" 1 'SCSI (Response|Data-In) with a data segment of [0-9]+ bytes, [0-9]+ are allowed'
	after opcode=2f "$operation" 1 'PDU with unexpected opcode 0x2f'
	after opcode=23 "$operation" 1
	after opcode=24 "$operation" 1
	after reject=04 "$operation" 1
	after reject=09 "$operation" 1
	after reject-empty "$operation" 1 'Reject without the header that it rejects'
	after async=logout "$operation" 1
	after async=drop "$operation" 1
	after async=session "$operation" 1
	after async=negotiate "$operation" 1
	after bad-header-digest "$operation" 1
}

parameters retry_delay=1
udev_stop
initiator_up
iscsiadm modify initiator-node -h CRC32 -d CRC32
echo 1 >$tracing/events/iscsi_initiator/iscsi_fault/enable
log_in "${everybody[@]}"
equal 'header digest' "$(session_field "${names[0]}" '.connections[0].negotiated.headerdigest')" CRC32

common read
after short=right read 0
after short=none read 0
after short=wrong read 0
after over read 0
after no-data-copy read 0
after data-in-empty read 0
after bad-data-digest read 0
after data-in-beyond read 1
after data-in-more read 1
after data-in-gap read 1 'Data-In at offset 512 instead of 0'
after data-in-sn read 1 'Data-In with DataSN 1 instead of 0'
after r2t-read read 1 'R2T for a command that does not write'

common write
after short=right write 0
after short=wrong write 0
after early write 0
after early=good write 0
after data-in-write write 1 'Data-In for a command that does not read'
after r2t-beyond write 1 'R2T for [0-9]+ bytes at offset [0-9]+ of a write of 327680 bytes'
after r2t-sn write 1 'R2T with R2TSN [0-9]+ instead of [0-9]+'
after r2t-empty write 1 'Ready To Transfer with no data to transfer'
# Whether it is seen depends on who is faster: an R2T that has been answered is not outstanding any more.
after r2t-flood write -
round
names=("$bursts")
after r2t-long write 1 'R2T for [0-9]+ bytes, MaxBurstLength is 65536'
log_out "${everybody[@]}"

note 'without digests'
names=("${everybody[@]:0:6}")
iscsiadm modify initiator-node -h none -d none
iscsiadm modify target-param -d CRC32 "${names[5]}"
log_in "${names[@]}"
equal 'header digest' "$(session_field "${names[0]}" '.connections[0].negotiated.headerdigest')" NONE
after close-mid read 1
after data-in-more read 1
after huge read 1
after r2t-beyond write 1
after twice write 0
# The length may be what is wrong.
after bad-data-digest read 1

note 'what is known of a session while its next login hangs'
# login_waits: the target has not answered it.
login_waits() {
	[ "$(session_field "${used[0]}" '.connections[0].login.waits_for')" = response ]
}
used=("${names[0]}") operations=(read)
begin "${used[0]}" read:data-in-sn*1 login-silent*1
transfer &
transfer=$!
wait_for 20 'login that hangs' login_waits
exits 0 iscsiadm list target -v "${used[0]}"
matches 'list target -v' "$stdout" \
	'^	Last Error: protocol error of the target: Data-In with DataSN 1 instead of 0$'
matches 'list target -v' "$stdout" '^	Login: waiting for the login response \([0-9]+ s\)$'
tell "${used[0]}" send=close
wait $transfer
equal 'what was read' "$(cat "$work/results")" right
wait_for 60 'logins' all_logged_in
equal 'what the login waits for' "$(session_field "${used[0]}" '.connections[0].login')" null
log_out "${names[@]}"
initiator_down
udev_start
