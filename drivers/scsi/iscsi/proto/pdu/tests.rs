// SPDX-License-Identifier: GPL-2.0

//! What holds for every header alike; [`golden`] has their layouts, [`rules`] their rules.

use super::*;

mod golden;
mod rules;

/// Reads bytes written as hexadecimal digits with spaces.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    assert_eq!(digits.len() % 2, 0, "odd number of digits");
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

/// Reads a header written as hexadecimal digits with spaces.
fn bhs(text: &str) -> Bhs {
    hex(text).try_into().expect("48 bytes")
}

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bhs(&mut self, opcode: Opcode) -> Bhs {
        let mut bhs = [0; BHS_LEN];
        bhs.fill_with(|| self.next().to_le_bytes()[3]);
        put_opcode(&mut bhs, opcode);
        bhs
    }
}

fn put_opcode(bhs: &mut Bhs, opcode: Opcode) {
    bhs[0] = (bhs[0] & 0xc0) | opcode.get();
}

/// Keeps the bits of `bhs` that `mask` has.
fn masked(bhs: &Bhs, mask: &Bhs) -> Bhs {
    let mut out = *bhs;
    out.iter_mut()
        .zip(mask)
        .for_each(|(byte, mask)| *byte &= mask);
    out
}

const TARGET_OPCODES: [u8; 10] = [
    0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x31, 0x32, 0x3f, //
];
const INITIATOR_OPCODES: [u8; 8] = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10];

/// Section 11.2.1.2: initiators must not use target opcodes, and the other way round; all others
/// are unassigned or a vendor's.
#[test]
fn each_direction_knows_its_opcodes_only_11_2_1_2() {
    for code in 0..=0x3f {
        let mut bhs = [0; BHS_LEN];
        bhs[0] = code;
        let unexpected = PduError::UnexpectedOpcode(Opcode::new(code));
        let of_target = TARGET_OPCODES.contains(&code);
        let of_initiator = INITIATOR_OPCODES.contains(&code);
        assert_eq!(TargetPdu::parse(&bhs) != Err(unexpected), of_target);
        assert_eq!(InitiatorPdu::parse(&bhs) != Err(unexpected), of_initiator);
        assert_eq!(
            Opcode::new(code).name().is_some(),
            of_target || of_initiator
        );
    }
}

/// Section 11.2: the bits above the opcode are no part of it.
#[test]
fn opcode_is_six_bits_11_2_1_2() {
    let mut bhs = [0; BHS_LEN];
    bhs[0] = 0xc0 | 0x25;
    assert_eq!(opcode(&bhs), Opcode::DATA_IN);
}

#[test]
fn random_headers_survive_a_round_trip() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut accepted = 0;
    for round in 0..20_000 {
        for code in TARGET_OPCODES {
            let mut bhs = random.bhs(Opcode::new(code));
            if round % 2 == 0 {
                bhs[4..8].fill(0);
            }
            if let Ok(pdu) = TargetPdu::parse(&bhs) {
                let mut again = [0; BHS_LEN];
                pdu.write(&mut again);
                assert_eq!(TargetPdu::parse(&again), Ok(pdu));
                assert_eq!(pdu.opcode().get(), code);
                let _ = (pdu.window(), pdu.stat_sn());
                accepted += 1;
            }
        }
        for code in INITIATOR_OPCODES {
            let mut bhs = random.bhs(Opcode::new(code));
            if round % 2 == 0 {
                bhs[4..8].fill(0);
            }
            if let Ok(pdu) = InitiatorPdu::parse(&bhs) {
                let mut again = [0; BHS_LEN];
                pdu.write(&mut again);
                assert_eq!(InitiatorPdu::parse(&again), Ok(pdu));
                accepted += 1;
            }
        }
    }
    assert!(
        accepted > 100_000,
        "the test has lost its teeth: {accepted}"
    );
}

#[test]
fn padding_fills_words_11_1() {
    for (len, pad) in [
        (0, 0),
        (1, 3),
        (2, 2),
        (3, 1),
        (4, 0),
        (5, 3),
        (0xff_ffff, 1),
    ] {
        assert_eq!(padding(len), pad, "{len}");
    }
    assert_eq!(padding(u32::MAX), 1);
}

#[test]
fn lengths_are_read_before_anything_else_11_2() {
    let mut bhs = [0; BHS_LEN];
    bhs[4..8].copy_from_slice(&[2, 0x01, 0x02, 0x03]);
    assert_eq!(total_ahs_length(&bhs), 8);
    assert_eq!(data_segment_length(&bhs), 0x01_0203);

    let lens = SegmentLens::of(&bhs, 0x01_0203, Digest::Crc32c, Digest::Crc32c).unwrap();
    assert_eq!((lens.ahs, lens.header_digest), (8, 4));
    assert_eq!((lens.data.get(), lens.padding), (0x01_0203, 1));
    assert_eq!(lens.data_digest, 4);
    assert_eq!(lens.total(), 48 + 8 + 4 + 0x01_0203 + 1 + 4);

    let lens = SegmentLens::of(&bhs, 0xff_ffff, Digest::None, Digest::None).unwrap();
    assert_eq!(lens.total(), 48 + 8 + 0x01_0203 + 1);
}

