// SPDX-License-Identifier: GPL-2.0

//! The login phase, RFC 7143 section 6, seen from the target.

use std::{
    io::{
        self,
        Read, //
    },
    sync::Arc,
    time::Duration,
};

use iscsi_proto::proto::{
    pdu::{
        LoginRequest,
        LoginResponse,
        LoginStatus,
        Opcode,
        SegmentLen,
        Stage,
        Tsih, //
    },
    sn::{
        CmdSn,
        StatSn, //
    },
};

use crate::{
    link::{
        Link,
        Number,
        Out, //
    },
    script::Faults,
    settings::Agreed,
    target::Target,
    wire::{
        self,
        Digests, //
    },
};

/// How long a peer without an answer is kept.
const SILENCE: Duration = Duration::from_secs(600);

/// The portal group of our portal.
const PORTAL_GROUP: &str = "1";

/// A login under way.
struct Login<'a> {
    target: &'a Target,
    link: &'a Arc<Link>,
    faults: Faults,
    agreed: Agreed,
    initiator: String,
    /// Requests so far.
    requests: u32,
    /// Text of which more is to come.
    text: Vec<u8>,
}

/// What comes after a request.
enum Next {
    /// Another request.
    More,
    /// The full feature phase.
    Done,
    /// Nothing.
    End,
}

/// Answers requests until the login is over; `None` if it did not succeed.
pub(crate) fn run(
    target: &Target,
    link: &Arc<Link>,
    from: &mut impl Read,
) -> io::Result<Option<Agreed>> {
    let faults = target.script.login();
    target.fired(faults.names());
    let mut login = Login {
        target,
        link,
        faults,
        agreed: Agreed::default(),
        initiator: String::new(),
        requests: 0,
        text: Vec::new(),
    };
    loop {
        let Some(pdu) = wire::read(from, Digests::default())? else {
            return Ok(None);
        };
        let Ok(request) = LoginRequest::parse(&pdu.bhs) else {
            target.complain(format!("not a login request: {:02x?}", pdu.bhs));
            return Ok(None);
        };
        match login.request(&request, &pdu.data)? {
            Next::More => (),
            Next::Done => return Ok(Some(login.agreed)),
            Next::End => return Ok(None),
        }
    }
}

