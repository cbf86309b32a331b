// SPDX-License-Identifier: GPL-2.0

//! The negotiation of operational parameters, RFC 7143 sections 6.2 and 13.
//!
//! [`Offer`] is what we ask for, [`Negotiated`] what came out, [`Negotiation`] the way there: our
//! keys are written with [`write_offer`](Negotiation::write_offer), each pair of the target goes
//! through [`handle_pair`](Negotiation::handle_pair), which also writes the answers we owe, and
//! [`finish`](Negotiation::finish) hands out the result. Nothing the target answers is taken over
//! without being a possible result of what we offered.

mod error;
mod parameters;

use core::fmt;

use crate::proto::{
    keys::{
        IrrelevantWhen,
        Key,
        KeySet,
        KeySpec,
        KeyStage,
        Kind,
        Rule,
        Scope,
        Use, //
    },
    text::{
        self,
        Excerpt,
        Label,
        Pair,
        WriteError,
        Writer, //
    }, //
};

pub use self::{
    error::NegotiationError,
    parameters::{
        Negotiated,
        Offer,
        OfferError,
        DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH, //
    }, //
};
pub use crate::proto::keys::{
    Digest,
    DigestOffer,
    Value,
    ValueError, //
};

use self::parameters::Agreed;

/// The only level of the protocol that we speak: RFC 7143 section 13.24.
const PROTOCOL_LEVEL: u32 = 1;

/// The task reporting that we speak: RFC 7143 section 13.23.
const TASK_REPORTING: &str = "RFC3720";

/// What a session is for, RFC 7143 section 13.21.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionType {
    /// For SCSI commands.
    Normal,
    /// For SendTargets only.
    Discovery,
}

impl SessionType {
    /// The value of the SessionType key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Discovery => "Discovery",
        }
    }
}

/// The login stage that a pair belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegotiationStage {
    /// SecurityNegotiation.
    Security,
    /// LoginOperationalNegotiation.
    Operational,
}

/// Whether what the target proposes can still be answered in this stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes: a request follows.
    Possible,
    /// No: the response leaves the stage (T bit, RFC 7143 section 11.13.6).
    TooLate,
}

/// One negotiation: from the first key of the login to the last.
#[derive(Clone, Copy, Debug)]
pub struct Negotiation {
    offer: Offer,
    session_type: SessionType,
    leading: bool,
    /// Keys we proposed and that need an answer, or may get one.
    sent: KeySet,
    /// Keys the target sent, as an answer or of its own accord.
    seen: KeySet,
    /// Keys the target answered with `Irrelevant`.
    irrelevant: KeySet,
    result: Negotiated,
}

impl Negotiation {
    /// Starts a negotiation for the leading connection of a session, or, with what that one
    /// `agreed` on, for another connection.
    pub fn new(offer: Offer, session_type: SessionType, agreed: Option<&Negotiated>) -> Self {
        let mut offer = offer;
        if session_type == SessionType::Discovery {
            // RFC 7143 section 7.4.1.
            offer.error_recovery_level = 0;
        }
        let defaults = Negotiated::default();
        let mut result = agreed.copied().unwrap_or_default();
        result.header_digest = defaults.header_digest;
        result.data_digest = defaults.data_digest;
        result.max_recv_data_segment_length = offer.max_recv_data_segment_length;
        result.target_max_recv_data_segment_length = defaults.target_max_recv_data_segment_length;
        result.target_portal_group_tag = None;
        Self {
            offer,
            session_type,
            leading: agreed.is_none(),
            sent: KeySet::default(),
            seen: KeySet::default(),
            irrelevant: KeySet::default(),
            result,
        }
    }

    /// Proposes that nobody authenticates, for targets that insist on the security stage.
    ///
    /// # Errors
    ///
    /// [`WriteError::Full`] if the text is full.
    pub fn write_no_authentication(&mut self, out: &mut Writer<'_>) -> Result<(), WriteError> {
        out.pair(Key::AuthMethod.name(), text::NONE)?;
        self.sent.insert(Key::AuthMethod);
        Ok(())
    }

