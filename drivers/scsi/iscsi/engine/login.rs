// SPDX-License-Identifier: GPL-2.0

//! Logging in: drives the login machine of `proto` over a new socket.
//!
//! A login goes on below TCP's own functions, and in a kernel whose softirqs have no stack of their
//! own, below all that the peer's answer starts. What it needs is therefore in [`Memory`] rather than
//! on the stack, and its parts are not inlined into the function that calls them one after the other.

use super::{
    connection::Connection,
    session::{
        Session,
        FIRST_CMD_SN, //
    },
    trace,
    words::Words, //
};
use crate::{
    config::{
        limits,
        Initiator, //
    },
    linux::socket::{
        More,
        SockAddr,
        Socket, //
    },
    proto::{
        address::{
            IpAddress,
            Portal,
            Tpgt,
            ISCSI_PORT, //
        },
        keys::{
            Digest,
            DigestOffer, //
        },
        login::{
            Late,
            Login,
            LoginConfig,
            LoginError,
            LoginStep,
            Outcome,
            Patience,
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
            LoginResponse,
            Opcode,
            Stage, //
        },
        sn::CmdWindow,
        text::Excerpt, //
    },
};
use core::{
    fmt,
    net::IpAddr,
    time::Duration, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::{
        Delta,
        Instant,
        Monotonic,
        Msecs, //
    },
};

/// The tag of all login PDUs.
const LOGIN_ITT: u32 = 0;

/// Why a login did not succeed. `Display` makes one sentence of it.
pub(super) enum Failure {
    /// There is no socket to be had.
    Socket(Error),
    /// The session is being removed.
    Removed,
    /// connect(2) failed.
    Connect(Portal, Error),
    /// We have no name.
    NoName,
    /// The connection ended in this stage of the login.
    Lost(Error, Stage),
    /// An answer, or the login, took too long.
    Late(Late),
    /// Something else than a Login Response came, with this opcode.
    NoResponse(Opcode),
    /// A data segment of so many bytes, or an additional header segment, came.
    TooMuch(usize),
    /// The target is where nothing can be: this address.
    Address(Excerpt),
    /// The target is always elsewhere.
    Circles,
    /// What the login machine never does.
    NoResult,
    /// There is no memory for the connection.
    Connection(Error),
    /// The target or we broke a rule, or the target refused.
    Login(LoginError),
}

impl Failure {
    /// Whether it makes sense to try again.
    pub(super) fn retry(&self) -> Retry {
        match self {
            Self::Removed => Retry::Never,
            Self::Login(error) => error.retry(),
            _ => Retry::Later,
        }
    }
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => write!(f, "cannot make a socket: {}", Words(*error)),
            Self::Removed => f.write_str("session is being removed"),
            Self::Connect(portal, error) if *error == EINVAL => {
                write!(f, "cannot connect to {portal}: its route is a blackhole")
            }
            Self::Connect(portal, error) => {
                write!(f, "cannot connect to {portal}: {}", Words(*error))
            }
            Self::NoName => f.write_str("no initiator node name is set"),
            Self::Late(Late::Step) => write!(
                f,
                "target did not answer the login within {} s",
                limits::LOGIN_RESPONSE.as_millis() / 1000
            ),
            Self::Late(Late::Login) => write!(
                f,
                "target did not come to the end of the login within {} s",
                limits::LOGIN.as_millis() / 1000
            ),
            // LIO does not answer an initiator that offers no authentication if it demands some.
            Self::Lost(error, Stage::SECURITY) if is_end(*error) => f.write_str(
                "target closed the connection in the security stage of the login; it may demand \
                 authentication, which this initiator does not have",
            ),
            Self::Lost(error, _) if is_end(*error) => {
                f.write_str("target closed the connection in the operational stage of the login")
            }
            Self::Lost(error, _) => {
                write!(f, "connection lost during the login: {}", Words(*error))
            }
            Self::NoResponse(opcode) => write!(
                f,
                "target answered the login with something else: opcode {opcode}"
            ),
            Self::TooMuch(len) => write!(
                f,
                "target sent {len} bytes in a login response, more than {MAX_SEGMENT_BYTES}"
            ),
            Self::Address(address) => {
                write!(f, "target redirects to an address that is none: {address}")
            }
            Self::Circles => write!(
                f,
                "target redirects in circles: more than {} times",
                limits::MAX_REDIRECTS
            ),
            Self::NoResult => f.write_str("login ended without a result"),
            Self::Connection(error) => {
                write!(f, "cannot set the connection up: {}", Words(*error))
            }
            Self::Login(error) => error.fmt(f),
        }
    }
}

/// Whether the peer has closed the connection.
fn is_end(error: Error) -> bool {
    error == ECONNRESET || error == EPIPE
}

