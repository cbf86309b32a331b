// SPDX-License-Identifier: GPL-2.0

//! Netlink messages and attributes as bytes. Numbers are in host order.

/// Attributes to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    bytes: Vec<u8>,
    /// Where the things begin that a refusal may be about.
    items: Vec<usize>,
}

impl Attributes {
    /// Says that the next attribute begins the next of several things.
    pub(super) fn item(mut self) -> Self {
        self.items.push(self.bytes.len());
        self
    }

    /// Which of them has the byte at this offset of the message.
    pub(super) fn item_at(&self, offset: usize) -> Option<usize> {
        let place = offset.checked_sub(HEADER + GENERIC_HEADER)?;
        self.items
            .partition_point(|start| *start <= place)
            .checked_sub(1)
    }

    pub(super) fn bytes(mut self, kind: u16, value: &[u8]) -> Self {
        let len = ATTRIBUTE_HEADER + value.len();
        // Nothing that is sent comes near 64 KiB: names, numbers and short texts.
        let announced = u16::try_from(len).unwrap_or(u16::MAX);
        let bytes = &mut self.bytes;
        bytes.extend_from_slice(&announced.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        self
    }

    pub(super) fn flag(self, kind: u16) -> Self {
        self.bytes(kind, &[])
    }

    pub(super) fn u8(self, kind: u16, value: u8) -> Self {
        self.bytes(kind, &[value])
    }

    pub(super) fn u16(self, kind: u16, value: u16) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    pub(super) fn u32(self, kind: u16, value: u32) -> Self {
        self.bytes(kind, &value.to_ne_bytes())
    }

    pub(super) fn string(self, kind: u16, text: &str) -> Self {
        let mut value = text.as_bytes().to_vec();
        value.push(0);
        self.bytes(kind, &value)
    }

    pub(super) fn nest(self, kind: u16, inner: Self) -> Self {
        self.bytes(kind | NESTED, &inner.bytes)
    }
}

/// An attribute that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    pub(super) kind: u16,
    pub(super) value: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// The attributes of a message or nest. Those that do not fit into it end the list; padding
    /// (kind 0) is left out.
    pub(super) fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let (head, rest) = bytes.split_first_chunk::<ATTRIBUTE_HEADER>()?;
            let [l0, l1, k0, k1] = *head;
            let len = usize::from(u16::from_ne_bytes([l0, l1])).checked_sub(ATTRIBUTE_HEADER)?;
            let value = rest.get(..len)?;
            bytes = rest.get(len.next_multiple_of(ALIGN)..).unwrap_or_default();
            Some(Self {
                kind: u16::from_ne_bytes([k0, k1]) & KIND_MASK,
                value,
            })
        })
        .filter(|attribute| attribute.kind != 0)
    }

    pub(super) fn u8(&self) -> Option<u8> {
        Some(u8::from_ne_bytes(self.value.try_into().ok()?))
    }

    pub(super) fn u16(&self) -> Option<u16> {
        Some(u16::from_ne_bytes(self.value.try_into().ok()?))
    }

    pub(super) fn u32(&self) -> Option<u32> {
        Some(u32::from_ne_bytes(self.value.try_into().ok()?))
    }

    /// A number of four or eight bytes.
    pub(super) fn uint(&self) -> Option<u64> {
        match self.value.len() {
            8 => Some(u64::from_ne_bytes(self.value.try_into().ok()?)),
            _ => self.u32().map(u64::from),
        }
    }

    pub(super) fn array<const N: usize>(&self) -> Option<[u8; N]> {
        self.value.try_into().ok()
    }

    /// A text; what is not UTF-8 is replaced.
    pub(super) fn string(&self) -> String {
        let end = self.value.iter().position(|&b| b == 0);
        let text = self.value.get(..end.unwrap_or(self.value.len()));
        String::from_utf8_lossy(text.unwrap_or_default()).into_owned()
    }
}

