#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk of 3 TB, whose end only 16-byte CDBs reach, written and read there.
#
# beds: uml uml-debug qemu
# timeout: 60
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

one_kind() {
	local name=$prefix$1-big size=$((3 << 40)) disk file length=$((1 << 20)) start
	target_up "$1" "$name" 127.0.0.1:3260 3T
	login "$name"
	disk=$(disk_of "$name" 1)
	file=$(backing "$name" 1)
	equal 'size of the disk' "$(blockdev --getsize64 "$disk")" $size

	# The start as well: a sector number cut to 32 bits would land there.
	for start in 0 $((2 << 40)) $((size - length)); do
		note "$1: write 1 MiB at $start"
		head -c $length /dev/urandom >"$work/written.$start"
		dd if="$work/written.$start" of="$disk" bs=64k seek=$start oflag=direct,seek_bytes \
			conv=notrunc status=none
	done
	for start in 0 $((2 << 40)) $((size - length)); do
		note "$1: read it back at $start, and from the backing file"
		dd if="$disk" bs=64k skip=$start count=$length iflag=direct,skip_bytes,count_bytes \
			status=none | cmp - "$work/written.$start" || fail 'the disk has other bytes'
		dd if="$file" bs=64k skip=$start count=$length iflag=skip_bytes,count_bytes \
			status=none | cmp - "$work/written.$start" || fail 'the backing file has other bytes'
	done
	logout "$name"
	target_down "$name"
	rm "$file"
}

initiator_up
one_kind lio
one_kind tgt
initiator_down
