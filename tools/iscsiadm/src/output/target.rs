// SPDX-License-Identifier: GPL-2.0

//! `list target`.

use std::fmt::Write;

use iscsi_proto::proto::keys::LISTED;
use serde::Serialize;
use serde_json::{
    Map,
    Value as Json, //
};

use super::{
    hex,
    label,
    one_line,
    or_dash,
    param,
    params_json,
    Listing, //
};
use crate::meaning::{
    Detail,
    TargetDetail, //
};
use crate::model::{
    Connection,
    ConnectionState,
    LoginWait,
    Lun,
    Params,
    SessionState,
    Target, //
};
use crate::system::System;

/// The sessions.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct TargetListing {
    targets: Vec<Entry>,
    #[serde(skip)]
    detail: TargetDetail,
}

#[derive(Serialize)]
struct Entry {
    target: String,
    alias: Option<String>,
    tpgt: Option<u16>,
    isid: Option<String>,
    session_id: Option<u32>,
    host: Option<u32>,
    state: Option<&'static str>,
    portal: Option<String>,
    discovery_methods: Vec<&'static str>,
    tsih: Option<u16>,
    last_error: Option<String>,
    counters: Map<String, Json>,
    connections: Vec<ConnectionEntry>,
    /// Only if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    luns: Option<Vec<LunEntry>>,
    #[serde(skip)]
    logged_in: bool,
}

#[derive(Serialize)]
struct ConnectionEntry {
    cid: u16,
    state: Option<&'static str>,
    login: Option<LoginEntry>,
    local: Option<String>,
    peer: Option<String>,
    negotiated: Option<Map<String, Json>>,
    target_maxrecvdataseglen: Option<u32>,
    #[serde(skip)]
    params: Params,
    #[serde(skip)]
    logged_in: bool,
}

#[derive(Serialize)]
struct LoginEntry {
    waits_for: &'static str,
    milliseconds: u32,
    #[serde(skip)]
    wait: LoginWait,
}

#[derive(Serialize)]
struct LunEntry {
    lun: u64,
    address: String,
    vendor: Option<String>,
    product: Option<String>,
    device: Option<String>,
}

impl TargetListing {
    /// The listing of these sessions; `luns` are those of all sessions, if they were asked for.
    pub(crate) fn new(
        targets: &[Target],
        luns: Option<&[Lun]>,
        detail: TargetDetail,
        system: &System,
    ) -> Self {
        let targets = targets
            .iter()
            .map(|target| Entry::new(target, luns, system));
        Self {
            targets: targets.collect(),
            detail,
        }
    }
}

impl Entry {
    fn new(target: &Target, luns: Option<&[Lun]>, system: &System) -> Self {
        let counters = target.counters.iter();
        Self {
            target: target.name.clone(),
            alias: target.alias.clone(),
            tpgt: target.tpgt.map(|tpgt| tpgt.0),
            isid: target.isid.map(|isid| hex(&isid)),
            session_id: target.session_id,
            host: target.host,
            state: target.state.map(SessionState::as_str),
            portal: target.portal.map(|portal| system.portal_text(&portal)),
            discovery_methods: target.methods.iter().map(|m| m.as_str()).collect(),
            tsih: target.tsih,
            last_error: target.last_error.clone(),
            counters: counters
                .map(|(name, count)| ((*name).to_owned(), Json::from(*count)))
                .collect(),
            connections: target
                .connections
                .iter()
                .map(|connection| ConnectionEntry::new(connection, system))
                .collect(),
            luns: luns.map(|luns| {
                let own = luns
                    .iter()
                    .filter(|lun| Some(lun.session_id) == target.session_id);
                own.map(|lun| LunEntry::new(lun, system)).collect()
            }),
            logged_in: target.state.is_some_and(SessionState::is_logged_in),
        }
    }

