// SPDX-License-Identifier: GPL-2.0

//! Logins: a target that keeps to RFC 7143 sections 6.2, 6.3, 11.12 and 11.13, and one that does
//! not.

use iscsi_proto::proto::{
    login::{
        Login,
        LoginConfig,
        LoginError,
        LoginOut,
        LoginStep,
        Misuse,
        Outcome,
        Security,
        SessionId,
        MAX_EXCHANGES,
        MAX_SEGMENT_BYTES,
        WORK_BYTES, //
    },
    negotiate::{
        Negotiated,
        NegotiationError,
        Offer,
        SessionType, //
    },
    pdu::{
        Cid,
        Isid,
        Itt,
        LoginRequest,
        LoginResponse,
        LoginStatus,
        SegmentLen,
        Stage,
        Tsih, //
    },
    sn::{
        CmdSn,
        StatSn, //
    }, //
};

use crate::{
    input::Input,
    negotiation::{
        answer,
        check_result,
        is_possible,
        is_settled,
        offer,
        result_of,
        FUNCTIONS, //
    }, //
};

const INITIATOR: &str = "iqn.2001-04.com.example:initiator";
const TARGET: &str = "iqn.2001-04.com.example:target";

/// A key that no RFC knows, which the target asks about.
const FOREIGN_KEY: &str = "X-com.example.Colour";

/// How a target behaves within the rules.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Its values.
    pub values: Offer,
    /// The most text it puts into one response, in bytes.
    pub segment: usize,
    /// How many exchanges it stays in a stage after all is said.
    pub lingers: u8,
    /// Whether it leaves out answers that are optional.
    pub is_terse: bool,
    /// Whether it asks about a key that nobody knows, if it lingers.
    pub is_curious: bool,
    /// Whether it declares its MaxRecvDataSegmentLength.
    pub declares: bool,
    /// Its portal group.
    pub portal_group_tag: u16,
    /// What people call it.
    pub alias: Option<String>,
    /// Its first StatSN.
    pub stat_sn: u32,
    /// How many commands it takes at the end of the login.
    pub window: u16,
    /// With which of its answers it begins.
    pub first: usize,
}

/// A target in the middle of a login.
struct Target<'a> {
    manner: &'a Manner,
    tsih: Option<Tsih>,
    stat_sn: StatSn,
    asked: Vec<u8>,
    /// What it has to say, and how much of it is said.
    says: Vec<u8>,
    said: usize,
    lingered: u8,
    has_greeted: bool,
    has_declared: bool,
    awaits_foreign: bool,
}

impl<'a> Target<'a> {
    fn new(manner: &'a Manner, tsih: Option<Tsih>) -> Self {
        Self {
            manner,
            tsih,
            stat_sn: StatSn::new(manner.stat_sn),
            asked: Vec::new(),
            says: Vec::new(),
            said: 0,
            lingered: 0,
            has_greeted: false,
            has_declared: false,
            awaits_foreign: false,
        }
    }

    fn respond(&mut self, request: &LoginRequest, text: &[u8]) -> (LoginResponse, Vec<u8>) {
        self.asked.extend_from_slice(text);
        let mut part = Vec::new();
        let mut transit = false;
        if self.said < self.says.len() {
            assert!(
                text.is_empty() && !request.transit,
                "we were not at the end"
            );
            part = self.next_part();
        } else if !request.more_text {
            assert!(request.transit, "we want to go on with every text");
            self.hear(request.current_stage);
            transit = self.lingered == self.manner.lingers;
            if !transit {
                self.lingered += 1;
                if self.manner.is_curious && !self.awaits_foreign {
                    self.say(FOREIGN_KEY, "blue");
                    self.awaits_foreign = true;
                }
            }
            part = self.next_part();
            transit &= self.said == self.says.len();
        }
        if transit {
            self.lingered = 0;
        }
        let is_last = transit && request.next_stage == Stage::FULL_FEATURE;
        let response = LoginResponse {
            transit,
            more_text: self.said < self.says.len(),
            current_stage: request.current_stage,
            next_stage: if transit {
                request.next_stage
            } else {
                Stage::SECURITY
            },
            version_max: 0,
            version_active: 0,
            data_len: SegmentLen::at_most(u32::try_from(part.len()).expect("short")),
            isid: request.isid,
            tsih: if is_last { self.tsih } else { request.tsih },
            itt: request.itt,
            stat_sn: self.stat_sn,
            exp_cmd_sn: request.cmd_sn,
            max_cmd_sn: request.cmd_sn.add(self.manner.window.into()).prev(),
            status: LoginStatus::SUCCESS,
        };
        self.stat_sn = self.stat_sn.next();
        (response, part)
    }

