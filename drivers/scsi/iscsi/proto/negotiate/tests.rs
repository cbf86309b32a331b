// SPDX-License-Identifier: GPL-2.0

use super::*;

/// A negotiation after our offer is sent.
fn offered(offer: Offer) -> Negotiation {
    let mut buffer = [0; 1024];
    let mut negotiation = Negotiation::new(offer, SessionType::Normal, None);
    negotiation
        .write_offer(&mut Writer::new(&mut buffer))
        .unwrap();
    negotiation
}

/// Feeds one operational pair to which an answer is possible; returns what we answered.
fn feed(negotiation: &mut Negotiation, key: &str, value: &str) -> Result<String, NegotiationError> {
    let mut buffer = [0; 512];
    let mut out = Writer::new(&mut buffer);
    let stage = NegotiationStage::Operational;
    negotiation.handle_pair(Pair { key, value }, stage, Reply::Possible, &mut out)?;
    Ok(String::from_utf8(out.as_bytes().to_vec()).unwrap())
}

#[test]
fn the_default_offer_is_that_of_the_table() {
    let (offer, negotiated) = (Offer::default(), Negotiated::default());
    assert_eq!(offer.check(), Ok(()));
    for &key in Key::ALL {
        assert_eq!(
            offer.get(key).is_some(),
            Key::VALUES.contains(&key),
            "{key}"
        );
        if Key::VALUES.contains(&key) {
            assert_eq!(offer.get(key), key.spec().default(), "{key}");
            assert_eq!(negotiated.get(key), key.spec().default(), "{key}");
        }
    }
}

/// What the result function says about an answer, worked out from the words of section 13.
fn number_verdict(spec: &KeySpec, offered: u32, got: u64) -> Result<(), NegotiationError> {
    let key = spec.key;
    let Kind::Number { min, max, .. } = spec.kind else {
        panic!("{key} is no number");
    };
    if got < u64::from(min) || got > u64::from(max) {
        return Err(NegotiationError::OutOfRange { key, got, min, max });
    }
    let got = u32::try_from(got).unwrap();
    match spec.rule {
        Rule::Minimum if got > offered => Err(NegotiationError::AboveOffer { key, got, offered }),
        Rule::Maximum if got < offered => Err(NegotiationError::BelowOffer { key, got, offered }),
        _ => Ok(()),
    }
}

#[test]
fn every_number_at_its_boundaries() {
    for &key in Key::VALUES {
        let spec = key.spec();
        let (
            Kind::Number {
                min, max, default, ..
            },
            true,
        ) = (spec.kind, spec.rule != Rule::Declared)
        else {
            continue;
        };
        for offered_value in [min, min + 1, default, max - 1, max] {
            let around = [min, default, offered_value, max].map(u64::from);
            let candidates = around
                .into_iter()
                .flat_map(|n| [n.checked_sub(1), Some(n), Some(n + 1)])
                .flatten()
                .chain([u64::from(u32::MAX) + 1, u64::MAX]);
            for got in candidates {
                let mut offer = Offer::default();
                offer.set(key, Value::Number(offered_value)).unwrap();
                let mut negotiation = offered(offer);
                let expected = number_verdict(spec, offered_value, got);
                let verdict = feed(&mut negotiation, key.name(), &got.to_string());
                assert_eq!(
                    verdict,
                    expected.map(|()| String::new()),
                    "{key} {offered_value}"
                );
                if expected.is_ok() {
                    let got = Value::Number(u32::try_from(got).unwrap());
                    assert_eq!(negotiation.result.get(key), Some(got));
                }
            }
        }
    }
}

