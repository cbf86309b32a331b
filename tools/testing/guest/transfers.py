#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""transfers.py BYTES OPERATION:DISK:FILE...: reads or writes the first BYTES bytes of each disk, each in one
command and all at the same time. FILE is what the target keeps the disk in.

What is read was not there before, and neither was what is written. Prints a line for each: `right` or
`wrong`, for what came or what is in the file, or the error.
"""

import errno
import mmap
import os
import sys
import threading


def transfer(operation, disk, path, count):
    """One of them; says how it went."""
    data = os.urandom(count)
    room = mmap.mmap(-1, count)
    disk = os.open(disk, os.O_RDWR | os.O_DIRECT)
    path = os.open(path, os.O_RDWR)
    try:
        if operation == "read":
            os.pwrite(path, data, 0)
            done = os.preadv(disk, [room], 0)
            got = room[:]
        else:
            room[:] = data
            done = os.pwritev(disk, [room], 0)
            got = os.pread(path, count, 0)
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        os.close(disk)
        os.close(path)
    return "right" if done == count and got == data else "wrong"


def main():
    count = int(sys.argv[1])
    results = {}

    def run(number, words):
        results[number] = transfer(*words.split(":"), count)

    threads = [threading.Thread(target=run, args=each) for each in enumerate(sys.argv[2:])]
    for thread in threads:
        thread.start()
    for number, thread in enumerate(threads):
        thread.join()
        print(results.get(number, "failed"))


main()
