// SPDX-License-Identifier: GPL-2.0

//! `list initiator-node`.

use std::fmt::Write;

use iscsi_proto::proto::keys::Digest;
use serde::Serialize;

use super::{
    digest,
    enabled,
    or_dash,
    Listing,
    Tunables, //
};
use crate::model::Initiator;

/// What is set for this initiator.
#[derive(Serialize)]
pub(crate) struct InitiatorListing {
    node_name: Option<String>,
    node_alias: Option<String>,
    header_digest: Pair,
    data_digest: Pair,
    authentication: &'static str,
    radius_server: Option<String>,
    radius_access: bool,
    tunables: Tunables,
    configured_sessions: u32,
}

/// A setting, and what holds without it.
#[derive(Serialize)]
struct Pair {
    default: &'static str,
    configured: Option<&'static str>,
}

impl From<Option<Digest>> for Pair {
    fn from(configured: Option<Digest>) -> Self {
        Self {
            default: digest(Digest::None.into()),
            configured: configured.map(|set| digest(set.into())),
        }
    }
}

impl From<&Initiator> for InitiatorListing {
    fn from(initiator: &Initiator) -> Self {
        Self {
            node_name: initiator.node_name.map(|name| name.to_string()),
            node_alias: initiator.node_alias.map(|alias| alias.as_str().to_owned()),
            header_digest: initiator.header_digest.into(),
            data_digest: initiator.data_digest.into(),
            authentication: "NONE",
            radius_server: None,
            radius_access: false,
            tunables: Tunables::new(),
            configured_sessions: 1,
        }
    }
}

impl Listing for InitiatorListing {
    fn text(&self) -> String {
        let mut text = format!(
            "Initiator node name: {}\n\
             Initiator node alias: {}\n\
             \tLogin Parameters (Default/Configured):\n\
             \t\tHeader Digest: {}/{}\n\
             \t\tData Digest: {}/{}\n\
             \tAuthentication Type: {}\n\
             \tRADIUS Server: {}\n\
             \tRADIUS Access: {}\n",
            or_dash(self.node_name.as_deref()),
            or_dash(self.node_alias.as_deref()),
            self.header_digest.default,
            or_dash(self.header_digest.configured),
            self.data_digest.default,
            or_dash(self.data_digest.configured),
            self.authentication,
            self.radius_server.as_deref().unwrap_or("NONE"),
            enabled(self.radius_access),
        );
        self.tunables.text(&mut text);
        let _ = writeln!(text, "\tConfigured Sessions: {}", self.configured_sessions);
        text
    }
}

#[cfg(test)]
mod tests {
    use iscsi_proto::proto::names::{
        Alias,
        IscsiName, //
    };

    use super::*;
    use crate::meaning::Format;
    use crate::output::tests::documented;

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut initiator = Initiator {
            node_name: Some(IscsiName::parse("iqn.2001-04.com.example:box").unwrap()),
            ..Initiator::default()
        };
        assert_eq!(
            InitiatorListing::from(&initiator).print(Format::Text),
            "Initiator node name: iqn.2001-04.com.example:box\n\
             Initiator node alias: -\n\
             \tLogin Parameters (Default/Configured):\n\
             \t\tHeader Digest: NONE/-\n\
             \t\tData Digest: NONE/-\n\
             \tAuthentication Type: NONE\n\
             \tRADIUS Server: NONE\n\
             \tRADIUS Access: disabled\n\
             \tTunable Parameters (Default/Configured):\n\
             \t\tSession Login Response Time: 60/-\n\
             \t\tMaximum Connection Retry Time: 180/-\n\
             \t\tLogin Retry Time Interval: 60/-\n\
             \tConfigured Sessions: 1\n"
        );
        initiator.node_alias = Some(Alias::parse("box").unwrap());
        initiator.header_digest = Some(Digest::Crc32c);
        initiator.data_digest = Some(Digest::None);
        let listing = InitiatorListing::from(&initiator);
        let text = listing.print(Format::Text);
        assert!(text.contains("alias: box\n"));
        assert!(text.contains("\t\tHeader Digest: NONE/CRC32\n\t\tData Digest: NONE/NONE\n"));
        assert_eq!(
            listing.print(Format::Json),
            r#"{
  "node_name": "iqn.2001-04.com.example:box",
  "node_alias": "box",
  "header_digest": {
    "default": "NONE",
    "configured": "CRC32"
  },
  "data_digest": {
    "default": "NONE",
    "configured": "NONE"
  },
  "authentication": "NONE",
  "radius_server": null,
  "radius_access": false,
  "tunables": {
    "default": {
      "conn-login-max": 180,
      "polling-login-delay": 60,
      "recv-login-rsp-timeout": 60
    },
    "configured": {}
  },
  "configured_sessions": 1
}
"#
        );
        documented(&listing.print(Format::Json));
    }
}
