// SPDX-License-Identifier: GPL-2.0

//! A stream of bytes as a sequence of PDUs, RFC 7143 section 11.2.

use iscsi_proto::proto::{
    data_in::SenseSegment,
    pdu::{
        ahs::AhsList,
        padding,
        Bhs,
        Digest,
        InitiatorPdu,
        PduError,
        SegmentLen,
        SegmentLens,
        TargetPdu,
        BHS_LEN, //
    },
    reader::{
        ReadError,
        Reader, //
    },
    text::Pairs, //
};

use crate::input::Input;

/// What both ends of a stream agreed on.
#[derive(Clone, Copy, Debug)]
pub struct Framing {
    /// HeaderDigest.
    pub header_digest: Digest,
    /// DataDigest.
    pub data_digest: Digest,
    /// MaxRecvDataSegmentLength of the receiver.
    pub max_data: u32,
}

/// One PDU without digests and padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its basic header.
    pub bhs: Bhs,
    /// Its additional header segments.
    pub ahs: Vec<u8>,
    /// Its data segment.
    pub data: Vec<u8>,
}

/// Why no PDU can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamError {
    /// The bytes end within one.
    Read(ReadError),
    /// Its header forbids it.
    Pdu(PduError),
}

impl From<ReadError> for StreamError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl Whole {
    /// Writes the PDU with digests, which are not worked out, and padding.
    pub fn write(&self, framing: &Framing, wire: &mut Vec<u8>) {
        let digest = |digest, wire: &mut Vec<u8>| {
            if digest == Digest::Crc32c {
                wire.extend_from_slice(&[0xcc; 4]);
            }
        };
        wire.extend_from_slice(&self.bhs);
        wire.extend_from_slice(&self.ahs);
        digest(framing.header_digest, wire);
        if !self.data.is_empty() {
            wire.extend_from_slice(&self.data);
            wire.resize(wire.len().next_multiple_of(4), 0);
            digest(framing.data_digest, wire);
        }
    }

    /// Reads a PDU in the order in which a receiver does.
    ///
    /// # Errors
    ///
    /// [`StreamError`]; what was taken from the reader then has no meaning.
    pub fn read(framing: &Framing, reader: &mut Reader<'_>) -> Result<Self, StreamError> {
        let bhs = reader.take_array::<BHS_LEN>("header")?;
        let lens = SegmentLens::of(
            &bhs,
            framing.max_data,
            framing.header_digest,
            framing.data_digest,
        )
        .map_err(StreamError::Pdu)?;
        let ahs = reader.take(lens.ahs as usize, "AHS")?.to_vec();
        reader.take(lens.header_digest as usize, "header digest")?;
        let data = reader.take(lens.data.get() as usize, "data")?.to_vec();
        reader.take(lens.padding as usize, "padding")?;
        reader.take(lens.data_digest as usize, "data digest")?;
        Ok(Self { bhs, ahs, data })
    }

    /// Reads everything in the PDU that has a form.
    pub fn parse(&self) {
        for segment in AhsList::new(&self.ahs) {
            if segment.is_err() {
                break;
            }
        }
        if let Ok(InitiatorPdu::LoginRequest(_) | InitiatorPdu::TextRequest(_)) =
            InitiatorPdu::parse(&self.bhs)
        {
            crate::text::any(&self.data);
        }
        match TargetPdu::parse(&self.bhs) {
            Ok(TargetPdu::ScsiResponse(_) | TargetPdu::AsyncMessage(_)) => {
                crate::sense::any(&self.data);
                let _ = SenseSegment::parse(&self.data);
            }
            Ok(TargetPdu::LoginResponse(_) | TargetPdu::TextResponse(_)) => {
                let _ = Pairs::new(&self.data).count();
            }
            // The header of what was rejected, section 11.17.4.
            Ok(TargetPdu::Reject(_)) => crate::header::any(&self.data),
            _ => {}
        }
    }
}

/// Any bytes are PDUs, and then an end that is named; what is read is written the same.
pub fn any(data: &[u8]) {
    let mut input = Input::new(data);
    let digests = [Digest::None, Digest::Crc32c];
    let framing = Framing {
        header_digest: input.pick(&digests),
        data_digest: input.pick(&digests),
        max_data: input.pick(&[8192, 512, 0x00ff_ffff, 0]),
    };
    let stream = input.bytes(usize::MAX);
    let mut reader = Reader::new(stream);
    loop {
        let before = reader.rest();
        let whole = match Whole::read(&framing, &mut reader) {
            Ok(whole) => whole,
            Err(StreamError::Read(ReadError::Missing(_)) | StreamError::Pdu(_)) => break,
            Err(error) => panic!("{error:?}"),
        };
        let taken = before.len() - reader.rest().len();
        let lens = SegmentLens::of(
            &whole.bhs,
            u32::MAX,
            framing.header_digest,
            framing.data_digest,
        );
        assert_eq!(lens.map(|lens| lens.total() as usize), Ok(taken));
        let mut wire = Vec::new();
        whole.write(&framing, &mut wire);
        assert_eq!(wire.len(), taken);
        whole.parse();
    }
}

/// PDUs come out of a stream as they went in, and no part of the stream is taken for more of them
/// than it holds.
pub fn round_trip(framing: &Framing, pdus: &[Whole]) {
    let mut wire = Vec::new();
    let mut ends = Vec::new();
    for pdu in pdus {
        pdu.write(framing, &mut wire);
        ends.push(wire.len());
    }
    let mut reader = Reader::new(&wire);
    for pdu in pdus {
        assert_eq!(Whole::read(framing, &mut reader).as_ref(), Ok(pdu));
    }
    assert_eq!(reader.all("stream"), Ok(()));

    // Cut it around every end, and at some places between.
    let near = ends
        .iter()
        .flat_map(|end| end.saturating_sub(60)..=(end + 60).min(wire.len()));
    for cut in near.chain((0..wire.len()).step_by(61)) {
        let mut reader = Reader::new(&wire[..cut]);
        let mut count = 0;
        let error = loop {
            match Whole::read(framing, &mut reader) {
                Ok(whole) => assert_eq!(whole, pdus[count]),
                Err(error) => break error,
            }
            count += 1;
        };
        assert_eq!(count, ends.iter().filter(|end| **end <= cut).count());
        assert!(matches!(error, StreamError::Read(ReadError::Missing(_))));
    }
}

/// Puts lengths into a header that has room for them.
pub fn set_lengths(bhs: &mut Bhs, ahs_words: u8, data_len: SegmentLen) {
    let [_, high, middle, low] = data_len.get().to_be_bytes();
    bhs[4..8].copy_from_slice(&[ahs_words, high, middle, low]);
    assert_eq!(padding(data_len.get()), data_len.padding());
}
