// SPDX-License-Identifier: GPL-2.0

//! The initiator's side of the Login Phase, RFC 7143 sections 6.3, 11.12 and 11.13.
//!
//! [`Login`] is sans-I/O: the engine alternates [`Login::poll_request`] and
//! [`Login::handle_response`] until it is told [`LoginStep::Done`]. It allocates nothing: the text
//! of both directions stands in a buffer of [`WORK_BYTES`] that the caller lends.

mod error;
mod patience;

use crate::proto::{
    keys::Key,
    negotiate::{
        Negotiated,
        Negotiation,
        NegotiationStage,
        Offer,
        Reply,
        SessionType, //
    },
    pdu::{
        Cid,
        Isid,
        Itt,
        LoginRequest,
        LoginResponse,
        LoginStatus,
        LoginStatusClass,
        SegmentLen,
        Stage,
        Tsih, //
    },
    sn::{
        CmdSn,
        StatSn,
        StatSnOrder,
        StatSnTracker, //
    },
    text::{
        Label,
        Pairs,
        Writer,
        MAX_VALUE_BYTES, //
    }, //
};

pub use self::{
    error::{
        LoginError,
        Misuse,
        Retry, //
    },
    patience::{
        Late,
        Patience, //
    }, //
};

/// The protocol version of RFC 7143 (section 11.12.4).
const VERSION: u8 = 0;

/// The largest data segment of a login PDU, in bytes and in either direction: during login the
/// default MaxRecvDataSegmentLength holds (RFC 7143 sections 6.3 and 13.12).
pub const MAX_SEGMENT_BYTES: usize = 8192;

/// The most text, in bytes, that the target may send in one logical text data segment: what
/// RFC 7143 section 6.1 obliges an initiator to take.
pub const MAX_RECEIVED_BYTES: usize = 8192;

/// The most text, in bytes, that we send in one logical text data segment. Names, an alias and all
/// operational keys take less than 1.5 KiB; the rest is for answers to keys of the target.
pub const MAX_SENT_BYTES: usize = 4096;

/// The size of the buffer that [`Login::new`] borrows, in bytes.
pub const WORK_BYTES: usize = MAX_RECEIVED_BYTES + MAX_SENT_BYTES;

/// The most requests of one login. RFC 7143 section 6.2 asks for at least 6 exchanges; a login
/// without authentication needs 2 or 3, and a target that continues its text uses one more for
/// each part.
pub const MAX_EXCHANGES: u32 = 64;

/// What a login needs to know.
#[derive(Clone, Copy, Debug)]
pub struct LoginConfig<'a> {
    /// InitiatorName.
    pub initiator_name: &'a str,
    /// InitiatorAlias, if there is one.
    pub initiator_alias: Option<&'a str>,
    /// TargetName; may be missing for discovery only.
    pub target_name: Option<&'a str>,
    /// What the session is for.
    pub session_type: SessionType,
    /// Our part of the session's name.
    pub isid: Isid,
    /// Which session the connection belongs to.
    pub session: SessionId<'a>,
    /// Names the connection within the session.
    pub cid: Cid,
    /// The first CmdSN of a new session, else the current one (RFC 7143 section 11.12.8).
    pub cmd_sn: CmdSn,
    /// Names the login; the same in all its requests.
    pub itt: Itt,
    /// What to ask for.
    pub offer: Offer,
    /// How to treat the SecurityNegotiation stage.
    pub security: Security,
    /// The portal group that has to serve the login; `None` for any.
    pub portal_group_tag: Option<u16>,
}

/// Which session a connection belongs to.
#[derive(Clone, Copy, Debug)]
pub enum SessionId<'a> {
    /// A new one: this is its leading connection.
    New,
    /// One that exists.
    Existing {
        /// The target's name for it.
        tsih: Tsih,
        /// What its leading connection negotiated.
        agreed: &'a Negotiated,
    },
}

/// How to treat the SecurityNegotiation stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Begin with the operational stage.
    Skip,
    /// Go through the stage with AuthMethod=None.
    OfferNone,
}

/// A request to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginOut {
    /// The header, complete.
    pub header: LoginRequest,
    /// How many bytes of the lent buffer are its data segment, without padding.
    pub data_len: usize,
}