    /// Writes all operational keys that fit the session and the connection.
    ///
    /// # Errors
    ///
    /// [`WriteError::Full`] if the text is full.
    pub fn write_offer(&mut self, out: &mut Writer<'_>) -> Result<(), WriteError> {
        for &key in Key::VALUES {
            if self.seen.contains(key) || !self.is_ours_to_propose(key.spec()) {
                continue;
            }
            let Some(value) = self.offer.get(key) else {
                continue;
            };
            out.pair(key.name(), value)?;
            self.sent.insert(key);
            // An answer is optional where our value is the result in any case (section 6.2.2).
            if let Some(value) = self.settled(key.spec()) {
                self.result.set(key, Agreed::Boolean(value));
            }
        }
        Ok(())
    }

    /// Takes one pair from the target; writes an answer if one is due.
    ///
    /// # Errors
    ///
    /// [`NegotiationError`]: the negotiation has failed, and the connection has to be dropped.
    pub fn handle_pair(
        &mut self,
        pair: Pair<'_>,
        stage: NegotiationStage,
        reply: Reply,
        out: &mut Writer<'_>,
    ) -> Result<(), NegotiationError> {
        let Some(key) = Key::from_name(pair.key) else {
            return self.handle_unknown(pair, reply, out);
        };
        let spec = key.spec();
        if key == Key::NodeArchitecture {
            // Section 13.26.2: nothing may depend on its presence, absence or content.
            return Ok(());
        }
        if !self.seen.insert(key) && key != Key::TargetAddress {
            return Err(NegotiationError::Repeated(key));
        }
        if pair.value == text::NOT_UNDERSTOOD {
            return Err(NegotiationError::NotUnderstood(key));
        }
        self.check_sender(spec, stage)?;
        if pair.value.len() > text::MAX_VALUE_BYTES {
            return Err(NegotiationError::ValueTooLong(key));
        }
        match spec.rule {
            Rule::Declared => self.handle_declaration(spec, pair.value),
            _ if self.sent.contains(key) => self.handle_answer(spec, pair.value),
            _ => self.handle_proposal(spec, pair.value, reply, out),
        }
    }

    /// The portal group that the target named, if it did by now.
    pub const fn portal_group_tag(&self) -> Option<u16> {
        self.result.target_portal_group_tag
    }

    /// Ends a stage: what we proposed in it has to be answered.
    ///
    /// # Errors
    ///
    /// [`NegotiationError::Unanswered`].
    pub fn finish_stage(&self, stage: NegotiationStage) -> Result<(), NegotiationError> {
        let unanswered = self.sent.iter().find(|key| {
            let spec = key.spec();
            spec.rule != Rule::Declared
                && is_in_stage(spec, stage)
                && !self.seen.contains(*key)
                && self.settled(spec).is_none()
        });
        match unanswered {
            Some(key) => Err(NegotiationError::Unanswered(key)),
            None => Ok(()),
        }
    }

    /// Ends the negotiation: checks what depends on several keys and hands out the result.
    ///
    /// # Errors
    ///
    /// [`NegotiationError`] if the values do not fit together.
    pub fn finish(&self) -> Result<Negotiated, NegotiationError> {
        let mut result = self.result;
        let unfit = self
            .irrelevant
            .iter()
            .find(|key| !self.is_irrelevant(key.spec()));
        if let Some(key) = unfit {
            return Err(NegotiationError::Irrelevant(key));
        }
        if self.is_irrelevant(Key::FirstBurstLength.spec()) {
            result.first_burst_length = result.first_burst_length.min(result.max_burst_length);
        }
        if result.first_burst_length > result.max_burst_length {
            return Err(NegotiationError::FirstBurstAboveMaxBurst {
                first: result.first_burst_length,
                max: result.max_burst_length,
            });
        }
        if result.error_recovery_level > 0
            && result.data_sequence_in_order
            && result.max_outstanding_r2t > 1
        {
            return Err(NegotiationError::OutstandingR2tWithRecovery {
                outstanding: result.max_outstanding_r2t,
                level: result.error_recovery_level,
            });
        }
        Ok(result)
    }

