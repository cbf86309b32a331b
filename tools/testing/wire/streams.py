# SPDX-License-Identifier: GPL-2.0
"""What of a capture is whole: its TCP connections from their beginning up to the first byte that it missed.

A dissector that is fed a stream with a hole finds nonsense behind the hole. So the packets of a connection are put
into the order in which TCP delivers them, and bytes that were seen before are left out. Of a side that acknowledges
bytes which were not seen, what it sends may be the answer to these; so it counts from when they come. If they are
missing for good, nothing behind them is looked at any more, in either direction.
"""

import struct

SYN, ACK = 0x02, 0x10
MASK = (1 << 32) - 1
HALF = 1 << 31


class BadCapture(Exception):
    """The file is no capture as we make them."""


class Segment:
    """A TCP segment: its frame number in the capture, counted from 1, the two ends, and the payload."""

    __slots__ = ("frame", "source", "destination", "seq", "ack", "flags", "payload")

    def __init__(self, frame, source, destination, seq, ack, flags, payload):
        self.frame = frame
        self.source = source
        self.destination = destination
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.payload = payload


def segments(data):
    """Yields the TCP segments of a capture, given as bytes. A packet that the end of the file cuts is the end."""
    if len(data) < 24:
        raise BadCapture("it is shorter than a capture's header")
    if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") or data[20:24] != b"\x01\0\0\0":
        raise BadCapture("it is not a little-endian pcap file of Ethernet frames")
    view = memoryview(data)
    at, frame = 24, 0
    while at + 16 <= len(data):
        captured, on_wire = struct.unpack_from("<8xII", data, at)
        end = at + 16 + captured
        if end > len(data):
            return
        frame += 1
        if captured < on_wire:
            raise BadCapture(f"frame {frame} has {captured} of {on_wire} bytes")
        segment = tcp_segment(frame, view[at + 16 : end])
        if segment:
            yield segment
        at = end


def tcp_segment(frame, packet):
    """The TCP segment in an Ethernet frame, or None. A length of 0 is what a big IPv6 packet has."""
    if len(packet) < 34:
        return None
    if packet[12:14] == b"\x08\x00" and packet[23] == 6:
        tcp = 14 + 4 * (packet[14] & 15)
        length, end = int.from_bytes(packet[16:18], "big"), 14
        source, destination = bytes(packet[26:30]), bytes(packet[30:34])
    elif packet[12:14] == b"\x86\xdd" and len(packet) >= 54 and packet[20] == 6:
        tcp = 54
        length, end = int.from_bytes(packet[18:20], "big"), 54
        source, destination = bytes(packet[22:38]), bytes(packet[38:54])
    else:
        return None
    if len(packet) < tcp + 20:
        return None
    end = end + length if length else len(packet)
    source_port, destination_port, seq, ack = struct.unpack_from(">HHII", packet, tcp)
    payload = packet[tcp + 4 * (packet[tcp + 12] >> 4) : end]
    return Segment(frame, (source, source_port), (destination, destination_port), seq, ack, packet[tcp + 13], payload)


class Stream:
    """The two streams of a connection from its SYN on, whose sender is the `client`.

    `take` returns (from_client, frame, bytes) for every piece of the two streams that is in order now; each byte
    comes once.
    """

    def __init__(self, syn):
        self.client = syn.source
        self.server = syn.destination
        # The next byte of each sender. The server's is known from its SYN.
        self.next = {syn.source: (syn.seq + 1) & MASK}
        # What cannot be taken before bytes that are missing, as it came.
        self.waiting = []

    def take(self, segment):
        if not self.fits(segment):
            self.waiting.append(segment)
            return []
        pieces = [self.accept(segment)]
        while True:
            index = next((i for i, each in enumerate(self.waiting) if self.fits(each)), None)
            if index is None:
                return [piece for piece in pieces if piece]
            pieces.append(self.accept(self.waiting.pop(index)))

    def is_again(self, syn):
        """Whether this SYN is the one that was seen, sent again."""
        return syn.source == self.client and not self.waiting and self.next[syn.source] == (syn.seq + 1) & MASK

    def fits(self, segment):
        """Whether all bytes before it were seen, and all that it acknowledges. The end of a stream counts for one."""
        if segment.source not in self.next:
            return bool(segment.flags & SYN)
        ahead = (segment.seq - self.next[segment.source]) & MASK
        if 0 < ahead < HALF:
            return False
        unseen = (segment.ack - self.next.get(segment.destination, segment.ack)) & MASK
        return not segment.flags & ACK or unseen <= 1 or unseen >= HALF

    def accept(self, segment):
        if segment.flags & SYN:
            self.next[segment.source] = (segment.seq + 1) & MASK
            return None
        seen = (self.next[segment.source] - segment.seq) & MASK
        if seen >= len(segment.payload):
            return None
        self.next[segment.source] = (segment.seq + len(segment.payload)) & MASK
        return segment.source == self.client, segment.frame, segment.payload[seen:]

    def lost(self):
        """How many bytes were seen behind the first hole."""
        return sum(len(each.payload) for each in self.waiting)
