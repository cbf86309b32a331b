// SPDX-License-Identifier: GPL-2.0

//! No reader panics or reads past the end of its input, and each reads what was written.

use std::net::{
    IpAddr,
    SocketAddr, //
};

use iscsi_properties::{
    names,
    sense,
    text,
    TARGETS, //
};
use iscsi_proto::proto::{
    address::{
        IpAddress,
        Portal,
        Tpgt, //
    },
    names::IscsiName,
    pdu::Bhs,
    reader::{
        ReadError,
        Reader, //
    },
    text::Pair, //
};
use proptest::{
    collection::vec,
    prelude::*, //
};

use crate::cases;

/// One call of a [`Reader`].
#[derive(Clone, Debug)]
enum Call {
    Take(usize),
    Array,
    Sub(usize),
    U8,
    U16,
    U32,
}

fn call() -> impl Strategy<Value = Call> {
    let len = prop_oneof![0usize..9, Just(usize::MAX)];
    prop_oneof![
        len.clone().prop_map(Call::Take),
        Just(Call::Array),
        len.prop_map(Call::Sub),
        Just(Call::U8),
        Just(Call::U16),
        Just(Call::U32),
    ]
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn any_bytes_are_answered_by_every_target(data in vec(any::<u8>(), 0..300)) {
        for (_, target) in TARGETS {
            target(&data);
        }
    }

    #[test]
    fn a_header_of_any_bits_is_answered(bhs: Bhs) {
        iscsi_properties::header::any(&bhs);
    }

    #[test]
    fn text_that_is_nearly_right_is_answered(data in "([A-Z=]{0,3}|[A-Za-z]{1,70}=[^\0]{0,20}|\0){0,9}") {
        text::any(data.as_bytes());
    }

    #[test]
    fn text_is_read_as_it_was_written(
        pairs in vec(("[A-Za-z][A-Za-z0-9.+@_#-]{0,62}", "[^\0]{0,30}"), 0..6),
    ) {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| Pair { key, value }).collect();
        text::round_trip(&pairs);
    }

    #[test]
    fn a_value_is_read_for_what_it_says(
        value in "0?[xX]?[0-9a-fA-F]{0,22}|[0-9]{1,4}~[0-9]{1,4}|Yes|No|yes|[A-Za-z0-9,:/\\[\\]~ ]{0,20}",
    ) {
        text::check_value(&value);
    }

    #[test]
    fn numbers_of_64_bits_are_read(number: u64) {
        for value in [format!("{number}"), format!("{number:#x}"), format!("0X{number:X}")] {
            prop_assert_eq!(iscsi_proto::proto::text::parse_number(&value), Some(number));
        }
        let beyond = format!("{}", u128::from(number) + (1 << 64));
        prop_assert_eq!(iscsi_proto::proto::text::parse_number(&beyond), None);
    }

    #[test]
    fn a_name_by_the_rules_is_taken(
        name in "iqn\\.[0-9]{4}-(0[1-9]|1[0-2])\\.[a-z0-9-]{2,9}(\\.[a-z0-9-]{1,9}){1,4}(:[a-z0-9:.-]{0,40}[a-z0-9.-])?\
            |eui\\.[0-9A-Fa-f]{16}|naa\\.([0-9A-Fa-f]{16}){1,2}",
    ) {
        prop_assert!(IscsiName::parse(&name).is_ok());
        names::any_name(name.as_bytes());
    }

    #[test]
    fn a_name_that_is_nearly_right_is_answered(
        name in "(iqn|IQN|eui|naa|iq)\\.?[0-9]{3,5}-?[01]?[0-9]\\.?[a-zA-Z0-9.:_ä-]{0,220}",
    ) {
        names::any_name(name.as_bytes());
    }

    #[test]
    fn the_domain_of_a_name_is_looked_at(
        name in "iqn\\.2001-04\\.[a-z]{0,2}(\\.[a-z]{0,2}){0,3}(:[a-z:]{0,3})?",
    ) {
        names::any_name(name.as_bytes());
    }

    #[test]
    fn a_port_is_a_number_from_1_to_65535(port in "0{0,2}[0-9]{0,5}|[0-9]{1,9}|[0-9]{0,2}[+x -]") {
        let is_port = port.parse().is_ok_and(|port: u16| port != 0) && !port.starts_with('+');
        for host in ["192.0.2.1", "[2001:db8::1]", "[fe80::1%2]"] {
            let text = format!("{host}:{port}");
            prop_assert_eq!(Portal::parse(&text, 3260).is_ok(), is_port, "{}", text);
        }
    }

    #[test]
    fn an_address_is_read_as_the_standard_library_writes_it(ip: IpAddr, port in 1u16..) {
        let text = SocketAddr::from((ip, port)).to_string();
        let is_link_local = matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
        match Portal::parse(&text, 3260) {
            Ok(portal) => {
                let address = match ip {
                    IpAddr::V4(ip) => IpAddress::V4(ip.octets()),
                    IpAddr::V6(ip) => IpAddress::V6 { octets: ip.octets(), scope: 0 },
                };
                prop_assert_eq!(portal, Portal { address, port });
                prop_assert!(names::is_host(&ip) && !is_link_local);
            }
            Err(_) => prop_assert!(!names::is_host(&ip) || is_link_local),
        }
    }

    #[test]
    fn a_link_local_address_has_its_interface(tail: [u8; 8], scope in 1u32.., port in 1u16..) {
        let mut octets = [0; 16];
        octets[..2].copy_from_slice(&[0xfe, 0x80]);
        octets[8..].copy_from_slice(&tail);
        let portal = Portal { address: IpAddress::V6 { octets, scope }, port };
        prop_assert_eq!(Portal::parse(&portal.to_string(), 1), Ok(portal));
    }

    #[test]
    fn an_address_that_is_nearly_right_is_answered(
        text in "\\[?[0-9a-f:.]{0,20}(%[a-z0-9]{0,5})?\\]?(:[0-9+]{0,7})?",
    ) {
        names::any_address(text.as_bytes());
    }

    #[test]
    fn a_portal_group_tag_is_read(tag: u16) {
        prop_assert_eq!(Tpgt::parse(&tag.to_string()), Ok(Tpgt(tag)));
    }

    #[test]
    fn sense_data_are_found(data in vec(any::<u8>(), 0..80), len in 0u8..80) {
        sense::any(&data);
        let mut segment = data;
        if let Some(head) = segment.first_chunk_mut::<2>() {
            *head = [0, len];
        }
        sense::any(&segment);
    }

    /// The reader and a plain position in the same bytes.
    #[test]
    fn a_reader_gives_every_byte_once(data in vec(any::<u8>(), 0..40), calls in vec(call(), 0..16)) {
        let mut reader = Reader::new(&data);
        let mut at = 0;
        for call in calls {
            let len = match call {
                Call::Take(len) | Call::Sub(len) => len,
                Call::Array => 3,
                Call::U8 => 1,
                Call::U16 => 2,
                Call::U32 => 4,
            };
            let taken = match call {
                Call::Take(len) => reader.take(len, "it").map(<[u8]>::to_vec),
                Call::Sub(len) => reader.sub(len, "it").map(|sub| sub.rest().to_vec()),
                Call::Array => reader.take_array::<3>("it").map(|array| array.to_vec()),
                Call::U8 => reader.u8("it").map(|byte| vec![byte]),
                Call::U16 => reader.u16("it").map(|number| number.to_be_bytes().to_vec()),
                Call::U32 => reader.u32("it").map(|number| number.to_be_bytes().to_vec()),
            };
            match data[at..].get(..len) {
                Some(bytes) => {
                    prop_assert_eq!(taken.as_deref(), Ok(bytes));
                    at += len;
                }
                None => prop_assert_eq!(taken, Err(ReadError::Missing("it"))),
            }
            prop_assert_eq!(reader.rest(), &data[at..]);
            prop_assert_eq!(reader.is_empty(), at == data.len());
        }
        let rest = if at == data.len() { Ok(()) } else { Err(ReadError::Trailing("all")) };
        prop_assert_eq!(reader.all("all"), rest);
    }
}