/// What a login under way waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Awaited {
    /// The TCP connection.
    Connection,
    /// The target's answer to a login request.
    Response,
}

/// The memory of a login, made once for the WD thread: a login must not need any, as memory may be
/// waiting for it.
pub(super) struct Memory {
    work: KVec<u8>,
    segment: KVec<u8>,
    /// Who we are, as the configuration had it when the login began.
    initiator: KBox<Initiator>,
}

impl Memory {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            work: KVec::from_elem(0, WORK_BYTES, GFP_KERNEL)?,
            segment: KVec::from_elem(0, MAX_SEGMENT_BYTES + 3, GFP_KERNEL)?,
            initiator: KBox::new(Initiator::NOBODY, GFP_KERNEL)?,
        })
    }
}

/// The time of a login.
struct Timer {
    begun: Instant<Monotonic>,
    patience: Patience,
}

impl Timer {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            patience: Patience::new(duration(limits::LOGIN)),
        }
    }

    fn now(&self) -> Duration {
        duration(self.begun.elapsed())
    }

    /// A step begins that may take so long.
    fn begin_step(&mut self, limit: Delta) {
        let now = self.now();
        self.patience.handle_step(now, duration(limit));
    }

    /// Milliseconds that the step has left, not 0.
    fn left(&self) -> Result<Msecs, Failure> {
        let left = self.patience.left(self.now()).map_err(Failure::Late)?;
        Ok(left.as_millis().clamp(1, Msecs::MAX.into()) as Msecs)
    }
}

/// A time that has passed, or may, in milliseconds.
fn duration(time: Delta) -> Duration {
    Duration::from_millis(time.as_millis().unsigned_abs())
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
    let mut timer = Timer::new();
    for _ in 0..=limits::MAX_REDIRECTS {
        match attempt(session, &portal, &mut timer, memory)? {
            Attempt::Done(connection) => return Ok(connection),
            Attempt::Redirected(to) => portal = to,
        }
    }
    Err(Failure::Circles)
}

enum Attempt {
    Done(Arc<Connection>),
    Redirected(Portal),
}

fn attempt(
    session: &Session,
    portal: &Portal,
    timer: &mut Timer,
    memory: &mut Memory,
) -> Result<Attempt, Failure> {
    let peer = sock_addr(portal);
    let socket = Socket::new(&peer)
        .and_then(|socket| Ok(Arc::new(socket, GFP_KERNEL)?))
        .map_err(Failure::Socket)?;
    // Who stops the session from now on shuts this socket down, connected or not; who has done it before
    // is seen below.
    session.slow.lock().connecting = Some(socket.clone());
    session.login_awaits(Some(Awaited::Connection));
    let result = if session.is_stopping() {
        Err(Failure::Removed)
    } else {
        connect(&socket, portal, timer).and_then(|()| log_in(session, socket, peer, timer, memory))
    };
    let connecting = session.slow.lock().connecting.take();
    drop(connecting);
    result
}

fn connect(socket: &Socket, portal: &Portal, timer: &mut Timer) -> Result<(), Failure> {
    timer.begin_step(limits::CONNECT);
    socket.set_send_timeout(timer.left()?);
    socket
        .connect(&sock_addr(portal))
        .map_err(|error| Failure::Connect(*portal, error))
}

/// Logs in over a socket that is connected.
#[inline(never)]
fn log_in(
    session: &Session,
    socket: Arc<Socket>,
    peer: SockAddr,
    timer: &mut Timer,
    memory: &mut Memory,
) -> Result<Attempt, Failure> {
    let Memory {
        work,
        segment,
        initiator,
    } = memory;
    let (mut offer, portal_group) = {
        let config = session.initiator.config();
        **initiator = *config.initiator();
        (
            config.effective(&session.target.name),
            config.portal_group(&session.target),
        )
    };
    // A file system looks at its disk once, as it is mounted. So a data digest that is configured later
    // has to wait for a new session, unless the target insists.
    let is_late = session.has_unstable_pages() && offer.data_digest.contains(Digest::Crc32c);
    if is_late {
        offer.data_digest = DigestOffer::NoneThenCrc32c;
    }
    let config = LoginConfig {
        initiator_name: initiator.name.as_ref().ok_or(Failure::NoName)?.as_str(),
        initiator_alias: (!initiator.alias.is_empty()).then_some(initiator.alias.as_str()),
        target_name: Some(session.target.name.as_str()),
        session_type: SessionType::Normal,
        isid: session.isid,
        session: SessionId::New,
        cid: Cid(0),
        cmd_sn: FIRST_CMD_SN,
        itt: Itt::new(LOGIN_ITT).ok_or(Failure::NoResult)?,
        offer,
        security: Security::OfferNone,
        portal_group_tag: portal_group.map(|tpgt| tpgt.0),
    };
    // Looked at where it is: the machine is too big to be on the stack twice.
    let mut login = Login::new(config, work);
    let login = login.as_mut().map_err(|error| Failure::Login(*error))?;
    if let Some(portal) = converse(session, &socket, login, timer, segment)? {
        return Ok(Attempt::Redirected(portal));
    }
    let outcome = login.outcome().ok_or(Failure::NoResult)?;
    // Of entries that name several groups, any may be meant.
    let group = outcome.negotiated.target_portal_group_tag;
    session
        .initiator
        .config()
        .check_portal_group(&session.target, group.map(Tpgt))
        .map_err(|expected| {
            Failure::Login(LoginError::WrongPortalGroup {
                got: group,
                expected: expected.0,
            })
        })?;
    if is_late {
        pr_warn!(
            "session {} ({}): data digest {}: its disks were found without one, log out to change that\n",
            session.id,
            session.target.name.as_str(),
            outcome.negotiated.data_digest.as_str(),
        );
    }
    finish(session, socket, peer, outcome)
        .map(Attempt::Done)
        .map_err(Failure::Connection)
}