#[test]
fn every_boolean_pair() {
    // (rule, offered, answered, accepted): RFC 7143 section 13, "AND" and "OR".
    let table = [
        (Rule::And, false, false, true),
        (Rule::And, false, true, false),
        (Rule::And, true, false, true),
        (Rule::And, true, true, true),
        (Rule::Or, false, false, true),
        (Rule::Or, false, true, true),
        (Rule::Or, true, false, false),
        (Rule::Or, true, true, true),
    ];
    for &key in Key::VALUES {
        for (rule, ours, got, accepted) in table {
            if key.spec().rule != rule {
                continue;
            }
            let mut offer = Offer::default();
            offer.set(key, Value::Boolean(ours)).unwrap();
            let mut negotiation = offered(offer);
            let verdict = feed(&mut negotiation, key.name(), text::boolean(got));
            if accepted {
                assert_eq!(verdict, Ok(String::new()));
                assert_eq!(negotiation.result.get(key), Some(Value::Boolean(got)));
            } else {
                assert_eq!(verdict, Err(NegotiationError::BooleanResult { key, got }));
            }
        }
    }
}

#[test]
fn every_digest_offer_and_answer() {
    for key in [Key::HeaderDigest, Key::DataDigest] {
        for offer_value in DigestOffer::ALL {
            for got in [
                "None",
                "CRC32C",
                "crc32c",
                "CRC32C,None",
                "SHA256",
                "",
                "NONE",
            ] {
                let mut offer = Offer::default();
                offer.set(key, Value::Digest(offer_value)).unwrap();
                let mut negotiation = offered(offer);
                let verdict = feed(&mut negotiation, key.name(), got);
                let digest = Digest::from_name(got).filter(|digest| offer_value.contains(*digest));
                match digest {
                    Some(digest) => {
                        assert_eq!(verdict, Ok(String::new()));
                        let agreed = Value::Digest(digest.into());
                        assert_eq!(negotiation.result.get(key), Some(agreed));
                    }
                    None => assert_eq!(
                        verdict,
                        Err(NegotiationError::NotOffered {
                            key,
                            got: Excerpt::new(got),
                            offered: offer_value.as_str(),
                        })
                    ),
                }
            }
        }
    }
}

#[test]
fn rejects_values_of_another_type() {
    let numbers = [
        "", "Yes", "None", "?", "1~2", "-1", "0512", "512 ", "1e3", "0x",
    ];
    let booleans = ["", "yes", "YES", "1", "None", "?", "Yes,No"];
    for &key in Key::VALUES {
        let wrong: &[&str] = match key.spec().kind {
            Kind::Number { .. } => &numbers,
            Kind::Boolean { .. } => &booleans,
            _ => &[],
        };
        for value in wrong {
            let verdict = feed(&mut offered(Offer::default()), key.name(), value);
            assert_eq!(verdict, Err(malformed(key, value)));
        }
    }
}

#[test]
fn hexadecimal_answers_count() {
    let mut negotiation = offered(Offer::default());
    feed(&mut negotiation, "MaxBurstLength", "0x10000").unwrap();
    feed(&mut negotiation, "TargetPortalGroupTag", "0xffff").unwrap();
    assert_eq!(negotiation.result.max_burst_length, 65536);
    assert_eq!(negotiation.portal_group_tag(), Some(65535));
}

#[test]
fn not_understood_is_an_error_for_every_key_of_the_rfc() {
    for &key in Key::ALL.iter().filter(|key| **key != Key::NodeArchitecture) {
        let verdict = feed(&mut offered(Offer::default()), key.name(), "NotUnderstood");
        assert_eq!(verdict, Err(NegotiationError::NotUnderstood(key)));
    }
}

#[test]
fn a_rejected_key_keeps_its_default_if_that_is_acceptable() {
    // (key, what we offered, whether the default is a possible result of it).
    let table = [
        (Key::MaxBurstLength, Value::Number(262_144), true),
        (Key::MaxBurstLength, Value::Number(262_145), true),
        (Key::MaxBurstLength, Value::Number(262_143), false),
        (Key::DefaultTime2Wait, Value::Number(2), true),
        (Key::DefaultTime2Wait, Value::Number(1), true),
        (Key::DefaultTime2Wait, Value::Number(3), false),
        (Key::ImmediateData, Value::Boolean(true), true),
        (Key::ImmediateData, Value::Boolean(false), false),
        (Key::InitialR2T, Value::Boolean(true), true),
        (Key::InitialR2T, Value::Boolean(false), true),
        (Key::HeaderDigest, Value::Digest(DigestOffer::None), true),
        (
            Key::HeaderDigest,
            Value::Digest(DigestOffer::Crc32cThenNone),
            true,
        ),
        (Key::HeaderDigest, Value::Digest(DigestOffer::Crc32c), false),
    ];
    for (key, value, acceptable) in table {
        let mut offer = Offer::default();
        offer.set(key, value).unwrap();
        let mut negotiation = offered(offer);
        let verdict = feed(&mut negotiation, key.name(), "Reject");
        if acceptable {
            assert_eq!(verdict, Ok(String::new()), "{key} {value:?}");
            assert_eq!(negotiation.result.get(key), key.spec().default());
        } else {
            assert_eq!(
                verdict,
                Err(NegotiationError::Rejected(key)),
                "{key} {value:?}"
            );
        }
    }
}

