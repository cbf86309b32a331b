// SPDX-License-Identifier: GPL-2.0

//! Portals: where a target listens, and the tag of the group that a portal belongs to.

use core::fmt;
use core::net::{
    Ipv4Addr,
    Ipv6Addr, //
};
use core::str::FromStr;

use super::machine::named_enum;

/// The well-known port of iSCSI, RFC 7143 section 4.2.6.
pub const ISCSI_PORT: u16 = 3260;

/// An address that a target can be reached at. Names are resolved before they get here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpAddress {
    /// IPv4, in network order.
    V4([u8; 4]),
    /// IPv6, in network order.
    V6 {
        /// The address.
        octets: [u8; 16],
        /// The index of the interface that a link-local address belongs to, else 0.
        scope: u32,
    },
}

/// An address and a TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Portal {
    /// The address.
    pub address: IpAddress,
    /// The port, never 0.
    pub port: u16,
}

impl Portal {
    /// Reads `IPv4[:port]` or `[IPv6[%scope]][:port]` with a numeric scope.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, AddressError> {
        Self::parse_with(text, default_port, |_| None)
    }

    /// As [`Portal::parse`], with a function that finds the index of an interface by its name.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks.
    pub fn parse_with(
        text: &str,
        default_port: u16,
        interface_index: impl FnOnce(&str) -> Option<u32>,
    ) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Missing);
        }
        let (address, rest) = match text.strip_prefix('[') {
            Some(inner) => {
                let (host, rest) = inner.split_once(']').ok_or(AddressError::BracketMissing)?;
                (parse_v6(host, interface_index)?, rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (host, rest) = text.split_at(end);
                (parse_v4(host)?, rest)
            }
        };
        let port = match rest.strip_prefix(':') {
            Some(digits) => parse_port(digits)?,
            None if rest.is_empty() => default_port,
            None => return Err(AddressError::InvalidIp),
        };
        Ok(Self { address, port })
    }
}

impl fmt::Display for IpAddress {
    /// Writes the canonical form (RFC 5952), IPv6 without brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(octets) => Ipv4Addr::from(octets).fmt(f),
            Self::V6 { octets, scope: 0 } => Ipv6Addr::from(octets).fmt(f),
            Self::V6 { octets, scope } => write!(f, "{}%{scope}", Ipv6Addr::from(octets)),
        }
    }
}

impl fmt::Display for Portal {
    /// Writes the canonical form, which [`Portal::parse`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddress::V4(_) => write!(f, "{}:{}", self.address, self.port),
            IpAddress::V6 { .. } => write!(f, "[{}]:{}", self.address, self.port),
        }
    }
}

/// The tag of a portal group, RFC 7143 section 13.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tpgt(pub u16);

impl Tpgt {
    /// Reads a number from 0 to 65535.
    ///
    /// # Errors
    ///
    /// [`AddressError::InvalidTpgt`] for anything else.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        parse_u16(text).map(Self).ok_or(AddressError::InvalidTpgt)
    }
}

impl fmt::Display for Tpgt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

named_enum! {
    /// The rule that an address breaks. `as_str` is the text that the user reads.
    pub enum AddressError {
        /// There is no address.
        Missing = "missing target address",
        /// `[` without `]`.
        BracketMissing = "']' missing",
        /// Not the address of one host, or a scope that names no interface.
        InvalidIp = "invalid IP address",
        /// A link-local address that does not say which interface it belongs to.
        ScopeMissing = "a link-local address needs its interface: [address%interface]",
        /// Nothing behind the `:`.
        PortMissing = "port number missing",
        /// The port is not a number.
        PortInvalid = "port number invalid",
        /// The port is 0 or more than 65535.
        PortOutOfRange = "port number out of range",
        /// The portal group tag is not a number from 0 to 65535.
        InvalidTpgt = "parse target invalid TPGT",
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn parse_v4(host: &str) -> Result<IpAddress, AddressError> {
    let ip = Ipv4Addr::from_str(host).map_err(|_| AddressError::InvalidIp)?;
    if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() {
        return Err(AddressError::InvalidIp);
    }
    Ok(IpAddress::V4(ip.octets()))
}

fn parse_v6(
    host: &str,
    interface_index: impl FnOnce(&str) -> Option<u32>,
) -> Result<IpAddress, AddressError> {
    let (host, zone) = match host.split_once('%') {
        Some((host, zone)) => (host, Some(zone)),
        None => (host, None),
    };
    let ip = Ipv6Addr::from_str(host).map_err(|_| AddressError::InvalidIp)?;
    if ip.is_unspecified() || ip.is_multicast() {
        return Err(AddressError::InvalidIp);
    }
    let scope = match zone {
        None if ip.is_unicast_link_local() => return Err(AddressError::ScopeMissing),
        None => 0,
        // A scope means something for a link-local address only, RFC 4007 section 11.
        Some(_) if !ip.is_unicast_link_local() => return Err(AddressError::InvalidIp),
        Some(zone) => parse_decimal(zone)
            .or_else(|| interface_index(zone))
            .filter(|&index| index != 0)
            .ok_or(AddressError::InvalidIp)?,
    };
    Ok(IpAddress::V6 {
        octets: ip.octets(),
        scope,
    })
}

fn parse_port(digits: &str) -> Result<u16, AddressError> {
    if digits.is_empty() {
        return Err(AddressError::PortMissing);
    }
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::PortInvalid);
    }
    match parse_u16(digits) {
        None | Some(0) => Err(AddressError::PortOutOfRange),
        Some(port) => Ok(port),
    }
}

