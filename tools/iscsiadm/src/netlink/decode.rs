// SPDX-License-Identifier: GPL-2.0

//! From attributes to the model. Attributes that this program does not know are passed over.

use iscsi_proto::proto::address::{
    IpAddress,
    Portal,
    Tpgt,
    ISCSI_PORT, //
};
use iscsi_proto::proto::keys::{
    Digest,
    DigestOffer,
    Key,
    Kind,
    Value, //
};
use iscsi_proto::proto::names::{
    Alias,
    IscsiName, //
};
use rustix::io::Errno;

use super::codec::{
    Attribute,
    Message, //
};
use super::encode::param_key;
use crate::kernel::Refusal;
use crate::model::{
    Awaited,
    Connection,
    ConnectionState,
    Discovery,
    Initiator,
    LoginWait,
    Lun,
    Mark,
    Method,
    Params,
    SessionState,
    StaticEntry,
    Target,
    TargetParam, //
};
use crate::uapi;

/// An answer that is not what the specification says.
pub(super) fn malformed(what: &str) -> Refusal {
    Refusal {
        errno: Errno::BADMSG,
        item: None,
        sentence: Some(format!("the kernel's answer lacks {what}")),
    }
}

/// The only answer to a request.
pub(super) fn one(answers: &[Message]) -> Result<&Message, Refusal> {
    answers.first().ok_or_else(|| malformed("a message"))
}

pub(super) fn initiator(message: &Message) -> Result<(Initiator, Mark), Refusal> {
    let mut initiator = Initiator::default();
    let mut mark = Mark::Fresh;
    for attribute in message.attributes() {
        match attribute.kind {
            uapi::initiator::NODE_NAME => initiator.node_name = Some(name(&attribute)?),
            uapi::initiator::NODE_ALIAS => {
                initiator.node_alias = Alias::parse(&attribute.string()).ok();
            }
            uapi::initiator::HEADER_DIGEST => initiator.header_digest = digest(&attribute),
            uapi::initiator::DATA_DIGEST => initiator.data_digest = digest(&attribute),
            uapi::initiator::CONFIGURED => mark = Mark::Configured,
            _ => (),
        }
    }
    Ok((initiator, mark))
}

pub(super) fn discovery(message: &Message) -> Discovery {
    let on = message
        .attributes()
        .find(|attribute| attribute.kind == uapi::discovery::STATIC)
        .and_then(|attribute| attribute.u8());
    Discovery {
        static_targets: on.is_some_and(|on| on != 0),
    }
}

pub(super) fn static_entry(message: &Message) -> Result<StaticEntry, Refusal> {
    let (mut target, mut at, mut tpgt) = (None, None, None);
    for attribute in message.attributes() {
        match attribute.kind {
            uapi::static_config::TARGET_NAME => target = Some(name(&attribute)?),
            uapi::static_config::PORTAL => at = portal(attribute.value),
            uapi::static_config::TPGT => tpgt = attribute.u16().map(Tpgt),
            _ => (),
        }
    }
    Ok(StaticEntry {
        target: target.ok_or_else(|| malformed("a target name"))?,
        portal: at.ok_or_else(|| malformed("a portal"))?,
        tpgt,
    })
}

pub(super) fn target_param(message: &Message) -> Result<TargetParam, Refusal> {
    let (mut target, mut alias) = (None, None);
    let (mut configured, mut defaults) = (Params::default(), Params::default());
    for attribute in message.attributes() {
        match attribute.kind {
            uapi::target_param::TARGET_NAME => target = Some(name(&attribute)?),
            uapi::target_param::TARGET_ALIAS => alias = Some(attribute.string()),
            uapi::target_param::CONFIGURED => configured = params(attribute.value),
            uapi::target_param::DEFAULTS => defaults = params(attribute.value),
            _ => (),
        }
    }
    Ok(TargetParam {
        target: target.ok_or_else(|| malformed("a target name"))?,
        alias,
        configured,
        defaults,
    })
}

