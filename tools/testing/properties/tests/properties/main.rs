// SPDX-License-Identifier: GPL-2.0

//! Property tests of the protocol core.
//!
//! They try the same cases in every run. `PROPTEST_CASES=100000` tries more of them,
//! `PROPTEST_RNG_SEED=<number>` others. A test that fails prints the smallest case it finds.

mod corpus;
mod data;
mod login;
mod negotiation;
mod parsers;
mod pdus;
mod serial;

use proptest::test_runner::{
    Config,
    RngSeed, //
};

/// Runs `cases` cases of a property, unless the environment wants others.
fn cases(cases: u32) -> Config {
    let mut config = Config {
        // A failure becomes a test of its own, not a file.
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(7143);
    }
    config
}