    fn text(&self, text: &mut String, detail: Detail) {
        let _ = writeln!(text, "Target: {}", one_line(&self.target));
        let _ = writeln!(text, "\tAlias: {}", or_dash(self.alias.as_deref()));
        if let Some(tpgt) = self.tpgt {
            let _ = writeln!(text, "\tTPGT: {tpgt}");
        }
        let _ = writeln!(text, "\tISID: {}", or_dash(self.isid.as_deref()));
        let logged_in = self.connections.iter().filter(|c| c.logged_in);
        let _ = writeln!(text, "\tConnections: {}", logged_in.clone().count());
        if detail == Detail::Verbose {
            let methods = match self.discovery_methods.as_slice() {
                [] => "NA".to_owned(),
                methods => methods.iter().flat_map(|method| [*method, " "]).collect(),
            };
            for connection in logged_in {
                connection.text(text, &methods);
            }
            if let (false, Some(reason)) = (self.logged_in, &self.last_error) {
                let _ = writeln!(text, "\tLast Error: {}", one_line(reason));
            }
            for login in self.connections.iter().filter_map(|c| c.login.as_ref()) {
                let _ = writeln!(text, "\tLogin: {}", login.wait);
            }
            text.push('\n');
        }
        for lun in self.luns.iter().flatten() {
            lun.text(text);
        }
    }
}

impl ConnectionEntry {
    fn new(connection: &Connection, system: &System) -> Self {
        let text = |portal| system.portal_text(portal);
        Self {
            cid: connection.cid,
            state: connection.state.map(ConnectionState::as_str),
            login: connection.login.map(|wait| LoginEntry {
                waits_for: wait.awaited.as_str(),
                milliseconds: wait.milliseconds,
                wait,
            }),
            local: connection.local.as_ref().map(text),
            peer: connection.peer.as_ref().map(text),
            negotiated: connection.negotiated.as_ref().map(params_json),
            target_maxrecvdataseglen: connection.target_max_recv_data_segment_length,
            params: connection.negotiated.clone().unwrap_or_default(),
            logged_in: connection.state == Some(ConnectionState::LoggedIn),
        }
    }

    fn text(&self, text: &mut String, methods: &str) {
        let (local, peer) = (
            or_dash(self.local.as_deref()),
            or_dash(self.peer.as_deref()),
        );
        let _ = write!(
            text,
            "\t\tCID: {}\n\
             \t\t  IP address (Local): {local}\n\
             \t\t  IP address (Peer): {peer}\n\
             \t\t  Discovery Method: {methods}\n\
             \t\t  Login Parameters (Negotiated):\n",
            self.cid
        );
        for key in LISTED {
            let value = self.params.get(key).map_or_else(|| "-".to_owned(), param);
            let _ = writeln!(text, "\t\t  \t{}: {value}", label(key));
        }
    }
}

impl LunEntry {
    fn new(lun: &Lun, system: &System) -> Self {
        let device = system.scsi_device(lun);
        Self {
            lun: lun.lun,
            address: format!("{}:{}:{}:{}", lun.host, lun.channel, lun.id, lun.lun),
            vendor: device.vendor,
            product: device.product,
            device: device.node,
        }
    }

    fn text(&self, text: &mut String) {
        let _ = write!(
            text,
            "\tLUN: {}\n\
             \t     Vendor:  {}\n\
             \t     Product: {}\n\
             \t     OS Device Name: {}\n",
            self.lun,
            or_dash(self.vendor.as_deref()),
            or_dash(self.product.as_deref()),
            self.device
                .as_deref()
                .map_or("Not Available".into(), one_line)
        );
    }
}

