// SPDX-License-Identifier: GPL-2.0

use super::*;
use crate::proto::{
    negotiate::{
        Digest,
        DigestOffer,
        NegotiationError, //
    },
    text::TextError, //
};

const INITIATOR: &str = "iqn.1999-07.com.os:hostid.77";
const TARGET: &str = "iqn.1999-07.com.example:diskarray.sn.88";
const ISID: Isid = Isid([0x80, 1, 2, 3, 0, 7]);

fn itt(value: u32) -> Itt {
    Itt::new(value).unwrap()
}

fn tsih(value: u16) -> Option<Tsih> {
    Tsih::new(value)
}

fn config() -> LoginConfig<'static> {
    LoginConfig {
        initiator_name: INITIATOR,
        initiator_alias: None,
        target_name: Some(TARGET),
        session_type: SessionType::Normal,
        isid: ISID,
        session: SessionId::New,
        cid: Cid(1),
        cmd_sn: CmdSn::new(123),
        itt: itt(0x51),
        offer: Offer::default(),
        security: Security::Skip,
        portal_group_tag: None,
    }
}

/// A response as a well-behaved target makes it: to the request `out`, with its stages and T bit.
fn response(out: &LoginOut, stat_sn: u32, text: &[u8]) -> LoginResponse {
    let request = &out.header;
    let last = request.transit && request.next_stage == Stage::FULL_FEATURE;
    LoginResponse {
        transit: request.transit,
        more_text: false,
        current_stage: request.current_stage,
        next_stage: request.next_stage,
        version_max: 0,
        version_active: 0,
        data_len: SegmentLen::new(u32::try_from(text.len()).unwrap()).unwrap(),
        isid: request.isid,
        tsih: if last {
            request.tsih.or(tsih(9))
        } else {
            request.tsih
        },
        itt: request.itt,
        stat_sn: StatSn::new(stat_sn),
        exp_cmd_sn: request.cmd_sn,
        max_cmd_sn: request.cmd_sn.add(31),
        status: LoginStatus::SUCCESS,
    }
}

/// What a target answers to our full offer if it takes everything as it is.
const AGREE: &str = "TargetPortalGroupTag=1\0HeaderDigest=None\0DataDigest=None\0\
    MaxConnections=1\0InitialR2T=Yes\0ImmediateData=Yes\0MaxRecvDataSegmentLength=65536\0\
    MaxBurstLength=262144\0FirstBurstLength=65536\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0\
    MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel=0\0";

/// Replaces one answer of [`AGREE`]; `None` leaves it out.
fn agree_but(key: &str, value: Option<&str>) -> String {
    AGREE
        .split_terminator('\0')
        .filter_map(|pair| match pair.split_once('=') {
            Some((name, _)) if name == key => value.map(|value| format!("{key}={value}\0")),
            _ => Some(format!("{pair}\0")),
        })
        .collect()
}

/// One login with its buffers.
struct Bed {
    work: Vec<u8>,
    data: Vec<u8>,
}

impl Bed {
    fn new() -> Self {
        Self {
            work: vec![0; WORK_BYTES],
            data: vec![0; MAX_SEGMENT_BYTES],
        }
    }
}

/// Polls a request and returns it with its text.
fn poll(login: &mut Login<'_>, data: &mut [u8]) -> (LoginOut, String) {
    let out = login.poll_request(data).unwrap();
    let text = String::from_utf8(data[..out.data_len].to_vec()).unwrap();
    // The header has to survive the wire.
    assert_eq!(LoginRequest::parse(&out.header.to_bytes()), Ok(out.header));
    (out, text)
}