    /// Answers a key that RFC 7143 does not know.
    ///
    /// NOTE: Section 6.2 wants `NotUnderstood` for each, but a response that leaves the stage
    /// cannot be answered. The key is then passed over, which the same section allows.
    fn handle_unknown(
        &self,
        pair: Pair<'_>,
        reply: Reply,
        out: &mut Writer<'_>,
    ) -> Result<(), NegotiationError> {
        if reply == Reply::TooLate || text::is_reserved_answer(pair.value) {
            return Ok(());
        }
        answer(out, pair.key, text::NOT_UNDERSTOOD)
    }

    /// Checks that the target may send the key at all, here and now.
    fn check_sender(
        &self,
        spec: &KeySpec,
        stage: NegotiationStage,
    ) -> Result<(), NegotiationError> {
        match spec.target {
            None | Some(Use::FullFeatureOnly) => Err(NegotiationError::NotForTargets(spec.key)),
            Some(Use::LeadingOnly) if !self.leading => Err(NegotiationError::LeadingOnly(spec.key)),
            _ if !is_in_stage(spec, stage) => Err(NegotiationError::WrongStage(spec.key)),
            _ => Ok(()),
        }
    }

    fn handle_declaration(&mut self, spec: &KeySpec, value: &str) -> Result<(), NegotiationError> {
        let key = spec.key;
        if text::is_reserved_answer(value) {
            return Err(malformed(key, value));
        }
        match key {
            Key::MaxRecvDataSegmentLength => {
                self.result.target_max_recv_data_segment_length = parse_in_range(spec, value)?;
            }
            Key::TargetPortalGroupTag => {
                let tag = text::parse_number(value).ok_or(malformed(key, value))?;
                let tag = u16::try_from(tag).map_err(|_| NegotiationError::OutOfRange {
                    key,
                    got: tag,
                    min: 0,
                    max: u32::from(u16::MAX),
                })?;
                self.result.target_portal_group_tag = Some(tag);
            }
            Key::TargetAlias => {
                self.result.target_alias =
                    Label::new(value).ok_or(NegotiationError::ValueTooLong(key))?;
            }
            // A TargetAddress counts in a redirection only.
            _ => {}
        }
        Ok(())
    }

    fn handle_answer(&mut self, spec: &KeySpec, value: &str) -> Result<(), NegotiationError> {
        let key = spec.key;
        match value {
            text::REJECT => return self.handle_rejection(spec),
            text::IRRELEVANT => {
                // Whether that fits depends on other keys: `finish` looks.
                self.irrelevant.insert(key);
                return Ok(());
            }
            _ => {}
        }
        match spec.kind {
            Kind::Number { .. } => {
                let got = parse_in_range(spec, value)?;
                self.check_number(spec, got)?;
                self.result.set(key, Agreed::Number(got));
            }
            Kind::Boolean { .. } => {
                let got = text::parse_boolean(value).ok_or(malformed(key, value))?;
                if self.settled(spec).is_some_and(|settled| settled != got) {
                    return Err(NegotiationError::BooleanResult { key, got });
                }
                self.result.set(key, Agreed::Boolean(got));
            }
            Kind::Digest => {
                let digest = self.find_digest(key, value)?;
                self.result.set(key, Agreed::Digest(digest));
            }
            // AuthMethod, of which only None is ever proposed.
            _ if value == text::NONE => {}
            _ => {
                return Err(NegotiationError::NotOffered {
                    key,
                    got: Excerpt::new(value),
                    offered: text::NONE,
                })
            }
        }
        Ok(())
    }

