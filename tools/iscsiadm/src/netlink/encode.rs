// SPDX-License-Identifier: GPL-2.0

//! From the model to attributes.

use iscsi_proto::proto::address::{
    IpAddress,
    Portal, //
};
use iscsi_proto::proto::keys::{
    Digest,
    DigestOffer,
    Key,
    Value, //
};
use iscsi_proto::proto::names::IscsiName;

use super::codec::Attributes;
use crate::model::{
    Discovery,
    Initiator,
    Params,
    StaticSelector, //
};
use crate::uapi;

pub(super) fn initiator(change: &Initiator) -> Attributes {
    let mut attributes = Attributes::default();
    if let Some(name) = &change.node_name {
        attributes = attributes.string(uapi::initiator::NODE_NAME, name.as_str());
    }
    if let Some(alias) = &change.node_alias {
        attributes = attributes.string(uapi::initiator::NODE_ALIAS, alias.as_str());
    }
    if let Some(value) = change.header_digest {
        attributes = attributes.u32(uapi::initiator::HEADER_DIGEST, digest(value));
    }
    if let Some(value) = change.data_digest {
        attributes = attributes.u32(uapi::initiator::DATA_DIGEST, digest(value));
    }
    attributes
}

pub(super) fn discovery(discovery: Discovery) -> Attributes {
    let on = u8::from(discovery.static_targets);
    Attributes::default().u8(uapi::discovery::STATIC, on)
}

pub(super) fn static_selection(selectors: impl Iterator<Item = StaticSelector>) -> Attributes {
    selectors.fold(Attributes::default(), |all, selector| {
        all.item()
            .nest(uapi::static_selection::ENTRY, static_selector(&selector))
    })
}

pub(super) fn static_selector(selector: &StaticSelector) -> Attributes {
    let name = selector.target.as_str();
    let mut attributes = Attributes::default().string(uapi::static_config::TARGET_NAME, name);
    if let Some(at) = &selector.portal {
        attributes = attributes.nest(uapi::static_config::PORTAL, portal(at));
    }
    if let Some(tpgt) = selector.tpgt {
        attributes = attributes.u16(uapi::static_config::TPGT, tpgt.0);
    }
    attributes
}

pub(super) fn target_params(targets: &[IscsiName], params: &Params) -> Attributes {
    let change =
        Attributes::default().nest(uapi::target_param_change::CONFIGURED, login_params(params));
    targets.iter().fold(change, |all, target| {
        all.item()
            .string(uapi::target_param_change::TARGET_NAME, target.as_str())
    })
}

/// What stands nested in the attribute for parameters.
pub(super) fn login_params(params: &Params) -> Attributes {
    let mut inner = Attributes::default();
    for (key, value) in params.iter() {
        let Some(kind) = param_kind(key) else {
            continue;
        };
        inner = match value {
            Value::Number(number) => inner.u32(kind, number),
            Value::Boolean(yes) => inner.u8(kind, u8::from(yes)),
            Value::Digest(offer) => {
                let first = match offer {
                    DigestOffer::None | DigestOffer::NoneThenCrc32c => Digest::None,
                    DigestOffer::Crc32c | DigestOffer::Crc32cThenNone => Digest::Crc32c,
                };
                inner.u32(kind, digest(first))
            }
        };
    }
    inner
}

/// The attribute of a login parameter.
pub(super) fn param_kind(key: Key) -> Option<u16> {
    PARAMS
        .iter()
        .find(|(each, _)| *each == key)
        .map(|(_, kind)| *kind)
}

/// The login parameter of an attribute.
pub(super) fn param_key(kind: u16) -> Option<Key> {
    PARAMS
        .iter()
        .find(|(_, each)| *each == kind)
        .map(|(key, _)| *key)
}

fn portal(portal: &Portal) -> Attributes {
    let attributes = Attributes::default();
    match portal.address {
        // The attribute is in network order, as the octets are.
        IpAddress::V4(octets) => attributes.bytes(uapi::portal::IPV4, &octets),
        IpAddress::V6 { octets, scope: 0 } => attributes.bytes(uapi::portal::IPV6, &octets),
        IpAddress::V6 { octets, scope } => attributes
            .bytes(uapi::portal::IPV6, &octets)
            .u32(uapi::portal::SCOPE_ID, scope),
    }
    .u16(uapi::portal::PORT, portal.port)
}

fn digest(digest: Digest) -> u32 {
    match digest {
        Digest::None => uapi::digest::NONE,
        Digest::Crc32c => uapi::digest::CRC32C,
    }
}

const PARAMS: &[(Key, u16)] = {
    use uapi::login_params::*;
    &[
        (Key::HeaderDigest, HEADER_DIGEST),
        (Key::DataDigest, DATA_DIGEST),
        (Key::MaxRecvDataSegmentLength, MAX_RECV_DATA_SEGMENT_LENGTH),
        (Key::MaxBurstLength, MAX_BURST_LENGTH),
        (Key::FirstBurstLength, FIRST_BURST_LENGTH),
        (Key::InitialR2T, INITIAL_R2T),
        (Key::ImmediateData, IMMEDIATE_DATA),
        (Key::DataPDUInOrder, DATA_PDU_IN_ORDER),
        (Key::DataSequenceInOrder, DATA_SEQUENCE_IN_ORDER),
        (Key::DefaultTime2Wait, DEFAULT_TIME2WAIT),
        (Key::DefaultTime2Retain, DEFAULT_TIME2RETAIN),
        (Key::MaxOutstandingR2T, MAX_OUTSTANDING_R2T),
        (Key::MaxConnections, MAX_CONNECTIONS),
        (Key::ErrorRecoveryLevel, ERROR_RECOVERY_LEVEL),
    ]
};
