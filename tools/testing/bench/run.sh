#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh ROUNDS RUNTIME [PATTERN [RQ_AFFINITY]]: measures every workload (or those that match the extended
# regular expression) with every initiator in turn, ROUNDS times over, each for RUNTIME (fio's notation),
# with each initiator's rq_affinity or with this one. Leaves what fio says, and the processors' time before
# and after, in /host/out; report.py makes sense of it.

. "$(dirname "$0")/../guest/lib.sh"
. "$(dirname "$0")/setup.sh"

trap 'code=$?; [ $code = 0 ] || show_state; exit $code' EXIT

rounds=$1 runtime=$2 pattern=${3:-.} rq_affinity=${4:-}

# measure ROUND ROW SET OPTION...: one fio, where the initiators take turns.
measure() {
	local round=$1 row=$2 each jobs=()
	local -n disks=$3
	shift 3
	mkdir -p "$out/$row/$round"
	cd "$out/$row/$round"
	for each in ours iscsi_tcp nvme_tcp tcm_loop; do
		[ -z "${disks[$each]:-}" ] ||
			jobs+=(--name="$each" --new_group --stonewall --filename="/dev/${disks[$each]}" "$@")
	done
	fio_turns --runtime="$runtime" --exec_prerun='head -n 1 /proc/stat' \
		--exec_postrun='head -n 1 /proc/stat' "${jobs[@]}"
}

out=/host/out/runs
set_up
[ -z "$rq_affinity" ] || tee /sys/block/{sd,nvme}*/queue/rq_affinity <<<"$rq_affinity"
getconf CLK_TCK >/host/out/ticks
uname -r >/host/out/kernel
for ((round = 1; round <= rounds; round++)); do
	note "round $round of $rounds"
	while read -ra row; do
		measure $round "${row[@]}"
	done < <(rows "$pattern")
done
note 'measured'
