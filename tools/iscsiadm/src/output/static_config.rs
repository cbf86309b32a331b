// SPDX-License-Identifier: GPL-2.0

//! `list static-config`.

use std::fmt::Write;

use serde::Serialize;

use super::Listing;
use crate::model::StaticEntry;
use crate::system::System;

/// The configured targets.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct StaticListing(Vec<Entry>);

#[derive(Serialize)]
struct Entry {
    target: String,
    portal: String,
    tpgt: Option<u16>,
}

impl StaticListing {
    pub(crate) fn new<'a>(
        entries: impl IntoIterator<Item = &'a StaticEntry>,
        system: &System,
    ) -> Self {
        let entries = entries.into_iter().map(|entry| Entry {
            target: entry.target.to_string(),
            portal: system.portal_text(&entry.portal),
            tpgt: entry.tpgt.map(|tpgt| tpgt.0),
        });
        Self(entries.collect())
    }
}

impl Listing for StaticListing {
    fn text(&self) -> String {
        let mut text = String::new();
        for entry in &self.0 {
            let _ = write!(
                text,
                "Static Configuration Target: {},{}",
                entry.target, entry.portal
            );
            if let Some(tpgt) = entry.tpgt {
                let _ = write!(text, ",{tpgt}");
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use iscsi_proto::proto::address::{
        Portal,
        Tpgt, //
    };
    use iscsi_proto::proto::names::IscsiName;

    use super::*;
    use crate::meaning::Format;
    use crate::output::tests::documented;

    #[test]
    fn the_layout_is_the_documented_one() {
        let entry = |portal, tpgt| StaticEntry {
            target: IscsiName::parse("iqn.2001-04.com.example:disk").unwrap(),
            portal: Portal::parse(portal, 3260).unwrap(),
            tpgt,
        };
        let entries = [
            entry("192.0.2.1", None),
            entry("[2001:db8::1]:860", Some(Tpgt(3))),
        ];
        let listing = StaticListing::new(&entries, &System::at("/nonexistent"));
        assert_eq!(
            listing.print(Format::Text),
            "Static Configuration Target: iqn.2001-04.com.example:disk,192.0.2.1:3260\n\
             Static Configuration Target: iqn.2001-04.com.example:disk,[2001:db8::1]:860,3\n"
        );
        assert_eq!(
            listing.print(Format::Json),
            r#"[
  {
    "target": "iqn.2001-04.com.example:disk",
    "portal": "192.0.2.1:3260",
    "tpgt": null
  },
  {
    "target": "iqn.2001-04.com.example:disk",
    "portal": "[2001:db8::1]:860",
    "tpgt": 3
  }
]
"#
        );
        documented(&listing.print(Format::Json));
        let nothing = StaticListing::new(&[], &System::default());
        assert_eq!(nothing.print(Format::Text), "");
        assert_eq!(nothing.print(Format::Json), "[]\n");
    }
}
