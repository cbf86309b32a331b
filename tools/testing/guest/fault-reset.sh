#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Commands that wait for the window while something happens. A LUN reset whose answer opens it: the
# mid-layer's error handler has the command by then, so the first one to be sent is the handler's own. A lost
# connection: what was never sent is sent after the next login, even if it may not be tried again.
#
# beds: uml
# long-beds: uml-debug
# timeout: 120
# shared-boot: yes

. "$(dirname "$0")/lib.sh"
. "$here/fault-lib.sh"

name=${prefix}faults
portal=127.0.0.1:3270

held() {
	[ "$(tell "$name" held)" = "$1" ]
}

timed_out() {
	[ $(($(cat "$device/iotmo_cnt"))) = "$1" ]
}

# test_unit_ready DISK: sends that command with SG_IO; the kernel tries none of these again.
test_unit_ready() {
	perl -we '
		# struct sg_io_hdr of <scsi/sg.h>.
		my $layout = "i i C C S L Q Q Q L L i x4 Q C C C C S S i L L x4";
		my ($cdb, $sense) = ("\0" x 6, "\0" x 64);
		open my $node, "+<", $ARGV[0] or die "$ARGV[0]: $!\n";
		my $header = pack $layout, ord "S", -1, 6, 64, 0, 0, 0, unpack("Q", pack "P", $cdb),
			unpack("Q", pack "P", $sense), 60000, (0) x 13;
		ioctl $node, 0x2285, $header or die "SG_IO: $!\n";
		my ($status, $host) = (unpack $layout, $header)[13, 17];
		die "status $status, host status $host\n" if $status || $host;
	' "$1"
}

# has_more_requests: the mid-layer has given another command to the initiator.
has_more_requests() {
	local now
	read -r now <"$device/iorequest_cnt"
	[ $((now)) -gt $((requests)) ]
}

target_up scripted "$name" "$portal" 16M 16M
initiator_up
# One command at a time, from the login on.
tell "$name" window=1
login "$name"
disk=$(disk_of "$name" 1)
other=$(disk_of "$name" 2)
settled
pattern "$work/pattern" 4096
dd if="$work/pattern" of="$disk" bs=4k seek=3 oflag=direct status=none
settled
# It reads a disk that was written to, or says that it was reset, and would be the one whose read is held.
udev_stop

note 'while a command of one unit is held, one of the other runs out of its time twice'
device=/sys/block/$(basename "$disk")/device
equal 'timeouts until now' "$(cat "$device/iotmo_cnt")" 0x0
begin "$name" window=1 read:hold*1 read:close-window=600000*1 lun-reset=open
echo 300 >"/sys/block/$(basename "$other")/device/timeout"
dd if="$other" of=/dev/null bs=4k count=1 iflag=direct status=none &
holder=$!
wait_for 10 'held command' held 1
echo 1 >"$device/timeout"
echo 60 >"$device/eh_timeout"
dd if="$disk" of="$work/got" bs=4k skip=3 count=1 iflag=direct status=none &
waiter=$!
wait_for 60 'second timeout' timed_out 2

note 'nothing else is under way now, so that the error handler begins'
tell "$name" release
wait $holder || fail 'the held command has failed'
wait $waiter || fail 'the command that waited has failed'
cmp "$work/pattern" "$work/got" || fail 'wrong bytes were read'

report "$name"
equal 'LUN resets' "$(reported lun_resets)" 1
equal 'logins' "$(reported logins)" 0
first=$(awk '/LOGICAL UNIT RESET/ { reset = 1 } reset && /< command/ { print; exit }' "$work/${name##*:}.log")
matches 'the first command after the reset, a TEST UNIT READY' "$first" '\[00, 00, '

note 'a connection is lost; a pass-through command, which has no retries, has not been sent yet'
begin "$name" window=1 read:hold*1 read:close-window=600000*1
echo 30 >"$device/timeout"
dd if="$other" of=/dev/null bs=4k count=1 iflag=direct status=none &
holder=$!
wait_for 10 'held command' held 1
read -r requests <"$device/iorequest_cnt"
test_unit_ready "$disk" &
waiter=$!
wait_for 10 'command that waits' has_more_requests
tell "$name" send=close
wait $waiter || fail 'the command that waited has failed'
wait $holder || fail 'the command that was sent has failed'
report "$name"
equal 'logins' "$(reported logins)" 1

tell "$name" clear
udev_start
logout "$name"
initiator_down