    fn next_part(&mut self) -> Vec<u8> {
        let end = self.says.len().min(self.said + self.manner.segment);
        let part = self.says[self.said..end].to_vec();
        self.said = end;
        part
    }

    fn say(&mut self, key: &str, value: &str) {
        self.says
            .extend_from_slice(format!("{key}={value}\0").as_bytes());
    }

    /// Answers the whole text of a request.
    fn hear(&mut self, stage: Stage) {
        let asked = String::from_utf8(std::mem::take(&mut self.asked)).expect("UTF-8");
        assert!(asked.is_empty() || asked.ends_with('\0'));
        (self.says, self.said) = (Vec::new(), 0);
        let mut answers = Vec::new();
        for pair in asked.split_terminator('\0') {
            let (key, value) = pair.split_once('=').expect("a pair");
            if let Some(answer) = self.answer(key, value, stage) {
                answers.push((key, answer));
            }
        }
        if !std::mem::replace(&mut self.has_greeted, true) {
            assert!(asked.starts_with(&format!("InitiatorName={INITIATOR}\0")));
            self.say(
                "TargetPortalGroupTag",
                &self.manner.portal_group_tag.to_string(),
            );
            if let Some(alias) = &self.manner.alias {
                self.say("TargetAlias", alias);
            }
        }
        let first = self.manner.first % answers.len().max(1);
        answers.rotate_left(first);
        for (key, answer) in answers {
            self.say(key, &answer);
        }
    }

    fn answer(&mut self, key: &str, value: &str, stage: Stage) -> Option<String> {
        let manner = self.manner;
        match key {
            "InitiatorName" | "InitiatorAlias" | "TargetName" | "SessionType" => {
                assert!(!self.has_greeted, "{key} belongs into the first request");
                return None;
            }
            "AuthMethod" => {
                assert_eq!((value, stage), ("None", Stage::SECURITY));
                return Some("None".to_owned());
            }
            FOREIGN_KEY => {
                assert!(self.awaits_foreign);
                assert_eq!(value, "NotUnderstood");
                return None;
            }
            _ => assert_eq!(
                stage,
                Stage::OPERATIONAL,
                "{key} is for the operational stage"
            ),
        }
        if key == "MaxRecvDataSegmentLength" {
            let declares = manner.declares && !std::mem::replace(&mut self.has_declared, true);
            return declares.then(|| manner.values.max_recv_data_segment_length.to_string());
        }
        if manner.is_terse && is_settled(key, value) {
            return None;
        }
        Some(answer(key, value, &manner.values).unwrap_or("Reject".to_owned()))
    }
}

/// What both kinds of targets may expect of every request of a login.
fn check_request(config: &LoginConfig<'_>, out: &LoginOut, statuses: Option<StatSn>) {
    let header = &out.header;
    assert_eq!(LoginRequest::parse(&header.to_bytes()).as_ref(), Ok(header));
    assert!(out.data_len <= MAX_SEGMENT_BYTES);
    assert_eq!(usize::try_from(header.data_len.get()), Ok(out.data_len));
    assert!(!(header.transit && header.more_text));
    assert_eq!((header.version_min, header.version_max), (0, 0));
    assert_eq!(
        (header.isid, header.itt, header.cid),
        (config.isid, config.itt, config.cid)
    );
    assert_eq!(header.cmd_sn, config.cmd_sn);
    if let Some(last) = statuses {
        assert_eq!(header.exp_stat_sn, last.next());
    }
}

/// A configuration whose names are those of this module.
pub fn config(offer: Offer, session_type: SessionType, security: Security) -> LoginConfig<'static> {
    LoginConfig {
        initiator_name: INITIATOR,
        initiator_alias: None,
        target_name: Some(TARGET),
        session_type,
        isid: Isid([0x80, 1, 2, 3, 0, 7]),
        session: SessionId::New,
        cid: Cid(1),
        cmd_sn: CmdSn::new(0xffff_fffe),
        itt: Itt::new(0x51).expect("a tag"),
        offer,
        security,
        portal_group_tag: None,
    }
}

