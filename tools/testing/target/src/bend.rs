// SPDX-License-Identifier: GPL-2.0

//! Answers to commands, right ones and wrong ones.

use iscsi_proto::proto::{
    pdu::{
        AsyncEvent,
        AsyncMessage,
        DataIn,
        Itt,
        Lun,
        NopIn,
        Opcode,
        R2t,
        Reject,
        RejectReason,
        ScsiCommand,
        ScsiResponse,
        ScsiStatus,
        SegmentLen,
        ServiceResponse,
        TaskFunctionResponse,
        TaskResponse,
        Ttt, //
    },
    sn::{
        CmdSn,
        DataSn,
        R2tSn,
        StatSn, //
    },
};

use crate::{
    disk::Reply,
    link::{
        Number,
        Out, //
    },
    script::Faults,
    settings::Agreed,
    wire::Damage, //
};

/// What a fault adds or leaves out, in bytes.
const SOME: u32 = 512;

/// O and U of a SCSI Response or Data-In, RFC 7143 section 11.4.1.
const OVERFLOW: u8 = 0x04;
const UNDERFLOW: u8 = 0x02;

/// A ping; the link gives it a tag.
pub(crate) fn ping() -> Out {
    let nop = NopIn {
        data_len: SegmentLen::ZERO,
        lun: Lun::ZERO,
        itt: None,
        ttt: Ttt::new(0),
        stat_sn: StatSn::ZERO,
        exp_cmd_sn: CmdSn::ZERO,
        max_cmd_sn: CmdSn::ZERO,
    };
    Out::new(nop.to_bytes(), Vec::new(), Number::Shows)
}

/// A NOP-In that wants no answer: it tells the window.
pub(crate) fn window_update() -> Out {
    let mut out = ping();
    out.bhs[20..24].fill(0xff);
    out
}

/// An asynchronous message, RFC 7143 section 11.9; `None` if there is no such event.
pub(crate) fn async_message(event: &str) -> Option<Out> {
    let wait = seconds_to_wait(event).unwrap_or(0);
    let (event, parameter3) = match event.split('/').next()? {
        "scsi" => (AsyncEvent::SCSI, 0),
        "logout" => (AsyncEvent::LOGOUT_REQUEST, 5),
        "drop" => (AsyncEvent::CONNECTION_DROP, 0),
        "session" => (AsyncEvent::SESSION_DROP, 0),
        "negotiate" => (AsyncEvent::NEGOTIATION_REQUEST, 5),
        "vendor" => (AsyncEvent::new(0xff), 0),
        _ => return None,
    };
    let message = AsyncMessage {
        data_len: SegmentLen::ZERO,
        lun: Lun::ZERO,
        stat_sn: StatSn::ZERO,
        exp_cmd_sn: CmdSn::ZERO,
        max_cmd_sn: CmdSn::ZERO,
        event,
        vendor_code: 0,
        parameter1: 0,
        parameter2: wait,
        parameter3,
    };
    let mut data = Vec::new();
    if event == AsyncEvent::SCSI {
        // REPORTED LUNS DATA HAS CHANGED.
        data = with_length(&Reply::check(6, 0x3f, 0x0e).sense);
    }
    Some(Out::new(message.to_bytes(), data, Number::Takes))
}

/// The number of seconds that stands behind a word: `drop/3`.
pub(crate) fn seconds_to_wait(word: &str) -> Option<u16> {
    word.split_once('/')?.1.parse().ok()
}

/// Sense data as it stands in a segment: its length first.
fn with_length(sense: &[u8]) -> Vec<u8> {
    if sense.is_empty() {
        return Vec::new();
    }
    let mut data = (sense.len() as u16).to_be_bytes().to_vec();
    data.extend_from_slice(sense);
    data
}

/// A Reject of a PDU, RFC 7143 section 11.17.
pub(crate) fn reject(bhs: &[u8], reason: u32) -> Out {
    let header = Reject {
        reason: RejectReason::new(reason as u8),
        data_len: SegmentLen::ZERO,
        stat_sn: StatSn::ZERO,
        exp_cmd_sn: CmdSn::ZERO,
        max_cmd_sn: CmdSn::ZERO,
        data_sn: 0,
    };
    Out::new(header.to_bytes(), bhs.to_vec(), Number::Takes)
}