pub(super) fn target(message: &Message) -> Target {
    let mut target = Target::default();
    for attribute in message.attributes() {
        match attribute.kind {
            uapi::target::SESSION_ID => target.session_id = attribute.u32(),
            uapi::target::HOST => target.host = attribute.u32(),
            uapi::target::TARGET_NAME => target.name = attribute.string(),
            uapi::target::TARGET_ALIAS => target.alias = Some(attribute.string()),
            uapi::target::STATE => target.state = attribute.u32().and_then(session_state),
            uapi::target::DISCOVERY_METHODS => {
                target.methods = methods(attribute.u32().unwrap_or_default());
            }
            uapi::target::ISID => target.isid = attribute.array(),
            uapi::target::TSIH => target.tsih = attribute.u16(),
            uapi::target::TPGT => target.tpgt = attribute.u16().map(Tpgt),
            uapi::target::PORTAL => target.portal = portal(attribute.value),
            uapi::target::LAST_ERROR => target.last_error = Some(attribute.string()),
            uapi::target::COUNTERS => target.counters = counters(attribute.value),
            uapi::target::CONNECTION => target.connections.push(connection(attribute.value)),
            _ => (),
        }
    }
    target
}

pub(super) fn lun(message: &Message) -> Result<Lun, Refusal> {
    let number = |kind, what| {
        message
            .attributes()
            .find(|attribute| attribute.kind == kind)
            .and_then(|attribute| attribute.u32())
            .ok_or_else(|| malformed(what))
    };
    Ok(Lun {
        session_id: number(uapi::lun::SESSION_ID, "a session")?,
        host: number(uapi::lun::HOST, "a host")?,
        channel: number(uapi::lun::CHANNEL, "a channel")?,
        id: number(uapi::lun::ID, "a target number")?,
        lun: message
            .attributes()
            .find(|attribute| attribute.kind == uapi::lun::LUN)
            .and_then(|attribute| attribute.uint())
            .ok_or_else(|| malformed("a logical unit number"))?,
    })
}

fn connection(bytes: &[u8]) -> Connection {
    let mut connection = Connection::default();
    let (mut awaited, mut milliseconds) = (None, 0);
    for attribute in Attribute::all(bytes) {
        match attribute.kind {
            uapi::connection::CID => connection.cid = attribute.u16().unwrap_or_default(),
            uapi::connection::STATE => {
                connection.state = attribute.u32().and_then(connection_state);
            }
            uapi::connection::LOGIN_WAIT => {
                awaited = match attribute.u32() {
                    Some(uapi::login_wait::CONNECTION) => Some(Awaited::Connection),
                    Some(uapi::login_wait::RESPONSE) => Some(Awaited::Response),
                    _ => None,
                };
            }
            uapi::connection::LOGIN_WAIT_MS => {
                milliseconds = attribute.u32().unwrap_or_default();
            }
            uapi::connection::LOCAL => connection.local = portal(attribute.value),
            uapi::connection::PEER => connection.peer = portal(attribute.value),
            uapi::connection::NEGOTIATED => {
                connection.negotiated = Some(params(attribute.value));
                connection.target_max_recv_data_segment_length = Attribute::all(attribute.value)
                    .find(|a| a.kind == uapi::login_params::TARGET_MAX_RECV_DATA_SEGMENT_LENGTH)
                    .and_then(|a| a.u32());
            }
            _ => (),
        }
    }
    connection.login = awaited.map(|awaited| LoginWait {
        awaited,
        milliseconds,
    });
    connection
}

fn params(bytes: &[u8]) -> Params {
    let mut params = Params::default();
    for attribute in Attribute::all(bytes) {
        let Some(key) = param_key(attribute.kind) else {
            continue;
        };
        if let Some(value) = param(key, &attribute) {
            params.set(key, value);
        }
    }
    params
}

fn param(key: Key, attribute: &Attribute<'_>) -> Option<Value> {
    match key.spec().kind {
        Kind::Number { .. } => attribute.u32().map(Value::Number),
        Kind::Boolean { .. } => attribute.u8().map(|yes| Value::Boolean(yes != 0)),
        Kind::Digest => digest(attribute).map(|d| Value::Digest(DigestOffer::from(d))),
        Kind::List | Kind::Name | Kind::LocalName | Kind::Tag | Kind::Text => None,
    }
}

fn portal(bytes: &[u8]) -> Option<Portal> {
    let (mut v4, mut v6, mut scope, mut port) = (None, None, 0, ISCSI_PORT);
    for attribute in Attribute::all(bytes) {
        match attribute.kind {
            uapi::portal::IPV4 => v4 = attribute.array(),
            uapi::portal::IPV6 => v6 = attribute.array(),
            uapi::portal::SCOPE_ID => scope = attribute.u32()?,
            uapi::portal::PORT => port = attribute.u16()?,
            _ => (),
        }
    }
    let address = match (v4, v6) {
        (Some(octets), None) => IpAddress::V4(octets),
        (None, Some(octets)) => IpAddress::V6 { octets, scope },
        (None, None) | (Some(_), Some(_)) => return None,
    };
    Some(Portal { address, port })
}