/// A message of a generic netlink family, or one that ends an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The id of the family, [`ERROR`] or [`DONE`].
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    /// What follows the netlink header.
    pub(super) payload: Vec<u8>,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The errno, 0 for success.
    pub(super) errno: i32,
    /// The kernel's own words.
    pub(super) sentence: Option<String>,
    /// Where the attribute at fault is in the request.
    pub(super) offset: Option<usize>,
}

impl Message {
    /// The bytes of a request.
    pub(super) fn request(
        family: u16,
        flags: u16,
        sequence: u32,
        command: u8,
        attributes: &Attributes,
    ) -> Vec<u8> {
        let len = HEADER + GENERIC_HEADER + attributes.bytes.len();
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_ne_bytes());
        bytes.extend_from_slice(&family.to_ne_bytes());
        bytes.extend_from_slice(&(REQUEST | flags).to_ne_bytes());
        bytes.extend_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&[command, GENERIC_VERSION, 0, 0]);
        bytes.extend_from_slice(&attributes.bytes);
        bytes
    }

    /// The messages of one datagram. Those that do not fit into it end the list.
    pub(super) fn all(mut bytes: &[u8]) -> impl Iterator<Item = Self> + '_ {
        std::iter::from_fn(move || {
            let (head, _) = bytes.split_first_chunk::<HEADER>()?;
            let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *head;
            let len = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
            let payload = bytes.get(HEADER..len)?.to_vec();
            bytes = bytes.get(len.next_multiple_of(ALIGN)..).unwrap_or_default();
            Some(Self {
                kind: u16::from_ne_bytes([k0, k1]),
                flags: u16::from_ne_bytes([f0, f1]),
                sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
                payload,
            })
        })
    }

    /// The attributes behind the generic header.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Attribute<'_>> {
        Attribute::all(self.payload.get(GENERIC_HEADER..).unwrap_or_default())
    }

    /// How the exchange ended, if this message says so.
    pub(super) fn end(&self) -> Option<End> {
        // An error repeats the header of the request before the attributes (the socket is told to
        // leave out the rest of it); the end of a dump does not.
        let skip = match self.kind {
            ERROR => HEADER,
            DONE => 0,
            _ => return None,
        };
        let (code, rest) = self.payload.split_first_chunk::<4>()?;
        let tlvs = match self.flags & ACK_TLVS {
            0 => &[],
            _ => rest.get(skip..).unwrap_or_default(),
        };
        let told = |kind| Attribute::all(tlvs).find(|attribute| attribute.kind == kind);
        Some(End {
            errno: i32::from_ne_bytes(*code).checked_neg().unwrap_or(i32::MAX),
            sentence: told(EXT_ACK_MESSAGE).map(|attribute| attribute.string()),
            offset: told(EXT_ACK_OFFSET)
                .and_then(|attribute| attribute.u32())
                .and_then(|offset| usize::try_from(offset).ok()),
        })
    }
}

// <linux/netlink.h>
pub(super) const ERROR: u16 = 2;
pub(super) const DONE: u16 = 3;
pub(super) const ACK: u16 = 0x4;
pub(super) const DUMP_INTERRUPTED: u16 = 0x10;
pub(super) const DUMP: u16 = 0x300;
const REQUEST: u16 = 0x1;
const ACK_TLVS: u16 = 0x200;
const NESTED: u16 = 0x8000;
const KIND_MASK: u16 = 0x3fff;
const EXT_ACK_MESSAGE: u16 = 1;
const EXT_ACK_OFFSET: u16 = 2;
const ALIGN: usize = 4;
const HEADER: usize = 16;
const ATTRIBUTE_HEADER: usize = 4;

