#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""netlink.py TARGET ROUNDS: talks to the family `iscsi` in bytes. TARGET listens on 127.0.0.1:3260.

The numbers are those of include/uapi/scsi/iscsi_initiator.h, written down a second time: they are an
interface, and must not change by accident.
"""

import errno
import os
import random
import select
import socket
import struct
import sys

NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
NLM_F_DUMP_INTR, NLM_F_CAPPED, NLM_F_ACK_TLVS = 0x10, 0x100, 0x200
NLMSG_ERROR, NLMSG_DONE = 2, 3
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 270, 1, 11, 12
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3

(INITIATOR_GET, INITIATOR_SET, DISCOVERY_GET, DISCOVERY_SET, STATIC_ADD, STATIC_DEL, STATIC_GET,
 TARGET_PARAM_GET, TARGET_PARAM_SET, TARGET_PARAM_DEL, TARGET_GET, TARGET_RESCAN, LUN_GET,
 SESSION_EVENT) = range(1, 15)
DUMPS = (STATIC_GET, TARGET_PARAM_GET, TARGET_GET, LUN_GET)
FREE, LOGGED_IN = 0, 1


def attr(kind, value):
    """An attribute; a number is one of 32 bits, text ends with a zero."""
    if isinstance(value, int):
        value = struct.pack("=I", value)
    elif isinstance(value, str):
        value = value.encode() + b"\0"
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def nest(kind, *attrs):
    """An attribute with attributes in it."""
    return attr(kind | 0x8000, b"".join(attrs))


def parse(data):
    """The last attribute of each kind."""
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        assert 4 <= size <= len(data), "a broken attribute came back"
        found[kind & 0x3FFF] = data[4:size]
        data = data[(size + 3) & ~3:]
    return found


class Refused(Exception):
    """What the kernel said of a request it did not serve."""

    def __init__(self, number, tlvs):
        self.errno = number
        self.text = tlvs.get(1, b"").rstrip(b"\0").decode()
        self.offset = struct.unpack("=I", tlvs[2])[0] if 2 in tlvs else None
        self.missing = struct.unpack("=I", tlvs[5])[0] if 5 in tlvs else None
        super().__init__(f"{os.strerror(number)}: {self.text}")


class Family:
    """A socket that speaks to the family."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        self.socket.bind((0, 0))
        self.socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sequence = 0
        self.dump_messages = 0
        reply = self.talk(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, attr(2, "iscsi"), 0)[0]
        self.family = struct.unpack("=H", reply[1])[0]
        group = parse(parse(reply[7])[1])
        assert group[1] == b"events\0", group
        self.group = struct.unpack("=I", group[2])[0]

    def talk(self, family, command, payload, flags):
        """Sends a request and gathers its answers."""
        self.sequence += 1
        flags |= NLM_F_REQUEST | NLM_F_ACK
        body = struct.pack("=BBH", command, 1, 0) + payload
        self.socket.send(struct.pack("=IHHII", 16 + len(body), family, flags, self.sequence, 0) + body)
        answers = []
        while True:
            data = self.socket.recv(1 << 16)
            self.dump_messages += 1
            while data:
                size, kind, mflags, sequence, _ = struct.unpack_from("=IHHII", data)
                message, data = data[16:size], data[(size + 3) & ~3:]
                assert sequence == self.sequence, "an answer to another request"
                assert not mflags & NLM_F_DUMP_INTR or flags & NLM_F_DUMP == NLM_F_DUMP
                if kind in (NLMSG_ERROR, NLMSG_DONE):
                    code = struct.unpack_from("=i", message)[0]
                    if code == 0:
                        return answers
                    skip = 4
                    if kind == NLMSG_ERROR:
                        echoed = struct.unpack_from("=I", message, 4)[0]
                        skip += 16 if mflags & NLM_F_CAPPED else (echoed + 3) & ~3
                    raise Refused(-code, parse(message[skip:]) if mflags & NLM_F_ACK_TLVS else {})
                answers.append(parse(message[4:]))

    def do(self, command, *attrs):
        """A request that is no dump."""
        return self.talk(self.family, command, b"".join(attrs), 0)

    def dump(self, command, *attrs):
        """A dump."""
        self.dump_messages = 0
        return self.talk(self.family, command, b"".join(attrs), NLM_F_DUMP)