/// The answer to a task management request.
pub(crate) fn task_response(itt: Itt, code: u8) -> Out {
    let header = TaskResponse {
        response: TaskFunctionResponse::new(code),
        itt,
        stat_sn: StatSn::ZERO,
        exp_cmd_sn: CmdSn::ZERO,
        max_cmd_sn: CmdSn::ZERO,
    };
    Out::new(header.to_bytes(), Vec::new(), Number::Takes)
}

/// A request for data.
pub(crate) fn r2t(header: &ScsiCommand, sn: u32, tag: u32, offset: u32, len: u32) -> Out {
    let request = R2t {
        lun: header.lun,
        itt: header.itt,
        ttt: Ttt::new(tag & 0x7fff_ffff).expect("not all ones"),
        stat_sn: StatSn::ZERO,
        exp_cmd_sn: CmdSn::ZERO,
        max_cmd_sn: CmdSn::ZERO,
        r2t_sn: R2tSn::new(sn),
        buffer_offset: offset,
        desired_len: len,
    };
    Out::new(request.to_bytes(), Vec::new(), Number::Shows)
}

/// A Data-In PDU without a status.
fn data_in(itt: Itt, sn: u32, offset: u32, data: &[u8]) -> Out {
    let header = DataIn {
        is_final: false,
        acknowledge: false,
        overflow: false,
        underflow: false,
        has_status: false,
        status: ScsiStatus::GOOD,
        data_len: SegmentLen::ZERO,
        lun: Lun::ZERO,
        itt,
        ttt: None,
        stat_sn: StatSn::ZERO,
        exp_cmd_sn: CmdSn::ZERO,
        max_cmd_sn: CmdSn::ZERO,
        data_sn: DataSn::new(sn),
        buffer_offset: offset,
        residual_count: 0,
    };
    Out::new(header.to_bytes(), data.to_vec(), Number::Absent)
}

/// A SCSI Response.
fn scsi_response(itt: Itt, reply: &Reply, data_sn: u32) -> Out {
    let header = ScsiResponse {
        bidi_overflow: false,
        bidi_underflow: false,
        overflow: false,
        underflow: false,
        response: ServiceResponse::COMPLETED,
        status: ScsiStatus::new(reply.status),
        data_len: SegmentLen::ZERO,
        itt,
        snack_tag: 0,
        stat_sn: StatSn::ZERO,
        exp_cmd_sn: CmdSn::ZERO,
        max_cmd_sn: CmdSn::ZERO,
        exp_data_sn: DataSn::new(data_sn),
        bidi_residual: 0,
        residual_count: 0,
    };
    Out::new(header.to_bytes(), with_length(&reply.sense), Number::Takes)
}

/// The last PDU of an answer says how much is missing, or how much there would have been.
fn set_residual(out: &mut Out, flag: u8, count: u32) {
    out.bhs[1] |= flag;
    out.bhs[44..48].copy_from_slice(&count.to_be_bytes());
}