#[test]
fn logs_in_with_one_exchange() {
    let mut bed = Bed::new();
    let mut login = Login::new(config(), &mut bed.work).unwrap();
    let (out, text) = poll(&mut login, &mut bed.data);
    assert_eq!(
        text,
        format!(
            "InitiatorName={INITIATOR}\0TargetName={TARGET}\0SessionType=Normal\0\
             HeaderDigest=None\0DataDigest=None\0MaxConnections=1\0InitialR2T=Yes\0\
             ImmediateData=Yes\0MaxRecvDataSegmentLength=8192\0MaxBurstLength=262144\0\
             FirstBurstLength=65536\0DefaultTime2Wait=2\0DefaultTime2Retain=20\0\
             MaxOutstandingR2T=1\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0\
             ErrorRecoveryLevel=0\0"
        )
    );
    assert!(out.header.transit && !out.header.more_text);
    assert_eq!(out.header.current_stage, Stage::OPERATIONAL);
    assert_eq!(out.header.next_stage, Stage::FULL_FEATURE);
    assert_eq!((out.header.tsih, out.header.isid), (None, ISID));
    assert_eq!(out.header.cmd_sn, CmdSn::new(123));
    assert_eq!(out.header.exp_stat_sn, StatSn::ZERO);
    assert_eq!(login.outcome(), None);

    let answer = response(&out, 700, AGREE.as_bytes());
    assert_eq!(
        login.handle_response(&answer, AGREE.as_bytes()),
        Ok(LoginStep::Done)
    );
    let outcome = login.outcome().unwrap();
    assert_eq!(Some(outcome.tsih), tsih(9));
    assert_eq!(outcome.statuses.expected(), StatSn::new(701));
    assert_eq!(outcome.max_cmd_sn, CmdSn::new(154));
    assert_eq!(outcome.negotiated.target_portal_group_tag, Some(1));
    assert_eq!(
        outcome.negotiated.target_max_recv_data_segment_length,
        65536
    );
    assert_eq!(outcome.negotiated.max_recv_data_segment_length, 8192);
    let over = Err(LoginError::Misuse(Misuse::NotOurTurn));
    assert_eq!(login.poll_request(&mut bed.data), over);
}

/// Answers the first request of a default login and returns what comes of it.
///
/// `change` may spoil the header of a response that carries `text`.
fn answer_once(
    config: LoginConfig<'_>,
    text: &[u8],
    change: impl FnOnce(&mut LoginResponse),
) -> Result<LoginStep, LoginError> {
    let mut bed = Bed::new();
    let mut login = Login::new(config, &mut bed.work).unwrap();
    let (out, _) = poll(&mut login, &mut bed.data);
    let mut answer = response(&out, 5, text);
    change(&mut answer);
    let verdict = login.handle_response(&answer, text);
    if !matches!(verdict, Ok(LoginStep::Continue)) {
        let over = Err(LoginError::Misuse(Misuse::NotOurTurn));
        assert_eq!(login.poll_request(&mut bed.data), over);
    }
    verdict
}

/// RFC 7143 appendix B, last example, with the target's portal group that section 6.3.1 asks for:
/// security with AuthMethod=None, then operational keys over several exchanges, of which the
/// target begins some.
#[test]
fn rfc_example_without_authentication() {
    let mut config = config();
    config.security = Security::OfferNone;
    config.offer.first_burst_length = 8192;
    config.offer.initial_r2t = false;
    let mut bed = Bed::new();
    let mut login = Login::new(config, &mut bed.work).unwrap();

    // I-> Login (CSG,NSG=0,1 T=1)
    let (out, text) = poll(&mut login, &mut bed.data);
    assert_eq!(
        text,
        format!(
            "InitiatorName={INITIATOR}\0TargetName={TARGET}\0SessionType=Normal\0AuthMethod=None\0"
        )
    );
    assert_eq!(out.header.current_stage, Stage::SECURITY);
    assert_eq!(out.header.next_stage, Stage::OPERATIONAL);
    assert!(out.header.transit);
    // T-> Login-PR (CSG,NSG=0,1 T=1)
    let text = b"AuthMethod=None\0TargetPortalGroupTag=3\0";
    let answer = response(&out, 0xffff_ffff, text);
    assert_eq!(
        login.handle_response(&answer, text),
        Ok(LoginStep::Continue)
    );

    // I-> Login (CSG,NSG=1,3 T=1)
    let (out, text) = poll(&mut login, &mut bed.data);
    assert!(text.starts_with("HeaderDigest=None\0") && text.contains("FirstBurstLength=8192\0"));
    assert_eq!(out.header.current_stage, Stage::OPERATIONAL);
    assert_eq!(out.header.exp_stat_sn, StatSn::new(0));
    // T-> Login (CSG,NSG=1,0 T=0), with a key of its own.
    let text = agree_but("TargetPortalGroupTag", None)
        .replace("FirstBurstLength=65536", "FirstBurstLength=4096")
        .replace("MaxBurstLength=262144", "MaxBurstLength=8192")
        + "iSCSIProtocolLevel=2\0X-com.example.speed=11\0";
    let mut answer = response(&out, 0, text.as_bytes());
    (answer.transit, answer.next_stage, answer.tsih) = (false, Stage::SECURITY, None);
    let step = login.handle_response(&answer, text.as_bytes());
    assert_eq!(step, Ok(LoginStep::Continue));

    // I-> Login (CSG,NSG=1,3 T=1) optional iSCSI parameters
    let (out, text) = poll(&mut login, &mut bed.data);
    assert_eq!(
        text,
        "iSCSIProtocolLevel=1\0X-com.example.speed=NotUnderstood\0"
    );
    assert!(out.header.transit);
    assert_eq!(out.header.exp_stat_sn, StatSn::new(1));
    // T-> Login (CSG,NSG=1,3 T=1) "login accept"
    let answer = response(&out, 1, b"");
    assert_eq!(login.handle_response(&answer, b""), Ok(LoginStep::Done));
    let outcome = login.outcome().unwrap();
    assert_eq!(outcome.negotiated.first_burst_length, 4096);
    assert_eq!(outcome.negotiated.max_burst_length, 8192);
    assert!(outcome.negotiated.initial_r2t);
    assert_eq!(outcome.negotiated.target_portal_group_tag, Some(3));
    assert_eq!(outcome.statuses.expected(), StatSn::new(2));
}