/// What follows from a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one address for each login, where nothing may be allocated"
)]
pub enum LoginStep {
    /// Poll for the next request.
    Continue,
    /// The connection is in the Full Feature Phase: [`Login::outcome`] has the result.
    Done,
    /// The target is elsewhere: drop the connection and log in there.
    Redirect(Redirect),
}

/// Where a target went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// For how long.
    pub term: Term,
    /// The value of the first TargetAddress, as received: `host[:port]`.
    pub address: Label<MAX_VALUE_BYTES>,
}

/// For how long a target moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Status 0x0101, or a detail of the class that RFC 7143 does not know.
    Temporary,
    /// Status 0x0102.
    Permanent,
}

/// The result of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The target's name for the session.
    pub tsih: Tsih,
    /// The statuses of the connection so far: only Login Responses.
    pub statuses: StatSnTracker,
    /// ExpCmdSN of the last response.
    pub exp_cmd_sn: CmdSn,
    /// MaxCmdSN of the last response.
    pub max_cmd_sn: CmdSn,
    /// The parameters.
    pub negotiated: Negotiated,
}

/// One login on one connection.
///
/// The order of calls is `poll_request`, send, receive, `handle_response`, and again until
/// [`LoginStep::Done`] or [`LoginStep::Redirect`]. After an error the login is over, and the
/// connection has to be dropped (RFC 7143 sections 6.3 and 11.13.5).
#[derive(Debug)]
pub struct Login<'a> {
    config: LoginConfig<'a>,
    negotiation: Negotiation,
    stage: NegotiationStage,
    phase: Phase,
    exchanges: u32,
    statuses: Option<StatSnTracker>,
    /// The TSIH of a new session, as soon as the target names it.
    tsih: Option<Tsih>,
    received: Text<'a>,
    outgoing: Text<'a>,
    /// How much of `outgoing` is sent.
    sent: usize,
    outcome: Option<Outcome>,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Ours: the next request carries `outgoing`, or nothing if that is empty.
    Speak,
    /// Ours: an empty request, so that the target goes on with its text (C bit).
    Listen,
    /// The target's.
    Await(Sent),
    /// Nobody's: done or failed.
    Over,
}

/// What the outstanding request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// A part of our text, with the C bit: the response has to be empty.
    Part,
    /// Empty, to hear the rest of the target's text.
    GoOn,
    /// The end of our text, with the T bit.
    Whole,
}

/// A logical text data segment on its way in or out.
#[derive(Debug)]
struct Text<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl Text<'_> {
    fn as_bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Appends a part; `None` if there is no room for it.
    fn append(&mut self, part: &[u8]) -> Option<()> {
        let end = self.len.checked_add(part.len())?;
        self.buffer.get_mut(self.len..end)?.copy_from_slice(part);
        self.len = end;
        Some(())
    }
}

impl<'a> Login<'a> {
    /// Prepares a login. `work` has at least [`WORK_BYTES`] bytes.
    ///
    /// # Errors
    ///
    /// [`LoginError::Offer`] if the offer contradicts itself, [`LoginError::Misuse`] if something
    /// is missing.
    pub fn new(config: LoginConfig<'a>, work: &'a mut [u8]) -> Result<Self, LoginError> {
        config.offer.check().map_err(LoginError::Offer)?;
        if config.session_type == SessionType::Normal && config.target_name.is_none() {
            return Err(LoginError::Misuse(Misuse::NoTargetName));
        }
        let (received, rest) = work
            .split_at_mut_checked(MAX_RECEIVED_BYTES)
            .ok_or(LoginError::Misuse(Misuse::WorkTooSmall))?;
        let outgoing = rest
            .get_mut(..MAX_SENT_BYTES)
            .ok_or(LoginError::Misuse(Misuse::WorkTooSmall))?;
        let agreed = match config.session {
            SessionId::New => None,
            SessionId::Existing { agreed, .. } => Some(agreed),
        };
        let mut login = Self {
            config,
            negotiation: Negotiation::new(config.offer, config.session_type, agreed),
            stage: match config.security {
                Security::Skip => NegotiationStage::Operational,
                Security::OfferNone => NegotiationStage::Security,
            },
            phase: Phase::Speak,
            exchanges: 0,
            statuses: None,
            tsih: None,
            received: Text {
                buffer: received,
                len: 0,
            },
            outgoing: Text {
                buffer: outgoing,
                len: 0,
            },
            sent: 0,
            outcome: None,
        };
        login.write_names()?;
        login.write_stage()?;
        Ok(login)
    }