fn counters(bytes: &[u8]) -> Vec<(&'static str, u64)> {
    Attribute::all(bytes)
        .filter_map(|attribute| {
            let (_, name) = COUNTERS.iter().find(|(kind, _)| *kind == attribute.kind)?;
            Some((*name, attribute.uint()?))
        })
        .collect()
}

fn name(attribute: &Attribute<'_>) -> Result<IscsiName, Refusal> {
    IscsiName::parse(&attribute.string()).map_err(|_| malformed("a valid name"))
}

fn digest(attribute: &Attribute<'_>) -> Option<Digest> {
    match attribute.u32()? {
        uapi::digest::NONE => Some(Digest::None),
        uapi::digest::CRC32C => Some(Digest::Crc32c),
        _ => None,
    }
}

fn methods(bits: u32) -> Vec<Method> {
    [
        (uapi::discovery_method::STATIC, Method::Static),
        (uapi::discovery_method::SENDTARGETS, Method::SendTargets),
        (uapi::discovery_method::ISNS, Method::Isns),
    ]
    .into_iter()
    .filter(|(bit, _)| bits & bit != 0)
    .map(|(_, method)| method)
    .collect()
}

fn session_state(number: u32) -> Option<SessionState> {
    match number {
        uapi::session_state::FREE => Some(SessionState::Free),
        uapi::session_state::LOGGED_IN => Some(SessionState::LoggedIn),
        uapi::session_state::FAILED => Some(SessionState::Failed),
        uapi::session_state::IN_FLUSH => Some(SessionState::InFlush),
        uapi::session_state::FLUSHED => Some(SessionState::Flushed),
        _ => None,
    }
}

fn connection_state(number: u32) -> Option<ConnectionState> {
    match number {
        uapi::connection_phase::FREE => Some(ConnectionState::Free),
        uapi::connection_phase::IN_LOGIN => Some(ConnectionState::InLogin),
        uapi::connection_phase::LOGGED_IN => Some(ConnectionState::LoggedIn),
        uapi::connection_phase::IN_LOGOUT => Some(ConnectionState::InLogout),
        uapi::connection_phase::FAILED => Some(ConnectionState::Failed),
        uapi::connection_phase::POLLING => Some(ConnectionState::Polling),
        _ => None,
    }
}

const COUNTERS: &[(u16, &str)] = &[
    (uapi::counters::LOGIN_FAILURES, "login_failures"),
    (uapi::counters::STRAY_PDUS, "stray_pdus"),
    (uapi::counters::TX_BYTES, "tx_bytes"),
    (uapi::counters::RX_BYTES, "rx_bytes"),
];

#[cfg(test)]
mod tests {
    use super::super::codec::Attributes;
    use super::super::encode;
    use super::*;

    fn message(attributes: &Attributes) -> Message {
        let bytes = Message::request(0x20, 0, 1, 1, attributes);
        let mut all = Message::all(&bytes);
        all.next().unwrap()
    }

    #[test]
    fn a_static_entry_comes_back_as_sent() {
        for portal in ["192.0.2.1:860", "[2001:db8::1]:3260", "[fe80::1%3]:1"] {
            for tpgt in [None, Some(Tpgt(0)), Some(Tpgt(65535))] {
                let entry = StaticEntry {
                    target: IscsiName::parse("eui.0123456789abcdef").unwrap(),
                    portal: Portal::parse(portal, 3260).unwrap(),
                    tpgt,
                };
                let sent = encode::static_selector(&entry.selector());
                assert_eq!(static_entry(&message(&sent)), Ok(entry));
            }
        }
        let nothing = static_entry(&message(&Attributes::default()));
        assert_eq!(
            nothing.unwrap_err().to_string(),
            "the kernel's answer lacks a target name (Bad message)"
        );
    }

