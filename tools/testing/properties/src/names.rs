// SPDX-License-Identifier: GPL-2.0

//! Names and addresses, RFC 7143 sections 4.2.6 to 4.2.8.

use std::net::{
    IpAddr,
    Ipv6Addr,
    SocketAddr,
    SocketAddrV6, //
};

use iscsi_proto::proto::{
    address::{
        IpAddress,
        Portal,
        Tpgt, //
    },
    names::{
        Alias,
        IscsiName,
        MAX_ALIAS_BYTES,
        MAX_NAME_BYTES, //
    }, //
};

/// Any text is a name in its normal form, or refused.
pub fn any_name(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    assert_eq!(IscsiName::parse(text).is_ok(), is_name(text), "{text:?}");
    if let Ok(name) = IscsiName::parse(text) {
        assert_eq!(name.as_str(), text.to_ascii_lowercase());
        assert_eq!(name.as_str().as_bytes(), name.as_bytes());
        assert_eq!(IscsiName::parse(name.as_str()), Ok(name));
    }

    let is_alias = text.len() <= MAX_ALIAS_BYTES && !text.chars().any(char::is_control);
    match Alias::parse(text) {
        Ok(alias) => {
            assert_eq!(alias.as_str(), text);
            assert!(is_alias);
        }
        Err(_) => assert!(!is_alias, "{text:?}"),
    }
}

/// Sections 4.2.7.4 to 4.2.7.6, with characters as in 4.2.7.2 without those beyond ASCII.
fn is_name(text: &str) -> bool {
    let name = text.to_ascii_lowercase();
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some((kind, rest)) = name.split_once('.') else {
        return false;
    };
    if name.len() > MAX_NAME_BYTES {
        return false;
    }
    match kind {
        "iqn" => is_iqn(rest),
        "eui" => rest.len() == 16 && is_hex(rest),
        "naa" => (rest.len() == 16 || rest.len() == 32) && is_hex(rest),
        _ => false,
    }
}

/// The date at which the domain was owned, the domain from its end, and what its owner likes.
fn is_iqn(rest: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
    if !rest.chars().all(is_allowed) || rest.ends_with(':') {
        return false;
    }
    let Some((date, name)) = rest.split_once('.') else {
        return false;
    };
    let Some((year, month)) = date.split_once('-') else {
        return false;
    };
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    let is_month = month.len() == 2 && matches!(month.parse::<u8>(), Ok(1..=12));
    let domain = name.split(':').next().unwrap_or_default();
    let labels: Vec<_> = domain.split('.').collect();
    let is_domain = labels.len() >= 2 && labels.iter().all(|label| !label.is_empty());
    is_year && is_month && is_domain && labels[0].len() >= 2
}

/// Any text is a portal that is written back so that it is read the same, or refused.
pub fn any_address(data: &[u8]) {
    let text = &*String::from_utf8_lossy(data);
    let interface = |name: &str| (name == "eth0").then_some(2);
    if let Ok(portal) = Portal::parse_with(text, 3260, interface) {
        assert_ne!(portal.port, 0);
        assert_eq!(Portal::parse(&portal.to_string(), 1), Ok(portal));
        assert_eq!(std_address(&portal), Some(portal.to_string()));
    }
    if let Ok(Tpgt(tag)) = Tpgt::parse(text) {
        assert_eq!(text.parse(), Ok(tag));
    }
}

/// The portal as the standard library writes it; `None` if it is not the address of one host.
fn std_address(portal: &Portal) -> Option<String> {
    let address = match portal.address {
        IpAddress::V4(octets) => SocketAddr::from((octets, portal.port)),
        IpAddress::V6 { octets, scope } => {
            SocketAddrV6::new(Ipv6Addr::from(octets), portal.port, 0, scope).into()
        }
    };
    is_host(&address.ip()).then(|| address.to_string())
}

/// Whether the address is that of one host.
pub fn is_host(ip: &IpAddr) -> bool {
    !ip.is_unspecified() && !ip.is_multicast() && *ip != IpAddr::from([255, 255, 255, 255])
}