/// Pairs of a login text, RFC 7143 section 6.1.
fn pairs(text: &[u8]) -> Vec<(String, String)> {
    text.split(|&byte| byte == 0)
        .filter(|item| !item.is_empty())
        .map(|item| {
            let item = String::from_utf8_lossy(item);
            let (key, value) = item.split_once('=').unwrap_or((&item, ""));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

impl Login<'_> {
    fn request(&mut self, request: &LoginRequest, data: &[u8]) -> io::Result<Next> {
        self.requests += 1;
        if self.requests == 1 {
            let window = self.target.script.each("window");
            let window = window.and_then(|window| window.parse().ok());
            self.link.begin(request.cmd_sn.get(), window);
            if let Some(next) = self.instead(request)? {
                return Ok(next);
            }
        }
        let mut response = LoginResponse {
            transit: request.transit,
            more_text: false,
            current_stage: request.current_stage,
            next_stage: request.next_stage,
            version_max: 0,
            version_active: 0,
            data_len: SegmentLen::ZERO,
            isid: request.isid,
            tsih: request.tsih,
            itt: request.itt,
            stat_sn: StatSn::ZERO,
            exp_cmd_sn: CmdSn::ZERO,
            max_cmd_sn: CmdSn::ZERO,
            status: LoginStatus::SUCCESS,
        };
        self.text.extend_from_slice(data);
        if request.more_text {
            self.send(response, &[])?;
            return Ok(Next::More);
        }
        let text = std::mem::take(&mut self.text);
        let mut answers = match self.answers(&pairs(&text)) {
            Ok(answers) => answers,
            Err(status) => {
                response.transit = false;
                response.status = status;
                self.send(response, &[])?;
                return Ok(Next::End);
            }
        };
        let done = request.transit && request.next_stage == Stage::FULL_FEATURE;
        if done {
            response.tsih = self.join(request);
        }
        self.bend(&mut response, &mut answers, request);
        let mut text: Vec<u8> = answers
            .iter()
            .flat_map(|(key, value)| format!("{key}={value}\0").into_bytes())
            .collect();
        if self.faults.has("login-junk") && request.current_stage == Stage::OPERATIONAL {
            text.extend_from_slice(b"\xff\xfe=\xc3\0no pair at all\0=\0");
        }
        if self.faults.has("login-more") {
            text = b"X".to_vec();
        }
        self.send(response, &text)?;
        Ok(if done { Next::Done } else { Next::More })
    }

    /// What happens instead of an answer.
    fn instead(&mut self, request: &LoginRequest) -> io::Result<Option<Next>> {
        if self.faults.has("login-close") {
            return Ok(Some(Next::End));
        }
        if self.faults.has("login-silent") {
            std::thread::sleep(SILENCE);
            return Ok(Some(Next::End));
        }
        if let Some(ms) = self.faults.number("login-trickle", 1000) {
            self.link.trickle(Duration::from_millis(ms.into()));
        }
        let mut response = LoginResponse {
            transit: false,
            more_text: false,
            current_stage: request.current_stage,
            next_stage: Stage::SECURITY,
            version_max: 0,
            version_active: 0,
            data_len: SegmentLen::ZERO,
            isid: request.isid,
            tsih: None,
            itt: request.itt,
            stat_sn: StatSn::ZERO,
            exp_cmd_sn: CmdSn::ZERO,
            max_cmd_sn: CmdSn::ZERO,
            status: LoginStatus::SUCCESS,
        };
        let mut text = Vec::new();
        let mut out = Out::new(response.to_bytes(), Vec::new(), Number::Takes);
        if let Some(status) = self.faults.hex("login-status") {
            response.status = LoginStatus::new(status as u16);
        } else if let Some(address) = self.faults.get("login-redirect") {
            response.status = LoginStatus::MOVED_TEMPORARILY;
            text = format!("TargetAddress={address}\0").into_bytes();
        } else if let Some(seed) = self.faults.number("login-garbage", 1) {
            out.bhs = garbage(seed).try_into().unwrap_or(out.bhs);
            out.claims = Some(u32::from_be_bytes([0, out.bhs[5], out.bhs[6], out.bhs[7]]));
            out.number = Number::Absent;
            return self.finish(out);
        } else if let Some(opcode) = self.faults.hex("login-opcode") {
            out.bhs[0] = opcode as u8 & 0x3f;
            return self.finish(out);
        } else if let Some(len) = self.faults.number("login-huge", 0xff_ffff) {
            out.claims = Some(len);
            out.data = vec![b'X'; 256];
            return self.finish(out);
        } else if self.faults.has("login-half") {
            out.half = true;
            return self.finish(out);
        } else {
            return Ok(None);
        }
        self.send(response, &text)?;
        Ok(Some(Next::End))
    }

    fn finish(&self, out: Out) -> io::Result<Option<Next>> {
        self.link.send_all(self.target, vec![out])?;
        Ok(Some(Next::End))
    }

    /// The answers to the pairs of the initiator.
    fn answers(
        &mut self,
        pairs: &[(String, String)],
    ) -> Result<Vec<(String, String)>, LoginStatus> {
        let mut answers = Vec::new();
        let settings = self.target.settings();
        for (key, value) in pairs {
            let answer = match key.as_str() {
                "InitiatorName" => {
                    self.initiator.clone_from(value);
                    continue;
                }
                "InitiatorAlias" => continue,
                "SessionType" if value == "Normal" => continue,
                "SessionType" => return Err(LoginStatus::SESSION_TYPE_NOT_SUPPORTED),
                "TargetName" if *value != self.target.name => return Err(LoginStatus::NOT_FOUND),
                "TargetName" => {
                    let group = PORTAL_GROUP.to_owned();
                    answers.push(("TargetPortalGroupTag".to_owned(), group));
                    continue;
                }
                "AuthMethod" if value.split(',').any(|method| method == "None") => {
                    Some("None".to_owned())
                }
                "AuthMethod" => return Err(LoginStatus::AUTHENTICATION_FAILURE),
                "MaxRecvDataSegmentLength" => {
                    answers.extend(settings.declare(&mut self.agreed));
                    settings.answer(key, value, &mut self.agreed)
                }
                _ => settings.answer(key, value, &mut self.agreed),
            };
            if let Some(answer) = answer {
                answers.push((key.clone(), answer));
            }
        }
        Ok(answers)
    }

    /// The session begins.
    fn join(&self, request: &LoginRequest) -> Option<Tsih> {
        if request.tsih.is_some() {
            self.target
                .complain("a login to a session that exists".to_owned());
        }
        self.target.count("logins");
        self.target
            .join((self.initiator.clone(), request.isid.0), self.link.clone());
        Tsih::new(self.target.new_tsih())
    }

    /// Commits the faults that change an answer.
    fn bend(
        &self,
        response: &mut LoginResponse,
        answers: &mut Vec<(String, String)>,
        request: &LoginRequest,
    ) {
        if let Some(pair) = self.faults.get("login-text") {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let old = answers.iter_mut().find(|answer| answer.0 == key);
            match old {
                Some(answer) => value.clone_into(&mut answer.1),
                None if request.current_stage == Stage::OPERATIONAL => {
                    answers.push((key.to_owned(), value.to_owned()));
                }
                None => (),
            }
        }
        if let (Some(tsih), Stage::FULL_FEATURE) =
            (self.faults.number("login-tsih", 0), response.next_stage)
        {
            response.tsih = Tsih::new(tsih as u16);
        }
        if self.faults.has("login-endless") || self.faults.has("login-more") {
            response.transit = false;
            answers.clear();
        }
        response.more_text = self.faults.has("login-more");
        if self.faults.has("login-stage") {
            response.current_stage = match request.current_stage {
                Stage::SECURITY => Stage::OPERATIONAL,
                _ => Stage::SECURITY,
            };
        }
        if let Some(version) = self.faults.number("login-version", 9) {
            response.version_active = version as u8;
        }
    }

    fn send(&self, response: LoginResponse, text: &[u8]) -> io::Result<()> {
        let mut out = Out::new(response.to_bytes(), text.to_vec(), Number::Takes);
        if self.faults.has("login-itt") {
            out.bhs[16] ^= 0x55;
        }
        if self.faults.has("login-stat-sn") && self.requests > 1 {
            out.jump = 3;
        }
        debug_assert!(out.opcode() == Opcode::LOGIN_RESPONSE);
        self.link.send_all(self.target, vec![out])
    }
}

/// A header of random bytes.
fn garbage(seed: u32) -> Vec<u8> {
    let mut state = (u64::from(seed) << 1) | 1;
    (0..48)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u8
        })
        .collect()
}