#[test]
fn data_longer_than_declared_is_refused_13_12() {
    let mut bhs = [0; BHS_LEN];
    bhs[5..8].copy_from_slice(&[0, 0x02, 0x01]);
    let read = |max| SegmentLens::of(&bhs, max, Digest::None, Digest::None).map(|l| l.data.get());
    assert_eq!(read(513), Ok(513));
    assert_eq!(read(512), Err(PduError::DataTooLong { len: 513, max: 512 }));
    assert_eq!(read(0), Err(PduError::DataTooLong { len: 513, max: 0 }));
}

#[test]
fn no_data_means_no_data_digest_11_2_3() {
    let lens = SegmentLens::of(&[0; BHS_LEN], 0, Digest::Crc32c, Digest::Crc32c).unwrap();
    assert_eq!((lens.header_digest, lens.data_digest), (4, 0));
    assert_eq!(lens.total(), 52);
}

#[test]
fn longest_pdu_does_not_overflow() {
    let lens = SegmentLens::of(&[0xff; BHS_LEN], u32::MAX, Digest::Crc32c, Digest::Crc32c).unwrap();
    assert_eq!(lens.total(), 48 + 1020 + 4 + 0x00ff_ffff + 1 + 4);
}

#[test]
fn codes_keep_the_numbers_they_do_not_know() {
    let known = TaskFunctionResponse::new(255);
    assert_eq!(known, TaskFunctionResponse::REJECTED);
    assert_eq!(format!("{known}"), "function rejected");
    assert_eq!(
        format!("{known:?}"),
        "TaskFunctionResponse(0xff function rejected)"
    );
    let reserved = TaskFunctionResponse::new(8);
    assert_eq!((reserved.name(), reserved.get()), (None, 8));
    assert_eq!(format!("{reserved}"), "0x08");
    assert_eq!(format!("{reserved:?}"), "TaskFunctionResponse(0x08)");
}

#[test]
fn every_named_code_finds_its_name() {
    for (code, text) in LoginStatus::NAMED {
        assert_eq!(code.name(), Some(*text));
        assert_eq!(LoginStatus::new(code.get()), *code);
    }
    assert_eq!(LoginStatus::NAMED.len(), 18);
    assert_eq!(RejectReason::NAMED.len(), 11);
    assert_eq!(Opcode::NAMED.len(), 18);
}

#[test]
fn tags_have_one_reserved_value_11_2_1_8() {
    assert_eq!(Itt::new(0xffff_ffff), None);
    assert_eq!(Ttt::new(0xffff_ffff), None);
    assert_eq!(Itt::new(0xffff_fffe).map(Itt::get), Some(0xffff_fffe));
    assert_eq!(Ttt::new(0).map(Ttt::get), Some(0));
    assert_eq!(Tsih::new(0), None);
    assert_eq!(Tsih::new(0xffff).map(Tsih::get), Some(0xffff));
    assert_eq!(format!("{}", Itt::new(0x1f).unwrap()), "0x0000001f");
}

#[test]
fn segment_length_has_24_bits_11_2_1_6() {
    assert_eq!(SegmentLen::new(0x0100_0000), None);
    assert_eq!(SegmentLen::new(0x00ff_ffff), Some(SegmentLen::MAX));
    assert_eq!(SegmentLen::at_most(u32::MAX), SegmentLen::MAX);
    assert_eq!(SegmentLen::at_most(5).get(), 5);
    assert_eq!(SegmentLen::at_most(5).padding(), 3);
}

/// Section 11.2.1.7: byte 8 of the header is LUN[0] of SAM.
#[test]
fn lun_is_in_the_order_of_sam_11_2_1_7() {
    assert_eq!(Lun::from_number(0), Lun::ZERO);
    assert_eq!(Lun::from_number(1), Lun([0, 1, 0, 0, 0, 0, 0, 0]));
    assert_eq!(Lun::from_number(0x4100), Lun([0x41, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(
        Lun::from_number(0x0d0e_0b0c_090a_0708),
        Lun([7, 8, 9, 10, 11, 12, 13, 14])
    );
    for number in [0, 1, 0x4001, 0x0102_0304_0506_0708, u64::MAX] {
        assert_eq!(Lun::from_number(number).number(), number);
    }
}

#[test]
fn isid_format_11_12_5() {
    let isid = Isid::random([0x12, 0x34, 0x56], 0x789a);
    assert_eq!(isid.0, [0x80, 0x12, 0x34, 0x56, 0x78, 0x9a]);
    assert_eq!(format!("{isid}"), "80123456789a");
}

#[test]
fn login_status_classes_11_13_5() {
    use LoginStatusClass::*;
    for (code, class) in [
        (0x0000, Success),
        (0x0001, Success),
        (0x0101, Redirection),
        (0x0209, InitiatorError),
        (0x02ff, InitiatorError),
        (0x0300, TargetError),
        (0x0400, Reserved(4)),
        (0xff00, Reserved(0xff)),
    ] {
        assert_eq!(LoginStatus::new(code).class(), class, "{code:#06x}");
    }
}
