#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""no-memory.py WHAT ARGUMENT...: makes the kernel's N-th allocation fail, for each N there is.

/proc/PID/fail-nth counts the allocations of one task from then on, whatever they are for, and makes one of
them fail; what is left of the count says whether there were that many. So each of them fails once, and the
walk ends with a pass in which none did.
"""

import collections
import ctypes
import errno
import glob
import itertools
import mmap
import os
import re
import struct
import sys
import time

import netlink
from netlink import Family, Refused, attr, nest, parse, v4

PORTAL = v4(127, 0, 0, 1, 3260)
ON, OFF = attr(1, b"\1"), attr(1, b"\0")
FINIT_MODULE, DELETE_MODULE = 313, 176

# Seconds for what takes a fraction of one.
PATIENCE = 60

outcomes = collections.Counter()


def note(text):
    """Says what comes next."""
    with open("/proc/uptime", encoding="ascii") as uptime:
        print(f"[{uptime.read().split()[0]:>8}] {text}", flush=True)


def wait_for(what, condition):
    """Until it is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"no {what} within {PATIENCE} s"
        time.sleep(0.005)


class Count:
    """The counts of tasks."""

    def __init__(self, *tasks):
        self.files = [os.open(f"/proc/{task}/fail-nth", os.O_RDWR) for task in tasks]

    def set(self, number):
        """The allocation with this number fails in each; 0: none."""
        for file in self.files:
            try:
                os.pwrite(file, b"%d" % number, 0)
            except ProcessLookupError:
                # A kworker that has gone.
                pass

    def left(self):
        """How many are left until one fails; 0: it has."""
        found = []
        for file in self.files:
            try:
                found.append(int(os.pread(file, 16, 0)))
            except ProcessLookupError:
                pass
        return min(found, default=1)

    def close(self):
        """Nothing fails any more."""
        self.set(0)
        for file in self.files:
            os.close(file)


def single_pages(may):
    """Whether single pages may fail. Kernel threads only: user-mode Linux dies if it cannot map a page of a
    program that it copies to.
    """
    with open("/sys/kernel/debug/fail_page_alloc/min-order", "w", encoding="ascii") as file:
        file.write("0" if may else "1")


def attempt(call, number):
    """Calls it with the allocation failing. Whether there was one, and the error or None."""
    error = None
    own.set(number)
    try:
        call()
    except (Refused, OSError) as caught:
        error = caught
    except MemoryError:
        error = OSError(errno.ENOMEM, "no memory for the program itself")
    hit = own.left() == 0
    own.set(0)
    if error:
        outcomes[f"{type(error).__name__}: {error}"] += 1
    elif hit:
        outcomes["done all the same"] += 1
    return hit, error


