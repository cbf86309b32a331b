// SPDX-License-Identifier: GPL-2.0

//! The files of a session's host, in `/sys/class/scsi_host/host<N>/`.

use super::{
    connection::Connection,
    session::Session, //
};
use crate::linux::sysfs::{
    attribute_groups,
    Attribute,
    Writer, //
};
use core::fmt::Write;
use kernel::prelude::*;

/// Declares attributes of a session: name of the type, name of the file, what it shows.
macro_rules! files {
    ( $( $( #[$doc:meta] )* $name:ident = $file:literal: |$session:ident| $value:expr; )+ ) => { $(
        $( #[$doc] )*
        pub(super) struct $name;

        impl Attribute for $name {
            type Subject = Session;

            const NAME: &'static CStr = $file;

            fn show($session: &Session, out: &mut Writer<'_>) -> Result {
                write!(out, "{}", $value).map_err(|_| EOVERFLOW)
            }
        }
    )+ };
}

files! {
    /// The session's number in messages, events and traces.
    SessionId = c"iscsi_session": |session| session.id;
    /// The state of the session machine.
    SessionState = c"iscsi_session_state": |session| session.slow.lock().state.as_str();
    /// The state of the connection machine.
    ConnectionState = c"iscsi_connection_state": |session| {
        session.slow.lock().connection_state.as_str()
    };
    /// Why there is no connection; an empty line if there is one.
    LastError = c"iscsi_last_error": |session| session.info().last_error;
    /// Logins that have failed since the last that succeeded.
    FailedLogins = c"iscsi_failed_logins": |session| session.slow.lock().failed_logins;
    /// PDUs of the target that belonged to no task.
    Strays = c"iscsi_stray_pdus": |session| session.info().strays;
    /// Bytes sent over the present connection.
    SentBytes = c"iscsi_tx_bytes": |session| {
        session.connection().as_deref().map_or(0, Connection::sent)
    };
    /// Bytes received over the present connection.
    ReceivedBytes = c"iscsi_rx_bytes": |session| {
        session.connection().as_deref().map_or(0, Connection::received)
    };
    /// The CmdSN of the next command.
    CmdSn = c"iscsi_cmd_sn": |session| session.window.lock().current().get();
    /// The first CmdSN that the target has not seen.
    ExpCmdSn = c"iscsi_exp_cmd_sn": |session| session.window.lock().expected().get();
    /// The last CmdSN that the target takes.
    MaxCmdSn = c"iscsi_max_cmd_sn": |session| session.window.lock().max().get();
}

attribute_groups! {
    /// The files of a session.
    pub(super) static FILES: Groups<Session> = [
        SessionId,
        SessionState,
        ConnectionState,
        LastError,
        FailedLogins,
        Strays,
        SentBytes,
        ReceivedBytes,
        CmdSn,
        ExpCmdSn,
        MaxCmdSn,
    ];
}
