// SPDX-License-Identifier: GPL-2.0

//! What a session shows: in sysfs through the transport class, and to the control room.

use super::{
    connection::Connection,
    login::{
        sock_addr,
        Awaited, //
    },
    report::Text,
    session::{
        Gate,
        Session, //
    },
};
use crate::{
    config::limits,
    linux::{
        socket::SockAddr,
        sysfs::Writer,
        transport::{
            ConnectionParam,
            HostParam,
            SessionParam,
            TransportOps, //
        },
    },
    proto::{
        address::Tpgt,
        connection::ConnectionState,
        keys::Digest,
        pdu::Tsih,
        session::SessionState, //
    },
};
use core::fmt::Write;
use kernel::{
    prelude::*,
    sync::{
        atomic::Relaxed,
        Arc, //
    },
};

/// A picture of a session at one moment.
pub(crate) struct SessionInfo {
    /// `host<N>` of the SCSI mid-layer; none while the session is being removed.
    pub(crate) host: Option<u32>,
    /// The state of the session machine.
    pub(crate) state: SessionState,
    /// The state of the connection machine.
    pub(crate) connection_state: ConnectionState,
    /// The target's part of the session's name, while logged in.
    pub(crate) tsih: Option<Tsih>,
    /// The connection, while logged in: addresses, negotiated parameters.
    pub(crate) connection: Option<Arc<Connection>>,
    /// What a login under way waits for, and for how many milliseconds by now.
    pub(crate) login: Option<(Awaited, u32)>,
    /// Why there is no connection; empty if there is one, or no reason yet.
    pub(crate) last_error: Text,
    /// Logins that have failed since the last that succeeded.
    pub(crate) failed_logins: u32,
    /// PDUs of the target that belonged to no task.
    pub(crate) strays: u64,
}

impl Session {
    /// What there is to say about the session.
    ///
    /// NOTE: never takes the SCSI side along: a reader in sysfs could become the last to hold it,
    /// and would wait for itself.
    pub(crate) fn info(&self) -> SessionInfo {
        let host = self.host_number();
        let strays = self.strays.load(Relaxed) as u64;
        let slow = self.slow.lock();
        SessionInfo {
            host,
            state: slow.state,
            connection_state: slow.connection_state,
            tsih: slow.tsih,
            connection: slow.connection.clone(),
            login: slow.login.map(|(awaited, since)| {
                let ms = since.elapsed().as_millis().clamp(0, u32::MAX.into());
                (awaited, ms as u32)
            }),
            last_error: slow.last_error(),
            failed_logins: slow.failed_logins,
            strays,
        }
    }

    /// The portal group of the target: the one that has answered, else the one that has to.
    pub(crate) fn portal_group(&self) -> Option<Tpgt> {
        let answered = self
            .connection()
            .and_then(|connection| connection.portal_group());
        answered.or_else(|| self.initiator.config().portal_group(&self.target))
    }

    /// Calls `f` with channel, id and number of each logical unit.
    pub(crate) fn for_each_lun(&self, mut f: impl FnMut(u32, u32, u64)) {
        if let Some(side) = self.scsi_side() {
            side.host.for_each_lun(|lun| f(0, 0, lun));
        }
    }

    /// Looks for logical units and waits until all are known.
    ///
    /// # Errors
    ///
    /// `EAGAIN` without a connection, `ENODEV` if the session is being removed.
    pub(crate) fn rescan(&self) -> Result {
        if self.gate() != Gate::Open {
            return Err(EAGAIN);
        }
        let side = self.scsi_side().ok_or(ENODEV)?;
        side.class.start_scan();
        side.class.wait_for_scan();
        Ok(())
    }
}

impl Connection {
    /// The portal group that has answered.
    pub(crate) fn portal_group(&self) -> Option<Tpgt> {
        self.negotiated.target_portal_group_tag.map(Tpgt)
    }

    /// Bytes of PDUs sent.
    pub(crate) fn sent(&self) -> u64 {
        self.sent_bytes.load(Relaxed) as u64
    }

    /// Bytes of PDUs received.
    pub(crate) fn received(&self) -> u64 {
        self.received_bytes.load(Relaxed) as u64
    }
}

