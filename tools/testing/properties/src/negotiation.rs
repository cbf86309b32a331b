// SPDX-License-Identifier: GPL-2.0

//! The result functions of RFC 7143 section 13 as a model, and what a target may say.

use iscsi_proto::proto::{
    keys::{
        DigestOffer,
        Key, //
    },
    negotiate::{
        Negotiated,
        Negotiation,
        NegotiationError,
        NegotiationStage,
        Offer,
        Reply,
        SessionType, //
    },
    text::{
        Pair,
        Pairs,
        Writer, //
    }, //
};

use crate::input::Input;

/// The keys whose value follows from an offer and an answer, in the order of section 13, each with
/// its result function.
pub const FUNCTIONS: [(&str, Function); 13] = [
    ("HeaderDigest", Function::List),                         // 13.1
    ("DataDigest", Function::List),                           // 13.1
    ("MaxConnections", Function::Minimum(1, 65535)),          // 13.2
    ("InitialR2T", Function::Or),                             // 13.10
    ("ImmediateData", Function::And),                         // 13.11
    ("MaxBurstLength", Function::Minimum(512, 16_777_215)),   // 13.13
    ("FirstBurstLength", Function::Minimum(512, 16_777_215)), // 13.14
    ("DefaultTime2Wait", Function::Maximum(0, 3600)),         // 13.15
    ("DefaultTime2Retain", Function::Minimum(0, 3600)),       // 13.16
    ("MaxOutstandingR2T", Function::Minimum(1, 65535)),       // 13.17
    ("DataPDUInOrder", Function::Or),                         // 13.18
    ("DataSequenceInOrder", Function::Or),                    // 13.19
    ("ErrorRecoveryLevel", Function::Minimum(0, 2)),          // 13.20
];

/// How the result follows from two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The first of the proposer's that the other side has, too.
    List,
    /// The smaller number; both are from the first to the last of these.
    Minimum(u32, u32),
    /// The larger number; both are from the first to the last of these.
    Maximum(u32, u32),
    /// Yes if both are.
    And,
    /// Yes if one is.
    Or,
}

/// The values of one side as text, by the names of the keys.
pub fn text_of(offer: &Offer, key: &str) -> String {
    let yes_no = |value| if value { "Yes" } else { "No" }.to_owned();
    match key {
        "HeaderDigest" => digests(offer.header_digest).join(","),
        "DataDigest" => digests(offer.data_digest).join(","),
        "MaxConnections" => offer.max_connections.to_string(),
        "InitialR2T" => yes_no(offer.initial_r2t),
        "ImmediateData" => yes_no(offer.immediate_data),
        "MaxRecvDataSegmentLength" => offer.max_recv_data_segment_length.to_string(),
        "MaxBurstLength" => offer.max_burst_length.to_string(),
        "FirstBurstLength" => offer.first_burst_length.to_string(),
        "DefaultTime2Wait" => offer.default_time2wait.to_string(),
        "DefaultTime2Retain" => offer.default_time2retain.to_string(),
        "MaxOutstandingR2T" => offer.max_outstanding_r2t.to_string(),
        "DataPDUInOrder" => yes_no(offer.data_pdu_in_order),
        "DataSequenceInOrder" => yes_no(offer.data_sequence_in_order),
        "ErrorRecoveryLevel" => offer.error_recovery_level.to_string(),
        other => panic!("{other} is no parameter"),
    }
}

fn digests(offer: DigestOffer) -> &'static [&'static str] {
    match offer {
        DigestOffer::None => &["None"],
        DigestOffer::Crc32c => &["CRC32C"],
        DigestOffer::Crc32cThenNone => &["CRC32C", "None"],
        DigestOffer::NoneThenCrc32c => &["None", "CRC32C"],
    }
}

/// The answer of a side with the values `ours` to `proposed`, section 6.2; `None` if it has to
/// reject.
pub fn answer(key: &str, proposed: &str, ours: &Offer) -> Option<String> {
    let ours = text_of(ours, key);
    let (_, function) = FUNCTIONS.iter().find(|(name, _)| *name == key)?;
    let yes = |value: &str| value == "Yes";
    let yes_no = |value| if value { "Yes" } else { "No" }.to_owned();
    let number = |value: &str| value.parse::<u32>().expect("a number");
    match function {
        Function::List => {
            let has = |item: &&str| ours.split(',').any(|our| our == *item);
            proposed.split(',').find(has).map(str::to_owned)
        }
        Function::Minimum(..) => Some(number(proposed).min(number(&ours)).to_string()),
        Function::Maximum(..) => Some(number(proposed).max(number(&ours)).to_string()),
        Function::And => Some(yes_no(yes(proposed) && yes(&ours))),
        Function::Or => Some(yes_no(yes(proposed) || yes(&ours))),
    }
}