    /// Takes a `Reject`: the key keeps its default (section 6.2), if that is a possible result of
    /// what we offered.
    fn handle_rejection(&mut self, spec: &KeySpec) -> Result<(), NegotiationError> {
        let rejected = Err(NegotiationError::Rejected(spec.key));
        match spec.kind {
            Kind::Number { default, .. } if self.check_number(spec, default).is_err() => rejected,
            Kind::Boolean { default } => match self.settled(spec) {
                Some(settled) if settled != default => rejected,
                _ => Ok(()),
            },
            Kind::Digest => match self.offer.get(spec.key) {
                Some(Value::Digest(offer)) if offer.contains(Digest::None) => Ok(()),
                _ => rejected,
            },
            Kind::Number { .. } => Ok(()),
            _ => rejected,
        }
    }

    fn check_number(&self, spec: &KeySpec, got: u32) -> Result<(), NegotiationError> {
        let key = spec.key;
        let Some(Value::Number(offered)) = self.offer.get(key) else {
            return Ok(());
        };
        match spec.rule {
            Rule::Minimum if got > offered => {
                Err(NegotiationError::AboveOffer { key, got, offered })
            }
            Rule::Maximum if got < offered => {
                Err(NegotiationError::BelowOffer { key, got, offered })
            }
            _ => Ok(()),
        }
    }

    fn find_digest(&self, key: Key, value: &str) -> Result<Digest, NegotiationError> {
        let Some(Value::Digest(offer)) = self.offer.get(key) else {
            return Err(malformed(key, value));
        };
        Digest::from_name(value)
            .filter(|digest| offer.contains(*digest))
            .ok_or(NegotiationError::NotOffered {
                key,
                got: Excerpt::new(value),
                offered: offer.as_str(),
            })
    }

    /// Takes a key that the target proposes and that we did not.
    fn handle_proposal(
        &mut self,
        spec: &KeySpec,
        value: &str,
        reply: Reply,
        out: &mut Writer<'_>,
    ) -> Result<(), NegotiationError> {
        let key = spec.key;
        if text::is_reserved_answer(value) {
            return Err(NegotiationError::UnaskedAnswer {
                key,
                got: Excerpt::new(value),
            });
        }
        if let Some(settled) = settled_by(spec, value) {
            // Section 6.2.2: the result is clear, an answer optional.
            self.result.set(key, Agreed::Boolean(settled));
            return Ok(());
        }
        if reply == Reply::TooLate {
            return Err(NegotiationError::AnswerNeeded(key));
        }
        if self.session_type == SessionType::Discovery
            && spec.irrelevant != IrrelevantWhen::NeverIrrelevant
        {
            return answer(out, key.name(), text::IRRELEVANT);
        }
        match self.choose(spec, value) {
            Some(Choice::Agreed(agreed)) => {
                self.result.set(key, agreed);
                match agreed {
                    Agreed::Number(number) => answer(out, key.name(), number),
                    Agreed::Boolean(value) => answer(out, key.name(), text::boolean(value)),
                    Agreed::Digest(digest) => answer(out, key.name(), digest.as_str()),
                }
            }
            Some(Choice::Word(word)) => answer(out, key.name(), word),
            None => {
                answer(out, key.name(), text::REJECT)?;
                self.check_default(spec)
            }
        }
    }

    /// Our answer to a proposal; `None` if nothing in it is acceptable.
    fn choose(&self, spec: &KeySpec, value: &str) -> Option<Choice> {
        let key = spec.key;
        match spec.kind {
            Kind::Number { .. } => {
                let theirs = parse_in_range(spec, value).ok()?;
                let ours = match self.offer.get(key) {
                    Some(Value::Number(ours)) => ours,
                    _ => PROTOCOL_LEVEL,
                };
                let chosen = match spec.rule {
                    Rule::Maximum => theirs.max(ours),
                    _ => theirs.min(ours),
                };
                Some(Choice::Agreed(Agreed::Number(chosen)))
            }
            Kind::Boolean { .. } => {
                let theirs = text::parse_boolean(value)?;
                let Some(Value::Boolean(ours)) = self.offer.get(key) else {
                    return None;
                };
                let chosen = match spec.rule {
                    Rule::And => theirs && ours,
                    _ => theirs || ours,
                };
                Some(Choice::Agreed(Agreed::Boolean(chosen)))
            }
            Kind::Digest => text::parse_list(value)?
                .find_map(|item| self.find_digest(key, item).ok())
                .map(|digest| Choice::Agreed(Agreed::Digest(digest))),
            Kind::List if key == Key::TaskReporting => text::parse_list(value)?
                .any(|item| item == TASK_REPORTING)
                .then_some(Choice::Word(TASK_REPORTING)),
            Kind::List => text::parse_list(value)?
                .any(|item| item == text::NONE)
                .then_some(Choice::Word(text::NONE)),
            // Obsolete keys (section 13.25).
            _ => None,
        }
    }

