# SPDX-License-Identifier: GPL-2.0
"""Each rule, kept and broken, in captures made here and read by tshark like any other.

All conversations go into one capture, each in a connection of its own, so that tshark runs once.
"""

import struct
import unittest

import check
from framing import crc32c
from rules import ASYNC, COMMAND, DATA_IN, DATA_OUT, LOGIN, LOGIN_RESPONSE, LOGOUT, LOGOUT_RESPONSE, NONE
from rules import NOP_IN, NOP_OUT, R2T, REJECT, RESPONSE, TASK_MANAGEMENT, TASK_RESPONSE, TEXT, TEXT_RESPONSE

SNACK = 0x10
IMMEDIATE = 0x40
FINAL = 0x80
READ, WRITE = 0x40, 0x20
STATUS = 0x01
STAT_SN = 500


class Conversation:
    """A connection's PDUs. What is not said otherwise is by the book; `change` and keyword arguments break it."""

    def __init__(self, header_digest=False, data_digest=False):
        self.pdus = []
        self.header_digest = header_digest
        self.data_digest = data_digest
        self.digests = False
        self.cmd_sn = 1
        self.stat_sn = STAT_SN
        self.max_cmd_sn = 8

    def send(self, from_initiator, opcode, flags, words, data=b"", damage=None):
        """`words` are the header's from byte 16 on, by their offsets."""
        header = bytearray(48)
        header[0], header[1] = opcode, flags
        header[5:8] = len(data).to_bytes(3, "big")
        for at, value in words.items():
            if isinstance(value, bytes):
                header[at : at + len(value)] = value
            else:
                struct.pack_into(">I", header, at, value & NONE)
        parts = [bytes(header)]
        if self.digests and self.header_digest:
            parts.append(struct.pack("<I", crc32c(header)))
        if data:
            padded = data + bytes(-len(data) % 4)
            parts.append(padded)
            if self.digests and self.data_digest:
                parts.append(struct.pack("<I", crc32c(padded)))
        pdu = bytearray(b"".join(parts))
        if damage is not None:
            pdu[damage] ^= 0xFF
        self.pdus.append((from_initiator, bytes(pdu)))

    # ---- The initiator

    def request(self, opcode, flags, words, data=b"", damage=None, **change):
        cmd_sn = change.get("cmd_sn", self.cmd_sn)
        words = {24: cmd_sn, 28: change.get("exp_stat_sn", self.stat_sn), **words}
        self.send(True, opcode, flags, words, data, damage)
        if not opcode & IMMEDIATE and opcode != DATA_OUT:
            self.cmd_sn = cmd_sn + 1

    def login(self, ours="", theirs="", status=0, **change):
        digests = f"HeaderDigest={'CRC32C' if self.header_digest else 'None'}\0"
        digests += f"DataDigest={'CRC32C' if self.data_digest else 'None'}\0"
        first = b"InitiatorName=iqn.2026-11.org.example:i\0TargetName=iqn.2026-11.org.example:t\0AuthMethod=None\0"
        isid = {8: b"\x80\0\0\1\0\2"}
        self.request(LOGIN | IMMEDIATE, 0x81, {16: 7, **isid}, first, exp_stat_sn=0)
        self.answer(LOGIN_RESPONSE, 0x81, {16: 7, **isid}, b"AuthMethod=None\0")
        self.request(
            LOGIN | IMMEDIATE, 0x87, {16: change.pop("itt", 7), **isid}, (ours + digests).encode(), **change
        )
        self.answer(LOGIN_RESPONSE, 0x87, {16: 7, 36: status << 16, **isid}, (theirs + digests).encode())
        self.digests = status == 0
        return self

    def command(self, itt, flags, expected=0, data=b"", opcode=COMMAND, **change):
        cdb = b"\x2a" if flags & WRITE else b"\x28" if flags & READ else b"\0"
        self.request(opcode, flags, {8: bytes(8), 16: itt, 20: expected, 32: cdb}, data, **change)
        return self

    def data_out(self, itt, ttt, data_sn, offset, length, flags=0, **change):
        exp_stat_sn = change.pop("exp_stat_sn", self.stat_sn)
        words = {16: itt, 20: ttt, 24: 0, 28: exp_stat_sn, 36: data_sn, 40: offset}
        self.send(True, DATA_OUT, flags, words, bytes(length), **change)
        return self

    def ask(self, opcode, itt, ttt=NONE, **change):
        self.request(opcode, FINAL, {16: itt, 20: ttt}, **change)
        return self

    def abort(self, itt, referenced, ref_cmd_sn, function=1):
        words = {16: itt, 20: referenced, 32: ref_cmd_sn}
        self.request(TASK_MANAGEMENT | IMMEDIATE, FINAL | function, words)
        return self

    # ---- The target

    def answer(self, opcode, flags, words, data=b"", advance=True, damage=None, **change):
        words = {
            24: change.get("stat_sn", self.stat_sn),
            28: change.get("exp_cmd_sn", self.cmd_sn),
            32: change.get("max_cmd_sn", self.max_cmd_sn),
            **words,
        }
        self.send(False, opcode, flags, words, data, damage)
        self.stat_sn += advance
        return self

    def response(self, itt, **change):
        return self.answer(RESPONSE, FINAL, {16: itt}, **change)

    def data_in(self, itt, data_sn, offset, length, flags, **change):
        words = {16: itt, 20: NONE, 36: data_sn, 40: offset}
        return self.answer(DATA_IN, flags, words, bytes(length), advance=bool(flags & STATUS), **change)

    def r2t(self, itt, ttt, r2t_sn, offset, length, **change):
        words = {16: itt, 20: ttt, 36: r2t_sn, 40: offset, 44: length}
        return self.answer(R2T, FINAL, words, advance=False, **change)