/// Logs in to a target that keeps to the rules, with `room` bytes of text in a request: what both
/// sides want gives what comes out.
pub fn log_in(config: LoginConfig<'_>, manner: &Manner, room: usize) {
    let (mut work, mut data) = ([0; WORK_BYTES], vec![0; room]);
    let tsih = match config.session {
        SessionId::New => Tsih::new(manner.stat_sn.to_be_bytes()[3].into()).or(Tsih::new(1)),
        SessionId::Existing { tsih, .. } => Some(tsih),
    };
    let mut target = Target::new(manner, tsih);
    let mut login = Login::new(config, &mut work).expect("values that fit together");
    let mut statuses = None;
    let end = loop {
        assert!(login.outcome().is_none());
        let out = match login.poll_request(&mut data) {
            Ok(out) => out,
            Err(error) => panic!("{error}"),
        };
        check_request(&config, &out, statuses);
        let (response, text) = target.respond(&out.header, &data[..out.data_len]);
        assert_eq!(LoginResponse::parse(&response.to_bytes()), Ok(response));
        statuses = Some(response.stat_sn);
        match login.handle_response(&response, &text) {
            Ok(LoginStep::Continue) => assert!(!(response.transit && is_last(&response))),
            other => break other,
        }
    };
    let over = Err(LoginError::Misuse(Misuse::NotOurTurn));
    assert_eq!(login.poll_request(&mut data), over);

    let ours = offer_in(&config);
    let digest_refused = ["HeaderDigest", "DataDigest"].into_iter().find(|key| {
        let proposed = crate::negotiation::text_of(&ours, key);
        answer(key, &proposed, &manner.values).is_none() && !is_possible(key, &ours, "None")
    });
    match (end, digest_refused) {
        (Ok(LoginStep::Done), None) => {
            let outcome = login.outcome().expect("an outcome");
            assert_eq!(Some(outcome.tsih), tsih);
            assert_eq!(Some(outcome.statuses.expected().prev()), statuses);
            assert_eq!(outcome.exp_cmd_sn, config.cmd_sn);
            let window = u32::from(manner.window);
            assert_eq!(outcome.max_cmd_sn, config.cmd_sn.add(window).prev());
            check_outcome(&config, manner, outcome);
        }
        (Err(LoginError::Negotiation(NegotiationError::Rejected(key))), Some(_)) => {
            assert!(matches!(key.name(), "HeaderDigest" | "DataDigest"));
        }
        (end, refused) => panic!("{end:?}, without common value: {refused:?}"),
    }
}

fn is_last(response: &LoginResponse) -> bool {
    response.next_stage == Stage::FULL_FEATURE
}

/// What we ask for in this kind of session.
fn offer_in(config: &LoginConfig<'_>) -> Offer {
    match config.session_type {
        SessionType::Normal => config.offer,
        // Section 7.4.1.
        SessionType::Discovery => Offer {
            error_recovery_level: 0,
            ..config.offer
        },
    }
}

fn check_outcome(config: &LoginConfig<'_>, manner: &Manner, outcome: &Outcome) {
    let negotiated = &outcome.negotiated;
    let ours = offer_in(config);
    let agreed = match config.session {
        SessionId::New => None,
        SessionId::Existing { agreed, .. } => Some(agreed),
    };
    check_result(&ours, config.session_type, agreed, negotiated);
    for (key, _) in FUNCTIONS {
        let of_connection = matches!(key, "HeaderDigest" | "DataDigest");
        let of_discovery = of_connection
            || matches!(
                key,
                "DefaultTime2Wait" | "DefaultTime2Retain" | "ErrorRecoveryLevel"
            );
        if agreed.is_some() && !of_connection
            || config.session_type == SessionType::Discovery && !of_discovery
        {
            continue;
        }
        let proposed = crate::negotiation::text_of(&ours, key);
        let result = answer(key, &proposed, &manner.values);
        assert_eq!(
            result_of(negotiated, key),
            result.unwrap_or("None".to_owned()),
            "{key}"
        );
    }
    let segment = match manner.declares {
        true => manner.values.max_recv_data_segment_length,
        false => 8192,
    };
    assert_eq!(negotiated.target_max_recv_data_segment_length, segment);
    assert_eq!(
        negotiated.target_portal_group_tag,
        Some(manner.portal_group_tag)
    );
    let alias = manner.alias.as_deref().unwrap_or_default();
    assert_eq!(negotiated.target_alias.as_str(), alias);
}