/// The answer to a command by the book, except for the faults in the length of its data.
fn by_the_book(
    header: &ScsiCommand,
    mut reply: Reply,
    agreed: &Agreed,
    collapse: bool,
    faults: &Faults,
) -> Vec<Out> {
    let wanted = if header.read { header.expected_len } else { 0 };
    let there = reply.data.len() as u32;
    if let Some(kind) = faults.get("short").filter(|_| reply.is_good()) {
        if header.read {
            reply
                .data
                .truncate(reply.data.len() / 2 / SOME as usize * SOME as usize);
        }
        let missing = if header.read {
            wanted - reply.data.len() as u32
        } else {
            SOME
        };
        let mut outs = data_ins(header, &reply.data, agreed);
        let mut end = scsi_response(header.itt, &reply, outs.len() as u32);
        match kind {
            "none" => (),
            "wrong" => set_residual(&mut end, UNDERFLOW, missing + header.expected_len),
            _ => set_residual(&mut end, UNDERFLOW, missing),
        }
        outs.push(end);
        return outs;
    }
    reply.data.truncate(wanted as usize);
    let sent = reply.data.len() as u32;
    let mut outs = data_ins(header, &reply.data, agreed);
    match outs.last_mut() {
        Some(last) if collapse && reply.is_good() => {
            last.bhs[1] |= 0x81;
            last.bhs[3] = reply.status;
            last.number = Number::Takes;
        }
        _ => outs.push(scsi_response(header.itt, &reply, outs.len() as u32)),
    }
    if let Some(last) = outs.last_mut() {
        if there > sent {
            set_residual(last, OVERFLOW, there - sent);
        } else if header.read && sent < wanted {
            set_residual(last, UNDERFLOW, wanted - sent);
        } else if header.write && !reply.is_good() {
            set_residual(last, UNDERFLOW, header.expected_len);
        }
    }
    outs
}

/// Data in PDUs and sequences as long as the initiator allows.
fn data_ins(header: &ScsiCommand, data: &[u8], agreed: &Agreed) -> Vec<Out> {
    let mut outs = Vec::new();
    let (mut done, total) = (0, data.len() as u32);
    let mut burst = 0;
    while done < total {
        let len = (total - done)
            .min(agreed.max_send)
            .min(agreed.max_burst - burst);
        let piece = &data[done as usize..(done + len) as usize];
        let mut out = data_in(header.itt, outs.len() as u32, done, piece);
        done += len;
        burst += len;
        if burst == agreed.max_burst || done == total {
            out.bhs[1] |= 0x80;
            burst = 0;
        }
        outs.push(out);
    }
    outs
}

/// What goes out before the command is looked at.
pub(crate) fn before(header: &ScsiCommand, faults: &Faults) -> Vec<Out> {
    let mut outs = Vec::new();
    if let Some(count) = faults.number("nop-in", 1) {
        outs.extend((0..count).map(|_| ping()));
    }
    if let Some(event) = faults.get("async") {
        outs.extend(async_message(event));
    }
    if faults.has("window-nonsense") {
        let mut out = window_update();
        out.window = Some(-5);
        outs.push(out);
    }
    if let Some(opcode) = faults.hex("opcode") {
        let mut out = window_update();
        out.bhs[0] = opcode as u8 & 0x3f;
        outs.push(out);
    }
    // The same task in an earlier use of its tag, and a tag that there never was.
    let strays = [
        header.itt.get() ^ 0x0010_0000,
        header.itt.get() | 0x0000_0ffe,
    ];
    for itt in strays.into_iter().filter_map(Itt::new) {
        if faults.has("stray") {
            let mut other = *header;
            other.itt = itt;
            outs.push(r2t(&other, 0, 77, 0, SOME));
            outs.push(task_response(itt, 0));
            outs.push(scsi_response(itt, &Reply::check(3, 0x11, 0), 0));
        }
        if faults.has("data-in-stray") {
            outs.push(data_in(itt, 0, 0, &[0xa5; 700]));
        }
    }
    if faults.has("r2t-read") && header.read {
        outs.push(r2t(header, 0, 78, 0, SOME));
    }
    if faults.has("data-in-write") && header.write {
        outs.push(data_in(header.itt, 0, 0, &[0xa5; SOME as usize]));
    }
    outs
}

/// The status that a fault gives to a command instead of its execution.
pub(crate) fn instead(faults: &Faults) -> Option<Reply> {
    if let Some(sense) = faults.get("check") {
        let mut codes = sense
            .split('/')
            .map(|code| u8::from_str_radix(code, 16).unwrap_or(0));
        let mut code = || codes.next().unwrap_or(0);
        return Some(Reply::check(code(), code(), code()));
    }
    if faults.has("sense-long") || faults.has("sense-lie") {
        // ABORTED COMMAND: to be tried again.
        return Some(Reply::check(0x0b, 0, 0));
    }
    faults.hex("status").map(|status| Reply {
        status: status as u8,
        ..Reply::default()
    })
}