/// Decimal digits only: `FromStr` would take a leading `+` as well.
fn parse_decimal(digits: &str) -> Option<u32> {
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

fn parse_u16(digits: &str) -> Option<u16> {
    parse_decimal(digits).and_then(|n| u16::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str) -> Option<u32> {
        (name == "eth0").then_some(2)
    }

    #[test]
    fn addresses_are_written_in_canonical_form() {
        for (text, canonical) in [
            ("192.0.2.1", "192.0.2.1:3260"),
            ("192.0.2.1:860", "192.0.2.1:860"),
            ("192.0.2.1:65535", "192.0.2.1:65535"),
            ("[2001:DB8:0:0::1]", "[2001:db8::1]:3260"),
            ("[::1]:3261", "[::1]:3261"),
            ("[fe80::1%7]:3260", "[fe80::1%7]:3260"),
            ("[fe80::1%eth0]", "[fe80::1%2]:3260"),
        ] {
            let portal = Portal::parse_with(text, ISCSI_PORT, interface).unwrap();
            assert_eq!(portal.to_string(), canonical);
            assert_eq!(Portal::parse(canonical, 1), Ok(portal));
        }
    }

    #[test]
    fn each_broken_rule_has_its_error() {
        use AddressError::*;
        for (text, error) in [
            ("", Missing),
            ("[::1", BracketMissing),
            ("[::1:3260", BracketMissing),
            ("host", InvalidIp),
            ("1.2.3", InvalidIp),
            ("1.2.3.256", InvalidIp),
            ("1.2.3.4.5", InvalidIp),
            (" 1.2.3.4", InvalidIp),
            ("0.0.0.0", InvalidIp),
            ("224.0.0.1", InvalidIp),
            ("255.255.255.255", InvalidIp),
            ("::1", InvalidIp),
            (":3260", InvalidIp),
            ("[]", InvalidIp),
            ("[::]", InvalidIp),
            ("[ff02::1]", InvalidIp),
            ("[::1]x", InvalidIp),
            ("[::1]3260", InvalidIp),
            ("[1.2.3.4]", InvalidIp),
            ("[fe80::1]", ScopeMissing),
            ("[fe80::1%]", InvalidIp),
            ("[fe80::1%0]", InvalidIp),
            ("[fe80::1%nosuch]", InvalidIp),
            ("[fe80::1%4294967296]", InvalidIp),
            ("[2001:db8::1%2]", InvalidIp),
            ("1.2.3.4:", PortMissing),
            ("[::1]:", PortMissing),
            ("1.2.3.4:x", PortInvalid),
            ("1.2.3.4:+80", PortInvalid),
            ("1.2.3.4:-1", PortInvalid),
            ("1.2.3.4:80:80", PortInvalid),
            ("1.2.3.4:0", PortOutOfRange),
            ("1.2.3.4:65536", PortOutOfRange),
            ("1.2.3.4:99999999999999999999", PortOutOfRange),
        ] {
            assert_eq!(
                Portal::parse_with(text, ISCSI_PORT, interface),
                Err(error),
                "{text}"
            );
        }
    }

    #[test]
    fn a_portal_group_tag_is_a_number_up_to_65535() {
        assert_eq!(Tpgt::parse("0"), Ok(Tpgt(0)));
        assert_eq!(Tpgt::parse("65535"), Ok(Tpgt(65535)));
        for text in ["", "65536", "-1", "+1", "1x", "default", " 1"] {
            assert_eq!(Tpgt::parse(text), Err(AddressError::InvalidTpgt), "{text}");
        }
    }
}
