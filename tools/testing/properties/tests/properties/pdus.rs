// SPDX-License-Identifier: GPL-2.0

//! Every PDU, from value to bytes and back.

use iscsi_properties::{
    ahs,
    header,
    input::Input,
    pdu,
    stream::{
        round_trip,
        set_lengths,
        Framing,
        Whole, //
    }, //
};
use iscsi_proto::proto::pdu::{
    ahs::{
        split_cdb,
        Ahs,
        AhsWriter,
        MAX_CDB_LEN, //
    },
    Digest,
    InitiatorPdu,
    SegmentLen,
    TargetPdu,
    BHS_LEN, //
};
use proptest::{
    collection::vec,
    prelude::*, //
};

use crate::cases;

fn digest() -> impl Strategy<Value = Digest> {
    prop_oneof![Just(Digest::None), Just(Digest::Crc32c)]
}

fn of_target() -> impl Strategy<Value = TargetPdu> {
    any::<[u8; 80]>().prop_map(|bytes| pdu::of_target(&mut Input::new(&bytes)))
}

fn of_initiator() -> impl Strategy<Value = InitiatorPdu> {
    any::<[u8; 80]>().prop_map(|bytes| pdu::of_initiator(&mut Input::new(&bytes)))
}

/// The additional header segments that a command of Linux can have.
fn segments() -> impl Strategy<Value = (Vec<u8>, Option<u32>)> {
    (vec(any::<u8>(), 0..=240), any::<Option<u32>>())
}

/// Any PDU with segments as long as its header says.
fn whole() -> impl Strategy<Value = Whole> {
    let bhs = prop_oneof![
        of_target().prop_map(|pdu| {
            let mut bhs = [0; BHS_LEN];
            pdu.write(&mut bhs);
            bhs
        }),
        of_initiator().prop_map(|pdu| {
            let mut bhs = [0; BHS_LEN];
            pdu.write(&mut bhs);
            bhs
        }),
    ];
    let lens = (0u8..=12, prop_oneof![Just(0usize), 1usize..600]);
    (bhs, lens).prop_flat_map(|(mut bhs, (words, len))| {
        let data_len = SegmentLen::new(u32::try_from(len).expect("short")).expect("short");
        set_lengths(&mut bhs, words, data_len);
        let ahs = vec(any::<u8>(), usize::from(words) * 4);
        (ahs, vec(any::<u8>(), len)).prop_map(move |(ahs, data)| Whole { bhs, ahs, data })
    })
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn what_a_target_may_send_is_read_as_it_was_written(pdu in of_target()) {
        let mut bhs = [0; BHS_LEN];
        pdu.write(&mut bhs);
        let legal = pdu::is_legal_of_target(&pdu);
        prop_assert_eq!(TargetPdu::parse(&bhs).is_ok(), legal, "{:?}", TargetPdu::parse(&bhs));
        if legal {
            prop_assert_eq!(TargetPdu::parse(&bhs), Ok(pdu));
        }
        prop_assert!(InitiatorPdu::parse(&bhs).is_err());
    }

    #[test]
    fn what_an_initiator_may_send_is_read_as_it_was_written(pdu in of_initiator()) {
        let mut bhs = [0; BHS_LEN];
        pdu.write(&mut bhs);
        let legal = pdu::is_legal_of_initiator(&pdu);
        prop_assert_eq!(InitiatorPdu::parse(&bhs).is_ok(), legal, "{:?}", InitiatorPdu::parse(&bhs));
        if legal {
            prop_assert_eq!(InitiatorPdu::parse(&bhs), Ok(pdu));
        }
        prop_assert!(TargetPdu::parse(&bhs).is_err());
    }

    /// One bit may make another PDU of it, or none, but nothing that was not there.
    #[test]
    fn a_broken_bit_breaks_no_reader(pdu in of_target(), bit in 0..BHS_LEN * 8) {
        let mut bhs = [0; BHS_LEN];
        pdu.write(&mut bhs);
        bhs[bit / 8] ^= 0x80 >> (bit % 8);
        header::any(&bhs);
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_stream_is_cut_where_its_pdus_end(
        pdus in vec(whole(), 1..6),
        header_digest in digest(),
        data_digest in digest(),
    ) {
        let framing = Framing { header_digest, data_digest, max_data: 600 };
        round_trip(&framing, &pdus);
    }

    /// Section 11.3.5: 16 bytes in the header, the rest in front of the data.
    #[test]
    fn a_command_is_read_with_its_whole_cdb(
        header: [u8; 80],
        cdb in vec(any::<u8>(), 1..=260),
        read_len in any::<Option<u32>>(),
        data in vec(any::<u8>(), 0..64),
    ) {
        let mut command = pdu::command(&mut Input::new(&header));
        (command.write, command.read, command.is_final) = (true, true, true);
        let (first, rest) = split_cdb(&cdb).expect("1 to 260 bytes");
        let mut buffer = [0; 300];
        let mut writer = AhsWriter::new(&mut buffer);
        if !rest.is_empty() {
            prop_assert_eq!(writer.push(Ahs::ExtendedCdb(rest)), Ok(()));
        }
        if let Some(len) = read_len {
            prop_assert_eq!(writer.push(Ahs::BidiReadLen(len)), Ok(()));
        }
        command.cdb = first;
        command.ahs_words = writer.words();
        let len = u32::try_from(data.len()).expect("short");
        command.data_len = SegmentLen::new(len).expect("short");
        let ahs = buffer[..usize::from(command.ahs_words) * 4].to_vec();
        let sent = Whole { bhs: command.to_bytes(), ahs, data };

        let framing = Framing {
            header_digest: Digest::Crc32c,
            data_digest: Digest::Crc32c,
            max_data: 64,
        };
        round_trip(&framing, std::slice::from_ref(&sent));
        prop_assert_eq!(InitiatorPdu::parse(&sent.bhs), Ok(command.into()));
        ahs::any(&sent.ahs);
    }

    #[test]
    fn additional_headers_are_read_as_they_were_written(
        lists in vec(segments(), 1..4),
    ) {
        let mut list = Vec::new();
        for (rest, read_len) in &lists {
            if !rest.is_empty() {
                list.push(Ahs::ExtendedCdb(rest));
            }
            list.extend(read_len.map(Ahs::BidiReadLen));
        }
        ahs::round_trip(&list);
    }

    #[test]
    fn a_cdb_of_any_length_is_split_or_refused(cdb in vec(any::<u8>(), 0..=MAX_CDB_LEN + 4)) {
        ahs::check_cdb(&cdb);
    }
}
