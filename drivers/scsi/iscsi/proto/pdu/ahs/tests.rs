// SPDX-License-Identifier: GPL-2.0

//! Additional header segments, by the pictures of RFC 7143 sections 11.2.2.3 and 11.2.2.4.

use super::*;
use crate::proto::pdu::tests::hex;

fn written(segments: &[Ahs<'_>]) -> (u8, Vec<u8>) {
    let mut buffer = [0xee; 1020];
    let mut writer = AhsWriter::new(&mut buffer);
    for ahs in segments {
        writer.push(*ahs).unwrap();
    }
    let words = writer.words();
    (words, buffer[..usize::from(words) * 4].to_vec())
}

fn read(bytes: &[u8]) -> Result<Vec<Ahs<'_>>, AhsError> {
    AhsList::new(bytes).collect()
}

#[test]
fn cdb_of_17_bytes_spills_one_11_2_2_3() {
    // AHSLength is CDBLength - 15.
    let golden = hex("0002 01 00 aa000000");
    let segments = [Ahs::ExtendedCdb(&[0xaa])];
    assert_eq!(written(&segments), (2, golden.clone()));
    assert_eq!(read(&golden), Ok(segments.to_vec()));
}

#[test]
fn cdb_of_32_bytes_needs_no_padding_11_2_2_3() {
    let golden = hex("0011 01 00 00010203 04050607 08090a0b 0c0d0e0f");
    let rest: Vec<u8> = (0..16).collect();
    let segments = [Ahs::ExtendedCdb(&rest)];
    assert_eq!(written(&segments), (5, golden.clone()));
    assert_eq!(read(&golden), Ok(segments.to_vec()));
}

#[test]
fn bidirectional_read_length_11_2_2_4() {
    let golden = hex("0005 02 00 12345678");
    let segments = [Ahs::BidiReadLen(0x1234_5678)];
    assert_eq!(written(&segments), (2, golden.clone()));
    assert_eq!(read(&golden), Ok(segments.to_vec()));
}

#[test]
fn several_segments_stand_one_behind_the_other() {
    let segments = [
        Ahs::ExtendedCdb(&[1, 2, 3, 4, 5, 6]),
        Ahs::BidiReadLen(512),
        Ahs::ExtendedCdb(&[7]),
    ];
    let (words, bytes) = written(&segments);
    assert_eq!(
        bytes,
        hex("0007 01 00 01020304 05060000 0005 02 00 00000200 0002 01 00 07000000")
    );
    assert_eq!(words, 7);
    assert_eq!(read(&bytes), Ok(segments.to_vec()));
}

#[test]
fn every_cdb_length_survives_a_round_trip() {
    for len in 17..=MAX_CDB_LEN {
        let cdb: Vec<u8> = (0..len).map(|i| i.to_le_bytes()[0] | 1).collect();
        let (first, rest) = split_cdb(&cdb).unwrap();
        let (words, bytes) = written(&[Ahs::ExtendedCdb(rest)]);
        assert_eq!(usize::from(words) * 4, 4 + (len - 16).next_multiple_of(4));
        let back = read(&bytes).unwrap();
        let [Ahs::ExtendedCdb(back)] = back[..] else {
            panic!("{back:?}");
        };
        assert_eq!([&first[..], back].concat(), cdb);
    }
}

#[test]
fn short_cdbs_are_filled_up_and_spill_nothing_11_3_5() {
    for len in 1..=16 {
        let cdb = vec![0xa5; len];
        let (first, rest) = split_cdb(&cdb).unwrap();
        assert_eq!((&first[..len], rest.len()), (&cdb[..], 0));
        assert!(first[len..].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn impossible_cdbs_are_refused_11_2_1_5() {
    assert_eq!(split_cdb(&[]), Err(AhsError::BadCdb));
    assert_eq!(split_cdb(&[0; MAX_CDB_LEN + 1]), Err(AhsError::BadCdb));
    assert!(split_cdb(&[0; MAX_CDB_LEN]).is_ok());
    let mut buffer = [0; 2048];
    let mut writer = AhsWriter::new(&mut buffer);
    assert_eq!(
        writer.push(Ahs::ExtendedCdb(&[])),
        Err(AhsError::BadCdb),
        "section 11.2.2.3: not for CDBs below 17 bytes"
    );
    assert_eq!(
        writer.push(Ahs::ExtendedCdb(&[0; MAX_CDB_LEN - 15])),
        Err(AhsError::BadCdb)
    );
    assert_eq!(writer.words(), 0);
}

#[test]
fn no_more_than_255_words_are_written_11_2_1_5() {
    let mut buffer = [0; 2048];
    let mut writer = AhsWriter::new(&mut buffer);
    writer.push(Ahs::ExtendedCdb(&[0; 1012])).unwrap();
    assert_eq!(writer.words(), 254);
    assert_eq!(writer.push(Ahs::BidiReadLen(1)), Err(AhsError::NoRoom));
    assert_eq!(writer.words(), 254);
}

#[test]
fn a_small_buffer_is_not_overrun() {
    for len in 0..8 {
        let mut buffer = vec![0; len];
        let mut writer = AhsWriter::new(&mut buffer);
        assert_eq!(writer.push(Ahs::BidiReadLen(1)), Err(AhsError::NoRoom));
        assert_eq!(writer.words(), 0);
    }
}

#[test]
fn rejects_truncated_segments() {
    let bytes = hex("0007 01 00 01020304 05060000 0005 02 00 00000200");
    for len in 0..bytes.len() {
        let got = read(&bytes[..len]);
        match len {
            0 => assert_eq!(got, Ok(vec![])),
            12 => assert!(got.is_ok()),
            _ => assert_eq!(got, Err(AhsError::Truncated), "{len}"),
        }
    }
}

#[test]
fn rejects_lengths_that_do_not_fit_the_type() {
    for (text, len) in [
        ("0000 01 00", 0),
        ("0001 01 00", 1),
        ("0004 02 00 00000000", 4),
        ("0006 02 00 00000000 00000000", 6),
    ] {
        assert_eq!(read(&hex(text)), Err(AhsError::BadLength { len }), "{text}");
    }
    assert_eq!(read(&hex("ffff 01 00 00000000")), Err(AhsError::Truncated));
}

#[test]
fn rejects_reserved_types_11_2_2_1() {
    for kind in (0..64).filter(|kind| ![1, 2].contains(kind)) {
        let bytes = [0, 5, kind, 0, 0, 0, 0, 0];
        assert_eq!(read(&bytes), Err(AhsError::ReservedType(kind)));
    }
    // The two bits above the code are reserved and ignored.
    assert_eq!(
        read(&hex("0005 c2 00 00000001")),
        Ok(vec![Ahs::BidiReadLen(1)])
    );
}

#[test]
fn an_error_ends_the_list() {
    let bytes = hex("0005 03 00 00000000 0005 02 00 00000001");
    let mut list = AhsList::new(&bytes);
    assert_eq!(list.next(), Some(Err(AhsError::ReservedType(3))));
    assert_eq!(list.next(), None);
}
