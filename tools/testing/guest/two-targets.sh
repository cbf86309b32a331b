#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two sessions to two kinds of target at once, both busy: neither gets a byte of the other.
#
# beds: uml uml-debug qemu
# timeout: 90
# shared-boot: yes

udev=all
. "$(dirname "$0")/lib.sh"

size=$(scaled 64M 8M)
initiator_up
target_up lio ${prefix}lio-two 127.0.0.1:3260 "$size"
target_up tgt ${prefix}tgt-two 127.0.0.1:3261 "$size"
note 'two sessions'
for name in "${targets[@]}"; do
	login "$name"
done
equal 'number of sessions' "$(iscsiadm list target --json | jq length)" 2
equal 'number of ISIDs' "$(iscsiadm list target --json | jq -r '.[].isid' | sort -u | wc -l)" 2
lio_disk=$(disk_of ${prefix}lio-two 1)
tgt_disk=$(disk_of ${prefix}tgt-two 1)

note 'fio on both'
fio_job --rw=write --bssplit="$mixed_sizes" --iodepth=4 --size="$size" \
	--name=lio --filename="$lio_disk" --name=tgt --filename="$tgt_disk"
for name in "${targets[@]}"; do
	cmp "$(disk_of "$name" 1)" "$(backing "$name" 1)" || fail "the disk is not what the backing file is"
done

note 'one goes, the other stays'
logout ${prefix}lio-two
[ ! -e "$lio_disk" ] || fail "$lio_disk is still there"
logged_in ${prefix}tgt-two || fail 'the other session is gone, too'
dd if="$tgt_disk" of=/dev/null bs=64k count=16 iflag=direct status=none
logout ${prefix}tgt-two
target_down ${prefix}lio-two
target_down ${prefix}tgt-two
initiator_down