/// RFC 7143 section 6.2: one answer makes another key irrelevant.
#[test]
fn rfc_example_of_irrelevant() {
    let mut config = config();
    config.offer.initial_r2t = false;
    config.offer.first_burst_length = 4192;
    let text = agree_but("ImmediateData", Some("No"))
        .replace("FirstBurstLength=65536", "FirstBurstLength=Irrelevant");
    let verdict = answer_once(config, text.as_bytes(), |_| {});
    assert_eq!(verdict, Ok(LoginStep::Done));
}

#[test]
fn goes_on_with_empty_requests_while_the_target_is_not_ready() {
    let mut bed = Bed::new();
    let mut login = Login::new(config(), &mut bed.work).unwrap();
    let (out, _) = poll(&mut login, &mut bed.data);
    let mut answer = response(&out, 1, AGREE.as_bytes());
    (answer.transit, answer.tsih) = (false, None);
    let step = login.handle_response(&answer, AGREE.as_bytes());
    assert_eq!(step, Ok(LoginStep::Continue));
    for stat_sn in 2..8 {
        let (out, text) = poll(&mut login, &mut bed.data);
        assert!(out.header.transit && text.is_empty());
        let mut answer = response(&out, stat_sn, b"");
        (answer.transit, answer.tsih) = (false, None);
        assert_eq!(login.handle_response(&answer, b""), Ok(LoginStep::Continue));
    }
    let (out, _) = poll(&mut login, &mut bed.data);
    let answer = response(&out, 8, b"");
    assert_eq!(login.handle_response(&answer, b""), Ok(LoginStep::Done));
}

#[test]
fn ends_a_login_that_does_not_end() {
    let mut bed = Bed::new();
    let mut login = Login::new(config(), &mut bed.work).unwrap();
    for exchange in 0..MAX_EXCHANGES {
        let (out, _) = poll(&mut login, &mut bed.data);
        let mut answer = response(&out, exchange, b"");
        (answer.transit, answer.tsih) = (false, None);
        assert_eq!(login.handle_response(&answer, b""), Ok(LoginStep::Continue));
    }
    let error = Err(LoginError::TooManyExchanges);
    assert_eq!(login.poll_request(&mut bed.data), error);
}