/// Whether `result` can come out of our value, whatever that of the other side is.
pub fn is_possible(key: &str, ours: &Offer, result: &str) -> bool {
    let ours = text_of(ours, key);
    let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == key) else {
        return false;
    };
    // Only as section 6.1 writes it: without leading zeros.
    let number = |value: &str| {
        let number = value.parse::<u32>().ok();
        number.filter(|number| number.to_string() == value)
    };
    match function {
        Function::List => ours.split(',').any(|our| our == result),
        Function::Minimum(min, _) => {
            number(result).is_some_and(|it| *min <= it && Some(it) <= number(&ours))
        }
        Function::Maximum(_, max) => {
            number(result).is_some_and(|it| it <= *max && Some(it) >= number(&ours))
        }
        Function::And => result == "No" || result == "Yes" && ours == "Yes",
        Function::Or => result == "Yes" || result == "No" && ours == "No",
    }
}

/// Whether section 6.2.2 lets the other side leave the key out: our value alone is the result.
pub fn is_settled(key: &str, ours: &str) -> bool {
    FUNCTIONS.iter().any(|(name, function)| {
        *name == key
            && matches!(
                (function, ours),
                (Function::And, "No") | (Function::Or, "Yes")
            )
    })
}

/// The value that the negotiation of a key ended with.
pub fn result_of(negotiated: &Negotiated, key: &str) -> String {
    let values = Offer {
        header_digest: negotiated.header_digest.into(),
        data_digest: negotiated.data_digest.into(),
        max_connections: negotiated.max_connections,
        initial_r2t: negotiated.initial_r2t,
        immediate_data: negotiated.immediate_data,
        max_recv_data_segment_length: negotiated.max_recv_data_segment_length,
        max_burst_length: negotiated.max_burst_length,
        first_burst_length: negotiated.first_burst_length,
        default_time2wait: negotiated.default_time2wait,
        default_time2retain: negotiated.default_time2retain,
        max_outstanding_r2t: negotiated.max_outstanding_r2t,
        data_pdu_in_order: negotiated.data_pdu_in_order,
        data_sequence_in_order: negotiated.data_sequence_in_order,
        error_recovery_level: negotiated.error_recovery_level,
    };
    text_of(&values, key)
}

/// What happens to one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// We propose, the target answers.
    Answered,
    /// We propose, the target keeps silent if it may.
    Silent,
    /// The target proposes before we do.
    TargetFirst,
    /// We propose, the target answers `Reject`.
    Rejected,
}

