# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the benchmark compares, all of it in one guest over devices of one kind that throw data away:
# targets of LIO, each with a session of ours and one of iscsi_tcp; nvmet with nvme-tcp; tcm_loop.
# Nothing is taken away again: the guest ends with the benchmark. Sourced, never run.

. "$(dirname "${BASH_SOURCE[0]}")/workloads.sh"

# The devices: null_blk 0 behind LIO, null_blk 1 behind nvmet, neither with a delay of its own.
lio_backing=/dev/nullb0
nvmet_backing=/dev/nullb1
device_gb=4

# Open-iscsi's program; ours is found first by its bare name.
open_iscsi=/usr/sbin/iscsiadm
portal=127.0.0.1:3260

# Commands at a time, more than any workload has.
depth=128

# What both initiators ask for, and what the target agrees to. Of MaxBurstLength and FirstBurstLength
# the target's are less than what is asked for, and of the two booleans its Yes prevails.
declare -A target_side=(
	# What an administrator gets who leaves LIO and open-iscsi as they come.
	[equal]='InitialR2T=Yes ImmediateData=Yes FirstBurstLength=65536 MaxBurstLength=262144
		MaxRecvDataSegmentLength=262144 MaxOutstandingR2T=1'
	# Large bursts, nothing waits for an R2T that need not.
	[wide]='InitialR2T=No ImmediateData=Yes FirstBurstLength=1048576 MaxBurstLength=4194304
		MaxRecvDataSegmentLength=1048576 MaxOutstandingR2T=8'
)
segment_offered() {
	case $1 in
	equal*) echo 262144 ;;
	wide) echo 1048576 ;;
	esac
}

# devices_up: what lies behind all targets.
devices_up() {
	modprobe null_blk nr_devices=2 gb=$device_gb queue_mode=2 irqmode=0 max_sectors=2048
	modprobe target_core_iblock
	lio_start
	store=$lio/core/iblock_0/bench
	mkdir -p "$store"
	echo "udev_path=$lio_backing" >"$store/control"
	echo 1 >"$store/enable"
}

# lio_target SET DIGEST: a target for both initiators.
lio_target() {
	local name=$prefix$1-${2,,} tpg pair
	target_up lio "$name" $portal
	tpg=$lio/iscsi/$name/tpgt_1
	lio_attribute "$name" default_cmdsn_depth $depth
	for pair in ${target_side[$1]} "HeaderDigest=$2" "DataDigest=$2"; do
		lio_set "$name" "${pair%%=*}" "${pair#*=}"
	done
	mkdir "$tpg/lun/lun_1"
	ln -s "$store" "$tpg/lun/lun_1/store"
	# In this order: open-iscsi takes any session with the target for its own.
	session_of_open_iscsi "$1" "$2" "$name"
	session_of_ours "$1" "$2" "$name"
	same_parameters "$name"
}

session_of_ours() {
	local set=$1 digest=${2,,} name=$3 keys
	keys=initialr2t=no,immediatedata=yes,firstburstlength=1048576,maxburstlength=4194304
	iscsiadm modify target-param -h "${digest/%32c/32}" -d "${digest/%32c/32}" \
		-p "$keys,maxrecvdataseglen=$(segment_offered "$set")" "$name"
	login "$name"
}

session_of_open_iscsi() {
	local set=$1 digest=$2 name=$3 pair
	local record=("$open_iscsi" -m node -T "$name" -p "$portal")
	exits 0 "${record[@]}" -o new
	for pair in session.cmds_max=512 session.queue_depth=$depth \
		conn[0].iscsi.HeaderDigest="$digest" conn[0].iscsi.DataDigest="$digest" \
		session.iscsi.InitialR2T=No session.iscsi.ImmediateData=Yes \
		session.iscsi.FirstBurstLength=1048576 session.iscsi.MaxBurstLength=4194304 \
		session.iscsi.MaxOutstandingR2T=8 \
		conn[0].iscsi.MaxRecvDataSegmentLength="$(segment_offered "$set")"; do
		exits 0 "${record[@]}" -o update -n "node.${pair%%=*}" -v "${pair#*=}"
	done
	exits 0 "${record[@]}" --login
}