impl Listing for TargetListing {
    fn text(&self) -> String {
        let mut text = String::new();
        for target in &self.targets {
            target.text(&mut text, self.detail.connections);
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

    use super::*;
    use crate::meaning::{
        Format,
        Luns, //
    };
    use crate::model::{
        Awaited,
        Method, //
    };
    use crate::output::tests::documented;

    fn logged_in() -> Target {
        let mut negotiated = Params::default();
        for key in LISTED {
            negotiated.set(key, key.spec().default().unwrap());
        }
        Target {
            session_id: Some(1),
            host: Some(3),
            name: "iqn.2001-04.com.example:disk".to_owned(),
            alias: Some("the\ndisk".to_owned()),
            state: Some(SessionState::LoggedIn),
            methods: vec![Method::Static],
            isid: Some([0x40, 0, 0, 0x2a, 0, 0]),
            tsih: Some(1),
            tpgt: Some(Tpgt(1)),
            portal: Some(Portal::parse("192.0.2.1", 3260).unwrap()),
            last_error: Some("connection lost".to_owned()),
            counters: vec![
                ("login_failures", 0),
                ("stray_pdus", 1),
                ("tx_bytes", 2),
                ("rx_bytes", 3),
            ],
            connections: vec![Connection {
                cid: 0,
                state: Some(ConnectionState::LoggedIn),
                login: None,
                local: Some(Portal::parse("192.0.2.9:40000", 3260).unwrap()),
                peer: Some(Portal::parse("192.0.2.1", 3260).unwrap()),
                negotiated: Some(negotiated),
                target_max_recv_data_segment_length: Some(8192),
            }],
        }
    }

    fn refused() -> Target {
        Target {
            session_id: Some(2),
            name: "iqn.2001-04.com.example:gone".to_owned(),
            state: Some(SessionState::Free),
            isid: Some([0x40, 0, 0, 0x2a, 0, 1]),
            last_error: Some("target refused login: status 0x0203 (target not found)".to_owned()),
            connections: vec![Connection {
                state: Some(ConnectionState::InLogin),
                login: Some(LoginWait {
                    awaited: Awaited::Connection,
                    milliseconds: 3999,
                }),
                ..Connection::default()
            }],
            ..Target::default()
        }
    }

    fn detail(connections: Detail, luns: Luns) -> TargetDetail {
        TargetDetail { connections, luns }
    }

    fn print(detail: TargetDetail, luns: Option<&[Lun]>, format: Format) -> String {
        let targets = [logged_in(), refused()];
        let system = System::at("/nonexistent");
        TargetListing::new(&targets, luns, detail, &system).print(format)
    }

    #[test]
    fn the_short_layout_is_the_documented_one() {
        assert_eq!(
            print(detail(Detail::Brief, Luns::Hidden), None, Format::Text),
            "Target: iqn.2001-04.com.example:disk\n\
             \tAlias: the\\u{a}disk\n\
             \tTPGT: 1\n\
             \tISID: 4000002a0000\n\
             \tConnections: 1\n\
             Target: iqn.2001-04.com.example:gone\n\
             \tAlias: -\n\
             \tISID: 4000002a0001\n\
             \tConnections: 0\n"
        );
    }

    #[test]
    fn the_long_layout_is_the_documented_one() {
        assert_eq!(
            print(detail(Detail::Verbose, Luns::Hidden), None, Format::Text),
            "Target: iqn.2001-04.com.example:disk\n\
             \tAlias: the\\u{a}disk\n\
             \tTPGT: 1\n\
             \tISID: 4000002a0000\n\
             \tConnections: 1\n\
             \t\tCID: 0\n\
             \t\t  IP address (Local): 192.0.2.9:40000\n\
             \t\t  IP address (Peer): 192.0.2.1:3260\n\
             \t\t  Discovery Method: Static \n\
             \t\t  Login Parameters (Negotiated):\n\
             \t\t  \tData Sequence In Order: yes\n\
             \t\t  \tData PDU In Order: yes\n\
             \t\t  \tDefault Time To Retain: 20\n\
             \t\t  \tDefault Time To Wait: 2\n\
             \t\t  \tError Recovery Level: 0\n\
             \t\t  \tFirst Burst Length: 65536\n\
             \t\t  \tImmediate Data: yes\n\
             \t\t  \tInitial Ready To Transfer (R2T): yes\n\
             \t\t  \tMax Burst Length: 262144\n\
             \t\t  \tMax Outstanding R2T: 1\n\
             \t\t  \tMax Receive Data Segment Length: 8192\n\
             \t\t  \tMax Connections: 1\n\
             \t\t  \tHeader Digest: NONE\n\
             \t\t  \tData Digest: NONE\n\
             \n\
             Target: iqn.2001-04.com.example:gone\n\
             \tAlias: -\n\
             \tISID: 4000002a0001\n\
             \tConnections: 0\n\
             \tLast Error: target refused login: status 0x0203 (target not found)\n\
             \tLogin: connecting (3 s)\n\
             \n"
        );
    }

    #[test]
    fn logical_units_follow_their_session() {
        let lun = Lun {
            session_id: 1,
            host: 3,
            channel: 0,
            id: 0,
            lun: 5,
        };
        let text = print(
            detail(Detail::Brief, Luns::Shown),
            Some(&[lun]),
            Format::Text,
        );
        assert!(text.contains(
            "\tConnections: 1\n\
             \tLUN: 5\n\
             \t     Vendor:  -\n\
             \t     Product: -\n\
             \t     OS Device Name: Not Available\n\
             Target: iqn.2001-04.com.example:gone\n"
        ));
    }

    #[test]
    fn the_json_is_the_documented_one_in_any_detail() {
        let lun = Lun {
            session_id: 1,
            host: 3,
            channel: 0,
            id: 0,
            lun: 5,
        };
        let shown = detail(Detail::Brief, Luns::Shown);
        let text = print(shown, Some(&[lun]), Format::Json);
        assert_eq!(
            text,
            r#"[
  {
    "target": "iqn.2001-04.com.example:disk",
    "alias": "the\ndisk",
    "tpgt": 1,
    "isid": "4000002a0000",
    "session_id": 1,
    "host": 3,
    "state": "logged_in",
    "portal": "192.0.2.1:3260",
    "discovery_methods": [
      "Static"
    ],
    "tsih": 1,
    "last_error": "connection lost",
    "counters": {
      "login_failures": 0,
      "rx_bytes": 3,
      "stray_pdus": 1,
      "tx_bytes": 2
    },
    "connections": [
      {
        "cid": 0,
        "state": "logged_in",
        "login": null,
        "local": "192.0.2.9:40000",
        "peer": "192.0.2.1:3260",
        "negotiated": {
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
        "target_maxrecvdataseglen": 8192
      }
    ],
    "luns": [
      {
        "lun": 5,
        "address": "3:0:0:5",
        "vendor": null,
        "product": null,
        "device": null
      }
    ]
  },
  {
    "target": "iqn.2001-04.com.example:gone",
    "alias": null,
    "tpgt": null,
    "isid": "4000002a0001",
    "session_id": 2,
    "host": null,
    "state": "free",
    "portal": null,
    "discovery_methods": [],
    "tsih": null,
    "last_error": "target refused login: status 0x0203 (target not found)",
    "counters": {},
    "connections": [
      {
        "cid": 0,
        "state": "in_login",
        "login": {
          "waits_for": "connection",
          "milliseconds": 3999
        },
        "local": null,
        "peer": null,
        "negotiated": null,
        "target_maxrecvdataseglen": null
      }
    ],
    "luns": []
  }
]
"#
        );
        documented(&text);
        let hidden = print(detail(Detail::Verbose, Luns::Hidden), None, Format::Json);
        let json: Json = serde_json::from_str(&hidden).unwrap();
        assert!(json[0].get("luns").is_none());
    }

    #[test]
    fn a_target_without_a_session_has_no_values() {
        let target = Target {
            name: "iqn.2001-04.com.example:disk".to_owned(),
            ..Target::default()
        };
        let system = System::at("/nonexistent");
        let hidden = detail(Detail::Verbose, Luns::Hidden);
        let listing = TargetListing::new(&[target], None, hidden, &system);
        assert_eq!(
            listing.print(Format::Text),
            "Target: iqn.2001-04.com.example:disk\n\
             \tAlias: -\n\
             \tISID: -\n\
             \tConnections: 0\n\
             \n"
        );
        let json: Json = serde_json::from_str(&listing.print(Format::Json)).unwrap();
        let fields = json[0].as_object().unwrap().values();
        let set: Vec<_> = fields
            .filter(|value| !value.is_null() && value.to_string().len() > 2)
            .collect();
        assert_eq!(set, ["iqn.2001-04.com.example:disk"]);
    }
}
