#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh ROUNDS RUNTIME [PATTERN]: measures every workload (or those that match the extended regular
# expression) with every initiator in turn, ROUNDS times over, each for RUNTIME (fio's notation). Leaves
# what fio says, and the processors' time before and after, in /host/out; report.py makes sense of it.

. "$(dirname "$0")/../guest/lib.sh"
. "$(dirname "$0")/setup.sh"

trap 'code=$?; [ $code = 0 ] || show_state; exit $code' EXIT

rounds=$1 runtime=$2 pattern=${3:-.}

# Name, and what fio is told.
workloads=(
	'4k-randread-qd1 --rw=randread --bs=4k --iodepth=1'
	'4k-randwrite-qd1 --rw=randwrite --bs=4k --iodepth=1'
	'4k-randread-qd32 --rw=randread --bs=4k --iodepth=32'
	'4k-randwrite-qd32 --rw=randwrite --bs=4k --iodepth=32'
	'4k-randread-qd32x2 --rw=randread --bs=4k --iodepth=32 --numjobs=2'
	'4k-randwrite-qd32x2 --rw=randwrite --bs=4k --iodepth=32 --numjobs=2'
	'256k-read-qd8 --rw=read --bs=256k --iodepth=8'
	'256k-write-qd8 --rw=write --bs=256k --iodepth=8'
)

# Each set of disks, by initiator: parameters equal, without and with digests; and with wide parameters.
declare -A disks_none disks_crc disks_wide

# shellcheck disable=SC2034  # measure() takes the sets by name.
set_up() {
	devices_up
	initiators_up
	lio_target equal None
	lio_target equal CRC32C
	lio_target wide None
	nvmet_up
	loop_up
	disks_none=(
		[ours]=$(disk_found session_directory tcp_rs "${prefix}equal-none")
		[iscsi_tcp]=$(disk_found session_directory iscsi_tcp "${prefix}equal-none")
		[nvme_tcp]=$(nvme_connect)
		[tcm_loop]=$(disk_found loop_host)
	)
	disks_crc=(
		[ours]=$(disk_found session_directory tcp_rs "${prefix}equal-crc32c")
		[iscsi_tcp]=$(disk_found session_directory iscsi_tcp "${prefix}equal-crc32c")
		[nvme_tcp]=$(nvme_connect hdr_digest data_digest)
	)
	disks_wide=(
		[ours]=$(disk_found session_directory tcp_rs "${prefix}wide-none")
		[iscsi_tcp]=$(disk_found session_directory iscsi_tcp "${prefix}wide-none")
	)
	udevadm settle
	# It would look at each disk again when fio closes it.
	udevadm control --exit
}

# measure ROUND ROW SET OPTION...: one fio, in which the initiators take turns.
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
	fio --ioengine=io_uring --direct=1 --thread --group_reporting --time_based --runtime="$runtime" \
		--norandommap --randrepeat=1 --disk_util=0 --exec_prerun='head -n 1 /proc/stat' \
		--exec_postrun='head -n 1 /proc/stat' --output-format=json --output=fio.json "${jobs[@]}" \
		>fio.log 2>&1 </dev/null || fail "fio: $(cat fio.log fio.json)"
}

out=/host/out/runs
set_up
getconf CLK_TCK >/host/out/ticks
uname -r >/host/out/kernel
for ((round = 1; round <= rounds; round++)); do
	note "round $round of $rounds"
	for each in "${workloads[@]}"; do
		read -ra words <<<"$each"
		name=${words[0]} options=("${words[@]:1}")
		while read -r row disks; do
			! grep -qE -- "$pattern" <<<"$row" || measure $round "$row" "$disks" "${options[@]}"
		done <<-END
			$name disks_none
			$name-digests disks_crc
			$([[ $name != 256k* ]] || echo "$name-wide disks_wide")
		END
	done
done
note 'measured'
