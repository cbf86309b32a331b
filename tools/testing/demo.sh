#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the initiator does, as its user types and sees it, in a guest with the kernel that Debian ships.
# Ends well only if the bytes that the target has at the end are the bytes that were written.

. "$(dirname "$0")/guest/lib.sh"

target=iqn.2026-11.org.example:disk
file='a message that travels'

bold='' green='' plain=''
[ "$TERM" = dumb ] || bold=$'\e[1m' green=$'\e[32m' plain=$'\e[0m'

# say TEXT...: what comes next.
say() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# type WORD...: what the user types, and what it prints.
type() {
	printf '%s#%s %s\n' "$green" "$plain" "$*"
	eval "$*"
}

say 'A stock Debian kernel:'
type uname -rv
type modinfo -F description iscsi

say 'The other machine has a disk of 256 MiB for us (here it is a LIO target in the same guest):'
target_up lio $target 127.0.0.1:3260 256M
echo "  target $target"
echo "  portal ${target_portal[$target]}"
echo "  disk   $(backing $target 1), a file"

say 'Load the initiator, give it a name, tell it of the target, and let it log in:'
type modprobe iscsi
type iscsiadm modify initiator-node -N $initiator_name
type iscsiadm add static-config $target,127.0.0.1
type iscsiadm modify discovery --static enable
disk=$(disk_of $target 1)
type iscsiadm list target -S
type lsscsi -t

say 'The disk is like any other:'
type mkfs.ext4 -q -L demo "$disk"
type mount "$disk" /mnt/a
type "echo '$file' | tee /mnt/a/message"
type head -c 4M /dev/urandom \> /mnt/a/noise
type sync
type sha256sum /mnt/a/message /mnt/a/noise
sums=$(cd /mnt/a && sha256sum message noise)
type umount /mnt/a

say 'Read it again, from the target and not from memory:'
echo 3 >/proc/sys/vm/drop_caches
type mount -o ro "$disk" /mnt/a
type cat /mnt/a/message
(cd /mnt/a && sha256sum --quiet --check <<<"$sums") || fail 'the initiator reads other bytes than were written'
type umount /mnt/a
type iscsiadm list target -v

say 'Log out, and unload:'
type iscsiadm remove static-config $target
type lsscsi -t
type rmmod iscsi
rm -f "$database"*

say 'What has the other machine? Its administrator looks into the file:'
target_down $target
modprobe loop
type mount -o ro,loop "$(backing $target 1)" /mnt/b
type cat /mnt/b/message
type sha256sum /mnt/b/message /mnt/b/noise
there=$(cd /mnt/b && sha256sum message noise)
umount /mnt/b
[ "$there" = "$sums" ] || fail 'the target has other bytes than were written'
say 'The same bytes: what was written through iscsi.ko is what the target holds.'