// <linux/genetlink.h>
const GENERIC_HEADER: usize = 4;
const GENERIC_VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Attributes {
        Attributes::default()
            .u8(1, 0x12)
            .u16(2, 0x1234)
            .u32(3, 0x1234_5678)
            .string(4, "name")
            .flag(5)
            .nest(6, Attributes::default().u16(1, 7).bytes(2, &[1, 2, 3]))
    }

    #[test]
    fn attributes_are_read_as_written() {
        let Attributes { bytes, .. } = sample();
        assert_eq!(bytes.len() % ALIGN, 0);
        let all: Vec<Attribute<'_>> = Attribute::all(&bytes).collect();
        assert_eq!(
            all.iter().map(|a| a.kind).collect::<Vec<_>>(),
            [1, 2, 3, 4, 5, 6]
        );
        assert_eq!(all[0].u8(), Some(0x12));
        assert_eq!(all[1].u16(), Some(0x1234));
        assert_eq!(all[2].u32(), Some(0x1234_5678));
        assert_eq!(all[2].uint(), Some(0x1234_5678));
        assert_eq!(all[3].string(), "name");
        assert!(all[4].value.is_empty());
        let inner: Vec<Attribute<'_>> = Attribute::all(all[5].value).collect();
        assert_eq!(inner[0].u16(), Some(7));
        assert_eq!(inner[1].array(), Some([1, 2, 3]));
        assert_eq!(inner[1].u32(), None);
    }

    #[test]
    fn numbers_of_eight_bytes_may_follow_padding() {
        let Attributes { bytes, .. } = Attributes::default()
            .bytes(0, &[])
            .bytes(7, &u64::MAX.to_ne_bytes());
        let all: Vec<Attribute<'_>> = Attribute::all(&bytes).collect();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].uint(), Some(u64::MAX));
    }

    #[test]
    fn a_message_cut_at_any_byte_is_not_a_message() {
        let bytes = Message::request(0x20, DUMP, 9, 3, &sample());
        let all: Vec<Message> = Message::all(&bytes).collect();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].kind, all[0].flags, all[0].sequence),
            (0x20, 0x301, 9)
        );
        assert_eq!(all[0].attributes().count(), 6);
        assert!(all[0].end().is_none());
        for end in 0..bytes.len() {
            assert_eq!(Message::all(&bytes[..end]).count(), 0);
            Attribute::all(&bytes[..end]).for_each(drop);
        }
    }

    #[test]
    fn lengths_that_lie_end_the_list() {
        for len in [0u16, 3, 9, u16::MAX] {
            let mut bytes = len.to_ne_bytes().to_vec();
            bytes.extend([1, 0, 0, 0, 0, 0]);
            assert_eq!(Attribute::all(&bytes).count(), 0);
        }
        let mut bytes = vec![0; HEADER];
        for len in [0u32, 15, 17, u32::MAX] {
            bytes[..4].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(Message::all(&bytes).count(), 0);
        }
    }

    #[test]
    fn the_end_of_an_exchange_carries_errno_and_sentence() {
        let Attributes { bytes: tlvs, .. } = Attributes::default()
            .string(EXT_ACK_MESSAGE, "no such target")
            .u32(EXT_ACK_OFFSET, 44);
        let message = |kind, skip, flags| {
            let mut payload = (-2i32).to_ne_bytes().to_vec();
            payload.extend(vec![0xaa; skip]);
            payload.extend(&tlvs);
            Message {
                kind,
                flags,
                sequence: 1,
                payload,
            }
        };
        let told = End {
            errno: 2,
            sentence: Some("no such target".to_owned()),
            offset: Some(44),
        };
        assert_eq!(message(ERROR, HEADER, ACK_TLVS).end(), Some(told.clone()));
        assert_eq!(message(DONE, 0, ACK_TLVS).end(), Some(told));
        assert_eq!(message(ERROR, HEADER, 0).end().unwrap().sentence, None);
        assert_eq!(message(0x20, 0, 0).end(), None);
    }

    #[test]
    fn the_item_of_an_attribute_is_found_by_its_offset() {
        let attributes = Attributes::default()
            .u8(1, 0)
            .item()
            .string(2, "name")
            .item()
            .nest(3, Attributes::default().u32(1, 7));
        let start = HEADER + GENERIC_HEADER;
        for (offset, item) in [(0, None), (start, None), (start + 8, Some(0))] {
            assert_eq!(attributes.item_at(offset), item);
        }
        for (offset, item) in [(19, Some(0)), (20, Some(1)), (24, Some(1))] {
            assert_eq!(attributes.item_at(start + offset), item, "{offset}");
        }
    }
}
