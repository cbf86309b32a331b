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
