// SPDX-License-Identifier: GPL-2.0

//! A connection: its full feature phase, seen from the target.

use std::{
    collections::{
        HashMap,
        HashSet,
        VecDeque, //
    },
    io::{
        self,
        BufReader, //
    },
    net::TcpStream,
    sync::{
        atomic::Ordering,
        Arc, //
    },
    time::Duration,
};

use iscsi_proto::proto::{
    pdu::{
        DataOut,
        Delivery,
        InitiatorPdu,
        LogoutOutcome,
        LogoutRequest,
        LogoutResponse,
        NopIn,
        NopOut,
        ScsiCommand,
        SegmentLen,
        TaskFunction,
        TaskRequest, //
    },
    sn::{
        CmdSn,
        StatSn, //
    },
};

use crate::{
    bend,
    disk::{
        self,
        Reply, //
    },
    link::{
        Held,
        Link,
        Number,
        Out, //
    },
    login,
    script::{
        Access,
        Faults, //
    },
    settings::Agreed,
    target::Target,
    wire::{
        self,
        Received, //
    }, //
};

/// Bytes that are read at once.
const READ_AHEAD: usize = 256 << 10;

/// The longest write that is taken.
const MAX_WRITE: u32 = 64 << 20;

/// Serves a connection to its end.
pub(crate) fn serve(target: &Arc<Target>, stream: TcpStream) {
    target.count("connections");
    if target.script.each("accept-close").is_some() {
        return;
    }
    let _ = stream.set_nodelay(true);
    let Ok(sender) = stream.try_clone() else {
        return;
    };
    let link = Arc::new(Link::new(sender));
    target.connected(link.clone());
    let mut from = BufReader::with_capacity(READ_AHEAD, stream);
    let result = match login::run(target, &link, &mut from) {
        Ok(Some(agreed)) => {
            let dribble = target.script.each("dribble").is_some();
            let bundle = target.script.each("bundle").is_some();
            link.full_feature(agreed.digests, dribble, bundle);
            target.log(format_args!("logged in: {agreed:?}"));
            Connection {
                target,
                link: link.clone(),
                from,
                agreed,
                tasks: HashMap::new(),
                forgotten: HashSet::new(),
                next_tag: 1,
            }
            .run()
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::Other => target.complain(error.to_string()),
        Err(error) => target.log(format_args!("connection ends: {error}")),
        Ok(()) => target.log(format_args!("connection ends")),
    }
    link.close();
}

/// A sequence of Data-Out PDUs that is awaited.
struct Burst {
    /// The tag of the R2T; `None` if unsolicited.
    tag: Option<u32>,
    /// Where the next byte stands.
    offset: u32,
    end: u32,
    data_sn: u32,
}

/// A write whose data is not all there.
struct Task {
    header: ScsiCommand,
    faults: Faults,
    data: Vec<u8>,
    /// Bytes that have been asked for or announced.
    asked: u32,
    unsolicited: Option<Burst>,
    r2ts: VecDeque<Burst>,
    r2t_sn: u32,
}

/// A connection in its full feature phase.
struct Connection<'a> {
    target: &'a Arc<Target>,
    link: Arc<Link>,
    from: BufReader<TcpStream>,
    agreed: Agreed,
    tasks: HashMap<u32, Task>,
    /// Writes that have ended before all data came: what is still on its way is no fault.
    forgotten: HashSet<u32>,
    next_tag: u32,
}

/// Whether a connection goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    End,
}