/// The negotiation of all keys between two sides gives what the result functions give, or fails
/// where they have no result.
pub fn agree(ours: &Offer, theirs: &Offer, courses: &[Course; FUNCTIONS.len()], first: usize) {
    let mut negotiation = Negotiation::new(*ours, SessionType::Normal, None);
    let mut expected = Vec::new();
    // The target begins anywhere in the list.
    let keys = || {
        let pairs = FUNCTIONS.iter().zip(courses);
        pairs
            .cycle()
            .skip(first % FUNCTIONS.len())
            .take(FUNCTIONS.len())
    };
    for ((key, _), _) in keys().filter(|(_, course)| **course == Course::TargetFirst) {
        let proposed = text_of(theirs, key);
        let result = answer(key, &proposed, ours);
        let said = feed(&mut negotiation, key, &proposed);
        match result {
            Some(result) => {
                let pair = format!("{key}={result}\0");
                let answered = said.expect("a common value");
                assert!(answered == pair || answered.is_empty() && is_settled(key, &proposed));
                expected.push((*key, result));
            }
            // Without a digest in common there is none, if we can live with that.
            None if is_possible(key, ours, "None") => {
                assert_eq!(said, Ok(format!("{key}=Reject\0")));
                expected.push((*key, "None".to_owned()));
            }
            None => {
                assert!(
                    matches!(said, Err(NegotiationError::NoCommonValue(_))),
                    "{said:?}"
                );
                return;
            }
        }
    }

    let mut buffer = [0; 1024];
    let mut writer = Writer::new(&mut buffer);
    negotiation.write_offer(&mut writer).expect("room for it");
    let offered: Vec<_> = Pairs::new(writer.as_bytes())
        .map(|pair| pair.expect("text"))
        .collect();
    for (key, course) in FUNCTIONS.iter().map(|(key, _)| *key).zip(courses) {
        let pair = offered.iter().find(|pair| pair.key == key);
        let value = (*course != Course::TargetFirst).then(|| text_of(ours, key));
        assert_eq!(pair.map(|pair| pair.value), value.as_deref(), "{key}");
    }

    for ((key, _), course) in keys() {
        let proposed = text_of(ours, key);
        let result = answer(key, &proposed, theirs);
        let said = match course {
            Course::TargetFirst => continue,
            Course::Silent if is_settled(key, &proposed) => Ok(String::new()),
            Course::Answered | Course::Silent => {
                feed(&mut negotiation, key, result.as_deref().unwrap_or("Reject"))
            }
            Course::Rejected => feed(&mut negotiation, key, "Reject"),
        };
        let result = result.filter(|_| *course != Course::Rejected);
        let result = result.unwrap_or_else(|| text_of(&Offer::default(), key));
        if !is_possible(key, ours, &result) {
            assert!(
                matches!(said, Err(NegotiationError::Rejected(_))),
                "{key}: {said:?}"
            );
            return;
        }
        assert_eq!(said, Ok(String::new()), "{key}={result}");
        expected.push((key, result));
    }

    assert_eq!(
        negotiation.finish_stage(NegotiationStage::Operational),
        Ok(())
    );
    let fits_together = |expected: &[(&str, String)]| {
        let find = |key| {
            expected
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, v)| v.as_str())
        };
        let number = |key| find(key).and_then(|value| value.parse::<u32>().ok());
        let no_unsolicited =
            find("InitialR2T") == Some("Yes") && find("ImmediateData") == Some("No");
        let bursts = number("FirstBurstLength") <= number("MaxBurstLength") || no_unsolicited;
        let order = find("DataSequenceInOrder") == Some("Yes");
        let recovery = number("ErrorRecoveryLevel") > Some(0);
        bursts && !(recovery && order && number("MaxOutstandingR2T") > Some(1))
    };
    match negotiation.finish() {
        Ok(negotiated) => {
            assert!(fits_together(&expected));
            for (key, result) in expected {
                let got = result_of(&negotiated, key);
                let is_cut = key == "FirstBurstLength"
                    && got == negotiated.max_burst_length.to_string()
                    && negotiated.initial_r2t
                    && !negotiated.immediate_data;
                assert!(got == result || is_cut, "{key}={got} instead of {result}");
            }
        }
        // Possible only where a key went back to its default.
        Err(error) => assert!(!fits_together(&expected), "{error}"),
    }
}

fn feed(negotiation: &mut Negotiation, key: &str, value: &str) -> Result<String, NegotiationError> {
    let mut buffer = [0; 512];
    let mut writer = Writer::new(&mut buffer);
    let stage = NegotiationStage::Operational;
    negotiation.handle_pair(Pair { key, value }, stage, Reply::Possible, &mut writer)?;
    Ok(String::from_utf8_lossy(writer.as_bytes()).into_owned())
}

/// One answer to our offer is taken exactly if a target can have come to it.
pub fn check_answer(ours: &Offer, key: &str, value: &str) {
    let mut negotiation = Negotiation::new(*ours, SessionType::Normal, None);
    let mut buffer = [0; 1024];
    negotiation
        .write_offer(&mut Writer::new(&mut buffer))
        .expect("room for it");
    let said = feed(&mut negotiation, key, value);
    match value {
        // Judged when all is known.
        "Irrelevant" => assert_eq!(said, Ok(String::new())),
        "Reject" => {
            let default = text_of(&Offer::default(), key);
            assert_eq!(said.is_ok(), is_possible(key, ours, &default), "{said:?}");
        }
        _ => {
            // Numbers may be written in another way (section 6.1).
            let plain = iscsi_proto::proto::text::parse_number(value).map(|it| it.to_string());
            let plain = plain.as_deref().unwrap_or(value);
            assert_eq!(
                said.is_ok(),
                is_possible(key, ours, plain),
                "{key}={value}: {said:?}"
            );
        }
    }
}

