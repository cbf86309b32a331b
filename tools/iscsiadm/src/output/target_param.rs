// SPDX-License-Identifier: GPL-2.0

//! `list target-param`.

use std::fmt::Write;

use serde::Serialize;
use serde_json::{
    Map,
    Value as Json, //
};

use super::{
    enabled,
    or_dash,
    pairs,
    params_json,
    Listing,
    Tunables, //
};
use crate::meaning::Detail;
use crate::model::{
    Params,
    TargetParam, //
};

/// The login parameters of targets.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct TargetParamListing {
    targets: Vec<Entry>,
    #[serde(skip)]
    detail: Detail,
}

#[derive(Serialize)]
struct Entry {
    target: String,
    alias: Option<String>,
    bidirectional_authentication: bool,
    authentication: &'static str,
    default: Map<String, Json>,
    configured: Map<String, Json>,
    tunables: Tunables,
    configured_sessions: u32,
    #[serde(skip)]
    params: [Params; 2],
}

impl TargetParamListing {
    pub(crate) fn new<'a>(
        targets: impl IntoIterator<Item = &'a TargetParam>,
        detail: Detail,
    ) -> Self {
        let targets = targets.into_iter().map(|param| Entry {
            target: param.target.to_string(),
            alias: param.alias.clone(),
            bidirectional_authentication: false,
            authentication: "NONE",
            default: params_json(&param.defaults),
            configured: params_json(&param.configured),
            tunables: Tunables::new(),
            configured_sessions: 1,
            params: [param.defaults.clone(), param.configured.clone()],
        });
        Self {
            targets: targets.collect(),
            detail,
        }
    }
}

impl Listing for TargetParamListing {
    fn text(&self) -> String {
        let mut text = String::new();
        for entry in &self.targets {
            let alias = or_dash(entry.alias.as_deref());
            let _ = writeln!(text, "Target: {}\n\tAlias: {alias}", entry.target);
            if self.detail == Detail::Brief {
                continue;
            }
            let _ = write!(
                text,
                "\tBi-directional Authentication: {}\n\
                 \tAuthentication Type: {}\n\
                 \tLogin Parameters (Default/Configured):\n",
                enabled(entry.bidirectional_authentication),
                entry.authentication
            );
            let [defaults, configured] = &entry.params;
            pairs(&mut text, "\t\t", defaults, configured);
            entry.tunables.text(&mut text);
            let _ = writeln!(
                text,
                "\tConfigured Sessions: {}\n",
                entry.configured_sessions
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use iscsi_proto::proto::keys::{
        DigestOffer,
        Key,
        Value,
        LISTED, //
    };
    use iscsi_proto::proto::names::IscsiName;

    use super::*;
    use crate::meaning::Format;
    use crate::output::tests::documented;

    fn sample() -> TargetParam {
        let (mut defaults, mut configured) = (Params::default(), Params::default());
        for key in LISTED {
            defaults.set(key, key.spec().default().unwrap());
        }
        configured.set(Key::ImmediateData, Value::Boolean(false));
        configured.set(Key::MaxBurstLength, Value::Number(1 << 20));
        configured.set(Key::DataDigest, Value::Digest(DigestOffer::Crc32c));
        TargetParam {
            target: IscsiName::parse("iqn.2001-04.com.example:disk").unwrap(),
            alias: None,
            configured,
            defaults,
        }
    }

    #[test]
    fn the_layouts_are_the_documented_ones() {
        let short = "Target: iqn.2001-04.com.example:disk\n\tAlias: -\n";
        let sample = [sample()];
        let print = |detail| TargetParamListing::new(&sample, detail).print(Format::Text);
        assert_eq!(print(Detail::Brief), short);
        assert_eq!(
            print(Detail::Verbose),
            format!(
                "{short}\
                 \tBi-directional Authentication: disabled\n\
                 \tAuthentication Type: NONE\n\
                 \tLogin Parameters (Default/Configured):\n\
                 \t\tData Sequence In Order: yes/-\n\
                 \t\tData PDU In Order: yes/-\n\
                 \t\tDefault Time To Retain: 20/-\n\
                 \t\tDefault Time To Wait: 2/-\n\
                 \t\tError Recovery Level: 0/-\n\
                 \t\tFirst Burst Length: 65536/-\n\
                 \t\tImmediate Data: yes/no\n\
                 \t\tInitial Ready To Transfer (R2T): yes/-\n\
                 \t\tMax Burst Length: 262144/1048576\n\
                 \t\tMax Outstanding R2T: 1/-\n\
                 \t\tMax Receive Data Segment Length: 8192/-\n\
                 \t\tMax Connections: 1/-\n\
                 \t\tHeader Digest: NONE/-\n\
                 \t\tData Digest: NONE/CRC32\n\
                 \tTunable Parameters (Default/Configured):\n\
                 \t\tSession Login Response Time: 60/-\n\
                 \t\tMaximum Connection Retry Time: 180/-\n\
                 \t\tLogin Retry Time Interval: 60/-\n\
                 \tConfigured Sessions: 1\n\
                 \n"
            )
        );
    }

    #[test]
    fn the_json_is_the_documented_one() {
        let mut sample = sample();
        sample.alias = Some("the disk".to_owned());
        let text = TargetParamListing::new(&[sample], Detail::Brief).print(Format::Json);
        documented(&text);
        assert_eq!(
            text,
            r#"[
  {
    "target": "iqn.2001-04.com.example:disk",
    "alias": "the disk",
    "bidirectional_authentication": false,
    "authentication": "NONE",
    "default": {
      "datadigest": "NONE",
      "datapduinorder": true,
      "dataseqinorder": true,
      "defaulttime2retain": 20,
      "defaulttime2wait": 2,
      "errorrecoverylevel": 0,
      "firstburstlength": 65536,
      "headerdigest": "NONE",
      "immediatedata": true,
      "initialr2t": true,
      "maxburstlength": 262144,
      "maxconnections": 1,
      "maxoutstandingr2t": 1,
      "maxrecvdataseglen": 8192
    },
    "configured": {
      "datadigest": "CRC32",
      "immediatedata": false,
      "maxburstlength": 1048576
    },
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
]
"#
        );
    }
}