#[test]
fn every_proposal_needs_an_answer_unless_it_decides_alone() {
    let optional = [
        (Key::InitialR2T, true),
        (Key::ImmediateData, false),
        (Key::DataPDUInOrder, true),
        (Key::DataSequenceInOrder, true),
    ];
    for &left_out in Key::VALUES {
        for boolean in [false, true] {
            let mut offer = Offer::default();
            if offer.set(left_out, Value::Boolean(boolean)).is_err() && boolean {
                continue;
            }
            let mut negotiation = offered(offer);
            for &key in Key::VALUES.iter().filter(|key| **key != left_out) {
                let value = offer.get(key).unwrap().to_string();
                feed(&mut negotiation, key.name(), &value).unwrap();
            }
            let decided = optional.contains(&(left_out, boolean))
                || left_out == Key::MaxRecvDataSegmentLength;
            let verdict = negotiation.finish_stage(NegotiationStage::Operational);
            if decided {
                assert_eq!(verdict, Ok(()));
                if left_out != Key::MaxRecvDataSegmentLength {
                    let value = Some(Value::Boolean(boolean));
                    assert_eq!(negotiation.finish().unwrap().get(left_out), value);
                }
            } else {
                assert_eq!(verdict, Err(NegotiationError::Unanswered(left_out)));
            }
        }
    }
}

#[test]
fn irrelevant_fits_first_burst_without_unsolicited_data_only() {
    // RFC 7143 section 13.14, and the example of section 6.2.
    for (initial_r2t, immediate_data) in
        [(false, false), (false, true), (true, false), (true, true)]
    {
        let offer = Offer {
            initial_r2t,
            immediate_data,
            max_burst_length: 4096,
            first_burst_length: 4096,
            ..Offer::default()
        };
        let mut negotiation = offered(offer);
        // The answer may come before those that make it fit.
        feed(&mut negotiation, "FirstBurstLength", "Irrelevant").unwrap();
        feed(&mut negotiation, "InitialR2T", text::boolean(initial_r2t)).unwrap();
        feed(
            &mut negotiation,
            "ImmediateData",
            text::boolean(immediate_data),
        )
        .unwrap();
        feed(&mut negotiation, "MaxBurstLength", "4096").unwrap();
        if initial_r2t && !immediate_data {
            assert_eq!(negotiation.finish().unwrap().first_burst_length, 4096);
        } else {
            let error = NegotiationError::Irrelevant(Key::FirstBurstLength);
            assert_eq!(negotiation.finish(), Err(error));
        }
    }
    for &key in Key::VALUES {
        if key == Key::FirstBurstLength || key == Key::MaxRecvDataSegmentLength {
            continue;
        }
        let mut negotiation = offered(Offer::default());
        feed(&mut negotiation, key.name(), "Irrelevant").unwrap();
        assert_eq!(negotiation.finish(), Err(NegotiationError::Irrelevant(key)));
    }
}