def refused(number, text, call, *args, offset=None, missing=None):
    """The call is refused like this."""
    try:
        call(*args)
    except Refused as refusal:
        assert refusal.errno == number, f"errno {refusal.errno}, not {number}: {refusal.text}"
        assert text in refusal.text, f"'{refusal.text}' does not say '{text}'"
        if offset is not None:
            assert refusal.offset == offset, f"points at {refusal.offset}, not {offset}"
        if missing is not None:
            assert refusal.missing == missing, f"misses {refusal.missing}, not {missing}"
        return
    raise AssertionError(f"not refused: {args}")


def v4(a, b, c, d, port=None):
    """A portal."""
    attrs = [attr(1, bytes((a, b, c, d)))]
    if port is not None:
        attrs.append(attr(4, struct.pack("=H", port)))
    return nest(2, *attrs)


def v6(octets, scope=None):
    """An IPv6 portal."""
    attrs = [attr(2, octets)]
    if scope is not None:
        attrs.append(attr(3, scope))
    return nest(2, *attrs)


PREFIX = "iqn.2026-11.org.example:"
ME = PREFIX + "netlink"
U8_OFF, U8_ON = b"\0", b"\1"


def permissions():
    """Nobody but root."""
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        try:
            family = Family()
            for command in range(1, 14):
                for call in (family.do, family.dump):
                    try:
                        call(command)
                        os._exit(1)
                    except Refused as refusal:
                        if refusal.errno not in (errno.EPERM, errno.EOPNOTSUPP):
                            os._exit(2)
            try:
                family.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, family.group)
                os._exit(3)
            except PermissionError:
                os._exit(0)
        except BaseException:
            os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "an unprivileged user gets in"


def refusals(f):
    """Each has errno, sentence and place. Attributes start at 20; those of the first nest at 24."""
    einval = errno.EINVAL
    refused(einval, "node name is not set", f.do, DISCOVERY_SET, attr(1, U8_ON))
    refused(einval, "must be 0 or 1", f.do, DISCOVERY_SET, attr(1, b"\2"), offset=20)
    refused(einval, "unknown iSCSI name type.", f.do, INITIATOR_SET, attr(1, "name"), offset=20)
    refused(einval, "not UTF-8", f.do, INITIATOR_SET, attr(2, b"\xff\xfe\0"), offset=20)
    refused(einval, "Name too long", f.do, INITIATOR_SET, attr(2, "x" * 224), offset=20)
    refused(einval, "missing target name", f.do, STATIC_ADD, nest(1, v4(10, 0, 0, 1)), missing=1)
    name = attr(1, ME)
    place = 24 + len(name)
    refused(einval, "missing target address", f.do, STATIC_ADD, nest(1, name), missing=2)
    refused(einval, "missing target address", f.do, STATIC_ADD, nest(1, name, nest(2)), offset=place)
    refused(einval, "port number out of range", f.do, STATIC_ADD, nest(1, name, v4(10, 0, 0, 1, 0)))
    for octets in ((0, 0, 0, 0), (224, 0, 0, 1), (255, 255, 255, 255)):
        refused(einval, "invalid IP address", f.do, STATIC_ADD, nest(1, name, v4(*octets)), offset=place + 4)
    local = bytes((0xFE, 0x80)) + bytes(13) + b"\1"
    remote = bytes((0x20, 1, 0x0D, 0xB8)) + bytes(11) + b"\1"
    refused(einval, "needs a scope", f.do, STATIC_ADD, nest(1, name, v6(local)))
    refused(einval, "only a link-local", f.do, STATIC_ADD, nest(1, name, v6(remote, 1)))
    both = nest(2, attr(1, b"\x0a\0\0\1"), attr(2, remote))
    refused(einval, "not both", f.do, STATIC_ADD, nest(1, name, both))
    refused(errno.ENOENT, "not found", f.do, STATIC_DEL, nest(1, name), offset=20)
    refused(einval, "missing entry", f.do, STATIC_DEL, missing=1)
    refused(einval, "missing target name", f.do, STATIC_DEL, nest(1), missing=1)
    refused(errno.ENOENT, "not found", f.do, TARGET_PARAM_GET, name)
    refused(errno.ENOENT, "not found", f.do, TARGET_PARAM_DEL, name)
    refused(errno.ENOENT, "no session", f.do, TARGET_RESCAN, attr(3, ME))
    refused(einval, "missing login parameters", f.do, TARGET_PARAM_SET, attr(2, ME), missing=1)

    def param(*attrs):
        return f.do(TARGET_PARAM_SET, nest(1, *attrs), attr(2, ME))

    inside = 24
    for kind in (3, 4, 5):
        for value in (0, 511, 1 << 24, 0xFFFFFFFF):
            refused(einval, "between 512 and 16777215", param, attr(kind, value), offset=inside)
    for kind in (10, 11):
        refused(einval, "between 0 and 3600", param, attr(kind, 3601), offset=inside)
    for kind in (6, 7, 8, 9):
        refused(einval, "must be 0 or 1", param, attr(kind, b"\2"), offset=inside)
    for kind in (12, 13, 14):
        refused(errno.EOPNOTSUPP, "not supported", param, attr(kind, 1), offset=inside)
    refused(einval, "only the target", param, attr(15, 512), offset=inside)
    refused(einval, "firstBurstLength must be less", param, attr(5, 0xFFFFFF))
    refused(einval, "maxBurstLength must be greater", param, attr(4, 512))
    # Nothing of that had an effect, and in one step both can be changed.
    assert f.dump(TARGET_PARAM_GET) == []
    param(attr(5, 512), attr(4, 512))
    refused(einval, "firstBurstLength must be less", param, attr(5, 513))
    param(attr(5, 0xFFFFFF), attr(4, 0xFFFFFF))
    configured = parse(f.do(TARGET_PARAM_GET, name)[0][3])
    assert configured == {4: struct.pack("=I", 0xFFFFFF), 5: struct.pack("=I", 0xFFFFFF)}
    f.do(TARGET_PARAM_DEL, name)