def ethernet(source, destination, seq, ack, flags, payload):
    tcp = struct.pack(">HHIIBBHHH", source[1], destination[1], seq & NONE, ack & NONE, 0x50, flags, 0xFFFF, 0, 0)
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 40 + len(payload), 0, 0, 64, 6, 0, bytes(source[0]), bytes(destination[0])
    )
    return bytes(12) + b"\x08\0" + ip + tcp + payload


def record(frame):
    return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


def header():
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1)


def frames(conversation, port, pieces=1460):
    """The conversation as packets, in pieces of at most that many bytes, with a beginning."""
    client, server = ((127, 0, 0, 1), port), ((127, 0, 0, 1), 3260)
    out = [ethernet(client, server, 1000, 0, 0x02, b""), ethernet(server, client, 0xFFFFFF00, 1001, 0x12, b"")]
    seq = {True: 1001, False: 0xFFFFFF01}
    for ours, pdu in conversation.pdus:
        for at in range(0, len(pdu), pieces):
            piece = pdu[at : at + pieces]
            ends = (client, server) if ours else (server, client)
            out.append(ethernet(*ends, seq[ours], seq[not ours], 0x18, piece))
            seq[ours] += len(piece)
    return out


def verdict_on(packets, both=True):
    return check.judge(header() + b"".join(record(each) for each in packets), both)


YES = "InitialR2T=Yes\0ImmediateData=Yes\0MaxBurstLength=4096\0FirstBurstLength=2048\0MaxOutstandingR2T=2\0"
NO = YES.replace("InitialR2T=Yes", "InitialR2T=No")
SEGMENT = "MaxRecvDataSegmentLength=1024\0"
UNSOLICITED = WRITE
W, R = FINAL | WRITE, FINAL | READ


def usual(keys=YES):
    return Conversation().login(keys, keys + SEGMENT)


def solicited():
    """A write of 3000 bytes that is asked for in one go."""
    return usual().command(1, W, 3000).r2t(1, 9, 0, 0, 3000)


def unsolicited():
    """A write of 3000 bytes, 2048 of which are not asked for, 512 of these immediate."""
    return usual(NO).command(1, UNSOLICITED, 3000, bytes(512))