def numbers(step=1):
    """1, 2, 3 and so on; with a step, every so many of them."""
    return itertools.count((step + 1) // 2, step)


def tell(what, tried):
    """Says what came out of a walk."""
    found = ", ".join(f"{count} x {text}" for text, count in outcomes.most_common())
    note(f"{what}: {tried} failures: {found}")
    outcomes.clear()


# ---- Loading ----

def load(path, step):
    """The module is there or not.

    What the kernel does before it calls the module is its own affair, and it has warnings there for want of
    memory. Where that ends shows a load that the module refuses at once.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def insert(parameters=b""):
        if libc.syscall(FINIT_MODULE, file, parameters, 0):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    many = 1 << 20
    own.set(many)
    try:
        insert(b"retry_delay=0")
        raise AssertionError("a wrong parameter is taken")
    except OSError as error:
        assert error.errno == errno.EINVAL, error
    first = many - own.left()
    own.set(0)
    tried = 0
    for number in itertools.count(first, step):
        hit, error = attempt(insert, number)
        loaded = os.path.exists("/sys/module/iscsi/initstate")
        assert loaded == (error is None), f"number {number}: {error}, but loaded: {loaded}"
        if loaded:
            assert libc.syscall(DELETE_MODULE, b"iscsi", os.O_NONBLOCK) == 0, f"number {number}: it does not go"
        if not hit:
            assert error is None, error
            break
        assert error is None or error.errno in (errno.ENOMEM, errno.ENODEV), error
        tried += 1
    tell(f"loads, from {first}", tried)


# ---- Requests ----

def snapshot():
    """The configuration, and the names of the targets with a session."""
    f = Family()
    initiator = f.do(netlink.INITIATOR_GET)[0]
    # It counts the changes.
    del initiator[6]
    sessions = sorted(session[3] for session in f.dump(netlink.TARGET_GET) if 1 in session)
    state = (initiator, f.do(netlink.DISCOVERY_GET), f.dump(netlink.STATIC_GET), f.dump(netlink.TARGET_PARAM_GET))
    f.socket.close()
    return state, sessions


def users():
    """How many hold the module."""
    with open("/sys/module/iscsi/refcnt", encoding="ascii") as file:
        return int(file.read())


def threads():
    """The numbers of those that sessions and their disks have, by name."""
    found = collections.defaultdict(list)
    for path in glob.glob("/proc/[0-9]*/comm"):
        try:
            with open(path, encoding="ascii") as file:
                name = file.read().strip()
        except OSError:
            continue
        # Whoever runs the queues of disks is one with high priority.
        name = re.sub(r"^kworker/[0-9]+:[0-9]+H.*", "kblockd", name)
        # A thread of a session has its number behind the name.
        name = re.sub(r"^(iscsi_[a-z]+)/[0-9]+$", r"\1", name)
        if name in ("iscsi_tx", "iscsi_rx", "iscsi_ic", "iscsi_wd", "kblockd"):
            found[name].append(path.split("/")[2])
    return found


def walk(what, change, undo=None, wanted=lambda: None, step=1, task=None):
    """A request that changes something, for each allocation.

    Refused, it has changed nothing; its answer lost, all or nothing. Once there is memory it is served.
    `wanted` waits for what follows from it.
    """
    before = snapshot()
    after = None
    tried = 0
    other = Count(task) if task else None
    single_pages(other is not None)
    for number in numbers(step):
        f = Family()
        f.socket.settimeout(PATIENCE)
        if other:
            other.set(number)
            hit, error = attempt(lambda: change(f), 0)
            hit = other.left() == 0
            other.set(0)
        else:
            hit, error = attempt(lambda: change(f), number)
        f.socket.close()
        now = snapshot()
        if error is None:
            after = after or now
            assert now == after, f"{what}, number {number}: served, but it is {now}"
        elif isinstance(error, Refused):
            assert now == before, f"{what}, number {number}: {error}, but it is {now}"
            # The core of netlink has no sentence for it.
            assert hit and (error.text or error.errno == errno.ENOMEM), f"{what}, number {number}: {error}"
        else:
            assert error.errno in (errno.ENOMEM, errno.ENOBUFS), error
        if not now[1]:
            wait_for("module without users", lambda: users() == 0)
        if now != before or error is None:
            wanted()
            if undo:
                f = Family()
                undo(f)
                f.socket.close()
                assert snapshot() == before, f"{what}, number {number}: cannot be undone"
        if not hit:
            assert error is None, f"{what}: {error}"
            break
        tried += 1
    if other:
        other.close()
        single_pages(False)
    tell(what, tried)


def requests():
    """All that are no business of a session."""
    target = netlink.PREFIX + "no-memory"
    name = attr(1, target)
    f = Family()
    f.do(netlink.INITIATOR_SET, attr(1, netlink.ME))
    walk("set the alias", lambda f: f.do(netlink.INITIATOR_SET, attr(2, "x")),
         lambda f: f.do(netlink.INITIATOR_SET, attr(2, "")))
    walk("add a target", lambda f: f.do(netlink.STATIC_ADD, nest(1, name, PORTAL)),
         lambda f: f.do(netlink.STATIC_DEL, nest(1, name)))
    walk("set parameters", lambda f: f.do(netlink.TARGET_PARAM_SET, nest(1, attr(5, 512)), attr(2, target)),
         lambda f: f.do(netlink.TARGET_PARAM_DEL, name))
    walk("enable discovery", lambda f: f.do(netlink.DISCOVERY_SET, ON),
         lambda f: f.do(netlink.DISCOVERY_SET, OFF))
    f.do(netlink.STATIC_ADD, nest(1, name, PORTAL))
    f.do(netlink.TARGET_PARAM_SET, nest(1, attr(5, 512)), attr(2, target))
    walk("remove parameters", lambda f: f.do(netlink.TARGET_PARAM_DEL, name),
         lambda f: f.do(netlink.TARGET_PARAM_SET, nest(1, attr(5, 512)), attr(2, target)))
    f.do(netlink.TARGET_PARAM_DEL, name)
    walk("remove a target", lambda f: f.do(netlink.STATIC_DEL, nest(1, name)),
         lambda f: f.do(netlink.STATIC_ADD, nest(1, name, PORTAL)))
    for command in (netlink.STATIC_GET, netlink.TARGET_PARAM_GET, netlink.TARGET_GET):
        expected = f.dump(command)

        def get(f, command=command, expected=expected):
            assert f.dump(command) == expected

        walk(f"list {command}", get)
    f.do(netlink.STATIC_DEL, nest(1, name))
    f.socket.close()


# ---- Sessions ----

def session(f, target):
    """What the list says of a target's session."""
    for entry in f.dump(netlink.TARGET_GET):
        if entry[3].rstrip(b"\0").decode() == target and 1 in entry:
            return entry
    return None


def logged_in(f, target):
    """Whether it is."""
    entry = session(f, target)
    return entry is not None and struct.unpack("=I", entry[5])[0] == netlink.LOGGED_IN


def sessions(target, step):
    """Sessions are made and removed. TARGET serves."""
    name = attr(1, target)
    f = Family()

    def up():
        wait_for("login", lambda: logged_in(f, target))

    def add(f):
        f.do(netlink.STATIC_ADD, nest(1, name, PORTAL))

    def remove(f):
        f.do(netlink.STATIC_DEL, nest(1, name))

    f.do(netlink.DISCOVERY_SET, ON)
    walk("connect to a target", add, remove, up, step)
    walk("connect, no memory for threads", add, remove, up, max(1, step // 12), task=2)

    def add_and_wait(f):
        add(f)
        up()

    add_and_wait(f)
    walk("log out of a target", remove, add_and_wait, step=max(1, step // 8))
    walk("rescan", lambda f: f.do(netlink.TARGET_RESCAN, attr(3, target)))
    remove(f)
    f.do(netlink.DISCOVERY_SET, OFF)
    f.socket.close()


def refused_logins(target):
    """Logins that the target refuses, when it is asked and only then. All memory of a login is WD's."""
    f = Family()
    f.do(netlink.STATIC_ADD, nest(1, attr(1, target), PORTAL))
    f.do(netlink.DISCOVERY_SET, ON)

    def state():
        entry = session(f, target)
        counters = parse(entry[12])
        return int.from_bytes(counters[1], sys.byteorder), entry.get(11, b"").rstrip(b"\0").decode()

    wait_for("refusal", lambda: "status 0x02" in state()[1])
    tags = itertools.count(1)

    def poke():
        f.do(netlink.STATIC_ADD, nest(1, attr(1, target), PORTAL, attr(3, struct.pack("=H", next(tags)))))

    count = Count(*threads()["iscsi_wd"])
    assert len(count.files) == 1
    single_pages(True)
    tried = 0
    for number in numbers():
        failures = state()[0]
        count.set(number)
        poke()
        wait_for("end of a login", lambda: state()[0] > failures)
        text = state()[1]
        hit = count.left() == 0
        count.set(0)
        if "status 0x02" not in text:
            outcomes[text] += 1
            poke()
            wait_for("refusal", lambda: "status 0x02" in state()[1])
        elif hit:
            outcomes["done all the same"] += 1
        if not hit:
            break
        tried += 1
    count.close()
    tell("logins", tried)
    f.do(netlink.DISCOVERY_SET, OFF)
    f.do(netlink.STATIC_DEL, nest(1, attr(1, target)))
    f.socket.close()


# ---- Reading and writing ----

BYTES = 256 << 10


def disk(path):
    """Each thread of a session, and the process itself, while a disk is written and read."""
    fd = os.open(path, os.O_RDWR | os.O_DIRECT)
    memory = mmap.mmap(-1, BYTES)
    for size in (4096, BYTES):
        buffer = memoryview(memory)[:size]
        for name, tasks in sorted(threads().items()) + [("self", ["thread-self"])]:
            count = Count(*tasks)
            single_pages(name != "self")
            tried = 0
            for number in numbers():
                pattern = os.urandom(16) * (size // 16)
                buffer[:] = pattern
                count.set(number)
                try:
                    assert os.pwrite(fd, buffer, 0) == size
                    buffer[:] = bytes(size)
                    assert os.preadv(fd, [buffer], 0) == size
                    text = "done all the same"
                except OSError as error:
                    # Nobody but who asks may hear of it.
                    assert name == "self" and error.errno in (errno.ENOMEM, errno.EAGAIN), (name, error)
                    text = str(error)
                    count.set(0)
                    buffer[:] = pattern
                    assert os.pwrite(fd, buffer, 0) == size
                    assert os.preadv(fd, [buffer], 0) == size
                hit = count.left() == 0
                count.set(0)
                assert bytes(buffer) == pattern, f"{name}, number {number}: other bytes came back"
                if not hit:
                    break
                outcomes[text] += 1
                tried += 1
            count.close()
            tell(f"{size} bytes, {name}", tried)
    os.close(fd)


own = Count("thread-self")
single_pages(False)
what, *arguments = sys.argv[1:]
{
    "load": lambda path, step: load(path, int(step)),
    "requests": requests,
    "sessions": lambda target, step: sessions(target, int(step)),
    "refused-logins": refused_logins,
    "disk": disk,
}[what](*arguments)