/// Takes a login to its end; the portal where the target is instead, if it redirects.
fn converse(
    session: &Session,
    socket: &Socket,
    login: &mut Login<'_>,
    timer: &mut Timer,
    segment: &mut [u8],
) -> Result<Option<Portal>, Failure> {
    loop {
        session.login_awaits(Some(Awaited::Response));
        let (response, len) = exchange(socket, login, timer, segment)?;
        trace::login(session.id, Cid(0), response.status, response.tsih);
        match take(login, &response, segment.get(..len).unwrap_or(&[]))? {
            Next::Request => (),
            Next::Work => return Ok(None),
            Next::Elsewhere(portal) => return Ok(Some(portal)),
        }
    }
}

/// What follows a response.
enum Next {
    /// Another request.
    Request,
    /// The Full Feature Phase.
    Work,
    /// A login at this portal.
    Elsewhere(Portal),
}

/// Takes a response.
#[inline(never)]
fn take(login: &mut Login<'_>, response: &LoginResponse, data: &[u8]) -> Result<Next, Failure> {
    Ok(match login.handle_response(response, data)? {
        LoginStep::Continue => Next::Request,
        LoginStep::Done => Next::Work,
        LoginStep::Redirect(to) => {
            let text = to.address.as_str();
            let address = text.split(',').next().unwrap_or(text);
            let portal = Portal::parse(address, ISCSI_PORT);
            Next::Elsewhere(portal.map_err(|_| Failure::Address(Excerpt::new(address)))?)
        }
    })
}

/// Sends the next request and receives the response to it, whose data segment has so many bytes.
#[inline(never)]
fn exchange(
    socket: &Socket,
    login: &mut Login<'_>,
    timer: &mut Timer,
    segment: &mut [u8],
) -> Result<(LoginResponse, usize), Failure> {
    timer.begin_step(limits::LOGIN_RESPONSE);
    let out = login.poll_request(segment.get_mut(..MAX_SEGMENT_BYTES).unwrap_or(&mut []))?;
    let stage = out.header.current_stage;
    socket.set_send_timeout(timer.left()?);
    send(socket, &out.header.to_bytes(), segment, out.data_len).map_err(|error| {
        if error == EAGAIN {
            Failure::Late(Late::Step)
        } else {
            Failure::Lost(error, stage)
        }
    })?;
    receive(socket, timer, segment, stage)
}

/// Makes the connection of a login that has succeeded.
#[inline(never)]
fn finish(
    session: &Session,
    socket: Arc<Socket>,
    peer: SockAddr,
    outcome: &Outcome,
) -> Result<Arc<Connection>> {
    socket.set_send_timeout(0);
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
fn send(socket: &Socket, header: &Bhs, segment: &mut [u8], len: usize) -> Result {
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
}

/// Receives the header of a Login Response, and its data segment into `segment`.
fn receive(
    socket: &Socket,
    timer: &Timer,
    segment: &mut [u8],
    stage: Stage,
) -> Result<(LoginResponse, usize), Failure> {
    let fill = |buf: &mut [u8]| {
        let lost = |error| Failure::Lost(error, stage);
        socket.recv_until(buf, || timer.left(), lost)
    };
    let mut header: Bhs = [0; pdu::BHS_LEN];
    fill(&mut header)?;
    let response =
        LoginResponse::parse(&header).map_err(|_| Failure::NoResponse(pdu::opcode(&header)))?;
    let len = pdu::data_segment_length(&header) as usize;
    if len > MAX_SEGMENT_BYTES || pdu::total_ahs_length(&header) != 0 {
        return Err(Failure::TooMuch(len));
    }
    if let Some(data) = segment.get_mut(..len.next_multiple_of(4)) {
        fill(data)?;
    }
    Ok((response, len))
}