def pinged():
    return usual().answer(NOP_IN, FINAL, {16: NONE, 20: 5}, advance=False)


def growing():
    """A window that grows with each answer, from one command to the next."""
    talk = Conversation()
    talk.max_cmd_sn = 1
    talk.login(YES, YES + SEGMENT)
    for itt in range(3):
        talk.command(itt, FINAL)
        talk.max_cmd_sn += 1
        talk.response(itt)
    return talk


# Name: what is said, and the section of the rule that the initiator breaks with it, or None.
CASES = {
    "solicited data": (solicited().data_out(1, 9, 0, 0, 1024).data_out(1, 9, 1, 1024, 1024)
                       .data_out(1, 9, 2, 2048, 952, FINAL).response(1), None),
    "unsolicited data": (unsolicited().data_out(1, NONE, 0, 512, 1024).data_out(1, NONE, 1, 1536, 512, FINAL)
                         .r2t(1, 9, 0, 2048, 952).data_out(1, 9, 0, 2048, 952, FINAL).response(1), None),
    "a read": (usual().command(1, R, 3000).data_in(1, 0, 0, 1024, 0).data_in(1, 1, 1024, 1976, FINAL | STATUS), None),
    "an immediate command": (usual().command(1, FINAL).command(2, FINAL, opcode=COMMAND | IMMEDIATE)
                             .command(3, FINAL).response(1).response(2).response(3), None),
    "a tag used again": (usual().command(1, FINAL).response(1).command(1, FINAL).response(1), None),
    "an answered ping": (pinged().ask(NOP_OUT | IMMEDIATE, NONE, 5), None),
    "a ping": (usual().ask(NOP_OUT, 1).answer(NOP_IN, FINAL, {16: 1, 20: NONE}), None),
    "an abort": (usual().command(1, FINAL).abort(2, 1, 1).answer(TASK_RESPONSE, FINAL, {16: 2})
                 .command(1, FINAL).response(1), None),
    "a logout": (usual().ask(LOGOUT, 1).answer(LOGOUT_RESPONSE, FINAL, {16: 1}), None),
    "a window that grows": (growing(), None),
    "two R2Ts in order": (usual().command(1, W, 2000).r2t(1, 8, 0, 0, 1000).r2t(1, 9, 1, 1000, 1000)
                          .data_out(1, 8, 0, 0, 1000, FINAL).data_out(1, 9, 0, 1000, 1000, FINAL).response(1), None),
    "a failed login": (Conversation().login(YES, YES, status=0x0203), None),
    "two commands' unsolicited data in order": (
        unsolicited().command(2, UNSOLICITED, 3000).data_out(1, NONE, 0, 512, 1024)
        .data_out(1, NONE, 1, 1536, 512, FINAL).data_out(2, NONE, 0, 0, 1024).data_out(2, NONE, 1, 1024, 1024, FINAL),
        None),

    "CmdSN with a gap": (usual().command(1, FINAL).command(2, FINAL, cmd_sn=3), "4.2.2.1"),
    "CmdSN used twice": (usual().command(1, FINAL).command(2, FINAL, cmd_sn=1), "4.2.2.1"),
    "an immediate command that takes a number": (
        usual().command(1, FINAL, opcode=COMMAND | IMMEDIATE).command(2, FINAL, cmd_sn=2), "4.2.2.1"),
    "a first CmdSN that is not the login's": (usual().command(1, FINAL, cmd_sn=2), "4.2.2.1"),
    "CmdSN beyond the window": (growing().command(7, FINAL).command(8, FINAL), "4.2.2.1"),
    "ExpStatSN ahead": (usual().command(1, FINAL, exp_stat_sn=STAT_SN + 3), "4.2.2.2"),
    "ExpStatSN that goes back": (usual().command(1, FINAL).response(1).command(2, FINAL)
                                 .command(3, FINAL, exp_stat_sn=STAT_SN + 2), "4.2.2.2"),
    "ExpStatSN that stands still": (growing().command(7, FINAL, exp_stat_sn=STAT_SN + 4), None),
    "ExpStatSN that stays behind": (growing().command(7, FINAL, exp_stat_sn=STAT_SN + 3), "4.2.2.2"),
    "ExpStatSN ahead in data": (solicited().data_out(1, 9, 0, 0, 1024, exp_stat_sn=STAT_SN + 9), "4.2.2.2"),
    "a tag of a task that is not over": (usual().command(1, FINAL).command(1, FINAL), "11.2.1.8"),
    "the reserved tag": (usual().command(NONE, FINAL), "11.2.1.8"),
    "DataSN that begins with 1": (solicited().data_out(1, 9, 1, 0, 1024), "11.7.5"),
    "DataSN that stands still": (solicited().data_out(1, 9, 0, 0, 1024).data_out(1, 9, 0, 1024, 1024), "11.7.5"),
    "DataSN that goes on in another sequence": (
        unsolicited().data_out(1, NONE, 0, 512, 1024).data_out(1, NONE, 1, 1536, 512, FINAL)
        .r2t(1, 9, 0, 2048, 952).data_out(1, 9, 2, 2048, 952, FINAL), "11.7.5"),
    "a hole in the offsets": (solicited().data_out(1, 9, 0, 0, 1000).data_out(1, 9, 1, 1004, 1000), "11.7.6"),
    "an offset before what was asked for": (
        usual().command(1, W, 3000).r2t(1, 9, 0, 1000, 2000).data_out(1, 9, 0, 0, 1000), "11.7.6"),
    "unsolicited data that begins at 0": (unsolicited().data_out(1, NONE, 0, 0, 1024), "11.7.6"),
    "more than the R2T asked for": (
        usual().command(1, W, 3000).r2t(1, 9, 0, 0, 1000).data_out(1, 9, 0, 0, 1024, FINAL), "11.8.4"),
    "more than the command has": (
        usual().command(1, W, 900).r2t(1, 9, 0, 0, 1000).data_out(1, 9, 0, 0, 1000, FINAL), "11.7.6"),
    "no F at the end": (solicited().data_out(1, 9, 0, 0, 1024).data_out(1, 9, 1, 1024, 1024)
                        .data_out(1, 9, 2, 2048, 952), "11.7.1"),
    "F before the end": (solicited().data_out(1, 9, 0, 0, 1024, FINAL), "11.7.1"),
    "F before the end of unsolicited data": (unsolicited().data_out(1, NONE, 0, 512, 1024, FINAL), "11.7.1"),
    "data behind F": (solicited().data_out(1, 9, 0, 0, 1024).data_out(1, 9, 1, 1024, 1024)
                      .data_out(1, 9, 2, 2048, 952, FINAL).data_out(1, 9, 3, 3000, 4, FINAL), "11.7.1"),
    "unsolicited data behind F": (unsolicited().data_out(1, NONE, 0, 512, 1024).data_out(1, NONE, 1, 1536, 512, FINAL)
                                  .data_out(1, NONE, 2, 2048, 952, FINAL), "11.7.1"),
    "unsolicited data with InitialR2T": (usual().command(1, UNSOLICITED, 3000), "13.10"),
    "unsolicited data without notice": (usual(NO).command(1, W, 3000).data_out(1, NONE, 0, 0, 1024), "11.3.1"),
    "F=0 though nothing is left": (usual(NO).command(1, UNSOLICITED, 512, bytes(512)), "11.3.4"),
    "F=0 with a read": (usual(NO).command(1, READ, 512), "11.3.1"),
    "immediate data that is forbidden": (
        usual(YES.replace("ImmediateData=Yes", "ImmediateData=No")).command(1, W, 512, bytes(512)), "13.11"),
    "immediate data that only one side wants": (
        Conversation().login(YES, YES.replace("ImmediateData=Yes", "ImmediateData=No") + SEGMENT)
        .command(1, W, 512, bytes(512)), "13.11"),
    "immediate data beyond the first burst": (
        Conversation().login(YES, YES.replace("2048", "512") + SEGMENT).command(1, W, 3000, bytes(1000)), "13.14"),
    "immediate data beyond the command": (usual().command(1, W, 100, bytes(200)), "13.14"),
    "immediate data of a read": (usual().command(1, R, 512, bytes(512)), "11.3.6"),
    "unsolicited data beyond the first burst": (
        unsolicited().data_out(1, NONE, 0, 512, 1024).data_out(1, NONE, 1, 1536, 1024, FINAL), "13.14"),
    "a segment beyond the target's limit": (solicited().data_out(1, 9, 0, 0, 1028), "13.12"),
    "an immediate segment beyond it": (usual().command(1, W, 3000, bytes(1028)), "13.12"),
    "a transfer tag of nobody": (solicited().data_out(1, 8, 0, 0, 1024), "11.7.4"),
    "a transfer tag of another task": (solicited().command(2, W, 3000).data_out(2, 9, 0, 0, 1024), "11.7.4"),
    "data of no command": (solicited().data_out(3, 9, 0, 0, 1024), "11.7"),
    "data of a read": (usual().command(1, R, 3000).data_out(1, NONE, 0, 0, 1024), "11.7"),
    "the second R2T first": (usual().command(1, W, 2000).r2t(1, 8, 0, 0, 1000).r2t(1, 9, 1, 1000, 1000)
                             .data_out(1, 9, 0, 1000, 1000, FINAL), "11.8"),
    "the second command's unsolicited data first": (
        unsolicited().command(2, UNSOLICITED, 3000).data_out(2, NONE, 0, 0, 1024), "4.2.5.2"),
    "a pong that nobody asked for": (pinged().ask(NOP_OUT | IMMEDIATE, NONE, 6), "11.18.2"),
    "a pong that is not immediate": (pinged().ask(NOP_OUT, NONE, 5), "11.18.1"),
    "a ping with a transfer tag": (usual().ask(NOP_OUT, 1, 5), "11.18.2"),
    "an abort with a wrong RefCmdSN": (usual().command(1, FINAL).abort(2, 1, 7), "11.5.5"),
    "an abort of nothing": (usual().abort(2, 1, 7), "11.5.4"),
    "a reset with a referenced tag": (usual().command(1, FINAL).abort(2, 1, 1, function=5), "11.5.4"),
    "a command behind the logout": (usual().ask(LOGOUT, 1).command(2, FINAL), "11.14"),
    "a command before the login": (Conversation().login(YES, YES, status=0x0203).command(1, FINAL), "6.3"),
    "a login after the login": (usual().login(), "6.3"),
    "a login with another CmdSN": (Conversation().login(YES, YES, cmd_sn=2), "11.12.8"),
    "a login with another tag": (Conversation().login(YES, YES, itt=8), "11.12"),
    # These are not taken for PDUs of an initiator at all; a SNACK is for recovery levels that we do not have.
    "an opcode of nobody": (usual().ask(0x1F, 1), "11.2.1.2"),
    "a length with neither read nor write": (usual().command(1, FINAL, 512), "11.2.1.2"),
    "a SNACK": (usual().ask(SNACK, 1), "11.2.1.2"),
}


