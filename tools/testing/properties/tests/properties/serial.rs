// SPDX-License-Identifier: GPL-2.0

//! Serial numbers and the command window.

use iscsi_properties::serial;
use proptest::{
    collection::vec,
    prelude::*, //
};

use crate::cases;

/// Numbers anywhere, often where they wrap or change their sign.
fn number() -> impl Strategy<Value = u32> {
    let edge = prop_oneof![Just(0u32), Just(1 << 31), Just(u32::MAX)];
    prop_oneof![
        any::<u32>(),
        (edge, 0u32..9).prop_map(|(edge, by)| edge.wrapping_add(by).wrapping_sub(4)),
    ]
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn two_numbers_have_the_order_of_rfc_1982(a in number(), b in number()) {
        serial::order(a, b);
    }

    #[test]
    fn a_number_less_than_half_the_space_on_comes_later(from in number(), steps in 1u32..1 << 31) {
        use iscsi_proto::proto::sn::DataSn;
        let (from, to) = (DataSn::new(from), DataSn::new(from).add(steps));
        prop_assert!(from.precedes(to) && !to.precedes(from));
        prop_assert_eq!(from.distance_to(to), Some(steps));
    }
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn the_command_window_is_where_the_target_put_it(
        first in number(),
        turns in vec((0u8..9, 0u8..9, 0u8..20, any::<bool>()), 0..60),
    ) {
        serial::session(first, &turns);
    }

    #[test]
    fn a_window_stands_any_update(first in number(), data in vec(any::<u8>(), 0..200)) {
        serial::any(&[&first.to_be_bytes(), &data[..]].concat());
    }
}