/// Values that one side may have: each in its range, and fitting together.
pub fn offer(input: &mut Input<'_>) -> Offer {
    let digests = DigestOffer::ALL;
    let max_burst_length = input.between(512, 16_777_215);
    let error_recovery_level = input.between(0, 2);
    let data_sequence_in_order = input.bool();
    let max_outstanding_r2t = input.between(1, 65535);
    let one_at_a_time = error_recovery_level > 0 && data_sequence_in_order;
    Offer {
        header_digest: input.pick(&digests),
        data_digest: input.pick(&digests),
        max_connections: input.between(1, 65535),
        initial_r2t: input.bool(),
        immediate_data: input.bool(),
        max_recv_data_segment_length: input.between(512, 16_777_215),
        max_burst_length,
        first_burst_length: input.between(512, max_burst_length),
        default_time2wait: input.between(0, 3600),
        default_time2retain: input.between(0, 3600),
        max_outstanding_r2t: if one_at_a_time {
            1
        } else {
            max_outstanding_r2t
        },
        data_pdu_in_order: input.bool(),
        data_sequence_in_order,
        error_recovery_level,
    }
}

/// Any keys at any time: either the negotiation fails, or its result is one of our offer's.
pub fn any(data: &[u8]) {
    let mut input = Input::new(data);
    let ours = offer(&mut input);
    let (ours, session_type) = match input.bool() {
        false => (ours, SessionType::Normal),
        // Section 7.4.1.
        true => (
            Offer {
                error_recovery_level: 0,
                ..ours
            },
            SessionType::Discovery,
        ),
    };
    let agreed = input.bool().then(Negotiated::default);
    let mut negotiation = Negotiation::new(ours, session_type, agreed.as_ref());
    let early = input.u8() % 4;
    let mut stage = NegotiationStage::Operational;
    if input.bool() {
        stage = NegotiationStage::Security;
        let mut buffer = [0; 64];
        let written = negotiation.write_no_authentication(&mut Writer::new(&mut buffer));
        assert_eq!(written, Ok(()));
    }
    for turn in 0.. {
        if turn == early {
            stage = NegotiationStage::Operational;
            let mut buffer = [0; 1024];
            let written = negotiation.write_offer(&mut Writer::new(&mut buffer));
            assert_eq!(written, Ok(()));
        }
        if turn >= early && input.is_empty() {
            break;
        }
        let key = input.u8();
        let key = match Key::ALL.get(usize::from(key)) {
            Some(key) => key.name().to_owned(),
            None => input.text(70),
        };
        let text = format!("{key}={}\0", input.text(300));
        let Some(Ok(pair)) = Pairs::new(text.as_bytes()).next() else {
            continue;
        };
        let reply = input.pick(&[Reply::Possible, Reply::TooLate]);
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer);
        let result = negotiation.handle_pair(pair, stage, reply, &mut writer);
        if let Err(error) = result {
            assert!(!error.to_string().is_empty());
            return;
        }
        if reply == Reply::TooLate {
            assert!(writer.is_empty(), "nobody would read the answer");
        }
        assert!(Pairs::new(writer.as_bytes()).all(|pair| pair.is_ok()));
    }
    if negotiation
        .finish_stage(NegotiationStage::Operational)
        .is_err()
    {
        return;
    }
    if let Ok(negotiated) = negotiation.finish() {
        check_result(&ours, session_type, agreed.as_ref(), &negotiated);
    }
}

/// A finished negotiation respects our offer, and keeps what is not negotiated here.
pub fn check_result(
    ours: &Offer,
    session_type: SessionType,
    agreed: Option<&Negotiated>,
    negotiated: &Negotiated,
) {
    for (key, _) in FUNCTIONS {
        let result = result_of(negotiated, key);
        let of_connection = matches!(key, "HeaderDigest" | "DataDigest");
        let of_discovery = matches!(
            key,
            "DefaultTime2Wait" | "DefaultTime2Retain" | "ErrorRecoveryLevel"
        );
        match agreed {
            Some(agreed) if !of_connection => {
                let kept = result_of(agreed, key);
                assert!(
                    result == kept || key == "FirstBurstLength",
                    "{key}={result}"
                );
            }
            _ if session_type == SessionType::Discovery && !of_connection && !of_discovery => {}
            _ => assert!(
                is_possible(key, ours, &result),
                "{key}={result} of {ours:?}"
            ),
        }
    }
    assert!(negotiated.first_burst_length <= negotiated.max_burst_length);
    let theirs = negotiated.target_max_recv_data_segment_length;
    assert!((512..=16_777_215).contains(&theirs));
    let ours = ours.max_recv_data_segment_length;
    assert_eq!(negotiated.max_recv_data_segment_length, ours);
}
