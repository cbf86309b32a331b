#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every way in which data may travel to the target: immediate, unsolicited, asked for, in bursts of
# several sizes, several asked for at once; with big writes and with odd ones.
#
# beds: uml uml-debug qemu
# timeout: 150
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

# one_way KIND INITIALR2T IMMEDIATEDATA FIRSTBURST MAXBURST SEGMENT DIGEST R2TS SIZE
one_way() {
	local kind=$1 name=$prefix$1-negotiation big=1M disk negotiated
	[ "$9" != 512k ] || big=512k
	note "$kind: InitialR2T=$2 ImmediateData=$3 FirstBurstLength=$4 MaxBurstLength=$5" \
		"MaxRecvDataSegmentLength=$6 digests $7, MaxOutstandingR2T=$8 at the target"
	# The target's own MaxRecvDataSegmentLength bounds what we send; tgt leaves that to itself.
	target_set "$name" "InitialR2T=$2" "ImmediateData=$3" "FirstBurstLength=$4" "MaxBurstLength=$5" \
		"MaxOutstandingR2T=$8"
	[ "$kind" = tgt ] || target_set "$name" "MaxRecvDataSegmentLength=$6"
	iscsiadm modify target-param -h "$7" -d "$7" \
		-p "initialr2t=${2,,},immediatedata=${3,,},maxburstlength=$5,firstburstlength=$4,maxrecvdataseglen=$6" "$name"
	login "$name"
	negotiated=$(session_field "$name" '.connections[0].negotiated |
		"\(.initialr2t) \(.immediatedata) \(.maxburstlength) \(.headerdigest) \(.datadigest)"')
	equal 'what was negotiated' "$negotiated" \
		"$(tr 'YN' 'yn' <<<"$2 $3" | sed 's/yes/true/g; s/no/false/g') $5 ${7^^} ${7^^}"
	disk=$(disk_of "$name" 1)
	fio_job --filename="$disk" --name=big --rw=write --bs=$big --iodepth=4 --size="$9" \
		--name=mixed --stonewall --rw=randwrite --bsrange=512-300k --bs_unaligned=0 --blockalign=512 \
		--iodepth=16 --offset=16M --size="$9"
	cmp "$disk" "$(backing "$name" 1)" || fail 'the disk is not what the backing file is'
	logout "$name"
}

size=$(scaled 8M 2M)
initiator_up
for kind in lio tgt; do
	target_up $kind $prefix$kind-negotiation 127.0.0.1:3260 32M
	target_set $prefix$kind-negotiation HeaderDigest=CRC32C,None DataDigest=CRC32C,None
	#       kind  R2T immed first   max      segment digest r2ts
	one_way $kind Yes Yes 65536   262144   8192    none  1 "$size"
	one_way $kind Yes No  65536   262144   65536   none  1 "$size"
	one_way $kind No  Yes 65536   262144   8192    CRC32 1 "$size"
	one_way $kind No  No  131072  1048576  262144  none  4 "$size"
	# A PDU for every sector.
	one_way $kind No  Yes 512     512      512     none  1 512k
	one_way $kind Yes Yes 5120    73728    4608    CRC32 8 "$size"
	target_down $prefix$kind-negotiation
done
initiator_down
