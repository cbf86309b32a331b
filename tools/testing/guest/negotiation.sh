#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whatever both sides want, what the session says was negotiated is what RFC 7143 says of the two offers,
# and data travel whole in all the ways that follow from it: immediate, unsolicited, asked for, in bursts
# and segments of every length, several asked for at once, with and without digests. The combinations are
# those of negotiation.table, in which each two values of different parameters meet; pairwise.py made it.
#
# `make test-long` tries the full product of what can come of a negotiation, for reads and for writes, in UML:
# 3312 combinations with each kind of target, from values that both sides were told at random. What that is
# and why it is not all 8128512 combinations is said in pairwise.py. SEED= repeats a choice.
#
# beds: uml uml-debug
# long-beds: qemu
# timeout: 200
# long-timeout: 3600
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

portal=127.0.0.1:3260
size=256k
# Sessions at a time: most of a round is spent in waiting, and fio takes a second to start.
at_a_time=$(scaled "$((${LONG:+21} + 21))" 6)

# How iscsiadm writes digests.
declare -A spelt=([None]=NONE [CRC32C]=CRC32)

# expected: puts into $wanted what the row in ${row[@]} should come to: the result functions of RFC 7143
# section 13.
expected() {
	local r2t=false immediate=false r2ts=${row[tMaxOutstandingR2T]} first=${row[iFirstBurstLength]}
	local burst=${row[iMaxBurstLength]}
	[[ ${row[iInitialR2T]}${row[tInitialR2T]} != *Yes* ]] || r2t=true
	[[ ${row[iImmediateData]}${row[tImmediateData]} = *No* ]] || immediate=true
	[ "$first" -le "${row[tFirstBurstLength]}" ] || first=${row[tFirstBurstLength]}
	[ "$burst" -le "${row[tMaxBurstLength]}" ] || burst=${row[tMaxBurstLength]}
	# Without unsolicited data there is nothing that it could limit.
	[ "$r2t $immediate" != 'true false' ] || first=any
	wanted="${spelt[${row[iHeaderDigest]}]} ${spelt[${row[iDataDigest]}]} $r2t $immediate $r2ts"
	wanted+=" ${row[iMaxRecvDataSegmentLength]}"
	wanted+=" ${row[tMaxRecvDataSegmentLength]} $first $burst"
}

