// SPDX-License-Identifier: GPL-2.0

//! What an error of the network means to the operator.

use core::fmt;
use kernel::prelude::*;

/// An error in words; one without any with its number and its name.
pub(super) struct Words(pub(super) Error);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = *self;
        if let Some((_, words)) = KNOWN.iter().find(|(known, _)| *known == error) {
            return f.write_str(words);
        }
        write!(f, "error {}", error.to_errno())?;
        match error.name().and_then(|name| name.to_str().ok()) {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// What a socket says of routes, packet filters, ICMP messages, TCP and the lack of something.
const KNOWN: [(Error, &str); 23] = [
    (ECONNREFUSED, "connection refused"),
    (ECONNRESET, "connection reset"),
    (ECONNABORTED, "connection aborted"),
    (EPIPE, "connection closed"),
    (ETIMEDOUT, "timed out"),
    (EINPROGRESS, "timed out"),
    (EAGAIN, "timed out"),
    (ENETUNREACH, "network is unreachable"),
    (ENETDOWN, "network is down"),
    (EHOSTUNREACH, "no route to host"),
    (EHOSTDOWN, "host is down or unknown"),
    (ENONET, "host is isolated"),
    (ENOPROTOOPT, "host does not take TCP connections"),
    (EPROTO, "host takes our packets for wrong"),
    (EACCES, "prohibited by a route or packet filter"),
    (EPERM, "prohibited by a packet filter"),
    (EADDRNOTAVAIL, "no local address or port to connect from"),
    (EAFNOSUPPORT, "address family is not supported"),
    (ENODEV, "there is no such interface"),
    (EMSGSIZE, "packets are too large for the path"),
    (ENOMEM, "not enough memory"),
    (ENOBUFS, "not enough memory"),
    (EIO, "input/output error"),
];
