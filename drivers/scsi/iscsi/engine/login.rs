// SPDX-License-Identifier: GPL-2.0

//! Logging in: drives the login machine of `proto` over a new socket.

#![expect(
    clippy::result_large_err,
    reason = "one failure for each login, where nothing may be allocated"
)]

use super::{
    connection::Connection,
    report::Text,
    session::{
        Session,
        FIRST_CMD_SN, //
    },
    trace, //
};
use crate::{
    config::limits,
    linux::socket::{
        More,
        SockAddr,
        Socket, //
    },
    proto::{
        address::{
            IpAddress,
            Portal,
            ISCSI_PORT, //
        },
        login::{
            Login,
            LoginConfig,
            LoginError,
            LoginStep,
            Outcome,
            Retry,
            Security,
            SessionId,
            MAX_SEGMENT_BYTES,
            WORK_BYTES, //
        },
        negotiate::SessionType,
        pdu::{
            self,
            Bhs,
            Cid,
            Itt,
            LoginResponse, //
        },
        sn::CmdWindow,
        text::Excerpt, //
    },
};
use core::{
    fmt::{
        self,
        Write, //
    },
    net::IpAddr, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// The tag of all login PDUs.
const LOGIN_ITT: u32 = 0;

/// Why a login did not succeed.
pub(super) struct Failure {
    /// One sentence.
    pub(super) text: Text,
    /// Whether it makes sense to try again.
    pub(super) retry: Retry,
}

impl Failure {
    fn new(retry: Retry, text: fmt::Arguments<'_>) -> Self {
        let mut failure = Self {
            text: Text::new(),
            retry,
        };
        failure.text.set(text);
        failure
    }
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Self::new(error.retry(), format_args!("{error}"))
    }
}

/// The memory of a login, made once for the WD thread: a login must not need any, as memory may be
/// waiting for it.
pub(super) struct Memory {
    work: KVec<u8>,
    segment: KVec<u8>,
}

impl Memory {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            work: KVec::from_elem(0, WORK_BYTES, GFP_KERNEL)?,
            segment: KVec::from_elem(0, MAX_SEGMENT_BYTES + 3, GFP_KERNEL)?,
        })
    }
}

/// The address of a portal for a socket.
pub(super) fn sock_addr(portal: &Portal) -> SockAddr {
    let (ip, scope_id) = match portal.address {
        IpAddress::V4(octets) => (IpAddr::from(octets), 0),
        IpAddress::V6 { octets, scope } => (IpAddr::from(octets), scope),
    };
    SockAddr {
        ip,
        scope_id,
        port: portal.port,
    }
}

/// Connects and logs in, following redirections.
///
/// # Context
///
/// The WD thread, without locks, in a `NoIo` scope; sleeps as long as the limits allow.
pub(super) fn run(session: &Session, memory: &mut Memory) -> Result<Arc<Connection>, Failure> {
    let mut portal = session.target.portal;
    for _ in 0..=limits::MAX_REDIRECTS {
        match attempt(session, &portal, memory)? {
            Attempt::Done(connection) => return Ok(connection),
            Attempt::Redirected(to) => portal = to,
        }
    }
    Err(Failure::new(
        Retry::Later,
        format_args!(
            "target redirects in circles: more than {} times",
            limits::MAX_REDIRECTS
        ),
    ))
}

enum Attempt {
    Done(Arc<Connection>),
    Redirected(Portal),
}

fn attempt(session: &Session, portal: &Portal, memory: &mut Memory) -> Result<Attempt, Failure> {
    let peer = sock_addr(portal);
    let socket = Socket::new(&peer)
        .and_then(|socket| Ok(Arc::new(socket, GFP_KERNEL)?))
        .map_err(|error| {
            Failure::new(
                Retry::Later,
                format_args!("cannot make a socket: error {}", error.to_errno()),
            )
        })?;
    session.slow.lock().connecting = Some(socket.clone());
    let result = if session.is_stopping() {
        Err(Failure::new(
            Retry::Never,
            format_args!("session is being removed"),
        ))
    } else {
        log_in(session, socket, peer, portal, memory)
    };
    let connecting = session.slow.lock().connecting.take();
    drop(connecting);
    result
}

