#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""check.py [--side initiator|both] CAPTURE: judges what iSCSI a capture holds, as tshark reads it.

Says what it looked at, and each rule that the initiator broke, with the frame of the capture and the section of
RFC 7143. PDUs have to be sound and digests right from both sides; with `--side initiator` only from that one. What else
targets do wrong is told, and no more: they are not ours. Ends with 1 if something is wrong, with 2 if the capture
cannot be judged.
"""

import argparse
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dissect
import framing
import rules
import streams

# One mistake in a loop of commands need not be told a thousand times.
SHOWN = 12


class Verdict:
    """What a capture's judgement found."""

    def __init__(self, both):
        self.both = both
        self.complaints = []
        # What targets did wrong, by connection and section: the first one of each kind, and how many.
        self.notes = {}
        self.judged = 0
        self.connections = 0
        self.bytes = 0
        self.digests = 0
        self.doubts = []

    def complain(self, pdu, text, section):
        self.complaints.append(told(pdu, text, section))

    def unsound(self, pdu, text, section="11.2"):
        """For what is wrong with a PDU in itself, whoever sent it."""
        if self.both or pdu.from_initiator:
            self.complain(pdu, text, section)

    def broken(self, pdu, by_initiator, section, text):
        """For a rule of the conversation."""
        if by_initiator:
            self.complain(pdu, text, section)
        else:
            key = pdu.connection.number, section
            first, count = self.notes.get(key, (told(pdu, text, section), 0))
            self.notes[key] = first, count + 1

    def summary(self):
        doubts = f"; not judged: {', '.join(self.doubts)}" if self.doubts else ""
        return (
            f"{self.judged} PDUs and {self.digests} digests of {self.connections} connections, "
            f"{self.bytes / 1e6:.1f} MB{doubts}"
        )


def told(pdu, text, section):
    return f"frame {pdu.frame}, {pdu.connection}: {text} (RFC 7143 section {section})"


def judge(data, both):
    """The verdict on a capture, given as bytes."""
    verdict = Verdict(both)
    capture = framing.Capture(data)
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        ends = capture.write(file.name)
        fields = dissect.read(file.name) if ends else []
        checked = {}
        if any(pdu.header_digest or pdu.data_digest for pdu in capture.pdus):
            checked = dissect.digests(file.name)
    judges = {}
    given_up = set()
    for pdu, end in zip(capture.pdus, ends):
        if pdu.connection in given_up:
            continue
        read = fields[end - 1]
        if not fits(verdict, pdu, read, checked.get(end, {})):
            given_up.add(pdu.connection)
            continue
        if pdu.connection not in judges:
            judges[pdu.connection] = rules.Judge(verdict.broken)
        read.update(pdu=pdu, frame=pdu.frame, from_initiator=pdu.from_initiator)
        try:
            judges[pdu.connection].take(read)
            verdict.judged += 1
        except KeyError as missing:
            verdict.unsound(pdu, f"tshark finds no {missing.args[0]} in it")
            given_up.add(pdu.connection)
        except ValueError as nonsense:
            verdict.unsound(pdu, f"its text makes no sense: {nonsense}")
            given_up.add(pdu.connection)
    for connection in capture.iscsi():
        verdict.connections += 1
        verdict.bytes += connection.bytes
        if connection.lost:
            verdict.doubts.append(f"{connection} behind a hole, {connection.lost} bytes")
    if capture.headless:
        verdict.doubts.append(f"{len(capture.headless)} connections whose beginning was not seen")
    if given_up:
        verdict.doubts.append(f"{len(given_up)} connections from the first PDU that makes no sense")
    return verdict


def fits(verdict, pdu, read, checked):
    """Whether tshark sees a sound PDU where we do. Says what is wrong with it; false if nothing of it can be used.

    tshark looks at no data digest of an Asynchronous Message or a Reject, and takes the header that a Reject is about
    for a whole PDU.
    """
    opcode = pdu.data[0] & 0x3F
    for message in dissect.errors(read) if opcode != rules.REJECT else ():
        verdict.unsound(pdu, f"tshark: {message}")
    if read.get("opcode") != opcode or opcode not in rules.NAMES:
        verdict.unsound(pdu, f"no PDU that belongs there (opcode 0x{opcode:02x})", "11.2.1.2")
        return False
    for wanted, kind in (
        (pdu.header_digest, "header"),
        (pdu.data_digest and opcode not in (rules.ASYNC, rules.REJECT), "data"),
    ):
        if wanted:
            verdict.digests += 1
            if not checked.get(kind):
                what = "wrong" if kind in checked else "missing"
                verdict.unsound(pdu, f"{rules.NAMES[opcode]}: the {kind} digest is {what}", "11.2.3")
    return True


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--side", choices=("initiator", "both"), default="both")
    parser.add_argument("capture")
    arguments = parser.parse_args()
    try:
        with open(arguments.capture, "rb") as file:
            verdict = judge(file.read(), arguments.side == "both")
    except (OSError, streams.BadCapture, dissect.TsharkFailed) as reason:
        print(f"wire: {arguments.capture} cannot be judged: {reason}")
        return 2
    print(f"wire: {verdict.summary()}")
    for complaint in verdict.complaints[:SHOWN]:
        print(f"wire: {complaint}")
    for first, count in list(verdict.notes.values())[:SHOWN]:
        print(f"wire: not ours, {count} times: {first}")
    if len(verdict.complaints) > SHOWN:
        print(f"wire: and {len(verdict.complaints) - SHOWN} more")
    return 1 if verdict.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