#[test]
fn splits_our_text_with_the_c_bit() {
    let whole = {
        let mut bed = Bed::new();
        let mut login = Login::new(config(), &mut bed.work).unwrap();
        poll(&mut login, &mut bed.data).1
    };
    for room in [7, 64, whole.len() - 1, whole.len()] {
        let mut bed = Bed::new();
        let mut login = Login::new(config(), &mut bed.work).unwrap();
        let mut text = String::new();
        let mut stat_sn = 10;
        loop {
            let (out, part) = poll(&mut login, &mut bed.data[..room]);
            text += &part;
            let last = text.len() == whole.len();
            assert_eq!(out.header.more_text, !last);
            assert_eq!(out.header.transit, last);
            assert_eq!(part.len(), if last { part.len() } else { room });
            let answer_text = if last { AGREE.as_bytes() } else { b"" };
            let answer = response(&out, stat_sn, answer_text);
            let step = login.handle_response(&answer, answer_text);
            if last {
                assert_eq!(step, Ok(LoginStep::Done));
                break;
            }
            assert_eq!(step, Ok(LoginStep::Continue));
            stat_sn += 1;
        }
        assert_eq!(text, whole);
    }
}

#[test]
fn refuses_text_in_answer_to_a_part() {
    let spoil: [fn(&mut LoginResponse); 2] = [|_| {}, |answer| answer.more_text = true];
    for (change, text) in spoil.into_iter().zip([&b"A=1\0"[..], b""]) {
        let mut bed = Bed::new();
        let mut login = Login::new(config(), &mut bed.work).unwrap();
        let (out, _) = poll(&mut login, &mut bed.data[..20]);
        let mut answer = response(&out, 1, text);
        change(&mut answer);
        let error = Err(LoginError::TextBeforeOurEnd);
        assert_eq!(login.handle_response(&answer, text), error);
    }
}

#[test]
fn joins_the_text_of_the_target_across_the_c_bit() {
    for size in [17, 100, AGREE.len() - 1] {
        let mut bed = Bed::new();
        let mut login = Login::new(config(), &mut bed.work).unwrap();
        let mut parts = AGREE.as_bytes().chunks(size).peekable();
        let mut stat_sn = 0;
        let mut first = true;
        while let Some(part) = parts.next() {
            let (out, text) = poll(&mut login, &mut bed.data);
            // Section 6.2: the answer to a C bit is empty, and does not ask for a transition.
            assert_eq!(text.is_empty(), !first);
            assert_eq!(out.header.transit, first);
            assert!(!out.header.more_text);
            let mut answer = response(&out, stat_sn, part);
            (answer.transit, answer.tsih) = (false, None);
            answer.more_text = parts.peek().is_some();
            assert_eq!(
                login.handle_response(&answer, part),
                Ok(LoginStep::Continue)
            );
            (stat_sn, first) = (stat_sn + 1, false);
        }
        let (out, text) = poll(&mut login, &mut bed.data);
        assert!(out.header.transit && text.is_empty());
        let answer = response(&out, stat_sn, b"");
        assert_eq!(login.handle_response(&answer, b""), Ok(LoginStep::Done));
    }
}

#[test]
fn limits_the_text_of_the_target() {
    let mut bed = Bed::new();
    let mut login = Login::new(config(), &mut bed.work).unwrap();
    let part = vec![b'A'; MAX_RECEIVED_BYTES];
    for (stat_sn, text, step) in [
        (1, &part[..], Ok(LoginStep::Continue)),
        (2, &part[..1], Err(LoginError::TextTooLong)),
    ] {
        let (out, _) = poll(&mut login, &mut bed.data);
        let mut answer = response(&out, stat_sn, text);
        (answer.transit, answer.more_text, answer.tsih) = (false, true, None);
        assert_eq!(login.handle_response(&answer, text), step);
    }
    let long = vec![0; MAX_SEGMENT_BYTES + 1];
    let len = SegmentLen::new(8193).unwrap();
    let verdict = answer_once(config(), &long, |_| {});
    assert_eq!(verdict, Err(LoginError::SegmentTooLong(len)));
}

#[test]
fn rejects_truncated_answers() {
    for len in 0..AGREE.len() {
        let verdict = answer_once(config(), &AGREE.as_bytes()[..len], |_| {});
        let Err(error) = verdict else {
            panic!("accepted {len} bytes");
        };
        if len == 0 || AGREE.as_bytes()[len - 1] == 0 {
            let unanswered = matches!(
                error,
                LoginError::Negotiation(NegotiationError::Unanswered(_))
            );
            assert!(unanswered, "{len}: {error}");
        } else {
            let unterminated = matches!(error, LoginError::Text(TextError::Unterminated { .. }));
            assert!(unterminated, "{len}: {error}");
        }
    }
}