fn log_in(
    session: &Session,
    socket: Arc<Socket>,
    peer: SockAddr,
    portal: &Portal,
    memory: &mut Memory,
) -> Result<Attempt, Failure> {
    socket
        .connect(&peer, limits::CONNECT.as_millis() as u32 / 1000)
        .map_err(|error| {
            Failure::new(
                Retry::Later,
                format_args!("cannot connect to {portal}: {}", connect_error(error)),
            )
        })?;
    socket.set_recv_timeout(limits::LOGIN_RESPONSE.as_millis() as u32 / 1000);

    let (initiator, offer) = {
        let config = session.initiator.config();
        (*config.initiator(), config.effective(&session.target.name))
    };
    let Some(name) = initiator.name else {
        return Err(Failure::new(
            Retry::Later,
            format_args!("no initiator node name is set"),
        ));
    };
    let Memory { work, segment } = memory;
    let mut login = Login::new(
        LoginConfig {
            initiator_name: name.as_str(),
            initiator_alias: (!initiator.alias.is_empty()).then_some(initiator.alias.as_str()),
            target_name: Some(session.target.name.as_str()),
            session_type: SessionType::Normal,
            isid: session.isid,
            session: SessionId::New,
            cid: Cid(0),
            cmd_sn: FIRST_CMD_SN,
            itt: Itt::new(LOGIN_ITT).ok_or_else(no_result)?,
            offer,
            security: Security::OfferNone,
            portal_group_tag: session.target.tpgt.map(|tpgt| tpgt.0),
        },
        work,
    )?;
    loop {
        let out = login.poll_request(segment.get_mut(..MAX_SEGMENT_BYTES).unwrap_or(&mut []))?;
        send(&socket, &out.header.to_bytes(), segment, out.data_len)?;
        let (header, len) = receive(&socket, segment)?;
        let data = segment.get(..len).unwrap_or(&[]);
        trace::login(session.id, Cid(0), header.status, header.tsih);
        match login.handle_response(&header, data)? {
            LoginStep::Continue => (),
            LoginStep::Done => break,
            LoginStep::Redirect(to) => {
                let text = to.address.as_str();
                let address = text.split(',').next().unwrap_or(text);
                let portal = Portal::parse(address, ISCSI_PORT).map_err(|_| {
                    Failure::new(
                        Retry::Later,
                        format_args!(
                            "target redirects to an address that is none: {}",
                            Excerpt::new(address)
                        ),
                    )
                })?;
                return Ok(Attempt::Redirected(portal));
            }
        }
    }
    let Some(outcome) = login.outcome() else {
        return Err(no_result());
    };
    finish(session, socket, peer, outcome)
        .map(Attempt::Done)
        .map_err(|error| {
            Failure::new(
                Retry::Later,
                format_args!("cannot set the connection up: error {}", error.to_errno()),
            )
        })
}

/// Makes the connection of a login that has succeeded.
fn finish(
    session: &Session,
    socket: Arc<Socket>,
    peer: SockAddr,
    outcome: &Outcome,
) -> Result<Arc<Connection>> {
    socket.set_recv_timeout(0);
    let connection = Arc::pin_init(
        Connection::new(socket, Cid(0), peer, outcome.negotiated, outcome.statuses),
        GFP_KERNEL,
    )?;
    let mut window = CmdWindow::new(FIRST_CMD_SN);
    window.handle_update(outcome.exp_cmd_sn, outcome.max_cmd_sn);
    *session.window.lock() = window;
    session.slow.lock().tsih = Some(outcome.tsih);
    Ok(connection)
}

/// Sends a login PDU; digests are never used in this phase (RFC 7143 section 13.1).
fn send(socket: &Socket, header: &Bhs, segment: &mut [u8], len: usize) -> Result<(), Failure> {
    let padded = len.next_multiple_of(4);
    if let Some(padding) = segment.get_mut(len..padded) {
        padding.fill(0);
    }
    let more = if len > 0 {
        More::Follows
    } else {
        More::Nothing
    };
    socket
        .send_from(header, more)
        .and_then(|()| match segment.get(..padded) {
            Some(data) if len > 0 => socket.send_from(data, More::Nothing),
            _ => Ok(()),
        })
        .map_err(lost)
}

/// Receives the header of a Login Response, and its data segment into `segment`.
fn receive(socket: &Socket, segment: &mut [u8]) -> Result<(LoginResponse, usize), Failure> {
    let mut header: Bhs = [0; pdu::BHS_LEN];
    socket.recv_into(&mut header).map_err(lost)?;
    let response = LoginResponse::parse(&header).map_err(|_| {
        Failure::new(
            Retry::Later,
            format_args!(
                "target answered the login with something else: opcode {}",
                pdu::opcode(&header)
            ),
        )
    })?;
    let len = pdu::data_segment_length(&header) as usize;
    if len > MAX_SEGMENT_BYTES || pdu::total_ahs_length(&header) != 0 {
        return Err(Failure::new(
            Retry::Later,
            format_args!(
                "target sent {len} bytes in a login response, more than {MAX_SEGMENT_BYTES}"
            ),
        ));
    }
    if let Some(data) = segment.get_mut(..len.next_multiple_of(4)) {
        socket.recv_into(data).map_err(lost)?;
    }
    Ok((response, len))
}

/// What the login machine never does.
fn no_result() -> Failure {
    Failure::new(Retry::Later, format_args!("login ended without a result"))
}

/// The connection ended, or nothing came in time, in the middle of a login.
fn lost(error: Error) -> Failure {
    let seconds = limits::LOGIN_RESPONSE.as_millis() / 1000;
    if error == EAGAIN {
        Failure::new(
            Retry::Later,
            format_args!("target did not answer the login within {seconds} s"),
        )
    } else if error == ECONNRESET || error == EPIPE {
        Failure::new(
            Retry::Later,
            format_args!("target closed the connection during the login"),
        )
    } else {
        Failure::new(
            Retry::Later,
            format_args!(
                "connection lost during the login: error {}",
                error.to_errno()
            ),
        )
    }
}

/// What an error of connect(2) means to the operator.
fn connect_error(error: Error) -> Text {
    let mut text = Text::new();
    let known = [
        (ECONNREFUSED, "connection refused"),
        (ENETUNREACH, "network is unreachable"),
        (EHOSTUNREACH, "no route to host"),
        (ETIMEDOUT, "timed out"),
        (EINPROGRESS, "timed out"),
        (EAGAIN, "timed out"),
        (ECONNRESET, "connection reset"),
        (ENOMEM, "not enough memory"),
        (ENOBUFS, "not enough memory"),
    ];
    match known.iter().find(|(code, _)| *code == error) {
        Some((_, known)) => text.set(format_args!("{known}")),
        None => {
            let _ = write!(text, "error {}", error.to_errno());
        }
    }
    text
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
