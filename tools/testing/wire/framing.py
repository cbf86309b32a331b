# SPDX-License-Identifier: GPL-2.0
"""PDUs in the streams of a connection, and a capture of them with one PDU in each packet.

tshark finds out by itself whether a connection has digests, from the first PDU that could have one. Of a PDU that
comes in pieces, as targets send them, or whose digest is wrong it takes the wrong answer, and is lost from there on.
So it gets packets with whole PDUs, and behind the login a PDU of ours to learn from. Where one ends is all that is
decided here, from the two length fields of its header and the digests that the login agreed on; if that is wrong,
tshark finds no PDU there, or a digest that does not match.
"""

import struct

import streams

HEADER = 48
LOGIN_REQUEST, LOGIN_RESPONSE = 0x03, 0x23
INITIATOR_OPCODES = frozenset((0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06))
TARGET_OPCODES = frozenset((0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3F))

# A packet of the capture for tshark holds this much of a PDU, and its file format no more than 256 KiB.
PACKET = 200_000


class Pdu:
    """A PDU as bytes, digests and padding included. `frame` of the capture had its last byte."""

    __slots__ = ("connection", "from_initiator", "frame", "data", "header_digest", "data_digest")

    def __init__(self, connection, from_initiator):
        self.connection = connection
        self.from_initiator = from_initiator
        self.frame = 0
        self.data = None
        self.header_digest = False
        self.data_digest = False


class Side:
    """One direction of a connection: bytes that make no whole PDU yet, and the PDU that they will be."""

    def __init__(self):
        self.bytes = bytearray()
        self.pdu = None
        self.length = 0
        self.text = bytearray()


class Connection:
    """What is known of an iSCSI connection while its PDUs are cut out."""

    def __init__(self, number, stream):
        self.number = number
        self.stream = stream
        self.initiator = Side()
        self.target = Side()
        self.header_digest = False
        self.data_digest = False
        self.keys = {}
        self.bytes = 0
        self.lost = 0
        # None until the first byte is there.
        self.is_iscsi = None
        # Set when the rest has no PDUs that could be found.
        self.senseless = False

    def __str__(self):
        return f"connection {self.number} (port {self.stream.client[1]} to {self.stream.server[1]})"


class Capture:
    """A capture's PDUs, in an order that is fair to an initiator.

    What it sends counts from when all of it was there, what it receives from when the header was: so it is never
    blamed for what it did know.
    """

    def __init__(self, data):
        self.connections = []
        self.pdus = []
        # Connections whose beginning was not seen.
        self.headless = set()
        current = {}
        for segment in streams.segments(data):
            ends = frozenset((segment.source, segment.destination))
            connection = current.get(ends)
            if segment.flags & (streams.SYN | streams.ACK) == streams.SYN:
                if connection and connection.stream.is_again(segment):
                    continue
                connection = Connection(len(self.connections) + 1, streams.Stream(segment))
                current[ends] = connection
                self.connections.append(connection)
            elif connection:
                for piece in connection.stream.take(segment):
                    self.take(connection, *piece)
            elif segment.payload:
                self.headless.add(ends)
        self.pdus = [pdu for pdu in self.pdus if pdu.data is not None]
        for connection in self.connections:
            connection.lost = connection.stream.lost()

    def iscsi(self):
        return [each for each in self.connections if each.is_iscsi]

    def take(self, connection, from_initiator, frame, piece):
        if connection.is_iscsi is None and from_initiator:
            # A connection begins with a Login Request, RFC 7143 section 6.3; anything else is none of ours.
            connection.is_iscsi = piece[0] & 0x3F == LOGIN_REQUEST
        if connection.is_iscsi is False or connection.senseless:
            return
        connection.bytes += len(piece)
        side = connection.initiator if from_initiator else connection.target
        side.bytes += piece
        while not connection.senseless and self.cut(connection, side, frame):
            pass

    def cut(self, connection, side, frame):
        """Takes a PDU, or the beginning of one, off the front. False if there is nothing to take."""
        from_initiator = side is connection.initiator
        if not side.pdu:
            if len(side.bytes) < HEADER:
                return False
            side.pdu = Pdu(connection, from_initiator)
            known = INITIATOR_OPCODES if from_initiator else TARGET_OPCODES
            if side.bytes[0] & 0x3F in known:
                side.length = length_of(side.pdu, side.bytes)
            else:
                # Handed on for the judge to see, and nothing after it.
                side.length = HEADER
                connection.senseless = True
            if not from_initiator:
                self.pdus.append(side.pdu)
        if len(side.bytes) < side.length:
            return False
        pdu = side.pdu
        pdu.data = bytes(memoryview(side.bytes)[: side.length])
        pdu.frame = frame
        del side.bytes[: side.length]
        side.pdu = None
        if from_initiator:
            self.pdus.append(pdu)
        if pdu.data[0] & 0x3F in (LOGIN_REQUEST, LOGIN_RESPONSE):
            note_login(connection, side, pdu)
        return True

    def write(self, path):
        """Writes the PDUs as a capture for tshark. Returns the packet number of each one's end."""
        ends = []
        packet = 0
        sent = {}
        taught = set()
        with open(path, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1))
            for pdu in self.pdus:
                if (pdu.header_digest or pdu.data_digest) and pdu.connection not in taught:
                    taught.add(pdu.connection)
                    out.write(packet_of(lesson(pdu.connection), sent))
                    packet += 1
                for at in range(0, len(pdu.data), PACKET):
                    out.write(packet_of(pdu, sent, slice(at, at + PACKET)))
                    packet += 1
                ends.append(packet)
        return ends


