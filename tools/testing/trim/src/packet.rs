// SPDX-License-Identifier: GPL-2.0

//! As much of Ethernet, IP and TCP as it takes to tell connections apart, and of the pcap file format.

/// The length of a pcap file's header.
pub(crate) const FILE_HEADER: usize = 24;

/// The length of what stands before each frame.
pub(crate) const RECORD_HEADER: usize = 16;

const ETHERNET: usize = 14;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// An address, IPv4 ones padded with zeros, and a port.
type End = ([u8; 16], u16);

/// The two ends of a connection, the same whichever of them sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ends(End, End);

impl Ends {
    fn new(one: End, other: End) -> Self {
        Self(one.min(other), one.max(other))
    }
}

/// What a TCP segment says of itself.
pub(crate) struct Segment {
    pub(crate) ends: Ends,
    /// Whether the first of the ends sends.
    pub(crate) from_first: bool,
    pub(crate) has_data: bool,
    flags: u8,
}

impl Segment {
    /// Takes an Ethernet frame apart; anything that is not TCP over IP is `None`.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let (addresses, tcp) = match frame.get(12..ETHERNET)? {
            [0x08, 0x00] if frame.get(23) == Some(&6) => {
                let header = 4 * usize::from(frame.get(ETHERNET)? & 15);
                ((frame.get(26..30)?, frame.get(30..34)?), ETHERNET + header)
            }
            [0x86, 0xdd] if frame.get(20) == Some(&6) => {
                ((frame.get(22..38)?, frame.get(38..54)?), ETHERNET + 40)
            }
            _ => return None,
        };
        let header: &[u8; 20] = frame.get(tcp..)?.first_chunk()?;
        let port = |at: usize| Some(u16::from_be_bytes([*header.get(at)?, *header.get(at + 1)?]));
        let data = tcp + 4 * usize::from(header[12] >> 4);
        let source = (padded(addresses.0), port(0)?);
        let destination = (padded(addresses.1), port(2)?);
        Some(Self {
            ends: Ends::new(source, destination),
            from_first: source <= destination,
            has_data: frame.len() > data,
            flags: header[13],
        })
    }

    /// Whether it is the first one of its connection.
    pub(crate) fn opens(&self) -> bool {
        self.flags & (SYN | ACK) == SYN
    }

    /// Whether it is the last one of its sender.
    pub(crate) fn ends_half(&self) -> bool {
        self.flags & FIN != 0
    }

    /// Whether it is the last one of both.
    pub(crate) fn ends_all(&self) -> bool {
        self.flags & RST != 0
    }

    /// Whether it does more than acknowledge.
    pub(crate) fn matters(&self) -> bool {
        self.has_data || self.flags & (FIN | SYN | RST) != 0
    }
}

fn padded(address: &[u8]) -> [u8; 16] {
    let mut whole = [0; 16];
    for (to, from) in whole.iter_mut().zip(address) {
        *to = *from;
    }
    whole
}

/// How long an Ethernet frame is in the file, by the header that stands before it: seconds, microseconds, the
/// length in the file, the length on the wire.
pub(crate) fn frame_length(record: &[u8; RECORD_HEADER]) -> usize {
    let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *record;
    u32::from_le_bytes([a, b, c, d]) as usize
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const FLAGS: [u8; 3] = [SYN, FIN, RST];

    pub(crate) fn frame(flags: u8, source: u16, destination: u16, data: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0]);
        frame.extend(if source > destination {
            [127, 0, 0, 1, 127, 0, 0, 2]
        } else {
            [127, 0, 0, 2, 127, 0, 0, 1]
        });
        frame.extend(source.to_be_bytes());
        frame.extend(destination.to_be_bytes());
        frame.extend([0; 8]);
        frame.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
        frame.extend(data);
        frame
    }

    #[test]
    fn both_directions_are_one_connection() {
        let request = Segment::parse(&frame(SYN, 40000, 3260, &[])).unwrap();
        let answer = Segment::parse(&frame(SYN | ACK, 3260, 40000, &[])).unwrap();
        assert_eq!(request.ends, answer.ends);
        assert_ne!(request.from_first, answer.from_first);
        assert!(request.opens() && !answer.opens());
        assert!(request.matters() && answer.matters());
    }

    #[test]
    fn an_acknowledgement_alone_does_not_matter() {
        assert!(!Segment::parse(&frame(ACK, 1, 2, &[])).unwrap().matters());
        assert!(Segment::parse(&frame(ACK, 1, 2, b"x")).unwrap().matters());
    }

    #[test]
    fn short_frames_are_no_segments() {
        let whole = frame(ACK, 1, 2, &[]);
        for length in 0..whole.len() {
            assert!(Segment::parse(&whole[..length]).is_none());
        }
    }
}
