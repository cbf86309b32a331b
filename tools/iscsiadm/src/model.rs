// SPDX-License-Identifier: GPL-2.0

//! What the kernel tells and takes, as values.

use std::fmt;

use iscsi_proto::proto::address::{
    IpAddress,
    Portal,
    Tpgt, //
};
use iscsi_proto::proto::keys::{
    Digest,
    Key,
    Value,
    LISTED, //
};
use iscsi_proto::proto::names::{
    Alias,
    IscsiName, //
};

/// What is set for this initiator; `None` where nothing is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Initiator {
    pub(crate) node_name: Option<IscsiName>,
    pub(crate) node_alias: Option<Alias>,
    pub(crate) header_digest: Option<Digest>,
    pub(crate) data_digest: Option<Digest>,
}

impl Initiator {
    /// What is set, and of the rest what `other` sets.
    pub(crate) fn with(&self, other: &Self) -> Self {
        Self {
            node_name: self.node_name.or(other.node_name),
            node_alias: self.node_alias.or(other.node_alias),
            header_digest: self.header_digest.or(other.header_digest),
            data_digest: self.data_digest.or(other.data_digest),
        }
    }

    /// What is set and not set by `other`.
    pub(crate) fn but(&self, other: &Self) -> Self {
        Self {
            node_name: self.node_name.filter(|_| other.node_name.is_none()),
            node_alias: self.node_alias.filter(|_| other.node_alias.is_none()),
            header_digest: self.header_digest.filter(|_| other.header_digest.is_none()),
            data_digest: self.data_digest.filter(|_| other.data_digest.is_none()),
        }
    }
}

/// Whether the saved configuration is in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A fresh module.
    Fresh,
    /// Everything that was saved has been loaded.
    Configured,
}

/// Which discovery methods are enabled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Discovery {
    pub(crate) static_targets: bool,
}

/// A configured target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StaticEntry {
    pub(crate) target: IscsiName,
    pub(crate) portal: Portal,
    /// `None` for any.
    pub(crate) tpgt: Option<Tpgt>,
}

impl StaticEntry {
    /// What means this entry, and no other unless it takes any tag.
    pub(crate) fn selector(&self) -> StaticSelector {
        StaticSelector {
            target: self.target,
            portal: Some(self.portal),
            tpgt: self.tpgt,
        }
    }

    /// Whether both have an interface, and nothing else differs.
    pub(crate) fn is_but_for_zone(&self, other: &Self) -> bool {
        let address = |entry: &Self| match entry.portal.address {
            IpAddress::V6 { octets, scope } if scope != 0 => Some((octets, entry.portal.port)),
            IpAddress::V4(_) | IpAddress::V6 { .. } => None,
        };
        address(self).is_some()
            && address(self) == address(other)
            && self.target == other.target
            && self.tpgt == other.tpgt
    }
}

/// Some of the configured targets: `None` stands for any.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StaticSelector {
    pub(crate) target: IscsiName,
    pub(crate) portal: Option<Portal>,
    pub(crate) tpgt: Option<Tpgt>,
}

impl StaticSelector {
    /// Whether it means this entry.
    pub(crate) fn matches(&self, entry: &StaticEntry) -> bool {
        self.target == entry.target
            && self.portal.is_none_or(|portal| portal == entry.portal)
            && (self.tpgt.is_none() || self.tpgt == entry.tpgt)
    }
}

/// Login parameters, as many as are set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(Key, Value)>);

impl PartialEq for Params {
    /// The order in which they were set does not count.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Params {
    pub(crate) fn get(&self, key: Key) -> Option<Value> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| *v)
    }

    pub(crate) fn number(&self, key: Key) -> Option<u32> {
        match self.get(key) {
            Some(Value::Number(number)) => Some(number),
            Some(Value::Boolean(_) | Value::Digest(_)) | None => None,
        }
    }

    /// Sets a parameter; the value it had before.
    pub(crate) fn set(&mut self, key: Key, value: Value) -> Option<Value> {
        let before = self.get(key);
        self.0.retain(|(k, _)| *k != key);
        self.0.push((key, value));
        before
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are not set in `other`.
    pub(crate) fn but(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.0.retain(|(key, _)| other.get(*key).is_none());
        rest
    }

    /// The parameters in the order of the lists.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, Value)> + '_ {
        LISTED
            .into_iter()
            .filter_map(|key| self.get(key).map(|value| (key, value)))
    }
}

/// The login parameters of a target.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TargetParam {
    pub(crate) target: IscsiName,
    pub(crate) alias: Option<String>,
    /// What is set for the target.
    pub(crate) configured: Params,
    /// What holds without that.
    pub(crate) defaults: Params,
}

/// A session, or a target that is known only because parameters are set for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Target {
    pub(crate) session_id: Option<u32>,
    pub(crate) host: Option<u32>,
    pub(crate) name: String,
    pub(crate) alias: Option<String>,
    pub(crate) state: Option<SessionState>,
    pub(crate) methods: Vec<Method>,
    pub(crate) isid: Option<[u8; 6]>,
    pub(crate) tsih: Option<u16>,
    pub(crate) tpgt: Option<Tpgt>,
    pub(crate) portal: Option<Portal>,
    pub(crate) last_error: Option<String>,
    pub(crate) counters: Vec<(&'static str, u64)>,
    pub(crate) connections: Vec<Connection>,
}

/// The states of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionState {
    Free,
    LoggedIn,
    Failed,
    InFlush,
    Flushed,
}

impl SessionState {
    pub(crate) const fn is_logged_in(self) -> bool {
        match self {
            Self::LoggedIn | Self::InFlush => true,
            Self::Free | Self::Failed | Self::Flushed => false,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::LoggedIn => "logged_in",
            Self::Failed => "failed",
            Self::InFlush => "in_flush",
            Self::Flushed => "flushed",
        }
    }
}

/// How a target became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Static,
    SendTargets,
    Isns,
}

impl Method {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Static => "Static",
            Self::SendTargets => "SendTargets",
            Self::Isns => "iSNS",
        }
    }
}

/// A connection of a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Connection {
    pub(crate) cid: u16,
    pub(crate) state: Option<ConnectionState>,
    /// What a login under way waits for.
    pub(crate) login: Option<LoginWait>,
    pub(crate) local: Option<Portal>,
    pub(crate) peer: Option<Portal>,
    /// What the last login agreed on.
    pub(crate) negotiated: Option<Params>,
    pub(crate) target_max_recv_data_segment_length: Option<u32>,
}

/// The states of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    Free,
    InLogin,
    LoggedIn,
    InLogout,
    Failed,
    Polling,
}

impl ConnectionState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::InLogin => "in_login",
            Self::LoggedIn => "logged_in",
            Self::InLogout => "in_logout",
            Self::Failed => "failed",
            Self::Polling => "polling",
        }
    }
}

/// What a login waits for, and for how long by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoginWait {
    pub(crate) awaited: Awaited,
    pub(crate) milliseconds: u32,
}

/// What a login can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    Connection,
    Response,
}

impl Awaited {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Response => "response",
        }
    }
}

impl fmt::Display for LoginWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.awaited {
            Awaited::Connection => "connecting",
            Awaited::Response => "waiting for the login response",
        };
        write!(f, "{what} ({} s)", self.milliseconds / 1000)
    }
}

/// A logical unit, and where the SCSI layer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lun {
    pub(crate) session_id: u32,
    pub(crate) host: u32,
    pub(crate) channel: u32,
    pub(crate) id: u32,
    pub(crate) lun: u64,
}