    /// Makes the next request; its data segment goes to the beginning of `data`.
    ///
    /// A `data` of less than [`MAX_SEGMENT_BYTES`] may split our text over several requests.
    ///
    /// # Errors
    ///
    /// [`LoginError::TooManyExchanges`], or [`LoginError::Misuse`] if it is not our turn or `data`
    /// is empty.
    pub fn poll_request(&mut self, data: &mut [u8]) -> Result<LoginOut, LoginError> {
        let listen = match self.phase {
            Phase::Speak => false,
            Phase::Listen => true,
            Phase::Await(_) | Phase::Over => return Err(LoginError::Misuse(Misuse::NotOurTurn)),
        };
        self.phase = Phase::Over;
        self.exchanges = self.exchanges.saturating_add(1);
        if self.exchanges > MAX_EXCHANGES {
            return Err(LoginError::TooManyExchanges);
        }
        let (sent, data_len) = if listen {
            (Sent::GoOn, 0)
        } else {
            self.take_part(data)?
        };
        let header = self.request(sent, data_len)?;
        self.phase = Phase::Await(sent);
        Ok(LoginOut { header, data_len })
    }

    /// Takes a response; `data` is its data segment without padding.
    ///
    /// # Errors
    ///
    /// [`LoginError`] says which rule the target broke, or why it refused. The login is over then.
    pub fn handle_response(
        &mut self,
        response: &LoginResponse,
        data: &[u8],
    ) -> Result<LoginStep, LoginError> {
        let Phase::Await(sent) = self.phase else {
            return Err(LoginError::Misuse(Misuse::NotTheirTurn));
        };
        self.phase = Phase::Over;
        self.check_frame(response, data)?;
        match response.status.class() {
            LoginStatusClass::Success => {}
            LoginStatusClass::Redirection => return redirect(response.status, data),
            _ => return Err(LoginError::Refused(response.status)),
        }
        self.check_session(response)?;
        self.check_stat_sn(response.stat_sn)?;
        self.check_stages(response, sent)?;
        if sent == Sent::Part {
            if response.more_text || !data.is_empty() {
                return Err(LoginError::TextBeforeOurEnd);
            }
            self.phase = Phase::Speak;
            return Ok(LoginStep::Continue);
        }
        self.received.append(data).ok_or(LoginError::TextTooLong)?;
        if response.more_text {
            self.phase = Phase::Listen;
            return Ok(LoginStep::Continue);
        }
        let reply = if response.transit {
            Reply::TooLate
        } else {
            Reply::Possible
        };
        self.handle_text(reply)?;
        if response.transit {
            self.handle_transition(response)
        } else {
            self.phase = Phase::Speak;
            Ok(LoginStep::Continue)
        }
    }

    /// The result, once the login is done.
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Writes the keys that say who wants what (RFC 7143 section 6.3).
    fn write_names(&mut self) -> Result<(), LoginError> {
        let config = &self.config;
        let mut out = Writer::append(self.outgoing.buffer, self.outgoing.len);
        out.pair(Key::InitiatorName.name(), config.initiator_name)?;
        if let Some(alias) = config.initiator_alias {
            out.pair(Key::InitiatorAlias.name(), alias)?;
        }
        if let Some(name) = config.target_name {
            out.pair(Key::TargetName.name(), name)?;
        }
        if matches!(config.session, SessionId::New) {
            out.pair(Key::SessionType.name(), config.session_type.as_str())?;
        }
        self.outgoing.len = out.len();
        Ok(())
    }

    /// Writes what we propose in the current stage.
    fn write_stage(&mut self) -> Result<(), LoginError> {
        let mut out = Writer::append(self.outgoing.buffer, self.outgoing.len);
        match self.stage {
            NegotiationStage::Security => self.negotiation.write_no_authentication(&mut out)?,
            NegotiationStage::Operational => self.negotiation.write_offer(&mut out)?,
        }
        self.outgoing.len = out.len();
        Ok(())
    }