# negotiated: fills ${got[@]} with the same by what the sessions say and, for what the target receives,
# sysfs; and ${disk[@]} from there, for list target -S would look for new units.
negotiated() {
	local name device values session number
	local -A sent=()
	for session in /sys/class/iscsi_session/session*; do
		number=${session##*/session}
		read -r name <"$session/targetname"
		read -r "sent[$name]" <"/sys/class/iscsi_connection/connection$number:0/max_xmit_dlength"
		device=("$session"/device/target*/*:1/block/*)
		disk[$name]=/dev/${device##*/}
	done
	while read -r name values; do
		got[$name]=${values/SENT/${sent[$name]}}
	done < <(iscsiadm list target --json | jq -r '.[] | select(.connections != []).connections[0].negotiated as $is |
		(if $is.initialr2t and ($is.immediatedata | not) then "any" else $is.firstburstlength end) as $first |
		"\(.target) \($is.headerdigest) \($is.datadigest) \($is.initialr2t) " +
		"\($is.immediatedata) \($is.maxoutstandingr2t) \($is.maxrecvdataseglen) SENT \($first) " +
		"\($is.maxburstlength)"')
}

# What the targets have been told, or begin with.
keys=(HeaderDigest DataDigest InitialR2T ImmediateData MaxOutstandingR2T MaxRecvDataSegmentLength
	FirstBurstLength MaxBurstLength)
declare -A told=()

# begins NAME: a new target. One of tgt begins with this; LIO is told all, for that takes no program.
begins() {
	local pair
	[[ $1 = *tgt* ]] || return 0
	for pair in HeaderDigest=None DataDigest=None InitialR2T=Yes ImmediateData=Yes MaxOutstandingR2T=1 \
		MaxRecvDataSegmentLength=8192 FirstBurstLength=65536 MaxBurstLength=262144; do
		told[$1 ${pair%=*}]=${pair#*=}
	done
}

# closest NAME...: puts into $name the one of them that has to be told least for the row.
closest() {
	local each key news least=100
	for each; do
		news=0
		for key in "${keys[@]}"; do
			[ "${told[$each $key]:-}" = "${row[t$key]}" ] || news=$((news + 1))
		done
		[ $news -lt $least ] || continue
		least=$news name=$each
	done
}

# offer NAME: tells both sides what the row says, the target only what is new, for that takes time.
offer() {
	local key theirs=()
	for key in "${keys[@]}"; do
		[ "${told[$1 $key]:-}" = "${row[t$key]}" ] || theirs+=("$key=${row[t$key]}")
		told[$1 $key]=${row[t$key]}
	done
	# LIO declares the one length that it calls by the other's name.
	[[ $1 != *lio* ]] || theirs+=("MaxXmitDataSegmentLength=${row[tMaxRecvDataSegmentLength]}")
	target_set "$1" "${theirs[@]}"
	iscsiadm modify target-param -h "${spelt[${row[iHeaderDigest]}]}" -d "${spelt[${row[iDataDigest]}]}" \
		-p "initialr2t=${row[iInitialR2T],,},immediatedata=${row[iImmediateData],,}" \
		-p "maxrecvdataseglen=${row[iMaxRecvDataSegmentLength]}" \
		-p "firstburstlength=${row[iFirstBurstLength]},maxburstlength=${row[iMaxBurstLength]}" "$1"
}

# disks_of COUNT: there are so many disks.
disks_of() {
	local disks=(/dev/sd*)
	[ -b "${disks[0]}" ] && [ ${#disks[@]} = "$1" ] && opens "${disks[@]}"
}

# some KIND ROW...: a session for each of the rows, all at the same time.
some() {
	local kind=$1 line number name wanted file names=() operands=() jobs=() pairs=()
	local -A row want=() got=() disk=() free=()
	shift
	for ((number = 1; number <= at_a_time; number++)); do
		free[$prefix$kind-negotiation-$number]=yes
	done
	for line; do
		read_row "$line"
		closest "${!free[@]}"
		unset "free[$name]"
		offer "$name"
		expected
		want[$name]=$wanted
		names+=("$name")
		operands+=("$name,$portal")
	done
	exits 0 iscsiadm add static-config "${operands[@]}"
	wait_for 60 'disks' disks_of $#
	negotiated
	for name in "${names[@]}"; do
		equal "what $name says of digests, R2T, immediate data, R2Ts, segments in and out, bursts" \
			"${got[$name]}" "${want[$name]}"
		jobs+=(--name="${name##*-}" --filename="${disk[$name]}")
		find_backing "$name" 1
		pairs+=("${disk[$name]}" "$file")
	done
	# With no limit, all the holes between would be filled with small ones.
	fio_job --rw=randwrite --bssplit=512/20:4k/20:66k/30:200k/30 --bs_unaligned=0 --iodepth=8 \
		--number_ios=20 --size="$size" --randseed=$RANDOM "${jobs[@]}"
	same $((256 << 10)) "${pairs[@]}"
	exits 0 iscsiadm remove static-config "${names[@]}"
}

# read_row LINE: fills ${row[@]}.
read_row() {
	local values=() i
	read -ra values <<<"$1"
	for i in "${!columns[@]}"; do
		row[${columns[$i]}]=${values[$i]}
	done
}

# all KIND: every row of the table, in batches.
all() {
	local kind=$1 from number names=()
	for ((number = 1; number <= at_a_time; number++)); do
		names+=("$prefix$kind-negotiation-$number")
		target_up "$kind" "${names[-1]}" $portal "$size"
		begins "${names[-1]}"
	done
	for ((from = 0; from < ${#rows[@]}; from += at_a_time)); do
		note "$kind: from row $((from + 1)) of ${#rows[@]}"
		some "$kind" "${rows[@]:from:at_a_time}"
	done
	for name in "${names[@]}"; do
		target_down "$name"
	done
}

if [ -n "${LONG:-}" ] && [ "$(bed)" = uml ]; then
	seed=${SEED:-$RANDOM}
	note "all outcomes, with SEED=$seed"
	"$here/pairwise.py" outcomes "$seed" >"$work/table"
	mapfile -t table < <(grep -v '^#' "$work/table")
else
	mapfile -t table < <(grep -v '^#' "$here/negotiation.table")
fi
read -ra columns <<<"${table[0]}"
# In the slow beds the rows at the head, which hold the most pairs.
rows=("${table[@]:1:$(scaled 10000 6)}")

# illegal KIND: a FirstBurstLength above MaxBurstLength, RFC 7143 section 13.14, from either side. LIO
# makes a legal answer of it; tgt does not, and that ends the login.
illegal() {
	local kind=$1 name=$prefix$1-illegal
	note "$kind: what must not be"
	target_up "$kind" "$name" $portal "$size"
	exits 1 iscsiadm modify target-param -p firstburstlength=8192,maxburstlength=4096 "$name"
	matches 'the refusal' "$stderr" 'firstBurstLength must be less than or equal to than maxBurstLength'
	exits 1 iscsiadm modify target-param -p maxoutstandingr2t=1 "$name"
	matches 'the refusal' "$stderr" 'maxoutstandingr2t: Operation currently not supported'
	target_set "$name" FirstBurstLength=8192 MaxBurstLength=512
	if [ "$kind" = lio ]; then
		exits 0 iscsiadm add static-config "$name,$portal"
		equal 'FirstBurstLength' "$(session_field "$name" '.connections[0].negotiated.firstburstlength')" 512
	else
		exits 2 iscsiadm add static-config "$name,$portal"
		matches 'the refusal' "$stderr" 'target answered FirstBurstLength=8192 above MaxBurstLength=512'
	fi
	exits 0 iscsiadm remove static-config "$name"
	target_down "$name"
}

udev_stop
for kind in lio tgt; do
	initiator_up
	all $kind
	illegal $kind
	initiator_down
done
udev_start