#[test]
fn every_status_ends_as_its_class_says_unless_it_may_pass() {
    for &(status, name) in LoginStatus::NAMED {
        let address = b"TargetAddress=[2001:db8::1]:3260\0TargetAddress=10.0.0.1\0";
        let verdict = answer_once(config(), address, |answer| {
            answer.status = status;
            // Nothing but the tag is valid now (section 11.13.5).
            (answer.stat_sn, answer.isid) = (StatSn::new(0xdead), Isid([0; 6]));
            (answer.transit, answer.current_stage) = (false, Stage::SECURITY);
        });
        let class = status.class();
        let term = match status {
            LoginStatus::SUCCESS => continue,
            LoginStatus::MOVED_PERMANENTLY => Term::Permanent,
            _ => Term::Temporary,
        };
        if class == LoginStatusClass::Redirection {
            let address = Label::new("[2001:db8::1]:3260").unwrap();
            assert_eq!(verdict, Ok(LoginStep::Redirect(Redirect { term, address })));
            continue;
        }
        let error = LoginError::Refused(status);
        assert_eq!(verdict, Err(error));
        let sentence = format!(
            "target refused login: status {:#06x} ({name})",
            status.get()
        );
        assert_eq!(error.to_string(), sentence);
        let may_pass = matches!(
            status,
            LoginStatus::NOT_FOUND
                | LoginStatus::TARGET_REMOVED
                | LoginStatus::TOO_MANY_CONNECTIONS
        );
        let retry = match class {
            LoginStatusClass::TargetError => Retry::Later,
            _ if may_pass => Retry::Later,
            _ => Retry::Never,
        };
        assert_eq!(error.retry(), retry);
    }
}

#[test]
fn unknown_statuses_go_by_their_class() {
    let table = [
        (
            0x02ff,
            "target refused login: status 0x02ff (unknown initiator error)",
            Retry::Never,
        ),
        (
            0x03ff,
            "target refused login: status 0x03ff (unknown target error)",
            Retry::Later,
        ),
        (
            0x0400,
            "target refused login: status 0x0400 (reserved status)",
            Retry::Never,
        ),
        (
            0xffff,
            "target refused login: status 0xffff (reserved status)",
            Retry::Never,
        ),
    ];
    for (code, sentence, retry) in table {
        let error = LoginError::Refused(LoginStatus::new(code));
        let verdict = answer_once(config(), b"", |answer| {
            answer.status = LoginStatus::new(code)
        });
        assert_eq!(verdict, Err(error));
        assert_eq!(
            (error.to_string().as_str(), error.retry()),
            (sentence, retry)
        );
    }
}

#[test]
fn a_redirection_needs_an_address() {
    let moved = LoginStatus::MOVED_TEMPORARILY;
    let missing = LoginError::RedirectAddress(moved);
    let long = format!("TargetAddress={}\0", "a".repeat(256));
    let table: [(&[u8], LoginError); 5] = [
        (b"", missing),
        (b"TargetAddress=\0", missing),
        (b"TargetAlias=a\0", missing),
        (long.as_bytes(), missing),
        (
            b"TargetAddress=10.0.0.1",
            LoginError::Text(TextError::Unterminated { at: 0 }),
        ),
    ];
    for (text, error) in table {
        let verdict = answer_once(config(), text, |answer| answer.status = moved);
        assert_eq!(verdict, Err(error));
    }
}

