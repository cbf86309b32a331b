#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The netlink family itself, below the CLI: who may use it, that no message harms it, that every refusal
# has a sentence and points at the attribute, lists of many messages, and events.
#
# beds: uml uml-debug qemu
# timeout: 120
# shared-boot: yes

. "$(dirname "$0")/lib.sh"

name=${prefix}lio-netlink

modprobe iscsi
ip link set lo up
target_up lio "$name" 127.0.0.1:3260 8M
python3 -B "$here/netlink.py" "$name" "$(scaled 20000 4000)"
target_down "$name"
module_gone