    #[test]
    fn an_initiator_comes_back_as_sent() {
        let sent = Initiator {
            node_name: Some(IscsiName::parse("eui.0123456789abcdef").unwrap()),
            node_alias: Some(Alias::parse("box").unwrap()),
            header_digest: Some(Digest::Crc32c),
            data_digest: Some(Digest::None),
        };
        let answer = initiator(&message(&encode::initiator(&sent)));
        assert_eq!(answer, Ok((sent, Mark::Fresh)));
        let marked = Attributes::default().flag(uapi::initiator::CONFIGURED);
        let answer = initiator(&message(&marked));
        assert_eq!(answer, Ok((Initiator::default(), Mark::Configured)));
        for static_targets in [false, true] {
            let sent = Discovery { static_targets };
            assert_eq!(discovery(&message(&encode::discovery(sent))), sent);
        }
    }

    #[test]
    fn every_login_parameter_comes_back_as_sent() {
        let mut sent = Params::default();
        for key in iscsi_proto::proto::keys::LISTED {
            sent.set(key, key.spec().default().unwrap());
        }
        let attributes = Attributes::default()
            .string(uapi::target_param::TARGET_NAME, "eui.0123456789abcdef")
            .nest(uapi::target_param::CONFIGURED, encode::login_params(&sent));
        let answer = target_param(&message(&attributes)).unwrap();
        assert!(answer.configured.iter().eq(sent.iter()));
        assert_eq!(answer.configured.iter().count(), 14);
        assert!(answer.defaults.is_empty());
    }

    #[test]
    fn a_session_has_everything_that_is_told_of_it() {
        let at = Attributes::default()
            .bytes(uapi::portal::IPV4, &[192, 0, 2, 1])
            .u16(uapi::portal::PORT, 3260);
        let negotiated = Attributes::default()
            .u32(uapi::login_params::FIRST_BURST_LENGTH, 65536)
            .u32(
                uapi::login_params::TARGET_MAX_RECV_DATA_SEGMENT_LENGTH,
                8192,
            );
        let connection = Attributes::default()
            .u16(uapi::connection::CID, 0)
            .u32(uapi::connection::STATE, uapi::connection_phase::LOGGED_IN)
            .u32(uapi::connection::LOGIN_WAIT, uapi::login_wait::RESPONSE)
            .u32(uapi::connection::LOGIN_WAIT_MS, 1500)
            .nest(uapi::connection::PEER, at.clone())
            .nest(uapi::connection::NEGOTIATED, negotiated);
        let told = Attributes::default()
            .u32(uapi::target::SESSION_ID, 7)
            .string(uapi::target::TARGET_NAME, "iqn.x")
            .u32(uapi::target::STATE, uapi::session_state::LOGGED_IN)
            .u32(uapi::target::DISCOVERY_METHODS, 1)
            .bytes(uapi::target::ISID, &[0x40, 0, 0, 0x2a, 0, 1])
            .u16(uapi::target::TPGT, 1)
            .nest(uapi::target::PORTAL, at)
            .nest(
                uapi::target::COUNTERS,
                Attributes::default().u32(uapi::counters::LOGIN_FAILURES, 3),
            )
            .nest(uapi::target::CONNECTION, connection.clone())
            .nest(uapi::target::CONNECTION, connection)
            .u32(4711, 1);
        let target = target(&message(&told));
        assert_eq!(target.session_id, Some(7));
        assert_eq!(target.state, Some(SessionState::LoggedIn));
        assert_eq!(target.methods, [Method::Static]);
        assert_eq!(target.portal.unwrap().to_string(), "192.0.2.1:3260");
        assert_eq!(target.counters, [("login_failures", 3)]);
        assert_eq!(target.connections.len(), 2);
        let connection = &target.connections[1];
        assert_eq!(connection.state, Some(ConnectionState::LoggedIn));
        let wait = LoginWait {
            awaited: Awaited::Response,
            milliseconds: 1500,
        };
        assert_eq!(connection.login, Some(wait));
        assert_eq!(connection.target_max_recv_data_segment_length, Some(8192));
        let first_burst = connection.negotiated.as_ref().unwrap();
        assert_eq!(first_burst.number(Key::FirstBurstLength), Some(65536));
    }

    #[test]
    fn a_portal_has_one_address() {
        assert_eq!(portal(&[]), None);
        let both = Attributes::default()
            .bytes(uapi::portal::IPV4, &[1, 2, 3, 4])
            .bytes(uapi::portal::IPV6, &[1; 16]);
        let wrapped = message(&Attributes::default().nest(1, both));
        let nest = wrapped.attributes().next().unwrap();
        assert_eq!(portal(nest.value), None);
    }
}