#[test]
fn each_broken_rule_of_the_header_has_its_own_error() {
    type Change = fn(&mut LoginResponse);
    let (got, expected) = (Isid([0; 6]), ISID);
    let table: [(Change, LoginError); 9] = [
        (
            |answer| answer.itt = itt(0x52),
            LoginError::WrongItt {
                got: itt(0x52),
                expected: itt(0x51),
            },
        ),
        (
            |answer| answer.isid = Isid([0; 6]),
            LoginError::WrongIsid { got, expected },
        ),
        (
            |answer| answer.version_active = 1,
            LoginError::WrongVersion(1),
        ),
        (
            |answer| answer.current_stage = Stage::SECURITY,
            LoginError::WrongStage {
                got: Stage::SECURITY,
                expected: Stage::OPERATIONAL,
            },
        ),
        (
            |answer| answer.next_stage = Stage::OPERATIONAL,
            LoginError::WrongNextStage {
                got: Stage::OPERATIONAL,
                expected: Stage::FULL_FEATURE,
            },
        ),
        (
            |answer| answer.next_stage = Stage::new(2),
            LoginError::WrongNextStage {
                got: Stage::new(2),
                expected: Stage::FULL_FEATURE,
            },
        ),
        (
            |answer| answer.more_text = true,
            LoginError::TransitWithContinue,
        ),
        (|answer| answer.tsih = None, LoginError::NoTsih),
        (
            |answer| answer.data_len = SegmentLen::ZERO,
            LoginError::Misuse(Misuse::DataLength),
        ),
    ];
    for (change, error) in table {
        assert_eq!(answer_once(config(), AGREE.as_bytes(), change), Err(error));
    }
}

#[test]
fn the_target_must_not_leave_the_stage_unasked() {
    let mut bed = Bed::new();
    let mut login = Login::new(config(), &mut bed.work).unwrap();
    let (out, _) = poll(&mut login, &mut bed.data[..20]);
    assert!(!out.header.transit);
    let mut answer = response(&out, 1, b"");
    (answer.transit, answer.next_stage) = (true, Stage::FULL_FEATURE);
    let error = Err(LoginError::TransitUnasked);
    assert_eq!(login.handle_response(&answer, b""), error);
}

#[test]
fn the_security_stage_leads_to_the_operational_one_only() {
    let mut config = config();
    config.security = Security::OfferNone;
    let text = b"AuthMethod=None\0";
    for got in [Stage::SECURITY, Stage::FULL_FEATURE] {
        let expected = Stage::OPERATIONAL;
        let verdict = answer_once(config, text, |answer| answer.next_stage = got);
        assert_eq!(verdict, Err(LoginError::WrongNextStage { got, expected }));
    }
    let table: [(&[u8], NegotiationError); 5] = [
        (b"", NegotiationError::Unanswered(Key::AuthMethod)),
        (
            b"AuthMethod=Reject\0",
            NegotiationError::Rejected(Key::AuthMethod),
        ),
        (
            b"AuthMethod=NotUnderstood\0",
            NegotiationError::NotUnderstood(Key::AuthMethod),
        ),
        (
            b"AuthMethod=CHAP\0",
            NegotiationError::NotOffered {
                key: Key::AuthMethod,
                got: crate::proto::text::Excerpt::new("CHAP"),
                offered: "None",
            },
        ),
        (
            b"HeaderDigest=None\0",
            NegotiationError::WrongStage(Key::HeaderDigest),
        ),
    ];
    for (text, error) in table {
        let verdict = answer_once(config, text, |_| {});
        assert_eq!(verdict, Err(LoginError::Negotiation(error)));
    }
}

#[test]
fn stat_sn_counts_the_responses() {
    for (got, fits) in [
        (1, false),
        (0, true),
        (0xffff_ffff, false),
        (0xffff_fffe, false),
    ] {
        let mut bed = Bed::new();
        let mut login = Login::new(config(), &mut bed.work).unwrap();
        let (out, _) = poll(&mut login, &mut bed.data);
        let mut answer = response(&out, 0xffff_ffff, b"");
        (answer.transit, answer.tsih) = (false, None);
        assert_eq!(login.handle_response(&answer, b""), Ok(LoginStep::Continue));
        let (out, _) = poll(&mut login, &mut bed.data);
        assert_eq!(out.header.exp_stat_sn, StatSn::ZERO);
        let answer = response(&out, got, AGREE.as_bytes());
        let (got, expected) = (StatSn::new(got), StatSn::ZERO);
        let verdict = login.handle_response(&answer, AGREE.as_bytes());
        let error = LoginError::WrongStatSn { got, expected };
        assert_eq!(
            verdict,
            if fits {
                Ok(LoginStep::Done)
            } else {
                Err(error)
            }
        );
    }
}

