// SPDX-License-Identifier: GPL-2.0

//! Login parameters in requests and answers.

use super::{
    text,
    uapi::{
        digest,
        login_params as kind, //
    },
};
use crate::{
    config::{
        Overrides,
        ParamError, //
    },
    linux::genl::{
        Attr,
        Full,
        Refusal,
        Writer, //
    },
    proto::keys::{
        Digest,
        DigestOffer,
        Key,
        Kind,
        Value, //
    },
};
use kernel::prelude::*;

/// The attribute of each login parameter.
const ATTRS: [(u16, Key); 14] = [
    (kind::HEADER_DIGEST, Key::HeaderDigest),
    (kind::DATA_DIGEST, Key::DataDigest),
    (
        kind::MAX_RECV_DATA_SEGMENT_LENGTH,
        Key::MaxRecvDataSegmentLength,
    ),
    (kind::MAX_BURST_LENGTH, Key::MaxBurstLength),
    (kind::FIRST_BURST_LENGTH, Key::FirstBurstLength),
    (kind::INITIAL_R2T, Key::InitialR2T),
    (kind::IMMEDIATE_DATA, Key::ImmediateData),
    (kind::DATA_PDU_IN_ORDER, Key::DataPDUInOrder),
    (kind::DATA_SEQUENCE_IN_ORDER, Key::DataSequenceInOrder),
    (kind::DEFAULT_TIME2WAIT, Key::DefaultTime2Wait),
    (kind::DEFAULT_TIME2RETAIN, Key::DefaultTime2Retain),
    (kind::MAX_OUTSTANDING_R2T, Key::MaxOutstandingR2T),
    (kind::MAX_CONNECTIONS, Key::MaxConnections),
    (kind::ERROR_RECOVERY_LEVEL, Key::ErrorRecoveryLevel),
];

/// Reads the login parameters nested in an attribute.
pub(super) fn read(nest: &Attr<'_>) -> Result<Overrides, Refusal> {
    let mut overrides = Overrides::NONE;
    for attr in nest.nest().iter() {
        let Some((_, key)) = ATTRS.iter().find(|(kind, _)| *kind == attr.kind()) else {
            let text = format_args!("only the target declares this");
            return Err(attr.refuse(EINVAL, text));
        };
        let value = match key.spec().kind {
            Kind::Number { .. } => Value::Number(attr.u32()?),
            Kind::Boolean { .. } => Value::Boolean(text::read_switch(&attr)?),
            Kind::Digest => Value::Digest(read_digest(&attr)?),
            Kind::List | Kind::Name | Kind::LocalName | Kind::Tag | Kind::Text => {
                return Err(text::refuse_param(&attr, ParamError::WrongKind(*key)));
            }
        };
        overrides
            .set(*key, value)
            .map_err(|error| text::refuse_param(&attr, error))?;
    }
    Ok(overrides)
}

/// Writes those login parameters for which `value` has one.
pub(super) fn write(
    to: &mut Writer<'_>,
    mut value: impl FnMut(Key) -> Option<Value>,
) -> Result<(), Full> {
    for (kind, key) in ATTRS {
        match value(key) {
            Some(Value::Number(number)) => to.u32(kind, number)?,
            Some(Value::Boolean(on)) => to.u8(kind, u8::from(on))?,
            Some(Value::Digest(offer)) => write_digest(to, kind, offer)?,
            None => {}
        }
    }
    Ok(())
}

/// Reads the choice of a digest.
pub(super) fn read_digest(attr: &Attr<'_>) -> Result<DigestOffer, Refusal> {
    match attr.u32()? {
        digest::NONE => Ok(DigestOffer::None),
        digest::CRC32C => Ok(DigestOffer::Crc32c),
        _ => Err(attr.refuse(EINVAL, format_args!("digest must be none or CRC32"))),
    }
}

/// Writes the choice of a digest.
pub(super) fn write_digest(to: &mut Writer<'_>, kind: u16, offer: DigestOffer) -> Result<(), Full> {
    let number = if offer.contains(Digest::Crc32c) {
        digest::CRC32C
    } else {
        digest::NONE
    };
    to.u32(kind, number)
}