def digested(damaged_header=None, damaged_data=None, by_initiator=True):
    talk = Conversation(True, True).login(YES, YES + SEGMENT)
    ours, theirs = (damaged_data, None) if by_initiator else (None, damaged_data)
    talk.command(1, W, 1000, bytes(1000), damage=ours)
    talk.response(1)
    talk.command(2, R, 64, damage=damaged_header)
    talk.data_in(2, 0, 0, 64, FINAL | STATUS, damage=theirs)
    return talk


def every_kind():
    """A PDU of each kind that may hold data."""
    talk = Conversation(True, True).login(YES, YES + SEGMENT)
    talk.ask(NOP_OUT, 1, data=bytes(40)).answer(NOP_IN, FINAL, {16: 1, 20: NONE}, bytes(40))
    talk.command(2, R, 64).answer(RESPONSE, FINAL, {2: b"\0\2", 16: 2}, b"\0\x12\x70" + bytes(17))
    talk.ask(TEXT, 3, data=b"SendTargets=All\0")
    talk.answer(TEXT_RESPONSE, FINAL, {16: 3, 20: NONE}, b"TargetName=iqn.2026-11.org.example:t\0")
    talk.command(4, W, 1000, bytes(1000)).answer(REJECT, FINAL, {2: b"\x09", 16: NONE}, talk.pdus[-1][1][:48])
    return talk.answer(ASYNC, FINAL, {16: NONE}, b"\0\x12\x70" + bytes(17))


