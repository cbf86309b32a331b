// SPDX-License-Identifier: GPL-2.0

//! Whole logins with a target that keeps to the rules.

use iscsi_properties::login::{
    config,
    log_in,
    Manner, //
};
use iscsi_proto::proto::{
    login::{
        Security,
        SessionId, //
    },
    negotiate::{
        Negotiated,
        SessionType, //
    },
    pdu::Tsih, //
};
use proptest::prelude::*;

use crate::{
    cases,
    negotiation::offer, //
};

fn security() -> impl Strategy<Value = Security> {
    prop_oneof![Just(Security::Skip), Just(Security::OfferNone)]
}

fn session_type() -> impl Strategy<Value = SessionType> {
    prop_oneof![3 => Just(SessionType::Normal), 1 => Just(SessionType::Discovery)]
}

/// Bytes of text in one PDU; with fewer a login would take too many exchanges.
fn room() -> impl Strategy<Value = usize> {
    prop_oneof![Just(8192usize), 64usize..1200]
}

fn manner() -> impl Strategy<Value = Manner> {
    let words = (any::<u16>(), prop::option::of("[^\0\u{1}-\u{1f}]{0,60}"));
    let numbers = (any::<u32>(), 0u16..2000, 0usize..20);
    (offer(), room(), 0u8..4, any::<[bool; 3]>(), words, numbers).prop_map(
        |(values, segment, lingers, [is_terse, is_curious, declares], words, numbers)| Manner {
            values,
            segment,
            lingers,
            is_terse,
            is_curious,
            declares,
            portal_group_tag: words.0,
            alias: words.1,
            stat_sn: numbers.0,
            window: numbers.1,
            first: numbers.2,
        },
    )
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_session_has_what_both_sides_agree_on(
        ours in offer(),
        manner in manner(),
        (session_type, security) in (session_type(), security()),
        room in room(),
    ) {
        log_in(config(ours, session_type, security), &manner, room);
    }

    #[test]
    fn another_connection_has_its_own_digests_and_the_rest_of_its_session(
        ours in offer(),
        leading in offer(),
        manner in manner(),
        room in room(),
    ) {
        let agreed = Negotiated {
            max_burst_length: leading.max_burst_length,
            first_burst_length: leading.first_burst_length,
            initial_r2t: leading.initial_r2t,
            immediate_data: leading.immediate_data,
            max_connections: leading.max_connections,
            ..Negotiated::default()
        };
        let mut config = config(ours, SessionType::Normal, Security::Skip);
        config.session = SessionId::Existing {
            tsih: Tsih::new(77).expect("a handle"),
            agreed: &agreed,
        };
        log_in(config, &manner, room);
    }

    #[test]
    fn a_login_of_any_responses_ends(data in proptest::collection::vec(any::<u8>(), 0..600)) {
        iscsi_properties::login::any(&data);
    }
}