def lists(f):
    """Many entries: all of them, once, in order, over more than one message."""
    names = [f"{PREFIX}{n:03}-{'x' * 160}" for n in range(300)]
    order = names[:]
    random.shuffle(order)

    def entry(n, name):
        return nest(1, attr(1, name), v4(127, 0, 1 + n // 200, 1 + n % 200), attr(3, b"\7\0"))

    for n, name in enumerate(order):
        f.do(STATIC_ADD, entry(n, name))
    # All or nothing.
    other = entry(0, ME)
    refused(errno.EEXIST, "already configured", f.do, STATIC_ADD, other, entry(0, order[0]), offset=20 + len(other))
    got = [entry[1].decode().rstrip("\0") for entry in f.dump(STATIC_GET)]
    assert got == order, "static targets are not listed as they were added"
    assert f.dump_messages > 2
    got = [entry[1].decode().rstrip("\0") for entry in f.dump(TARGET_PARAM_GET)]
    assert got == names, "parameters are not listed by name"
    # Without the tag, any tag is meant; with another one, none.
    refused(errno.ENOENT, "", f.do, STATIC_DEL, nest(1, attr(1, order[0]), attr(3, b"\6\0")))
    # All or nothing.
    there = nest(1, attr(1, order[0]))
    refused(errno.ENOENT, "", f.do, STATIC_DEL, there, nest(1, attr(1, ME)), offset=20 + len(there))
    assert len(f.dump(STATIC_GET)) == len(order)
    for name in order:
        f.do(STATIC_DEL, nest(1, attr(1, name)))
    assert f.dump(STATIC_GET) == []


def events(f, target):
    """A login and a logout are told, and the session shows while it is there."""
    listener = Family()
    listener.socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, f.group)

    def next_event():
        while True:
            assert select.select([listener.socket], [], [], 20)[0], "no event within 20 s"
            message = listener.socket.recv(1 << 16)
            assert message[16] == SESSION_EVENT
            event = parse(message[20:])
            assert event[2] == target.encode() + b"\0"
            old, new = (struct.unpack("=I", event[kind])[0] for kind in (3, 4))
            if old != new:
                return old, new

    f.do(STATIC_ADD, nest(1, attr(1, target), v4(127, 0, 0, 1, 3260)))
    assert next_event() == (FREE, LOGGED_IN)
    session = f.dump(TARGET_GET)[0]
    assert session[3] == target.encode() + b"\0" and len(session[7]) == 6
    connection = parse(session[13])
    assert struct.unpack("=I", connection[2])[0] == 2, "the connection is not logged in"
    assert parse(connection[4])[1] == b"\x7f\0\0\1"
    f.do(TARGET_RESCAN)
    luns = f.dump(LUN_GET)
    assert luns and luns == f.dump(LUN_GET, attr(1, session[1]))
    assert f.dump(LUN_GET, attr(1, 0xFFFFFFFF)) == []
    f.do(STATIC_DEL, nest(1, attr(1, target)))
    assert next_event() == (LOGGED_IN, FREE)
    assert f.dump(TARGET_GET) == []


def abandoned_dump(f):
    """A list that nobody reads to its end holds nothing up but itself."""
    for n in range(100):
        f.do(STATIC_ADD, nest(1, attr(1, f"{PREFIX}{n}-{'x' * 160}"), v4(127, 0, 1, 1 + n)))
    reader = Family()
    body = struct.pack("=BBH", STATIC_GET, 1, 0)
    flags = NLM_F_REQUEST | NLM_F_DUMP
    reader.socket.send(struct.pack("=IHHII", 16 + len(body), reader.family, flags, 99, 0) + body)
    for n in range(100):
        f.do(STATIC_DEL, nest(1, attr(1, f"{PREFIX}{n}-{'x' * 160}")))
    reader.socket.close()


def harmful(f, rounds):
    """Messages that mean nothing: served or refused, and each refusal has a sentence."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}, {rounds} messages")
    rand = random.Random(seed)
    words = [PREFIX + "fuzz", "eui.0123456789abcdef", "iqn.", "x" * 300, "", "\x7f\0\xe9"]

    def value(depth):
        choice = rand.randrange(7)
        if choice == 0:
            return rand.choice(words)
        if choice == 1:
            return rand.choice((0, 1, 511, 512, 3600, 1 << 24, 0xFFFFFFFF))
        if choice == 2:
            return rand.choice((U8_OFF, U8_ON, b"\2"))
        if choice == 3:
            return rand.randbytes(rand.choice((2, 4, 16)))
        if choice == 4 and depth < 3:
            return attrs(depth + 1)
        return rand.randbytes(rand.randrange(40))

    def attrs(depth=0):
        found = b""
        for _ in range(rand.randrange(5)):
            kind = rand.choice((1, 2, 3, 4, 5, rand.randrange(20))) | rand.choice((0, 0x8000, 0x8000))
            found += attr(kind, value(depth))
        if found and rand.randrange(10) == 0:
            where = rand.randrange(len(found))
            found = found[:where] + rand.randbytes(1) + found[where + 1:]
        if rand.randrange(10) == 0:
            found = found[:rand.randrange(len(found) + 1)]
        return found

    served = 0
    for _ in range(rounds):
        command = rand.randrange(0, 16)
        call = f.dump if rand.randrange(8) == 0 else f.do
        message = attrs()
        if command in (DISCOVERY_SET,):
            # Not enabled: the addresses that come up here are somebody's.
            message = attr(1, b"\2")
        try:
            call(command, message)
            served += 1
        except Refused as refusal:
            known = 1 <= command <= LUN_GET and (call == f.do or command in DUMPS)
            assert refusal.text or not known or refusal.errno == errno.EOPNOTSUPP, refusal
            assert len(refusal.text) < 80
    print(f"{served} served")
    for entry in f.dump(STATIC_GET):
        try:
            f.do(STATIC_DEL, nest(1, attr(1, entry[1])))
        except Refused as refusal:
            assert refusal.errno == errno.ENOENT
    for entry in f.dump(TARGET_PARAM_GET):
        f.do(TARGET_PARAM_DEL, attr(1, entry[1]))
    assert f.dump(STATIC_GET) == [] and f.dump(TARGET_PARAM_GET) == []


def main():
    """All of it."""
    target, rounds = sys.argv[1], int(sys.argv[2])
    family = Family()
    fresh = family.do(INITIATOR_GET)[0]
    assert 1 not in fresh and 5 not in fresh, "the module is not fresh"
    permissions()
    refusals(family)
    harmful(family, rounds)
    lists(family)
    abandoned_dump(family)
    family.do(INITIATOR_SET, attr(1, ME.upper().replace("IQN", "iqn")), attr(5, b""))
    known = family.do(INITIATOR_GET)[0]
    assert known[1] == ME.encode() + b"\0" and 5 in known
    family.do(DISCOVERY_SET, attr(1, U8_ON))
    assert family.do(DISCOVERY_GET)[0][1] == U8_ON
    events(family, target)
    family.do(DISCOVERY_SET, attr(1, U8_OFF))


if __name__ == "__main__":
    main()