# Damaged are bytes of the digests themselves, and of what they are for.
DIGESTS = {
    "digests": (digested(), 0, None),
    "digests of every kind": (every_kind(), 0, None),
    "a wrong header digest": (digested(damaged_header=50), 1, "header"),
    "a wrong data digest": (digested(damaged_data=-1), 1, "data"),
    "data that is not what its digest says": (digested(damaged_data=100), 1, "data"),
    "a wrong data digest of the target": (digested(damaged_data=-1, by_initiator=False), 1, "data"),
}

# Name: what is said, and the section that the target breaks.
TARGETS = {
    "StatSN with a gap": (usual().command(1, FINAL).response(1, stat_sn=STAT_SN + 5), "4.2.2.2"),
    "ExpCmdSN ahead": (usual().command(1, FINAL).response(1, exp_cmd_sn=9), "4.2.2.1"),
    "an answer to nobody": (usual().response(1), "11.2.1.8"),
    "DataSN that begins with 1": (usual().command(1, R, 64).data_in(1, 1, 0, 64, FINAL | STATUS), "11.7.5"),
    "a hole in what is read": (usual().command(1, R, 64).data_in(1, 0, 4, 60, FINAL | STATUS), "11.7.6"),
    "a long sequence": (usual().command(1, R, 5000).data_in(1, 0, 0, 2500, 0).data_in(1, 1, 2500, 2500, 0), "13.13"),
    "a third R2T": (usual().command(1, W, 3000).r2t(1, 7, 0, 0, 1000).r2t(1, 8, 1, 1000, 1000)
                    .r2t(1, 9, 2, 2000, 1000), "13.17"),
    "an R2T for too much": (usual().command(1, W, 64).r2t(1, 7, 0, 0, 65), "11.8.4"),
}