def length_of(pdu, header):
    """How long the PDU is that begins with this header, RFC 7143 section 11.2.1. No login PDU has digests."""
    connection = pdu.connection
    additional = 4 * header[4]
    data = int.from_bytes(header[5:8], "big")
    if header[0] & 0x3F not in (LOGIN_REQUEST, LOGIN_RESPONSE):
        pdu.header_digest = connection.header_digest
        pdu.data_digest = connection.data_digest and data != 0
    return HEADER + additional + 4 * pdu.header_digest + (data + 3 & ~3) + 4 * pdu.data_digest


def note_login(connection, side, pdu):
    """Keeps the keys of a login; at its end the last word on a key is the answer to the offer."""
    opcode, flags = pdu.data[0] & 0x3F, pdu.data[1]
    side.text += pdu.data[HEADER : HEADER + int.from_bytes(pdu.data[5:8], "big")]
    # The C bit: the rest of the text comes with the next one.
    if not flags & 0x40:
        for pair in bytes(side.text).split(b"\0"):
            key, _, value = pair.partition(b"=")
            connection.keys[key] = value
        side.text.clear()
    # T, and the Full Feature Phase next, and success.
    if opcode == LOGIN_RESPONSE and flags & 0x83 == 0x83 and pdu.data[36] == 0:
        connection.header_digest = connection.keys.get(b"HeaderDigest") == b"CRC32C"
        connection.data_digest = connection.keys.get(b"DataDigest") == b"CRC32C"


def crc32c(data):
    """The Castagnoli polynomial, reflected, RFC 7143 section 13.1."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def lesson(connection):
    """A NOP-Out with data and the connection's digests, which nobody ever sent."""
    none = b"\xff\xff\xff\xff"
    header = b"\x40\x80" + bytes(3) + (4).to_bytes(3, "big") + bytes(8) + none + none + bytes(24)
    pdu = Pdu(connection, True)
    pdu.data = header
    if connection.header_digest:
        pdu.data += struct.pack("<I", crc32c(header))
    pdu.data += none
    if connection.data_digest:
        pdu.data += struct.pack("<I", crc32c(none))
    return pdu


def packet_of(pdu, sent, part=slice(None)):
    """A packet with the addresses of nobody, but with a pair of them for each connection. tshark takes a length of
    0 in the IP header for a packet that was cut later, by a network card."""
    piece = pdu.data[part]
    number = pdu.connection.number
    client, server = (0x0A000000 + number, 49152), (0x0AFF0001, 3260)
    source, destination = (client, server) if pdu.from_initiator else (server, client)
    here, there = sent.get((number, source), 1), sent.get((number, destination), 1)
    sent[number, source] = here + len(piece) & streams.MASK
    length = 40 + len(piece)
    ip = struct.pack(
        ">BBHHHBBHII", 0x45, 0, length if length < 1 << 16 else 0, 0, 0, 64, 6, 0, source[0], destination[0]
    )
    tcp = struct.pack(">HHIIBBHHH", source[1], destination[1], here, there, 0x50, 0x18, 0xFFFF, 0, 0)
    frame = bytes(12) + b"\x08\x00" + ip + tcp + piece
    return struct.pack("<IIII", pdu.frame, 0, len(frame), len(frame)) + frame
