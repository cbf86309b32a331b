# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The workloads, for the guest that runs them and for who names them outside. Sourced, never run.

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

# rows PATTERN: a line for each row of the report that matches: its name, the set of disks, what fio is
# told.
rows() {
	local name options each
	for each in "${workloads[@]}"; do
		read -r name options <<<"$each"
		echo "$name disks_none $options"
		echo "$name-digests disks_crc $options"
		[[ $name != 256k* ]] || echo "$name-wide disks_wide $options"
	done | awk -v pattern="$1" '$1 ~ pattern'
}

# some_rows PATTERN: there is a row that matches, or the script that sources this ends.
some_rows() {
	local found
	found=$(rows "$1") || die "'$1' is no extended regular expression"
	[ -n "$found" ] || die "no workload matches '$1'; there are: $(rows . | cut -d' ' -f1 | tr '\n' ' ')"
}
