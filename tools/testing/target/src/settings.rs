// SPDX-License-Identifier: GPL-2.0

//! What the target wants, and what a login agrees on: RFC 7143 section 13.

use std::collections::BTreeMap;

use crate::wire::Digests;

/// What the target says of itself or wants, by key.
#[derive(Clone, Debug)]
pub(crate) struct Settings(BTreeMap<&'static str, String>);

/// The keys that may be set, with their values at first. Digests: those taken, preferred first;
/// empty for those the initiator prefers.
const DEFAULTS: [(&str, &str); 14] = [
    ("HeaderDigest", ""),
    ("DataDigest", ""),
    ("MaxRecvDataSegmentLength", "65536"),
    ("MaxBurstLength", "262144"),
    ("FirstBurstLength", "65536"),
    ("InitialR2T", "No"),
    ("ImmediateData", "Yes"),
    ("MaxOutstandingR2T", "1"),
    ("MaxConnections", "1"),
    ("ErrorRecoveryLevel", "0"),
    ("DefaultTime2Wait", "0"),
    ("DefaultTime2Retain", "0"),
    ("DataPDUInOrder", "Yes"),
    ("DataSequenceInOrder", "Yes"),
];

impl Default for Settings {
    fn default() -> Self {
        Self(DEFAULTS.map(|(key, value)| (key, value.to_owned())).into())
    }
}

/// What a login has agreed on, as far as the target acts on it. Lengths in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    /// Digests in the full feature phase.
    pub(crate) digests: Digests,
    /// The longest data segment that the initiator takes.
    pub(crate) max_send: u32,
    /// The longest data segment that we take.
    pub(crate) max_recv: u32,
    /// The longest sequence of data.
    pub(crate) max_burst: u32,
    /// The most that comes unasked.
    pub(crate) first_burst: u32,
    /// Nothing but immediate data comes unasked.
    pub(crate) initial_r2t: bool,
    /// Data may come with the command.
    pub(crate) immediate_data: bool,
    /// R2Ts at a time.
    pub(crate) max_r2t: u32,
    /// Seconds between the end of a connection and the next login.
    pub(crate) time2wait: u32,
}

impl Default for Agreed {
    fn default() -> Self {
        Self {
            digests: Digests::default(),
            max_send: 8192,
            max_recv: 8192,
            max_burst: 262_144,
            first_burst: 65536,
            initial_r2t: true,
            immediate_data: true,
            max_r2t: 1,
            time2wait: 2,
        }
    }
}

impl Settings {
    /// Sets what the target wants from the next login on.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let Some(place) = self.0.get_mut(key) else {
            return Err(format!("not a key of ours: {key}"));
        };
        value.clone_into(place);
        Ok(())
    }

    fn own(&self, key: &str) -> &str {
        self.0.get(key).map_or("", String::as_str)
    }

    fn own_number(&self, key: &str) -> u32 {
        self.own(key).parse().unwrap_or(0)
    }

    /// What the target says of itself unasked.
    pub(crate) fn declare(&self, agreed: &mut Agreed) -> Vec<(String, String)> {
        agreed.max_recv = self.own_number("MaxRecvDataSegmentLength");
        vec![(
            "MaxRecvDataSegmentLength".to_owned(),
            agreed.max_recv.to_string(),
        )]
    }

    /// The answer to an operational key of the initiator; `None` if there is none to give.
    pub(crate) fn answer(&self, key: &str, value: &str, agreed: &mut Agreed) -> Option<String> {
        let number = value.parse().unwrap_or(0);
        let own = self.own_number(key);
        let least = || own.min(number);
        let result = match key {
            "MaxRecvDataSegmentLength" => {
                agreed.max_send = number;
                return None;
            }
            "HeaderDigest" => {
                let choice = self.choose(key, value)?;
                agreed.digests.header = choice == "CRC32C";
                choice
            }
            "DataDigest" => {
                let choice = self.choose(key, value)?;
                agreed.digests.data = choice == "CRC32C";
                choice
            }
            "MaxBurstLength" => {
                agreed.max_burst = least();
                least().to_string()
            }
            "FirstBurstLength" => {
                agreed.first_burst = least();
                least().to_string()
            }
            "MaxOutstandingR2T" => {
                agreed.max_r2t = least();
                least().to_string()
            }
            "InitialR2T" => {
                agreed.initial_r2t = value == "Yes" || self.own(key) == "Yes";
                yes_no(agreed.initial_r2t)
            }
            "ImmediateData" => {
                agreed.immediate_data = value == "Yes" && self.own(key) == "Yes";
                yes_no(agreed.immediate_data)
            }
            "MaxConnections" | "ErrorRecoveryLevel" | "DefaultTime2Retain" => least().to_string(),
            "DefaultTime2Wait" => {
                agreed.time2wait = own.max(number);
                agreed.time2wait.to_string()
            }
            "DataPDUInOrder" | "DataSequenceInOrder" => {
                yes_no(value == "Yes" || self.own(key) == "Yes")
            }
            _ => "NotUnderstood".to_owned(),
        };
        Some(result)
    }

    /// The first of what we like that the initiator offers as well.
    fn choose(&self, key: &str, offers: &str) -> Option<String> {
        let offered = |wanted: &&str| offers.split(',').any(|offer| offer == *wanted);
        let choice = match self.own(key) {
            "" => offers
                .split(',')
                .find(|offer| matches!(*offer, "None" | "CRC32C")),
            own => own.split(',').find(offered),
        };
        Some(choice.unwrap_or("Reject").to_owned())
    }
}

fn yes_no(value: bool) -> String {
    if value { "Yes" } else { "No" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_by_the_rules_of_each_key() {
        let mut settings = Settings::default();
        settings.set("HeaderDigest", "CRC32C,None").expect("a key");
        let mut agreed = Agreed::default();
        let mut answer = |key, value| settings.answer(key, value, &mut agreed);
        assert_eq!(
            answer("HeaderDigest", "None,CRC32C").as_deref(),
            Some("CRC32C")
        );
        assert_eq!(answer("DataDigest", "None").as_deref(), Some("None"));
        assert_eq!(answer("MaxBurstLength", "512").as_deref(), Some("512"));
        assert_eq!(answer("InitialR2T", "No").as_deref(), Some("No"));
        assert_eq!(answer("DefaultTime2Wait", "2").as_deref(), Some("2"));
        assert_eq!(answer("X-unknown", "1").as_deref(), Some("NotUnderstood"));
        assert!(agreed.digests.header && !agreed.digests.data);
        assert_eq!(agreed.max_burst, 512);
    }
}
