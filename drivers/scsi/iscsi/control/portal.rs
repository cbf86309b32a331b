// SPDX-License-Identifier: GPL-2.0

//! TCP end points in requests and answers.

use super::uapi::portal;
use crate::{
    linux::{
        genl::{
            Attr,
            Full,
            Refusal,
            Writer, //
        },
        socket::SockAddr,
    },
    proto::address::{
        IpAddress,
        Portal,
        ISCSI_PORT, //
    },
};
use core::net::{
    IpAddr,
    Ipv4Addr,
    Ipv6Addr, //
};
use kernel::prelude::*;

/// Reads the end point nested in an attribute.
pub(super) fn read(nest: &Attr<'_>) -> Result<Portal, Refusal> {
    let attrs = nest.nest();
    let scope = attrs.find(portal::SCOPE_ID);
    let address = match (attrs.find(portal::IPV4), attrs.find(portal::IPV6)) {
        (Some(v4), None) => {
            if let Some(scope) = scope {
                return Err(scope.refuse(EINVAL, format_args!("an IPv4 address has no scope")));
            }
            read_v4(&v4)?
        }
        (None, Some(v6)) => read_v6(&v6, scope.as_ref())?,
        (None, None) => {
            return Err(nest.refuse(EINVAL, format_args!("missing target address")));
        }
        (Some(_), Some(v6)) => {
            let text = format_args!("either an IPv4 or an IPv6 address, not both");
            return Err(v6.refuse(EINVAL, text));
        }
    };
    let port = match attrs.find(portal::PORT) {
        Some(attr) => match attr.u16()? {
            0 => return Err(attr.refuse(EINVAL, format_args!("port number out of range"))),
            port => port,
        },
        None => ISCSI_PORT,
    };
    Ok(Portal { address, port })
}

/// Writes an end point into an attribute.
pub(super) fn write(to: &mut Writer<'_>, kind: u16, value: &Portal) -> Result<(), Full> {
    to.nest(kind, |to| {
        match value.address {
            IpAddress::V4(octets) => to.bytes(portal::IPV4, &octets)?,
            IpAddress::V6 { octets, scope } => {
                to.bytes(portal::IPV6, &octets)?;
                if scope != 0 {
                    to.u32(portal::SCOPE_ID, scope)?;
                }
            }
        }
        to.u16(portal::PORT, value.port)
    })
}

/// The end point of a socket.
pub(super) fn of(address: &SockAddr) -> Portal {
    Portal {
        address: match address.ip {
            IpAddr::V4(v4) => IpAddress::V4(v4.octets()),
            IpAddr::V6(v6) => IpAddress::V6 {
                octets: v6.octets(),
                scope: address.scope_id,
            },
        },
        port: address.port,
    }
}

/// Reads an IPv4 address that a target can have.
fn read_v4(attr: &Attr<'_>) -> Result<IpAddress, Refusal> {
    let octets = attr.array()?;
    let address = Ipv4Addr::from(octets);
    if address.is_unspecified() || address.is_multicast() || address.is_broadcast() {
        return Err(not_a_target(attr));
    }
    Ok(IpAddress::V4(octets))
}

/// Reads an IPv6 address that a target can have. A scope belongs to link-local ones, and only.
fn read_v6(attr: &Attr<'_>, scope: Option<&Attr<'_>>) -> Result<IpAddress, Refusal> {
    let octets = attr.array()?;
    let address = Ipv6Addr::from(octets);
    if address.is_unspecified() || address.is_multicast() {
        return Err(not_a_target(attr));
    }
    let number = match scope {
        Some(scope) => scope.u32()?,
        None => 0,
    };
    match (address.is_unicast_link_local(), number, scope) {
        (true, 0, _) => Err(attr.refuse(
            EINVAL,
            format_args!("a link-local address needs a scope: address%interface"),
        )),
        (false, 1.., Some(scope)) => Err(scope.refuse(
            EINVAL,
            format_args!("only a link-local address has a scope"),
        )),
        (_, scope, _) => Ok(IpAddress::V6 { octets, scope }),
    }
}

fn not_a_target(attr: &Attr<'_>) -> Refusal {
    attr.refuse(
        EINVAL,
        format_args!("invalid IP address: not that of a single host"),
    )
}