/// Any responses: the login ends, and if it ends well then with values that we offered.
///
/// The bytes are the configuration; then for each response a byte of flags, a length of two bytes,
/// and as much text. A response is as a target would make it but for what the flags say: no T bit,
/// the C bit, another status, or one byte of the header changed.
pub fn any(data: &[u8]) {
    let mut input = Input::new(data);
    let flags = input.u8();
    let leading = Negotiated::default();
    let session_type = [SessionType::Normal, SessionType::Discovery][usize::from(flags & 1)];
    let security = [Security::Skip, Security::OfferNone][usize::from((flags >> 1) & 1)];
    let room = input.pick(&[8192, 64, 1, 0]);
    let ours = if flags & 4 == 0 {
        Offer::default()
    } else {
        offer(&mut input)
    };
    let mut config = config(ours, session_type, security);
    if flags & 8 != 0 {
        config.session = SessionId::Existing {
            tsih: Tsih::new(9).expect("a handle"),
            agreed: &leading,
        };
    }
    if flags & 16 != 0 {
        config.portal_group_tag = Some(1);
    }

    let (mut work, mut buffer) = ([0; WORK_BYTES], vec![0; room]);
    let mut login = Login::new(config, &mut work).expect("values that fit together");
    let (mut statuses, mut stat_sn, mut exchanges) = (None, StatSn::new(7), 0);
    let end = loop {
        let out = match login.poll_request(&mut buffer) {
            Ok(out) => out,
            Err(error) => break Err(error),
        };
        exchanges += 1;
        check_request(&config, &out, statuses);
        let (response, text) = respond(&mut input, &out.header, stat_sn);
        let Some(response) = response else {
            // No login response at all, or there are no more.
            return;
        };
        statuses = Some(response.stat_sn);
        stat_sn = stat_sn.next();
        match login.handle_response(&response, text) {
            Ok(LoginStep::Continue) => assert!(login.outcome().is_none()),
            other => break other,
        }
    };
    assert!(exchanges <= MAX_EXCHANGES);
    let again = login.poll_request(&mut buffer);
    assert_eq!(again, Err(LoginError::Misuse(Misuse::NotOurTurn)));
    match end {
        Ok(LoginStep::Done) => {
            let negotiated = login.outcome().expect("an outcome").negotiated;
            let agreed = (flags & 8 != 0).then_some(&leading);
            check_result(&offer_in(&config), session_type, agreed, &negotiated);
            if flags & 16 != 0 {
                assert_eq!(negotiated.target_portal_group_tag, Some(1));
            }
        }
        Ok(_) => assert!(login.outcome().is_none()),
        Err(error) => {
            assert!(login.outcome().is_none());
            assert!(!error.to_string().is_empty());
            let _ = error.retry();
        }
    }
}

/// The next response out of the input, and its text.
fn respond<'a>(
    input: &mut Input<'a>,
    request: &LoginRequest,
    stat_sn: StatSn,
) -> (Option<LoginResponse>, &'a [u8]) {
    if input.is_empty() {
        return (None, &[]);
    }
    let flags = input.u8();
    let change = (flags & 4 != 0).then(|| (usize::from(input.u8()) % 48, input.u8()));
    let status = if flags & 8 == 0 { 0 } else { input.u16() };
    let len = input.u16();
    let text = input.bytes(usize::from(len) % (MAX_SEGMENT_BYTES + 2));
    let more_text = flags & 1 != 0;
    let response = LoginResponse {
        transit: request.transit && !more_text && flags & 2 == 0,
        more_text,
        current_stage: request.current_stage,
        next_stage: request.next_stage,
        version_max: 0,
        version_active: 0,
        data_len: SegmentLen::at_most(u32::try_from(text.len()).expect("short")),
        isid: request.isid,
        tsih: match is_final(request) {
            true => request.tsih.or(Tsih::new(9)),
            false => request.tsih,
        },
        itt: request.itt,
        stat_sn,
        exp_cmd_sn: request.cmd_sn,
        max_cmd_sn: request.cmd_sn,
        status: LoginStatus::new(status),
    };
    let mut bhs = response.to_bytes();
    if let Some((at, bits)) = change {
        bhs[at] ^= bits;
    }
    (LoginResponse::parse(&bhs).ok(), text)
}

fn is_final(request: &LoginRequest) -> bool {
    request.transit && request.next_stage == Stage::FULL_FEATURE
}