class Rules(unittest.TestCase):
    """The tables above."""

    @classmethod
    def setUpClass(cls):
        cls.maxDiff = None
        talks = {**{("case", name): talk for name, (talk, _) in CASES.items()}}
        talks.update({("digest", name): talk for name, (talk, _, _) in DIGESTS.items()})
        talks.update({("target", name): talk for name, (talk, _) in TARGETS.items()})
        cls.numbers = {key: number for number, key in enumerate(talks, 1)}
        packets = [each for port, talk in enumerate(talks.values(), 40000) for each in frames(talk, port)]
        cls.verdict = verdict_on(packets)

    def said(self, kind, name, of):
        number = self.numbers[kind, name]
        return [each for each in of if f"connection {number} " in each]

    def test_the_initiator(self):
        for name, (_, section) in CASES.items():
            with self.subTest(name):
                said = self.said("case", name, self.verdict.complaints)
                if section:
                    self.assertTrue(any(f"section {section})" in each for each in said), said)
                else:
                    self.assertEqual(said, [])

    def test_digests(self):
        for name, (_, count, kind) in DIGESTS.items():
            with self.subTest(name):
                said = self.said("digest", name, self.verdict.complaints)
                self.assertEqual(len(said), count, said)
                if kind:
                    self.assertIn(f"the {kind} digest is wrong", said[0])

    def test_targets(self):
        for name, (_, section) in TARGETS.items():
            with self.subTest(name):
                self.assertEqual(self.said("target", name, self.verdict.complaints), [])
                self.assertIn((self.numbers["target", name], section), self.verdict.notes)

    def test_everything_is_judged(self):
        self.assertEqual(self.verdict.connections, len(self.numbers))
        self.assertEqual(self.verdict.digests, 6 * (len(DIGESTS) - 1) + 15)