#[test]
fn the_tsih_of_a_new_session_may_come_early_but_not_change() {
    for (early, last, fits) in [(0, 9, true), (9, 9, true), (9, 8, false), (9, 0, false)] {
        let mut bed = Bed::new();
        let mut login = Login::new(config(), &mut bed.work).unwrap();
        let (out, _) = poll(&mut login, &mut bed.data);
        let mut answer = response(&out, 1, AGREE.as_bytes());
        (answer.transit, answer.tsih) = (false, tsih(early));
        let step = login.handle_response(&answer, AGREE.as_bytes());
        assert_eq!(step, Ok(LoginStep::Continue));
        let (out, _) = poll(&mut login, &mut bed.data);
        // All requests of a login carry the same TSIH (section 11.12.6).
        assert_eq!(out.header.tsih, None);
        let mut answer = response(&out, 2, b"");
        answer.tsih = tsih(last);
        let verdict = login.handle_response(&answer, b"");
        if fits {
            assert_eq!(verdict, Ok(LoginStep::Done));
            assert_eq!(Some(login.outcome().unwrap().tsih), tsih(last));
        } else {
            let (got, expected) = (tsih(last), tsih(early));
            assert_eq!(verdict, Err(LoginError::WrongTsih { got, expected }));
        }
    }
}

#[test]
fn joins_a_session_with_its_tsih_and_its_values() {
    let agreed = Negotiated {
        max_burst_length: 4096,
        first_burst_length: 512,
        ..Negotiated::default()
    };
    let mut config = config();
    config.session = SessionId::Existing {
        tsih: tsih(7).unwrap(),
        agreed: &agreed,
    };
    let mut bed = Bed::new();
    let mut login = Login::new(config, &mut bed.work).unwrap();
    let (out, text) = poll(&mut login, &mut bed.data);
    assert_eq!(out.header.tsih, tsih(7));
    assert_eq!(
        text,
        format!(
            "InitiatorName={INITIATOR}\0TargetName={TARGET}\0HeaderDigest=None\0DataDigest=None\0\
             MaxRecvDataSegmentLength=8192\0"
        )
    );
    let text = b"HeaderDigest=None\0DataDigest=None\0";
    let answer = response(&out, 1, text);
    assert_eq!(login.handle_response(&answer, text), Ok(LoginStep::Done));
    assert_eq!(login.outcome().unwrap().negotiated.max_burst_length, 4096);
    for got in [tsih(8), None] {
        let expected = tsih(7);
        let verdict = answer_once(config, text, |answer| answer.tsih = got);
        assert_eq!(verdict, Err(LoginError::WrongTsih { got, expected }));
    }
}

#[test]
fn insists_on_the_configured_portal_group() {
    let expected = 2;
    let config = |tag| LoginConfig {
        portal_group_tag: tag,
        ..config()
    };
    let missing = agree_but("TargetPortalGroupTag", None);
    let table = [
        (None, AGREE, Ok(LoginStep::Done)),
        (None, &missing, Ok(LoginStep::Done)),
        (Some(1), AGREE, Ok(LoginStep::Done)),
        (
            Some(2),
            AGREE,
            Err(LoginError::WrongPortalGroup {
                got: Some(1),
                expected,
            }),
        ),
        (
            Some(2),
            &missing,
            Err(LoginError::WrongPortalGroup {
                got: None,
                expected,
            }),
        ),
    ];
    for (tag, text, verdict) in table {
        assert_eq!(answer_once(config(tag), text.as_bytes(), |_| {}), verdict);
    }
}

#[test]
fn discovery_needs_no_target() {
    let mut config = config();
    config.target_name = None;
    let work = &mut [0; WORK_BYTES];
    let error = LoginError::Misuse(Misuse::NoTargetName);
    assert_eq!(Login::new(config, work).err(), Some(error));
    config.session_type = SessionType::Discovery;
    config.initiator_alias = Some("Web Server 4");
    let mut bed = Bed::new();
    let mut login = Login::new(config, &mut bed.work).unwrap();
    let (out, text) = poll(&mut login, &mut bed.data);
    let names = "InitiatorAlias=Web Server 4\0SessionType=Discovery\0HeaderDigest=None\0";
    assert!(text.contains(names), "{text}");
    let text = b"TargetPortalGroupTag=1\0HeaderDigest=None\0DataDigest=None\0DefaultTime2Wait=2\0\
        DefaultTime2Retain=0\0ErrorRecoveryLevel=0\0";
    let answer = response(&out, 1, text);
    assert_eq!(login.handle_response(&answer, text), Ok(LoginStep::Done));
}