impl TransportOps for Session {
    fn session_param(&self, param: SessionParam, out: &mut Writer<'_>) -> Result {
        let connection = self.connection();
        let agreed = connection.as_ref().map(|conn| &conn.negotiated);
        let written = match param {
            SessionParam::TargetName => write!(out, "{}", self.target.name.as_str()),
            SessionParam::TargetAlias => match agreed {
                Some(agreed) => write!(out, "{}", agreed.target_alias.as_str()),
                None => return Err(ENODATA),
            },
            SessionParam::Tpgt => {
                let Tpgt(tag) = self.portal_group().unwrap_or(DEFAULT_TPGT);
                write!(out, "{tag}")
            }
            SessionParam::InitiatorName => {
                let name = self.initiator.config().initiator().name;
                match name {
                    Some(name) => write!(out, "{}", name.as_str()),
                    None => return Err(ENODATA),
                }
            }
            SessionParam::IfaceName => write!(out, "default"),
            SessionParam::Isid => {
                for byte in self.isid.0 {
                    write!(out, "{byte:02x}").map_err(|_| EOVERFLOW)?;
                }
                Ok(())
            }
            SessionParam::Tsih => {
                let tsih = self.slow.lock().tsih;
                write!(out, "{}", tsih.map_or(0, Tsih::get))
            }
            _ => {
                let agreed = agreed.ok_or(ENOTCONN)?;
                let number = match param {
                    SessionParam::InitialR2t => u32::from(agreed.initial_r2t),
                    SessionParam::ImmediateData => u32::from(agreed.immediate_data),
                    SessionParam::MaxBurst => agreed.max_burst_length,
                    SessionParam::FirstBurst => agreed.first_burst_length,
                    SessionParam::Time2Wait => agreed.default_time2wait,
                    SessionParam::Time2Retain => agreed.default_time2retain,
                    SessionParam::MaxOutstandingR2t => agreed.max_outstanding_r2t,
                    SessionParam::DataPduInOrder => u32::from(agreed.data_pdu_in_order),
                    SessionParam::DataSequenceInOrder => u32::from(agreed.data_sequence_in_order),
                    SessionParam::ErrorRecoveryLevel => agreed.error_recovery_level,
                    _ => return Err(ENODATA),
                };
                write!(out, "{number}")
            }
        };
        written.map_err(|_| EOVERFLOW)
    }

    fn connection_param(&self, _cid: u32, param: ConnectionParam, out: &mut Writer<'_>) -> Result {
        let configured = sock_addr(&self.target.portal);
        let connection = self.connection();
        let conn = connection.as_ref().ok_or(ENOTCONN);
        let digest = |digest| u32::from(digest == Digest::Crc32c);
        let written = match param {
            ConnectionParam::PersistentAddress => address(out, &configured),
            ConnectionParam::PersistentPort => write!(out, "{}", configured.port),
            ConnectionParam::Address => address(out, &conn?.peer),
            ConnectionParam::Port => write!(out, "{}", conn?.peer.port),
            ConnectionParam::LocalAddress => address(out, &conn?.local),
            ConnectionParam::LocalPort => write!(out, "{}", conn?.local.port),
            ConnectionParam::HeaderDigest => {
                write!(out, "{}", digest(conn?.negotiated.header_digest))
            }
            ConnectionParam::DataDigest => write!(out, "{}", digest(conn?.negotiated.data_digest)),
            ConnectionParam::MaxRecvLength => {
                write!(out, "{}", conn?.negotiated.max_recv_data_segment_length)
            }
            ConnectionParam::MaxXmitLength => {
                write!(
                    out,
                    "{}",
                    conn?.negotiated.target_max_recv_data_segment_length
                )
            }
            ConnectionParam::PingTimeout => {
                write!(out, "{}", limits::nop_timeout().as_millis() / 1000)
            }
            ConnectionParam::RecvTimeout => {
                write!(out, "{}", limits::nop_idle().as_millis() / 1000)
            }
            ConnectionParam::ExpStatSn => write!(out, "{}", conn?.exp_stat_sn().get()),
        };
        written.map_err(|_| EOVERFLOW)
    }

    fn host_param(&self, param: HostParam, out: &mut Writer<'_>) -> Result {
        match param {
            HostParam::InitiatorName => self.session_param(SessionParam::InitiatorName, out),
            HostParam::Address => {
                let connection = self.connection().ok_or(ENODATA)?;
                address(out, &connection.local).map_err(|_| EOVERFLOW)
            }
        }
    }

    fn recovery_timed_out(&self) {
        self.give_gate_up();
    }
}

/// Writes an address as user space looks for it: no port, no brackets.
fn address(out: &mut Writer<'_>, addr: &SockAddr) -> core::fmt::Result {
    write!(out, "{}", addr.ip)
}

/// The portal group of a target that did not name one, for tools that want a number.
const DEFAULT_TPGT: Tpgt = Tpgt(1);