class Captures(unittest.TestCase):
    """Captures that are not whole."""

    def setUp(self):
        self.talk, _ = CASES["solicited data"]
        self.packets = frames(self.talk, 40000, pieces=100)

    def test_pieces_in_any_order(self):
        packets = self.packets
        data = [index for index, each in enumerate(packets) if len(each) == 154]
        one, other = data[-3], data[-2]
        packets[one], packets[other] = packets[other], packets[one]
        packets.insert(5, packets[4])
        verdict = verdict_on(packets)
        self.assertEqual((verdict.complaints, verdict.notes, verdict.judged), ([], {}, len(self.talk.pdus)))

    def test_a_hole_ends_the_judgement(self):
        verdict = verdict_on(self.packets[:-20] + self.packets[-19:])
        self.assertEqual((verdict.complaints, verdict.notes), ([], {}))
        self.assertLess(verdict.judged, len(self.talk.pdus))
        self.assertIn("behind a hole", verdict.summary())

    def test_an_answer_to_what_was_not_seen(self):
        talk = usual().command(1, FINAL).answer(RESPONSE, FINAL, {16: 1}).command(2, FINAL)
        packets = frames(talk, 40000)
        del packets[-2]
        verdict = verdict_on(packets)
        self.assertEqual((verdict.complaints, verdict.notes, verdict.judged), ([], {}, len(talk.pdus) - 2))
        self.assertIn("behind a hole", verdict.summary())

    def test_a_capture_that_begins_late(self):
        verdict = verdict_on(self.packets[4:])
        self.assertEqual((verdict.complaints, verdict.judged), ([], 0))
        self.assertIn("beginning was not seen", verdict.summary())

    def test_a_capture_that_ends_early(self):
        whole = header() + b"".join(record(each) for each in self.packets)
        for length in (24, 24 + 16 + 54 + 7, len(whole) - 60, len(whole) - 1):
            self.assertEqual(check.judge(whole[:length], True).complaints, [])

    def test_other_traffic(self):
        talk = Conversation()
        talk.pdus = [(True, b"GET / HTTP/1.0\r\n\r\n" * 10)]
        verdict = verdict_on(frames(talk, 40000))
        self.assertEqual((verdict.complaints, verdict.connections), ([], 0))

    def test_targets_that_break_rules_on_purpose(self):
        talk = usual().command(1, R, 64).answer(0x3B, FINAL, {16: 1}).command(2, FINAL, cmd_sn=9)
        packets = frames(talk, 40000)
        self.assertEqual(len(verdict_on(packets).complaints), 1)
        self.assertEqual(verdict_on(packets, both=False).complaints, [])
        packets = frames(DIGESTS["a wrong data digest of the target"][0], 40000)
        self.assertEqual(verdict_on(packets, both=False).complaints, [])
        packets = frames(Conversation().login(YES, YES.replace("4096", "many")).command(1, FINAL, cmd_sn=9), 40000)
        self.assertEqual(len(verdict_on(packets).complaints), 1)
        self.assertEqual(verdict_on(packets, both=False).complaints, [])
        self.assertEqual(len(verdict_on(frames(CASES["CmdSN with a gap"][0], 40000), both=False).complaints), 1)

    def test_a_segment_that_tshark_finds_malformed(self):
        talk = usual().ask(TEXT, 1)
        # It says that it has more additional header than there is.
        talk.pdus.append((True, bytes([COMMAND, FINAL]) + b"\0\0\1" + bytes(43) + b"\xff\xff\1\0"))
        self.assertTrue(verdict_on(frames(talk, 40000)).complaints)

    def test_a_reject_frees_every_tag(self):
        talk = usual().command(1, FINAL)
        talk.answer(REJECT, FINAL, {2: b"\x09", 16: NONE}, talk.pdus[-1][1][:48])
        talk.command(1, FINAL)
        self.assertEqual(verdict_on(frames(talk, 40000)).complaints, [])


if __name__ == "__main__":
    unittest.main()
