// SPDX-License-Identifier: GPL-2.0

//! Basic header segments, RFC 7143 section 11.

use iscsi_proto::proto::pdu::{
    data_segment_length,
    opcode,
    total_ahs_length,
    Bhs,
    Digest,
    InitiatorPdu,
    PduError,
    SegmentLens,
    TargetPdu,
    BHS_LEN, //
};

use crate::{
    input::Input,
    pdu::defined, //
};

/// A header is read, or refused for a reason; and what is read is what stood there.
pub fn any(data: &[u8]) {
    let mut input = Input::new(data);
    let bhs: Bhs = input.array();
    lengths(&bhs, input.u32() & 0x01ff_ffff);

    let mut directions = 0;
    match TargetPdu::parse(&bhs) {
        Ok(pdu) => {
            let _ = (pdu.window(), pdu.stat_sn());
            let mut written = [0xa5; BHS_LEN];
            pdu.write(&mut written);
            assert_eq!(pdu.opcode(), opcode(&bhs));
            assert_eq!(TargetPdu::parse(&written), Ok(pdu));
            same_where_defined(&bhs, &written, defined::of_target(&pdu));
            directions += 1;
        }
        Err(error) => check_error(error, &bhs),
    }
    match InitiatorPdu::parse(&bhs) {
        Ok(pdu) => {
            let mut written = [0x5a; BHS_LEN];
            pdu.write(&mut written);
            assert_eq!(pdu.opcode(), opcode(&bhs));
            assert_eq!(InitiatorPdu::parse(&written), Ok(pdu));
            same_where_defined(&bhs, &written, defined::of_initiator(&pdu));
            directions += 1;
        }
        Err(error) => check_error(error, &bhs),
    }
    assert!(directions < 2, "read both ways: {bhs:02x?}");
}

/// Whoever asks for the right opcode is never told that it is wrong.
fn check_error(error: PduError, bhs: &Bhs) {
    match error {
        PduError::WrongOpcode(_) => panic!("the wrong reader for {bhs:02x?}"),
        PduError::UnexpectedOpcode(code) => assert_eq!(code, opcode(bhs)),
        _ => {}
    }
}

/// What means something survives, and nothing else is written that was not there.
fn same_where_defined(read: &Bhs, written: &Bhs, defined: &Bhs) {
    for at in 0..BHS_LEN {
        assert_eq!(
            read[at] & defined[at],
            written[at] & defined[at],
            "byte {at} of {read:02x?}"
        );
    }
}

/// The lengths are those of section 11.2, and their sum is the PDU's.
fn lengths(bhs: &Bhs, max_data: u32) {
    let data = u32::from(bhs[5]) * 65536 + u32::from(bhs[6]) * 256 + u32::from(bhs[7]);
    assert_eq!(data_segment_length(bhs), data);
    assert_eq!(total_ahs_length(bhs), u32::from(bhs[4]) * 4);
    for (header_digest, data_digest) in [
        (Digest::None, Digest::None),
        (Digest::Crc32c, Digest::None),
        (Digest::None, Digest::Crc32c),
        (Digest::Crc32c, Digest::Crc32c),
    ] {
        match SegmentLens::of(bhs, max_data, header_digest, data_digest) {
            Ok(lens) => {
                assert!(data <= max_data);
                assert_eq!(lens.data.get(), data);
                let mut total = 48 + u32::from(bhs[4]) * 4;
                if header_digest == Digest::Crc32c {
                    total += 4;
                }
                total += data.div_ceil(4) * 4;
                if data_digest == Digest::Crc32c && data != 0 {
                    total += 4;
                }
                assert_eq!(lens.total(), total);
            }
            Err(error) => {
                assert!(data > max_data);
                let max = max_data;
                assert_eq!(error, PduError::DataTooLong { len: data, max });
            }
        }
    }
}