#[test]
fn first_burst_must_not_exceed_max_burst() {
    for (first, max, fits) in [(4096, 4096, true), (4097, 4096, false), (512, 4096, true)] {
        let mut negotiation = offered(Offer::default());
        feed(&mut negotiation, "FirstBurstLength", &first.to_string()).unwrap();
        feed(&mut negotiation, "MaxBurstLength", &max.to_string()).unwrap();
        let expected = NegotiationError::FirstBurstAboveMaxBurst { first, max };
        assert_eq!(negotiation.finish().err(), (!fits).then_some(expected));
        let offer = Offer {
            first_burst_length: first,
            max_burst_length: max,
            ..Offer::default()
        };
        let expected = OfferError::FirstBurstAboveMaxBurst;
        assert_eq!(offer.check().err(), (!fits).then_some(expected));
    }
}

#[test]
fn several_r2ts_do_not_go_with_ordered_recovery() {
    // RFC 7143 section 13.19: (level, ordered, R2Ts, fits).
    let table = [
        (0, true, 4, true),
        (1, true, 1, true),
        (1, true, 2, false),
        (2, false, 4, true),
    ];
    for (level, ordered, outstanding, fits) in table {
        let offer = Offer {
            error_recovery_level: level,
            data_sequence_in_order: ordered,
            max_outstanding_r2t: outstanding,
            ..Offer::default()
        };
        assert_eq!(offer.check().is_ok(), fits);
        let mut negotiation = offered(offer);
        feed(&mut negotiation, "ErrorRecoveryLevel", &level.to_string()).unwrap();
        feed(
            &mut negotiation,
            "DataSequenceInOrder",
            text::boolean(ordered),
        )
        .unwrap();
        feed(
            &mut negotiation,
            "MaxOutstandingR2T",
            &outstanding.to_string(),
        )
        .unwrap();
        let error = NegotiationError::OutstandingR2tWithRecovery { outstanding, level };
        assert_eq!(negotiation.finish().err(), (!fits).then_some(error));
    }
}

#[test]
fn an_offer_out_of_range_is_not_made() {
    let offer = Offer {
        max_recv_data_segment_length: 511,
        ..Offer::default()
    };
    let error = ValueError::OutOfRange {
        key: Key::MaxRecvDataSegmentLength,
        min: 512,
        max: (1 << 24) - 1,
    };
    assert_eq!(offer.check(), Err(OfferError::Value(error)));
    let mut offer = Offer::default();
    let value = Value::Number(511);
    assert_eq!(offer.set(Key::MaxRecvDataSegmentLength, value), Err(error));
    assert_eq!(offer, Offer::default());
}

#[test]
fn nothing_may_be_said_twice() {
    let mut negotiation = offered(Offer::default());
    for (key, value) in [
        ("MaxBurstLength", "262144"),
        ("MaxRecvDataSegmentLength", "8192"),
        ("TargetAlias", "a"),
        ("IFMarker", "No"),
    ] {
        feed(&mut negotiation, key, value).unwrap();
        let repeated = NegotiationError::Repeated(Key::from_name(key).unwrap());
        assert_eq!(feed(&mut negotiation, key, value), Err(repeated));
    }
    // Sections 6.3 and 13.26.2 make two exceptions.
    for _ in 0..2 {
        feed(&mut negotiation, "TargetAddress", "10.0.0.1:5003,1").unwrap();
        feed(&mut negotiation, "X#NodeArchitecture", "Example/1").unwrap();
    }
}

#[test]
fn targets_do_not_send_the_keys_of_initiators() {
    for key in [
        "InitiatorName",
        "InitiatorAlias",
        "SessionType",
        "SendTargets",
        "TargetName",
    ] {
        let error = NegotiationError::NotForTargets(Key::from_name(key).unwrap());
        assert_eq!(feed(&mut offered(Offer::default()), key, "x"), Err(error));
    }
}

#[test]
fn keys_stay_in_their_stage() {
    for &key in Key::ALL {
        let spec = key.spec();
        if matches!(spec.target, None | Some(Use::FullFeatureOnly)) {
            continue;
        }
        for stage in [NegotiationStage::Security, NegotiationStage::Operational] {
            let mut buffer = [0; 64];
            let pair = Pair {
                key: key.name(),
                value: "1",
            };
            let verdict = Negotiation::new(Offer::default(), SessionType::Normal, None)
                .handle_pair(pair, stage, Reply::Possible, &mut Writer::new(&mut buffer));
            let refused = verdict == Err(NegotiationError::WrongStage(key));
            let wrong = match spec.stage {
                KeyStage::Any => false,
                KeyStage::Security => stage == NegotiationStage::Operational,
                KeyStage::Operational => stage == NegotiationStage::Security,
            };
            assert_eq!(refused, wrong && key != Key::NodeArchitecture, "{key}");
        }
    }
}