impl Connection<'_> {
    fn run(&mut self) -> io::Result<()> {
        loop {
            if self.from.buffer().is_empty() {
                self.link.flush()?;
            }
            let Some(pdu) = wire::read(&mut self.from, self.agreed.digests)? else {
                return Ok(());
            };
            if self.handle(pdu)? == Flow::End {
                return self.link.flush();
            }
        }
    }

    fn handle(&mut self, pdu: Received) -> io::Result<Flow> {
        let Received { bhs, ahs, data } = pdu;
        if data.len() as u32 > self.agreed.max_recv {
            let max = self.agreed.max_recv;
            self.target
                .complain(format!("{} bytes in a PDU, not {max}", data.len()));
        }
        let header = match InitiatorPdu::parse(&bhs) {
            Ok(header) => header,
            Err(error) => {
                self.target.complain(format!("{error:?}: {bhs:02x?}"));
                return Ok(Flow::End);
            }
        };
        match header {
            InitiatorPdu::ScsiCommand(mut header) => {
                self.complain(disk::shorten(&mut header.cdb, &ahs));
                return self.command(header, &data, &bhs);
            }
            InitiatorPdu::DataOut(header) => self.data_out(&header, &data)?,
            InitiatorPdu::NopOut(header) => self.nop_out(&header, data, &bhs)?,
            InitiatorPdu::TaskRequest(header) => self.manage(&header)?,
            InitiatorPdu::LogoutRequest(header) => return self.logout(&header),
            InitiatorPdu::LoginRequest(_)
            | InitiatorPdu::TextRequest(_)
            | InitiatorPdu::SnackRequest(_) => {
                self.target
                    .complain(format!("unasked for: {}", header.opcode()));
            }
        }
        Ok(Flow::On)
    }

    fn complain(&self, result: Result<(), String>) {
        if let Err(text) = result {
            self.target.complain(text);
        }
    }

    /// Takes the serial numbers of a PDU.
    fn numbers(&self, delivery: Delivery, cmd_sn: CmdSn, exp_stat_sn: StatSn) {
        let immediate = delivery == Delivery::Immediate;
        self.complain(self.link.take_cmd_sn(cmd_sn.get(), immediate));
        self.complain(self.link.check_exp_stat_sn(exp_stat_sn.get()));
    }

    /// The number of a fault of the kind that is looked at each time.
    fn number(&self, name: &str) -> Option<u32> {
        let value = self.target.script.each(name)?;
        value.parse().ok().filter(|&number| number > 0)
    }

    fn send(&self, outs: Vec<Out>) -> io::Result<()> {
        self.link.send_all(self.target, outs)
    }

    fn command(&mut self, header: ScsiCommand, data: &[u8], bhs: &[u8]) -> io::Result<Flow> {
        let itt = header.itt.get();
        self.target.log(format_args!(
            "< command {itt:#x}, CmdSN {}, {:02x?}, {} bytes",
            header.cmd_sn.get(),
            &header.cdb[..10],
            header.expected_len
        ));
        self.numbers(header.delivery, header.cmd_sn, header.exp_stat_sn);
        let access = match disk::is_media(&header.cdb) {
            true if header.write => Some(Access::Write),
            true => Some(Access::Read),
            false => None,
        };
        self.target.count(match access {
            Some(Access::Write) => "writes",
            Some(_) => "reads",
            None => "other_commands",
        });
        let faults = self.target.script.command(access);
        self.target.fired(faults.names());
        let window = self.target.script.each("window");
        if let Some(window) = window.and_then(|window| window.parse().ok()) {
            self.link.set_window(window);
        }
        if faults.has("silent") {
            self.link.silence();
        }
        if let Some(ms) = faults.number("delay", 0) {
            std::thread::sleep(Duration::from_millis(ms.into()));
        }
        if faults.has("close") {
            self.link.rest(self.agreed.time2wait);
            return Ok(Flow::End);
        }
        if let Some(seconds) = faults.get("async").and_then(bend::seconds_to_wait) {
            self.link.rest(seconds.into());
        }
        self.send(bend::before(&header, &faults))?;
        if let Some(ms) = faults.number("close-window", 100) {
            self.close_window(Duration::from_millis(ms.into()));
        }
        if faults.has("reject-empty") {
            self.forgotten.insert(itt);
            self.send(vec![bend::reject(&[], 4)])?;
            return Ok(Flow::On);
        }
        if let Some(reason) = faults.hex("reject") {
            self.forgotten.insert(itt);
            self.send(vec![bend::reject(bhs, reason)])?;
            return Ok(Flow::On);
        }
        if header.write && header.expected_len > 0 {
            self.write(header, data, faults)?;
        } else {
            let reply = bend::instead(&faults).unwrap_or_else(|| self.execute(&header, &[]));
            self.answer(&header, reply, &faults)?;
        }
        Ok(Flow::On)
    }

    /// Lets no more commands through for a while.
    fn close_window(&self, time: Duration) {
        self.link.freeze();
        let (link, target) = (self.link.clone(), self.target.clone());
        std::thread::spawn(move || {
            std::thread::sleep(time);
            link.unfreeze();
            // The connection may have gone meanwhile.
            let _ = link.send_all(&target, vec![bend::window_update()]);
        });
    }

    fn execute(&self, header: &ScsiCommand, data: &[u8]) -> Reply {
        let cdb = &header.cdb;
        if cdb[0] == 0xa0 {
            return disk::report_luns(cdb, self.target.disks.len());
        }
        match self.target.disk(header.lun.number()) {
            Some(disk) => disk.execute(cdb, data),
            None => disk::no_unit(cdb),
        }
    }

    fn answer(&self, header: &ScsiCommand, reply: Reply, faults: &Faults) -> io::Result<()> {
        let collapse = self.target.script.each("no-collapse").is_none();
        let mut agreed = self.agreed.clone();
        if let Some(size) = self.number("data-in-size") {
            agreed.max_send = agreed.max_send.min(size);
        }
        let outs = bend::answer(header, reply, &agreed, collapse, faults);
        if faults.has("hold") {
            self.link.hold(Held {
                itt: header.itt.get(),
                lun: header.lun.number(),
                cmd_sn: header.cmd_sn.get(),
                outs,
            });
            return Ok(());
        }
        self.send(outs)
    }

    /// A command that writes: takes what comes with it.
    fn write(&mut self, header: ScsiCommand, data: &[u8], faults: Faults) -> io::Result<()> {
        let (len, expected) = (data.len() as u32, header.expected_len);
        let agreed = &self.agreed;
        if expected > MAX_WRITE || !disk::is_write(&header.cdb) {
            return self.answer(&header, Reply::check(5, 0x20, 0), &faults);
        }
        if len > 0 && !agreed.immediate_data {
            self.target
                .complain("immediate data, which were refused".to_owned());
        }
        if len > agreed.first_burst || len > expected {
            self.target
                .complain(format!("{len} bytes of immediate data"));
        }
        let mut task = Task {
            header,
            faults,
            data: vec![0; expected as usize],
            asked: len,
            unsolicited: None,
            r2ts: VecDeque::new(),
            r2t_sn: 0,
        };
        if let Some(room) = task.data.get_mut(..data.len()) {
            room.copy_from_slice(data);
        }
        if !header.is_final {
            if agreed.initial_r2t {
                self.target
                    .complain("unsolicited data, which were refused".to_owned());
            }
            let end = agreed.first_burst.min(expected);
            task.asked = end;
            task.unsolicited = Some(Burst {
                tag: None,
                offset: len,
                end,
                data_sn: 0,
            });
        }
        if let Some(kind) = task.faults.get("early") {
            let reply = match kind {
                "good" => Reply::good(),
                _ => Reply::check(0x0b, 0, 0),
            };
            self.forgotten.insert(header.itt.get());
            let faults = std::mem::take(&mut task.faults);
            return self.answer(&header, reply, &faults);
        }
        self.go_on(task)
    }

    /// Asks for more of a task's data, or executes it.
    fn go_on(&mut self, mut task: Task) -> io::Result<()> {
        if task.unsolicited.is_none() {
            let outs = self.ask(&mut task);
            self.send(outs)?;
        }
        if task.unsolicited.is_some() || !task.r2ts.is_empty() {
            self.tasks.insert(task.header.itt.get(), task);
            return Ok(());
        }
        let reply =
            bend::instead(&task.faults).unwrap_or_else(|| self.execute(&task.header, &task.data));
        self.answer(&task.header, reply, &task.faults)
    }

    /// R2Ts for what was not asked for yet, as many as may be outstanding.
    fn ask(&mut self, task: &mut Task) -> Vec<Out> {
        let mut outs = Vec::new();
        let expected = task.header.expected_len;
        let faults = &task.faults;
        let first = task.r2t_sn == 0;
        let (mut max_burst, mut max_r2t) = (self.agreed.max_burst, self.agreed.max_r2t as usize);
        if let Some(size) = self.number("r2t-size") {
            max_burst = max_burst.min(size);
        }
        if faults.has("r2t-long") {
            max_burst *= 2;
        }
        if faults.has("r2t-flood") {
            (max_burst, max_r2t) = (512, 1000);
        }
        while task.asked < expected && task.r2ts.len() < max_r2t {
            let len = (expected - task.asked).min(max_burst);
            outs.push(bend::r2t(
                &task.header,
                task.r2t_sn,
                self.next_tag,
                task.asked,
                len,
            ));
            task.r2ts.push_back(Burst {
                tag: Some(self.next_tag),
                offset: task.asked,
                end: task.asked + len,
                data_sn: 0,
            });
            task.asked += len;
            task.r2t_sn += 1;
            self.next_tag = self.next_tag.wrapping_add(1) & 0xffff;
        }
        let bad = ["r2t-beyond", "r2t-sn", "r2t-empty"];
        if first && bad.iter().any(|fault| faults.has(fault)) {
            if outs.is_empty() {
                outs.push(bend::r2t(&task.header, 0, self.next_tag, 0, expected));
            }
            if let Some(out) = outs.first_mut() {
                if faults.has("r2t-beyond") {
                    out.bhs[40..44].copy_from_slice(&(expected - 256).to_be_bytes());
                }
                if faults.has("r2t-sn") {
                    out.bhs[39] ^= 2;
                }
                if faults.has("r2t-empty") {
                    out.bhs[44..48].fill(0);
                }
            }
        }
        outs
    }

    fn data_out(&mut self, header: &DataOut, data: &[u8]) -> io::Result<()> {
        self.target.count("data_outs");
        let itt = header.itt.get();
        let Some(mut task) = self.tasks.remove(&itt) else {
            if !self.forgotten.contains(&itt) {
                self.target
                    .complain(format!("Data-Out for no task: {itt:#x}"));
            }
            return Ok(());
        };
        let burst = match header.ttt {
            None => task.unsolicited.as_mut(),
            Some(_) => task.r2ts.front_mut(),
        };
        let tag = header.ttt.map(|ttt| ttt.get());
        let Some(burst) = burst.filter(|burst| burst.tag == tag) else {
            self.target.complain(format!("Data-Out with tag {tag:?}"));
            self.tasks.insert(itt, task);
            return Ok(());
        };
        let (start, len) = (header.buffer_offset, data.len() as u32);
        let end = start.saturating_add(len);
        if header.data_sn.get() != burst.data_sn || start != burst.offset || end > burst.end {
            self.target.complain(format!(
                "Data-Out: DataSN {}, {start} to {end}; not {}, {} to at most {}",
                header.data_sn.get(),
                burst.data_sn,
                burst.offset,
                burst.end
            ));
        }
        if tag.is_some() && header.is_final != (end == burst.end) {
            self.target
                .complain(format!("Data-Out: F at {end} of {}", burst.end));
        }
        match task.data.get_mut(start as usize..end as usize) {
            Some(room) => room.copy_from_slice(data),
            None => self.target.complain(format!("Data-Out: bytes to {end}")),
        }
        burst.offset = end;
        burst.data_sn += 1;
        if !header.is_final {
            self.tasks.insert(itt, task);
            return Ok(());
        }
        if tag.is_none() {
            task.unsolicited = None;
            // What did not come unasked has to be asked for.
            task.asked = end;
        } else {
            task.r2ts.pop_front();
        }
        self.go_on(task)
    }

    fn nop_out(&mut self, header: &NopOut, data: Vec<u8>, bhs: &[u8]) -> io::Result<()> {
        self.numbers(header.delivery, header.cmd_sn, header.exp_stat_sn);
        let Some(itt) = header.itt else {
            self.target.count("pings_answered");
            let known = header
                .ttt
                .is_some_and(|tag| self.link.ping_answered(tag.get()));
            if !known {
                self.target
                    .complain(format!("answer to no ping: {:?}", header.ttt));
            }
            return Ok(());
        };
        self.target.count("pings");
        match self.target.script.each("ping").as_deref() {
            Some("ignore") => Ok(()),
            Some("reject") => self.send(vec![bend::reject(bhs, 0x05)]),
            _ => {
                let answer = NopIn {
                    data_len: SegmentLen::ZERO,
                    lun: header.lun,
                    itt: Some(itt),
                    ttt: None,
                    stat_sn: StatSn::ZERO,
                    exp_cmd_sn: CmdSn::ZERO,
                    max_cmd_sn: CmdSn::ZERO,
                };
                self.send(vec![Out::new(answer.to_bytes(), data, Number::Takes)])
            }
        }
    }

    fn manage(&mut self, header: &TaskRequest) -> io::Result<()> {
        self.target.log(format_args!(
            "< {} for {:x?} on LUN {}",
            header.function,
            header.referenced.map(|itt| itt.get()),
            header.lun.number()
        ));
        self.numbers(header.delivery, header.cmd_sn, header.exp_stat_sn);
        match header.function {
            TaskFunction::ABORT_TASK => self.abort(header),
            TaskFunction::LOGICAL_UNIT_RESET => self.reset(header),
            _ => {
                self.target.count("other_functions");
                self.send(vec![bend::task_response(header.itt, 5)])
            }
        }
    }

    fn abort(&mut self, header: &TaskRequest) -> io::Result<()> {
        self.target.count("aborts");
        let itt = header.referenced.map_or(0, |itt| itt.get());
        let mode = self.target.script.each("abort").unwrap_or_default();
        if matches!(mode.as_str(), "ignore" | "fail" | "unsupported") {
            return match mode.as_str() {
                "fail" => self.send(vec![bend::task_response(header.itt, 255)]),
                "unsupported" => self.send(vec![bend::task_response(header.itt, 5)]),
                _ => Ok(()),
            };
        }
        let held = self.link.take_held(|held| held.itt == itt);
        let number = match (held.first(), self.tasks.remove(&itt)) {
            (Some(held), _) => Some(held.cmd_sn),
            (None, Some(task)) => Some(task.header.cmd_sn.get()),
            (None, None) => None,
        };
        self.forgotten.insert(itt);
        if number.is_some_and(|number| number != header.ref_cmd_sn.get()) {
            self.target.complain(format!(
                "ABORT TASK: RefCmdSN {}, not {number:?}",
                header.ref_cmd_sn.get()
            ));
        }
        let answers = || held.iter().flat_map(|held| held.outs.clone()).collect();
        let code = u8::from(number.is_none() || mode == "no-task" || mode == "race");
        if mode == "race" {
            self.send(answers())?;
        }
        self.send(vec![bend::task_response(header.itt, code)])?;
        if mode == "late" {
            self.send(answers())?;
        }
        Ok(())
    }

    fn reset(&mut self, header: &TaskRequest) -> io::Result<()> {
        self.target.count("lun_resets");
        let lun = header.lun.number();
        let code = match self.target.script.each("lun-reset").as_deref() {
            Some("ignore") => return Ok(()),
            Some("fail") => 255,
            Some("unsupported") => 5,
            mode => {
                if mode == Some("open") {
                    self.link.open();
                }
                self.link.take_held(|held| held.lun == lun);
                let gone = self.tasks.extract_if_lun(lun);
                self.forgotten.extend(gone);
                match self.target.disk(lun) {
                    Some(disk) => {
                        disk.was_reset.store(true, Ordering::Relaxed);
                        0
                    }
                    None => 2,
                }
            }
        };
        self.send(vec![bend::task_response(header.itt, code)])
    }

    fn logout(&mut self, header: &LogoutRequest) -> io::Result<Flow> {
        self.numbers(header.delivery, header.cmd_sn, header.exp_stat_sn);
        self.target.count("logouts");
        let mut outcome = LogoutOutcome::CLOSED;
        let mut time2wait = 0;
        match self.target.script.each("logout").as_deref() {
            Some("ignore") => return Ok(Flow::On),
            Some("close") => return Ok(Flow::End),
            Some(fail) if fail.starts_with("fail") => {
                outcome = LogoutOutcome::CLEANUP_FAILED;
                time2wait = bend::seconds_to_wait(fail).unwrap_or(0);
                self.link.rest(time2wait.into());
            }
            _ => (),
        }
        let response = LogoutResponse {
            outcome,
            itt: header.itt,
            stat_sn: StatSn::ZERO,
            exp_cmd_sn: CmdSn::ZERO,
            max_cmd_sn: CmdSn::ZERO,
            time2wait,
            time2retain: 0,
        };
        self.send(vec![Out::new(
            response.to_bytes(),
            Vec::new(),
            Number::Takes,
        )])?;
        Ok(Flow::End)
    }
}

/// Ends tasks by logical unit.
trait OfUnit {
    /// Takes all tasks of a unit out, and says which they were.
    fn extract_if_lun(&mut self, lun: u64) -> Vec<u32>;
}

impl OfUnit for HashMap<u32, Task> {
    fn extract_if_lun(&mut self, lun: u64) -> Vec<u32> {
        let of_unit = |task: &Task| task.header.lun.number() == lun;
        let tags: Vec<u32> = self
            .iter()
            .filter(|(_, task)| of_unit(task))
            .map(|(&itt, _)| itt)
            .collect();
        self.retain(|_, task| !of_unit(task));
        tags
    }
}
