#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""profile.py DIRECTORY [LINES]: reads what profile.sh has left in a directory and prints, for each
workload and initiator, the instructions per I/O by module and by function, with calls per I/O.
"""

import bisect
import collections
import json
import pathlib
import subprocess
import sys

# Functions whose calls tell how the work is cut up.
COUNTED = (
    "__schedule", "__switch_to_asm", "try_to_wake_up", "sock_sendmsg", "sock_recvmsg", "tcp_sendmsg",
    "tcp_sendmsg_locked", "tcp_recvmsg", "tcp_recvmsg_locked", "tcp_read_sock", "__tcp_transmit_skb",
    "tcp_v4_rcv", "__tcp_cleanup_rbuf", "lock_sock_nested", "release_sock", "kick_ilb",
    "queue_work_on", "crc32c", "scsi_done", "scsi_queue_rq",
)  # fmt: skip


class Symbols:
    """The functions of the kernel and its modules, by address."""

    def __init__(self, path):
        text = subprocess.run(
            ["c++filt", "--format=rust"], input=path.read_text(), capture_output=True,
            text=True, check=True,
        ).stdout  # fmt: skip
        entries = []
        for line in text.splitlines():
            address, kind, rest = line.split(" ", 2)
            if kind in "tTwW":
                name, _, module = rest.partition("\t")
                entries.append((int(address, 16), name, module.strip("[]") or "kernel"))
        entries.sort(key=lambda entry: entry[0])
        self.addresses = [entry[0] for entry in entries]
        self.entries = entries

    def find(self, address):
        """The start, name and module of what is executed at an address."""
        index = bisect.bisect_right(self.addresses, address) - 1
        if address < 1 << 63 or index < 0:
            return 0, "(user space)", "user"
        return self.entries[index]


def report(directory, symbols, count):
    """One workload with one initiator."""
    text = (directory / "fio.json").read_text()
    job = json.loads(text[text.index("{\n") :])["jobs"][0]
    ios = job["read"]["total_ios"] + job["write"]["total_ios"]
    functions, modules, calls = (collections.Counter() for _ in range(3))
    for line in (directory / "counts").read_text().splitlines():
        address, instructions, executions = line.split()
        address, executed = int(address, 16), int(executions)
        start, name, module = symbols.find(address)
        functions[name, module] += int(instructions) * executed
        modules[module] += int(instructions) * executed
        if address == start:
            calls[name] += executed
    total = sum(modules.values())
    print(f"== {directory.parent.name} {directory.name}: {total / ios:.0f} instructions per I/O")
    print("   " + ", ".join(f"{name} {number / ios:.0f}" for name, number in modules.most_common(12)))
    print("   calls: " + ", ".join(f"{name} {calls[name] / ios:.2f}" for name in COUNTED if calls[name]))
    for (name, module), number in functions.most_common(count):
        print(f"   {number / ios:9.0f}  {calls[name] / ios:8.2f}  {name} [{module}]")


def main():
    """Reads and prints."""
    directory = pathlib.Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    symbols = Symbols(directory / "kallsyms")
    for counts in sorted(directory.glob("profile/*/*/counts")):
        report(counts.parent, symbols, count)


if __name__ == "__main__":
    main()