#[test]
fn declarations_are_checked_and_kept() {
    let feed_one = |key, value: &str| {
        let mut negotiation = offered(Offer::default());
        feed(&mut negotiation, key, value).map(|_| negotiation.result)
    };
    let key = Key::MaxRecvDataSegmentLength;
    let (min, max) = (512, (1 << 24) - 1);
    for (value, got) in [("511", 511), ("16777216", 1 << 24)] {
        let error = NegotiationError::OutOfRange { key, got, min, max };
        assert_eq!(feed_one(key.name(), value), Err(error));
    }
    for value in [512, (1 << 24) - 1] {
        let result = feed_one(key.name(), &value.to_string()).unwrap();
        assert_eq!(result.target_max_recv_data_segment_length, value);
        assert_eq!(result.max_recv_data_segment_length, 8192);
    }
    let key = Key::TargetPortalGroupTag;
    let error = NegotiationError::OutOfRange {
        key,
        got: 65536,
        min: 0,
        max: 65535,
    };
    assert_eq!(feed_one(key.name(), "65536"), Err(error));
    assert_eq!(feed_one(key.name(), "one"), Err(malformed(key, "one")));
    let result = feed_one(key.name(), "0").unwrap();
    assert_eq!(result.target_portal_group_tag, Some(0));
    let key = Key::TargetAlias;
    let alias = "\u{e9}".repeat(127) + "x";
    assert_eq!(
        feed_one(key.name(), &alias).unwrap().target_alias.as_str(),
        alias
    );
    let error = NegotiationError::ValueTooLong(key);
    assert_eq!(feed_one(key.name(), &(alias + "x")), Err(error));
    for &key in &[
        Key::MaxRecvDataSegmentLength,
        Key::TargetPortalGroupTag,
        Key::TargetAlias,
    ] {
        for word in ["Reject", "Irrelevant"] {
            assert_eq!(feed_one(key.name(), word), Err(malformed(key, word)));
        }
    }
}

#[test]
fn answers_what_the_target_proposes() {
    let offer = Offer {
        header_digest: DigestOffer::Crc32cThenNone,
        data_digest: DigestOffer::Crc32c,
        initial_r2t: false,
        ..Offer::default()
    };
    // (proposal, our answer) with the offer above; nothing if the answer is optional.
    let table = [
        ("MaxBurstLength=8192", "MaxBurstLength=8192\0"),
        ("MaxBurstLength=300000", "MaxBurstLength=262144\0"),
        ("MaxBurstLength=511", "MaxBurstLength=Reject\0"),
        ("MaxBurstLength=many", "MaxBurstLength=Reject\0"),
        ("DefaultTime2Wait=1", "DefaultTime2Wait=2\0"),
        ("DefaultTime2Wait=3600", "DefaultTime2Wait=3600\0"),
        ("DefaultTime2Retain=0", "DefaultTime2Retain=0\0"),
        ("InitialR2T=No", "InitialR2T=No\0"),
        ("InitialR2T=Yes", ""),
        ("InitialR2T=Maybe", "InitialR2T=Reject\0"),
        ("ImmediateData=Yes", "ImmediateData=Yes\0"),
        ("ImmediateData=No", ""),
        ("DataPDUInOrder=No", "DataPDUInOrder=Yes\0"),
        ("HeaderDigest=None,CRC32C", "HeaderDigest=None\0"),
        ("HeaderDigest=X,CRC32C,None", "HeaderDigest=CRC32C\0"),
        ("HeaderDigest=X", "HeaderDigest=Reject\0"),
        ("DataDigest=None,CRC32C", "DataDigest=CRC32C\0"),
        ("TaskReporting=FastAbort,RFC3720", "TaskReporting=RFC3720\0"),
        ("TaskReporting=FastAbort", "TaskReporting=Reject\0"),
        ("iSCSIProtocolLevel=2", "iSCSIProtocolLevel=1\0"),
        ("iSCSIProtocolLevel=0", "iSCSIProtocolLevel=0\0"),
        ("IFMarker=No", "IFMarker=Reject\0"),
        ("OFMarkInt=2048~4096", "OFMarkInt=Reject\0"),
        ("X-com.example.key=7", "X-com.example.key=NotUnderstood\0"),
        ("Whatever=", "Whatever=NotUnderstood\0"),
    ];
    for (proposal, expected) in table {
        let (key, value) = proposal.split_once('=').unwrap();
        let mut negotiation = Negotiation::new(offer, SessionType::Normal, None);
        assert_eq!(feed(&mut negotiation, key, value).unwrap(), expected);
        // What was settled is not proposed again (section 6.3).
        let mut buffer = [0; 1024];
        let mut out = Writer::new(&mut buffer);
        negotiation.write_offer(&mut out).unwrap();
        let ours = String::from_utf8(out.as_bytes().to_vec()).unwrap();
        assert!(!ours.contains(&format!("{key}=")), "{ours}");
    }
}

