#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ext4 and XFS: made, filled, unmounted; after another login every file is right, the file system's own
# checker is content, and so is the target's side when it reads its backing file.
#
# beds: uml uml-debug qemu
# timeout: 150
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

declare -A make=([ext4]='mkfs.ext4 -q -F' [xfs]='mkfs.xfs -q -f')
declare -A check=([ext4]='e2fsck -f -n' [xfs]='xfs_repair -n')

# fill DIRECTORY: files of many sizes, a deep directory, a hole, and a list of sums.
fill() {
	local directory=$1 i sizes=(0 1 511 512 4095 4096 65537 1048577)
	mkdir -p "$directory/a/b/c/d"
	for i in $(seq "$(scaled 100 30)"); do
		head -c "${sizes[i % ${#sizes[@]}]}" /dev/urandom >"$directory/a/file.$i"
	done
	head -c "$(scaled 24M 6M)" /dev/urandom >"$directory/a/b/big"
	truncate -s 40M "$directory/a/b/c/hole"
	echo end >>"$directory/a/b/c/hole"
	rm "$directory"/a/file.1*
	(cd "$directory" && find a -type f -print0 | sort -z | xargs -0 sha256sum >sums)
}

verify() {
	(cd "$1" && sha256sum --quiet --check sums) || fail "files in $1 have changed"
}

one_file_system() {
	local kind=$1 type=$2 name=$prefix$1-$2 disk mounted=$work/mounted sums
	mkdir -p "$mounted"
	target_up "$kind" "$name" 127.0.0.1:3260 320M
	login "$name"
	disk=$(disk_of "$name" 1)

	note "$kind, $type: make and fill"
	${make[$type]} "$disk"
	mount -t "$type" "$disk" "$mounted"
	fill "$mounted"
	sums=$(sum "$mounted/sums")
	umount "$mounted"
	logout "$name"

	note "$kind, $type: log in again and verify"
	login "$name"
	disk=$(disk_of "$name" 1)
	${check[$type]} "$disk" >"$work/check.log" 2>&1 || {
		cat "$work/check.log"
		fail "${check[$type]} is not content"
	}
	mount -t "$type" -o ro "$disk" "$mounted"
	equal 'sum of the sums' "$(sum "$mounted/sums")" "$sums"
	verify "$mounted"
	umount "$mounted"
	logout "$name"

	note "$kind, $type: read the backing file at the target"
	target_down "$name"
	mount -t "$type" -o ro,loop "$(backing "$name" 1)" "$mounted"
	equal 'sum of the sums' "$(sum "$mounted/sums")" "$sums"
	verify "$mounted"
	umount "$mounted"
	rm "$(backing "$name" 1)"
}

modprobe -a loop
initiator_up
for kind in lio tgt; do
	for type in ext4 xfs; do
		one_file_system $kind $type
	done
done
initiator_down