# session_of PROC-NAME TARGET: the class directory of a session; the name is that of its host's driver.
session_of() {
	local each device
	for each in /sys/class/iscsi_session/session*; do
		device=$(realpath "$each/device")
		if [ "$(cat "$each/targetname")" = "$2" ] &&
			[ "$(cat "${device%/*}"/scsi_host/host*/proc_name)" = "$1" ]; then
			echo "$each"
			return
		fi
	done
	return 1
}

# disk_behind DIRECTORY...: prints the name of the SCSI disk below one of them.
disk_behind() {
	local found
	found=$(compgen -G "$1/target*/*/block/*") && echo "${found##*/}"
}

# parameters PROC-NAME TARGET: what a session has negotiated, as far as it bears on speed.
parameters() {
	local session connection each
	session=$(session_of "$@")
	connection=${session/iscsi_session\/session/iscsi_connection\/connection}:0
	for each in initial_r2t immediate_data first_burst_len max_burst_len max_outstanding_r2t; do
		echo "$each $(cat "$session/$each")"
	done
	for each in header_digest data_digest max_recv_dlength max_xmit_dlength; do
		echo "$each $(cat "$connection/$each")"
	done
}

# same_parameters TARGET: neither initiator may be at an advantage.
same_parameters() {
	local ours theirs
	ours=$(parameters tcp_rs "$1")
	theirs=$(parameters iscsi_tcp "$1")
	equal "what our session with $1 has negotiated" "$ours" "$theirs"
	printf '%s: %s\n' "$1" "$(tr '\n' ' ' <<<"$ours")"
}

# initiators_up: ours and Debian's, beside each other.
initiators_up() {
	initiator_up
	modprobe iscsi_tcp
	echo "InitiatorName=${prefix}open-iscsi" >/etc/iscsi/initiatorname.iscsi
	iscsid
}

nvmet=/sys/kernel/config/nvmet

# nvmet_up: one subsystem on one port; every connection makes a controller of its own.
nvmet_up() {
	local subsystem=$nvmet/subsystems/nqn.bench port=$nvmet/ports/1
	# Each controller is a disk by itself, as a SCSI disk is without dm-multipath.
	modprobe nvme_core multipath=N
	modprobe -a nvmet nvmet-tcp nvme-tcp
	mkdir "$subsystem"
	echo 1 >"$subsystem/attr_allow_any_host"
	mkdir "$subsystem/namespaces/1"
	echo -n $nvmet_backing >"$subsystem/namespaces/1/device_path"
	echo 1 >"$subsystem/namespaces/1/enable"
	mkdir "$port"
	echo tcp >"$port/addr_trtype"
	echo ipv4 >"$port/addr_adrfam"
	echo 127.0.0.1 >"$port/addr_traddr"
	echo 4420 >"$port/addr_trsvcid"
	ln -s "$subsystem" "$port/subsystems/nqn.bench"
}

# nvme_connect OPTION...: prints the name of the disk of a new controller.
nvme_connect() {
	local host=12345678-1234-1234-1234-123456789abc options answer disk
	options=$(IFS=,; echo "nqn=nqn.bench,transport=tcp,traddr=127.0.0.1,trsvcid=4420,hostid=$host,duplicate_connect${*:+,$*}")
	exec 8<>/dev/nvme-fabrics
	echo "$options,hostnqn=nqn.2014-08.org.nvmexpress:uuid:$host" >&8
	read -r answer <&8
	exec 8<&-
	disk=nvme${answer#instance=}
	disk=${disk%%,*}n1
	wait_for 20 "$disk" test -b "/dev/$disk"
	echo "$disk"
}

# loop_up: the LIO device as a SCSI disk without a network.
loop_up() {
	local tpg=$lio/loopback/naa.5001405000000001/tpgt_1
	modprobe tcm_loop
	mkdir -p "$tpg/lun/lun_0"
	echo naa.5001405000000002 >"$tpg/nexus"
	ln -s "$store" "$tpg/lun/lun_0/store"
}

# loop_host: the device directory of its host.
loop_host() {
	local each
	for each in /sys/class/scsi_host/host*; do
		if [ "$(cat "$each/proc_name")" = tcm_loopback ]; then
			realpath "$each/device"
			return
		fi
	done
	return 1
}

# disk_found COMMAND...: prints the name of the disk behind the directory that the command prints, once
# it is there, set up like all others: no scheduler, no merging, and no request is split.
disk_found() {
	local disk queue
	wait_for 20 "disk of $*" disk_of_directory "$@"
	disk=$(disk_of_directory "$@")
	queue=/sys/block/$disk/queue
	wait_for 20 "/dev/$disk" test -b "/dev/$disk"
	echo none >"$queue/scheduler"
	echo 2 >"$queue/nomerges"
	[ "$(cat "$queue/max_sectors_kb")" -ge 256 ] || fail "$disk splits requests of 256 KiB"
	echo "$disk"
}

disk_of_directory() {
	local directory
	directory=$("$@") && disk_behind "$directory"
}

session_directory() {
	local session
	session=$(session_of "$@") && realpath "$session/device"
}

# The sets of disks, by initiator: parameters equal, without and with digests; and with wide parameters.
declare -A disks_none disks_crc disks_wide

# set_up: everything that is compared.
# shellcheck disable=SC2034  # The sets are taken by name.
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

# fio_turns OPTION...: fio with what all runs have in common.
fio_turns() {
	fio --ioengine=io_uring --direct=1 --group_reporting --time_based --norandommap \
		--randrepeat=1 --disk_util=0 --lat_percentiles=1 --clat_percentiles=0 --output-format=json \
		--output=fio.json "$@" >fio.log 2>&1 </dev/null || fail "fio: $(cat fio.log fio.json)"
}