#[test]
fn does_not_start_with_what_it_cannot_send() {
    let mut config = config();
    config.initiator_alias = Some("a\0TargetName=b");
    let mut work = [0; WORK_BYTES];
    let error = |config, work: &mut [u8]| Login::new(config, work).err();
    let null = LoginError::Names(crate::proto::text::WriteError::Null);
    assert_eq!(error(config, &mut work), Some(null));
    let long = "a".repeat(MAX_SENT_BYTES);
    config.initiator_alias = Some(&long);
    let full = LoginError::Names(crate::proto::text::WriteError::Full);
    assert_eq!(error(config, &mut work), Some(full));
    config.initiator_alias = None;
    let small = LoginError::Misuse(Misuse::WorkTooSmall);
    assert_eq!(error(config, &mut work[1..]), Some(small));
    config.offer.header_digest = DigestOffer::Crc32c;
    config.offer.max_burst_length = 512;
    let offer = LoginError::Offer(crate::proto::negotiate::OfferError::FirstBurstAboveMaxBurst);
    assert_eq!(error(config, &mut work), Some(offer));
}

#[test]
fn the_longest_names_fit_into_one_request() {
    let (name, alias) = ("n".repeat(223), "a".repeat(255));
    let mut config = config();
    config.initiator_name = &name;
    config.target_name = Some(&name);
    config.initiator_alias = Some(&alias);
    let mut bed = Bed::new();
    let mut login = Login::new(config, &mut bed.work).unwrap();
    let (out, text) = poll(&mut login, &mut bed.data);
    assert!(out.header.transit);
    assert!(text.len() < 1536, "{}", text.len());
}

#[test]
fn speaks_and_listens_in_turn() {
    let mut bed = Bed::new();
    let mut login = Login::new(config(), &mut bed.work).unwrap();
    let no_buffer = Err(LoginError::Misuse(Misuse::NoDataBuffer));
    assert_eq!(login.poll_request(&mut []), no_buffer);

    let mut bed = Bed::new();
    let mut login = Login::new(config(), &mut bed.work).unwrap();
    let (out, _) = poll(&mut login, &mut bed.data);
    let not_ours = Err(LoginError::Misuse(Misuse::NotOurTurn));
    assert_eq!(login.poll_request(&mut bed.data), not_ours);
    let answer = response(&out, 1, AGREE.as_bytes());
    assert_eq!(
        login.handle_response(&answer, AGREE.as_bytes()),
        Ok(LoginStep::Done)
    );
    let not_theirs = Err(LoginError::Misuse(Misuse::NotTheirTurn));
    assert_eq!(login.handle_response(&answer, AGREE.as_bytes()), not_theirs);
}

#[test]
fn digests_are_agreed_for_each_direction_of_the_check() {
    let mut config = config();
    config.offer.header_digest = DigestOffer::Crc32cThenNone;
    config.offer.data_digest = DigestOffer::Crc32cThenNone;
    let mut bed = Bed::new();
    let mut login = Login::new(config, &mut bed.work).unwrap();
    let (out, text) = poll(&mut login, &mut bed.data);
    assert!(text.contains("HeaderDigest=CRC32C,None\0DataDigest=CRC32C,None\0"));
    let text = agree_but("HeaderDigest", Some("CRC32C"));
    let answer = response(&out, 1, text.as_bytes());
    assert_eq!(
        login.handle_response(&answer, text.as_bytes()),
        Ok(LoginStep::Done)
    );
    let negotiated = login.outcome().unwrap().negotiated;
    assert_eq!(negotiated.header_digest, Digest::Crc32c);
    assert_eq!(negotiated.data_digest, Digest::None);
}

/// The machine lives in one allocation, but is made on a kernel stack.
#[test]
fn stays_small() {
    assert!(size_of::<Login<'_>>() <= 2048, "{}", size_of::<Login<'_>>());
    assert!(size_of::<LoginError>() <= 80, "{}", size_of::<LoginError>());
}