/// The answer to a command, with its faults.
pub(crate) fn answer(
    header: &ScsiCommand,
    mut reply: Reply,
    agreed: &Agreed,
    collapse: bool,
    faults: &Faults,
) -> Vec<Out> {
    if faults.has("no-data-copy") {
        reply.data.clear();
        return vec![scsi_response(header.itt, &reply, 0)];
    }
    let mut outs = by_the_book(header, reply.clone(), agreed, collapse, faults);
    if let Some(code) = faults.hex("response") {
        let mut out = scsi_response(header.itt, &Reply::default(), 0);
        out.bhs[2] = code as u8;
        outs = vec![out];
    }
    bend_data(header, agreed, &mut outs, faults);
    if faults.has("data-in-empty")
        && outs
            .last()
            .is_some_and(|out| out.opcode() == Opcode::DATA_IN)
    {
        add_empty(header, &mut outs);
    }
    if faults.has("wrong-itt") {
        let itt = (header.itt.get() ^ 0x0010_0000).to_be_bytes();
        outs.iter_mut()
            .for_each(|out| out.bhs[16..20].copy_from_slice(&itt));
    }
    if faults.has("bad-data-digest") {
        if let Some(out) = outs.iter_mut().find(|out| !out.data.is_empty()) {
            out.damage = Damage::DataDigest;
        }
    }
    if let Some(last) = outs.last_mut() {
        if faults.has("sense-long") {
            last.data = 2000_u16.to_be_bytes().to_vec();
            last.data.extend_from_slice(&reply.sense);
            last.data.resize(3000, 0x55);
        }
        if faults.has("sense-lie") {
            last.data[..2].copy_from_slice(&[0xff, 0xf0]);
        }
        if faults.has("over") {
            set_residual(last, OVERFLOW, SOME);
        }
        if faults.has("stat-sn-jump") {
            last.jump = 3;
        }
        if faults.has("stat-sn-repeat") {
            last.jump = -1;
        }
        if faults.has("bad-header-digest") {
            last.damage = Damage::HeaderDigest;
        }
        last.half = faults.has("close-mid");
    }
    if faults.has("twice") {
        outs.extend(outs.last().cloned());
    }
    outs
}

/// Has a PDU of its own, without data, bring the status.
fn add_empty(header: &ScsiCommand, outs: &mut Vec<Out>) {
    let done: usize = outs.iter().map(|out| out.data.len()).sum();
    let mut empty = data_in(header.itt, outs.len() as u32, done as u32, &[]);
    if let Some(last) = outs.last_mut() {
        empty.bhs[1] = last.bhs[1];
        empty.bhs[44..48].copy_from_slice(&last.bhs[44..48]);
        empty.number = Number::Takes;
        last.bhs[1] &= 0x80;
        last.number = Number::Absent;
    }
    outs.push(empty);
}

/// Faults of Data-In PDUs.
fn bend_data(header: &ScsiCommand, agreed: &Agreed, outs: &mut [Out], faults: &Faults) {
    if faults.has("huge") {
        if let Some(first) = outs.first_mut() {
            first.claims = Some(agreed.max_send + SOME);
        }
    }
    let mut datas = outs
        .iter_mut()
        .filter(|out| out.opcode() == Opcode::DATA_IN);
    let Some(first) = datas.next() else {
        return;
    };
    if faults.has("data-in-sn") {
        first.bhs[39] ^= 1;
    }
    if faults.has("data-in-gap") && first.data.len() > SOME as usize {
        first.data.drain(..SOME as usize);
        first.bhs[40..44].copy_from_slice(&SOME.to_be_bytes());
    }
    let last = datas.last().unwrap_or(first);
    if faults.has("data-in-beyond") {
        last.bhs[40..44].copy_from_slice(&header.expected_len.to_be_bytes());
    }
    if faults.has("data-in-more") {
        last.data.resize(last.data.len() + SOME as usize, 0x5a);
    }
}
