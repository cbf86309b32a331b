#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A bad network, and TCP short of everything: packets are lost and late, packets are small, windows are
# small, TCP is short of memory, the writer gets signals or is killed. What was written is what is read,
# and one connection lasts through all of it.
#
# beds: uml
# long-beds: uml-debug
# timeout: 240

. "$(dirname "$0")/lib.sh"

name=${prefix}net
size=$(scaled 4 2)

# through WHAT: writes and reads back, with both ways to send and both ways to receive.
through() {
	note "$1"
	fio_job --filename="$disk" --size="${size}M" --rw=randwrite --bssplit="$mixed_sizes" --name=many --iodepth=16
	fio_job --filename="$disk" --size="${size}M" --rw=randwrite --bs=4k --number_ios=100 --name=one --iodepth=1
	equal 'the last error' "$(session_field $name .last_error)" null
}

# writes COUNT: more than so many writes have gone to the disk.
writes() {
	[ "$(write_count)" -gt "$1" ]
}

write_count() {
	awk '{ print $5 + $10 }' "/sys/block/${disk##*/}/stat"
}

# catches_usr1 PROCESS: dd does, and no longer the shell before it, which catches its children's end too.
catches_usr1() {
	local mask
	mask=$(awk '$1 == "Name:" { name = $2 } $1 == "SigCgt:" && name == "dd" { print $2 }' "/proc/$1/status")
	((0x${mask:-0} & 0x200 && !(0x${mask:-0} & 0x10000)))
}

# connected NAME=VALUE...: a session under settings of TCP that a connection takes at its beginning.
connected() {
	local pair
	for pair; do
		sysctl -qw "$pair"
	done
	login $name
	disk=$(disk_of $name 1)
}

# overflowed: what TCP had to copy together for want of room, and what it dropped then.
overflowed() {
	nstat -z TcpExtPruneCalled TcpExtRcvPruned | awk '/Prune/ { sum += $2 } END { print sum }'
}

# losses: how often the kernel has told why a connection ended.
losses() {
	dmesg | grep -cF "($name)" || true
}

target_up lio $name 127.0.0.1:3260 16M
target_set $name HeaderDigest=CRC32C,None DataDigest=CRC32C,None
initiator_up
memory=$(sysctl -n net.ipv4.tcp_mem)

connected net.ipv4.tcp_slow_start_after_idle=1
tc qdisc add dev lo root netem delay 200us 100us loss 1% limit 10000
through 'packets are lost and late, as long as loopback makes them'
ip link set lo mtu 1500
ethtool -K lo tso off gso off gro off
through 'the same with packets of 1500 bytes'
tc qdisc del dev lo root
through 'packets of 1500 bytes'

sysctl -qw net.ipv4.tcp_notsent_lowat=4096
through 'little may be unsent'
note 'the writer gets signals all the time'
pattern=$work/pattern
head -c 2M /dev/urandom >"$pattern"
mkfifo "$work/feed"
exec 3<>"$work/feed"
for bs in 4 256; do
	dd if="$work/feed" of="$disk" bs=${bs}k count=$((2048 / bs)) iflag=fullblock oflag=direct 2>/dev/null &
	writer=$!
	wait_for 60 'handler of signals' catches_usr1 $writer
	cat "$pattern" >&3 &
	while kill -USR1 $writer 2>/dev/null; do
		:
	done
	wait $writer || fail "dd: exit code $?"
	cmp -n 2M "$pattern" "$disk" || fail "blocks of $bs KiB"
done
exec 3>&-
note 'the writer is killed'
for turn in 1 2 3 4 5; do
	before=$(write_count)
	dd if=/dev/zero of="$disk" bs=256k count=64 oflag=direct status=none &
	writer=$!
	wait_for 60 "write of turn $turn" writes "$before"
	kill -KILL $writer 2>/dev/null || true
	wait $writer 2>/dev/null || true
done
through 'and then another one'
logout $name

connected 'net.ipv4.tcp_rmem=4096 8192 16384' 'net.ipv4.tcp_wmem=4096 8192 16384'
through 'buffers are small'
logout $name

iscsiadm modify target-param -h CRC32 -d CRC32 $name
connected 'net.ipv4.tcp_rmem=4096 131072 6291456' 'net.ipv4.tcp_wmem=4096 16384 4194304' 'net.ipv4.tcp_mem=16 32 4096'
through 'TCP is short of memory'
logout $name
note 'short and long reads in turn: the room for what arrives suffices'
ip link set lo mtu 65536
ethtool -K lo tso on gso on gro on
connected "net.ipv4.tcp_mem=$memory" net.ipv4.tcp_notsent_lowat=4294967295
nstat -n
fio_job --filename="$disk" --size=16M --io_size=48M --rw=randread --bsrange=4k-2M --verify=0 --name=mixed
equal 'packets without room' "$(overflowed)" 0
note 'TCP has no memory at all: what has come is read, or no more would come'
before=$(losses)
sysctl -qw 'net.ipv4.tcp_mem=1 1 16'
fio_job --filename="$disk" --size=16M --io_size=8M --rw=randread --bs=1M --iodepth=4 --verify=0 --name=starved
sysctl -qw "net.ipv4.tcp_mem=$memory"
equal 'connections that were lost' "$(losses)" "$before"
logout $name

note 'the buffer is not less than what TCP has told of'
connected 'net.ipv4.tcp_rmem=4096 131072 32768'
buffer=$(ss -Htmn 'dport = :3260' | sed -n 's/.*,rb\([0-9]*\),.*/\1/p')
[ "$buffer" -ge 65536 ] || fail "the buffer has $buffer bytes"
logout $name
target_down $name
initiator_down