#[test]
fn the_value_of_our_answer_is_the_result() {
    let mut negotiation = Negotiation::new(Offer::default(), SessionType::Normal, None);
    for (key, value) in [
        ("MaxBurstLength", "0x1000"),
        ("FirstBurstLength", "1024"),
        ("ImmediateData", "No"),
        ("DefaultTime2Wait", "60"),
    ] {
        feed(&mut negotiation, key, value).unwrap();
    }
    let result = negotiation.finish().unwrap();
    assert_eq!(result.max_burst_length, 4096);
    assert_eq!(result.first_burst_length, 1024);
    assert!(!result.immediate_data);
    assert_eq!(result.default_time2wait, 60);
}

#[test]
fn a_proposal_without_a_usable_digest_ends_it_if_ours_is_a_must() {
    let offer = Offer {
        header_digest: DigestOffer::Crc32c,
        ..Offer::default()
    };
    let mut negotiation = Negotiation::new(offer, SessionType::Normal, None);
    let error = NegotiationError::NoCommonValue(Key::HeaderDigest);
    assert_eq!(feed(&mut negotiation, "HeaderDigest", "None"), Err(error));
}

#[test]
fn reserved_words_are_no_proposals() {
    for word in ["Reject", "Irrelevant"] {
        for key in [Key::MaxBurstLength, Key::TaskReporting, Key::IFMarker] {
            let mut negotiation = Negotiation::new(Offer::default(), SessionType::Normal, None);
            let got = Excerpt::new(word);
            let error = NegotiationError::UnaskedAnswer { key, got };
            assert_eq!(feed(&mut negotiation, key.name(), word), Err(error));
        }
    }
}

#[test]
fn a_response_that_ends_the_stage_must_not_need_an_answer() {
    let table = [
        (
            "MaxBurstLength",
            "8192",
            Err(NegotiationError::AnswerNeeded(Key::MaxBurstLength)),
        ),
        (
            "IFMarker",
            "No",
            Err(NegotiationError::AnswerNeeded(Key::IFMarker)),
        ),
        (
            "ImmediateData",
            "Yes",
            Err(NegotiationError::AnswerNeeded(Key::ImmediateData)),
        ),
        ("ImmediateData", "No", Ok(())),
        ("MaxRecvDataSegmentLength", "8192", Ok(())),
        ("X-com.example.key", "7", Ok(())),
    ];
    for (key, value, expected) in table {
        let mut buffer = [0; 64];
        let mut out = Writer::new(&mut buffer);
        let stage = NegotiationStage::Operational;
        let verdict = Negotiation::new(Offer::default(), SessionType::Normal, None).handle_pair(
            Pair { key, value },
            stage,
            Reply::TooLate,
            &mut out,
        );
        assert_eq!(verdict, expected);
        assert!(out.is_empty());
    }
}

