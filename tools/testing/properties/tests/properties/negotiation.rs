// SPDX-License-Identifier: GPL-2.0

//! Any two offers, and any answer to one.

use iscsi_properties::negotiation::{
    agree,
    check_answer,
    Course,
    FUNCTIONS, //
};
use iscsi_proto::proto::{
    keys::DigestOffer,
    negotiate::Offer, //
};
use proptest::{
    collection::vec,
    prelude::*, //
};

use crate::cases;

fn digest() -> impl Strategy<Value = DigestOffer> {
    prop::sample::select(DigestOffer::ALL.to_vec())
}

/// A number of this range, often its ends.
fn number(min: u32, max: u32) -> impl Strategy<Value = u32> + Clone {
    prop_oneof![Just(min), Just(max), min..=max, min..=max.min(min + 4)]
}

/// What one side may want: all values in their ranges, and fitting together (sections 13.14 and
/// 13.19).
pub(crate) fn offer() -> impl Strategy<Value = Offer> {
    let bursts = number(512, 16_777_215).prop_flat_map(|max| (number(512, max), Just(max)));
    let counts = (number(1, 65535), number(1, 65535), number(0, 2));
    let times = (number(0, 3600), number(0, 3600));
    let segment = number(512, 16_777_215);
    (
        digest(),
        digest(),
        any::<[bool; 4]>(),
        bursts,
        counts,
        times,
        segment,
    )
        .prop_map(
            |(header_digest, data_digest, flags, bursts, counts, times, segment)| {
                let (max_connections, outstanding, error_recovery_level) = counts;
                let [initial_r2t, immediate_data, data_pdu_in_order, data_sequence_in_order] =
                    flags;
                let one_at_a_time = error_recovery_level > 0 && data_sequence_in_order;
                Offer {
                    header_digest,
                    data_digest,
                    max_connections,
                    initial_r2t,
                    immediate_data,
                    max_recv_data_segment_length: segment,
                    max_burst_length: bursts.1,
                    first_burst_length: bursts.0,
                    default_time2wait: times.0,
                    default_time2retain: times.1,
                    max_outstanding_r2t: if one_at_a_time { 1 } else { outstanding },
                    data_pdu_in_order,
                    data_sequence_in_order,
                    error_recovery_level,
                }
            },
        )
}

fn courses() -> impl Strategy<Value = [Course; FUNCTIONS.len()]> {
    let course = prop_oneof![
        6 => Just(Course::Answered),
        2 => Just(Course::Silent),
        2 => Just(Course::TargetFirst),
        1 => Just(Course::Rejected),
    ];
    vec(course, FUNCTIONS.len()).prop_map(|courses| courses.try_into().expect("one for each"))
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn an_offer_that_fits_together_may_be_made(offer in offer()) {
        prop_assert_eq!(offer.check(), Ok(()));
    }

    #[test]
    fn two_sides_agree_on_what_the_result_functions_say(
        ours in offer(),
        theirs in offer(),
        courses in courses(),
        first in 0..FUNCTIONS.len(),
    ) {
        agree(&ours, &theirs, &courses, first);
    }

    #[test]
    fn two_sides_that_answer_everything_agree(ours in offer(), theirs in offer()) {
        agree(&ours, &theirs, &[Course::Answered; FUNCTIONS.len()], 0);
    }

    #[test]
    fn an_answer_is_taken_only_if_it_can_be_the_result(
        ours in offer(),
        (key, _) in prop::sample::select(FUNCTIONS.to_vec()),
        value in prop_oneof![
            any::<u32>().prop_map(|number| number.to_string()),
            (0u32..4000).prop_map(|number| number.to_string()),
            (0u32..=0x0100_0000).prop_map(|number| format!("{number:#x}")),
            any::<u64>().prop_map(|number| number.to_string()),
            prop::sample::select(vec![
                "Yes", "No", "yes", "None", "CRC32C", "None,CRC32C", "CRC32", "", "-1", "0512",
                "Reject", "Irrelevant", "1~2",
            ])
            .prop_map(str::to_owned),
        ],
    ) {
        check_answer(&ours, key, &value);
    }

    /// At and beside our own value, where the rule decides.
    #[test]
    fn an_answer_beside_the_offer_is_taken_on_one_side_only(
        ours in offer(),
        (key, _) in prop::sample::select(FUNCTIONS.to_vec()),
        by in 0u32..5,
    ) {
        let own = iscsi_properties::negotiation::text_of(&ours, key);
        if let Ok(number) = own.parse::<u32>() {
            check_answer(&ours, key, &(number + by).saturating_sub(2).to_string());
        }
    }
}