    /// After our `Reject` the key keeps its default, which we have to be able to live with.
    fn check_default(&self, spec: &KeySpec) -> Result<(), NegotiationError> {
        match (spec.kind, self.offer.get(spec.key)) {
            (Kind::Digest, Some(Value::Digest(offer))) if !offer.contains(Digest::None) => {
                Err(NegotiationError::NoCommonValue(spec.key))
            }
            _ => Ok(()),
        }
    }

    /// The result, if our offer alone decides it: `No` under AND, `Yes` under OR.
    fn settled(&self, spec: &KeySpec) -> Option<bool> {
        match (spec.rule, self.offer.get(spec.key)) {
            (Rule::And, Some(Value::Boolean(false))) => Some(false),
            (Rule::Or, Some(Value::Boolean(true))) => Some(true),
            _ => None,
        }
    }

    fn is_ours_to_propose(&self, spec: &KeySpec) -> bool {
        (self.leading || spec.scope == Scope::Connection)
            && (self.session_type == SessionType::Normal
                || spec.irrelevant == IrrelevantWhen::NeverIrrelevant)
    }

    fn is_irrelevant(&self, spec: &KeySpec) -> bool {
        let discovery = self.session_type == SessionType::Discovery;
        match spec.irrelevant {
            IrrelevantWhen::NeverIrrelevant => false,
            IrrelevantWhen::InDiscovery => discovery,
            IrrelevantWhen::WithoutUnsolicitedData => {
                discovery || (self.result.initial_r2t && !self.result.immediate_data)
            }
        }
    }
}

/// What we choose from a proposal.
enum Choice {
    /// A value to remember.
    Agreed(Agreed),
    /// A word that changes nothing.
    Word(&'static str),
}

fn is_in_stage(spec: &KeySpec, stage: NegotiationStage) -> bool {
    match spec.stage {
        KeyStage::Any => true,
        KeyStage::Security => stage == NegotiationStage::Security,
        KeyStage::Operational => stage == NegotiationStage::Operational,
    }
}

/// The result, if the proposed Boolean alone decides it.
fn settled_by(spec: &KeySpec, value: &str) -> Option<bool> {
    match (spec.rule, text::parse_boolean(value)?) {
        (Rule::And, false) => Some(false),
        (Rule::Or, true) => Some(true),
        _ => None,
    }
}

fn parse_in_range(spec: &KeySpec, value: &str) -> Result<u32, NegotiationError> {
    let key = spec.key;
    let got = text::parse_number(value).ok_or(malformed(key, value))?;
    let Kind::Number { min, max, .. } = spec.kind else {
        return Err(malformed(key, value));
    };
    u32::try_from(got)
        .ok()
        .filter(|number| min <= *number && *number <= max)
        .ok_or(NegotiationError::OutOfRange { key, got, min, max })
}

fn malformed(key: Key, value: &str) -> NegotiationError {
    NegotiationError::Malformed {
        key,
        got: Excerpt::new(value),
    }
}

fn answer(
    out: &mut Writer<'_>,
    key: &str,
    value: impl fmt::Display,
) -> Result<(), NegotiationError> {
    out.pair(key, value)
        .map_err(|_| NegotiationError::AnswersTooLong)
}

#[cfg(test)]
mod tests;