    /// Copies as much of our text as fits into one request.
    fn take_part(&mut self, data: &mut [u8]) -> Result<(Sent, usize), LoginError> {
        let rest = self
            .outgoing
            .as_bytes()
            .get(self.sent..)
            .unwrap_or_default();
        let len = rest.len().min(data.len()).min(MAX_SEGMENT_BYTES);
        if len == 0 && !rest.is_empty() {
            return Err(LoginError::Misuse(Misuse::NoDataBuffer));
        }
        if let (Some(to), Some(from)) = (data.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        let sent = if len < rest.len() {
            Sent::Part
        } else {
            Sent::Whole
        };
        self.sent = self.sent.saturating_add(len);
        Ok((sent, len))
    }

    fn request(&self, sent: Sent, data_len: usize) -> Result<LoginRequest, LoginError> {
        let transit = sent == Sent::Whole;
        let current_stage = wire_stage(self.stage);
        let data_len = u32::try_from(data_len)
            .ok()
            .and_then(SegmentLen::new)
            .ok_or(LoginError::Misuse(Misuse::NoDataBuffer))?;
        Ok(LoginRequest {
            transit,
            more_text: sent == Sent::Part,
            current_stage,
            next_stage: if transit {
                next_stage(self.stage)
            } else {
                // Reserved without the T bit, and so 0.
                Stage::SECURITY
            },
            version_max: VERSION,
            version_min: VERSION,
            data_len,
            isid: self.config.isid,
            tsih: match self.config.session {
                SessionId::New => None,
                SessionId::Existing { tsih, .. } => Some(tsih),
            },
            itt: self.config.itt,
            cid: self.config.cid,
            cmd_sn: self.config.cmd_sn,
            // In the first request this field means something only if a connection restarts.
            exp_stat_sn: self
                .statuses
                .map_or(StatSn::ZERO, |statuses| statuses.expected()),
        })
    }

    /// Checks what holds for every response, refusals included.
    fn check_frame(&self, response: &LoginResponse, data: &[u8]) -> Result<(), LoginError> {
        if response.itt != self.config.itt {
            return Err(LoginError::WrongItt {
                got: response.itt,
                expected: self.config.itt,
            });
        }
        if data.len() > MAX_SEGMENT_BYTES {
            return Err(LoginError::SegmentTooLong(response.data_len));
        }
        if usize::try_from(response.data_len.get()) != Ok(data.len()) {
            return Err(LoginError::Misuse(Misuse::DataLength));
        }
        Ok(())
    }

    /// Checks that the response is about our session.
    ///
    /// NOTE: RFC 7143 section 11.13.3 has the TSIH of a new session in the last response only. A
    /// target that names it earlier does no harm, as long as it does not change it.
    fn check_session(&mut self, response: &LoginResponse) -> Result<(), LoginError> {
        if response.isid != self.config.isid {
            return Err(LoginError::WrongIsid {
                got: response.isid,
                expected: self.config.isid,
            });
        }
        if response.version_active != VERSION {
            return Err(LoginError::WrongVersion(response.version_active));
        }
        let expected = match self.config.session {
            SessionId::Existing { tsih, .. } => Some(tsih),
            SessionId::New => self.tsih.or(response.tsih),
        };
        if response.tsih != expected {
            return Err(LoginError::WrongTsih {
                got: response.tsih,
                expected,
            });
        }
        self.tsih = response.tsih;
        Ok(())
    }

    fn check_stat_sn(&mut self, got: StatSn) -> Result<(), LoginError> {
        let Some(statuses) = self.statuses.as_mut() else {
            self.statuses = Some(StatSnTracker::new(got));
            return Ok(());
        };
        let expected = statuses.expected();
        match statuses.accept(got) {
            StatSnOrder::InOrder => Ok(()),
            StatSnOrder::Repeated | StatSnOrder::Gap { .. } => {
                Err(LoginError::WrongStatSn { got, expected })
            }
        }
    }

    fn check_stages(&self, response: &LoginResponse, sent: Sent) -> Result<(), LoginError> {
        let expected = wire_stage(self.stage);
        if response.current_stage != expected {
            return Err(LoginError::WrongStage {
                got: response.current_stage,
                expected,
            });
        }
        if !response.transit {
            return Ok(());
        }
        if sent != Sent::Whole {
            return Err(LoginError::TransitUnasked);
        }
        if response.more_text {
            return Err(LoginError::TransitWithContinue);
        }
        let expected = next_stage(self.stage);
        if response.next_stage != expected {
            return Err(LoginError::WrongNextStage {
                got: response.next_stage,
                expected,
            });
        }
        Ok(())
    }

    /// Takes the target's text, now complete, and writes what we have to answer.
    fn handle_text(&mut self, reply: Reply) -> Result<(), LoginError> {
        self.sent = 0;
        let mut out = Writer::new(self.outgoing.buffer);
        for pair in Pairs::new(self.received.as_bytes()) {
            let pair = pair.map_err(LoginError::Text)?;
            self.negotiation
                .handle_pair(pair, self.stage, reply, &mut out)
                .map_err(LoginError::Negotiation)?;
        }
        self.outgoing.len = out.len();
        self.received.len = 0;
        match (
            self.config.portal_group_tag,
            self.negotiation.portal_group_tag(),
        ) {
            (Some(expected), Some(got)) if got != expected => Err(LoginError::WrongPortalGroup {
                got: Some(got),
                expected,
            }),
            _ => Ok(()),
        }
    }

    /// Follows the target into the next stage, which `check_stages` found to be the right one.
    fn handle_transition(&mut self, response: &LoginResponse) -> Result<LoginStep, LoginError> {
        self.negotiation
            .finish_stage(self.stage)
            .map_err(LoginError::Negotiation)?;
        match self.stage {
            NegotiationStage::Security => {
                self.stage = NegotiationStage::Operational;
                self.write_stage()?;
                self.phase = Phase::Speak;
                Ok(LoginStep::Continue)
            }
            NegotiationStage::Operational => {
                self.finish(response)?;
                Ok(LoginStep::Done)
            }
        }
    }

    fn finish(&mut self, response: &LoginResponse) -> Result<(), LoginError> {
        let negotiated = self.negotiation.finish().map_err(LoginError::Negotiation)?;
        if let (Some(expected), None) = (
            self.config.portal_group_tag,
            negotiated.target_portal_group_tag,
        ) {
            return Err(LoginError::WrongPortalGroup {
                got: None,
                expected,
            });
        }
        let tsih = self.tsih.ok_or(LoginError::NoTsih)?;
        let statuses = self
            .statuses
            .ok_or(LoginError::Misuse(Misuse::NotTheirTurn))?;
        self.outcome = Some(Outcome {
            tsih,
            statuses,
            exp_cmd_sn: response.exp_cmd_sn,
            max_cmd_sn: response.max_cmd_sn,
            negotiated,
        });
        Ok(())
    }
}

/// Reads where the target went (RFC 7143 section 11.13.5, class 1).
fn redirect(status: LoginStatus, data: &[u8]) -> Result<LoginStep, LoginError> {
    for pair in Pairs::new(data) {
        let pair = pair.map_err(LoginError::Text)?;
        if Key::from_name(pair.key) != Some(Key::TargetAddress) {
            continue;
        }
        let address = Label::new(pair.value)
            .filter(|address| !address.is_empty())
            .ok_or(LoginError::RedirectAddress(status))?;
        let term = match status {
            LoginStatus::MOVED_PERMANENTLY => Term::Permanent,
            _ => Term::Temporary,
        };
        return Ok(LoginStep::Redirect(Redirect { term, address }));
    }
    Err(LoginError::RedirectAddress(status))
}

const fn wire_stage(stage: NegotiationStage) -> Stage {
    match stage {
        NegotiationStage::Security => Stage::SECURITY,
        NegotiationStage::Operational => Stage::OPERATIONAL,
    }
}

/// Where we want to go from a stage.
const fn next_stage(stage: NegotiationStage) -> Stage {
    match stage {
        NegotiationStage::Security => Stage::OPERATIONAL,
        NegotiationStage::Operational => Stage::FULL_FEATURE,
    }
}

#[cfg(test)]
mod tests;