#[test]
fn discovery_leaves_out_what_is_irrelevant_there() {
    let offer = Offer {
        error_recovery_level: 2,
        ..Offer::default()
    };
    let mut negotiation = Negotiation::new(offer, SessionType::Discovery, None);
    let mut buffer = [0; 1024];
    let mut out = Writer::new(&mut buffer);
    negotiation.write_offer(&mut out).unwrap();
    assert_eq!(
        core::str::from_utf8(out.as_bytes()).unwrap(),
        "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0\
         DefaultTime2Wait=2\0DefaultTime2Retain=20\0ErrorRecoveryLevel=0\0"
    );
    for (key, value) in [("MaxConnections", "4"), ("FirstBurstLength", "512")] {
        let answer = feed(&mut negotiation, key, value).unwrap();
        assert_eq!(answer, format!("{key}=Irrelevant\0"));
    }
    let result = negotiation.finish().unwrap();
    assert_eq!(
        (result.max_connections, result.first_burst_length),
        (1, 65536)
    );
}

#[test]
fn later_connections_negotiate_their_own_keys_only() {
    let agreed = Negotiated {
        max_burst_length: 4096,
        first_burst_length: 512,
        header_digest: Digest::Crc32c,
        target_max_recv_data_segment_length: 65536,
        target_portal_group_tag: Some(4),
        ..Negotiated::default()
    };
    let mut negotiation = Negotiation::new(Offer::default(), SessionType::Normal, Some(&agreed));
    let mut buffer = [0; 1024];
    let mut out = Writer::new(&mut buffer);
    negotiation.write_offer(&mut out).unwrap();
    assert_eq!(
        core::str::from_utf8(out.as_bytes()).unwrap(),
        "HeaderDigest=None\0DataDigest=None\0MaxRecvDataSegmentLength=8192\0"
    );
    let error = NegotiationError::LeadingOnly(Key::MaxBurstLength);
    assert_eq!(feed(&mut negotiation, "MaxBurstLength", "8192"), Err(error));
    let result = negotiation.finish().unwrap();
    assert_eq!(
        (result.max_burst_length, result.first_burst_length),
        (4096, 512)
    );
    assert_eq!(result.header_digest, Digest::None);
    assert_eq!(result.target_max_recv_data_segment_length, 8192);
    assert_eq!(result.target_portal_group_tag, None);
}

#[test]
fn too_many_unknown_keys_cannot_be_answered() {
    let mut buffer = [0; 40];
    let mut out = Writer::new(&mut buffer);
    let mut negotiation = offered(Offer::default());
    let mut send = |key| {
        let pair = Pair { key, value: "" };
        let stage = NegotiationStage::Operational;
        negotiation.handle_pair(pair, stage, Reply::Possible, &mut out)
    };
    assert_eq!(send("Aaaa"), Ok(()));
    assert_eq!(send("Bbbb"), Ok(()));
    assert_eq!(send("Cccc"), Err(NegotiationError::AnswersTooLong));
}

#[test]
fn errors_read_as_a_sentence() {
    let key = Key::FirstBurstLength;
    let table = [
        (
            NegotiationError::AboveOffer {
                key,
                got: 999_999,
                offered: 262_144,
            },
            "target answered FirstBurstLength=999999 above the offered 262144",
        ),
        (
            NegotiationError::NotOffered {
                key: Key::HeaderDigest,
                got: Excerpt::new("\x1b[31mSHA"),
                offered: "CRC32C,None",
            },
            "target answered HeaderDigest=\\u{1b}[31mSHA, offered was CRC32C,None",
        ),
        (
            NegotiationError::BooleanResult {
                key: Key::InitialR2T,
                got: false,
            },
            "target answered InitialR2T=No to the offered Yes",
        ),
        (
            NegotiationError::OutOfRange {
                key,
                got: 1 << 40,
                min: 512,
                max: 16_777_215,
            },
            "target sent FirstBurstLength=1099511627776 outside 512 to 16777215",
        ),
        (
            NegotiationError::Unanswered(key),
            "target left FirstBurstLength unanswered",
        ),
    ];
    for (error, sentence) in table {
        assert_eq!(error.to_string(), sentence);
    }
}
