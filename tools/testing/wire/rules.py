# SPDX-License-Identifier: GPL-2.0
"""The rules that an initiator must keep on a connection, and the plainest of a target's. Numbers in parentheses are
sections of RFC 7143.

It takes the PDUs of one connection in order, beginning with the login, and believes nothing but what it saw: what was
negotiated is what the two sides said in the login.
"""

from collections import deque, namedtuple

MASK = (1 << 32) - 1
NONE = MASK

NOP_OUT, COMMAND, TASK_MANAGEMENT, LOGIN, TEXT, DATA_OUT, LOGOUT = range(7)
NOP_IN, RESPONSE, TASK_RESPONSE, LOGIN_RESPONSE, TEXT_RESPONSE, DATA_IN, LOGOUT_RESPONSE = range(0x20, 0x27)
R2T, ASYNC, REJECT = 0x31, 0x32, 0x3F

ABORT_TASK, TASK_REASSIGN = 1, 8

NAMES = {
    NOP_OUT: "NOP-Out",
    COMMAND: "SCSI Command",
    TASK_MANAGEMENT: "Task Management Function Request",
    LOGIN: "Login Request",
    TEXT: "Text Request",
    DATA_OUT: "Data-Out",
    LOGOUT: "Logout Request",
    NOP_IN: "NOP-In",
    RESPONSE: "SCSI Response",
    TASK_RESPONSE: "Task Management Function Response",
    LOGIN_RESPONSE: "Login Response",
    TEXT_RESPONSE: "Text Response",
    DATA_IN: "Data-In",
    LOGOUT_RESPONSE: "Logout Response",
    R2T: "R2T",
    ASYNC: "Asynchronous Message",
    REJECT: "Reject",
}

# A login PDU may hold this much, whatever was declared (6.1, 13.12).
LOGIN_SEGMENT = 8192


def after(one, other):
    """Whether a serial number is behind another one, RFC 1982."""
    return 0 < (one - other & MASK) < 1 << 31


class Keys:
    """What the two sides said in the login, and what follows from it."""

    DEFAULTS = {
        "InitialR2T": "Yes",
        "ImmediateData": "Yes",
        "MaxRecvDataSegmentLength": "8192",
        "MaxBurstLength": "262144",
        "FirstBurstLength": "65536",
        "MaxOutstandingR2T": "1",
    }

    def __init__(self):
        self.said = {True: {}, False: {}}

    def note(self, from_initiator, pairs):
        for pair in pairs:
            key, _, value = pair.partition("=")
            self.said[from_initiator][key] = value

    def both(self, key):
        """The values of both sides. If one of them was silent, nothing was agreed, and the default holds (6.2)."""
        values = [self.said[side].get(key) for side in (True, False)]
        if any(value is None or value in ("Reject", "NotUnderstood", "Irrelevant") for value in values):
            return [self.DEFAULTS[key]]
        return values

    def smaller(self, key):
        return min(int(value, 0) for value in self.both(key))

    def settle(self):
        """The results, for the Full Feature Phase."""
        self.initial_r2t = "Yes" in self.both("InitialR2T")
        self.immediate_data = "No" not in self.both("ImmediateData")
        self.max_burst = self.smaller("MaxBurstLength")
        self.first_burst = min(self.smaller("FirstBurstLength"), self.max_burst)
        self.max_r2t = self.smaller("MaxOutstandingR2T")
        self.to_target = self.declared(False)
        self.to_initiator = self.declared(True)

    def declared(self, by_initiator):
        return int(self.said[by_initiator].get("MaxRecvDataSegmentLength", "8192"), 0)


# The window grew from one MaxCmdSN to another with a PDU behind which or with which StatSN came next.
Grant = namedtuple("Grant", "before top stat_sn")


class Sequence:
    """Data-Out PDUs that belong together: the unsolicited ones of a command, or those that answer an R2T."""

    def __init__(self, begin, end):
        self.data_sn = 0
        self.offset = begin
        self.end = end
        self.done = False


class Task:
    """A request from when it was sent. It stays known after its end, for what was under way then."""

    def __init__(self, pdu):
        self.opcode = pdu["opcode"]
        self.cmd_sn = pdu["cmd_sn"]
        self.immediate = pdu.get("immediate", False)
        self.frame = pdu["frame"]
        self.write = pdu.get("write", False)
        self.read = pdu.get("read", False)
        self.expected = pdu.get("expected", 0)
        self.expected_read = pdu.get("expected_read", 0) if self.write else self.expected
        self.outstanding = True
        self.unsolicited = None
        # By Target Transfer Tag, in the order in which they were asked for.
        self.r2ts = {}
        # The target's side.
        self.input_sn = 0
        self.asked = 0
        self.received = 0
        self.burst = 0


class Judge:
    """Judges one connection. `broken(pdu, by_initiator, section, text)` is called for each broken rule, `pdu` being
    what the dictionary of fields has under that name."""

    def __init__(self, broken):
        self.broken = broken
        self.keys = Keys()
        self.tasks = {}
        self.full_feature = False
        self.logins = None
        self.cmd_sn = None
        self.max_cmd_sn = None
        # How the window grew, oldest first.
        self.grants = deque()
        self.stat_sn = None
        self.exp_stat_sn = None
        self.pings = set()
        self.logging_out = False
        # Commands with F=0 whose unsolicited data is not all there, by tag, in the order of sending.
        self.owing = {}
        # Aborted tasks and rejected PDUs leave a target freedom that is not followed here.
        self.undisturbed = True

    # ---- Saying so

    def wrong(self, pdu, section, text):
        self.broken(pdu["pdu"], True, section, f"{NAMES[pdu['opcode']]}: {text}")

    def target_wrong(self, pdu, section, text):
        if self.undisturbed:
            self.broken(pdu["pdu"], False, section, f"{NAMES[pdu['opcode']]}: {text}")

    # ---- Every PDU

    def take(self, pdu):
        """Takes the next PDU of the connection."""
        if pdu["from_initiator"]:
            self.sent(pdu)
        else:
            self.received(pdu)

    def sent(self, pdu):
        opcode = pdu["opcode"]
        self.check_exp_stat_sn(pdu)
        if opcode == LOGIN:
            self.login(pdu)
            return
        if not self.full_feature:
            self.wrong(pdu, "6.3", "before the end of the login")
            return
        length = pdu.get("length", 0)
        if length > self.keys.to_target:
            self.wrong(pdu, "13.12", f"{length} bytes of data, the target's limit is {self.keys.to_target}")
        if opcode == DATA_OUT:
            self.data_out(pdu)
            return
        self.check_cmd_sn(pdu)
        if opcode == NOP_OUT and pdu["itt"] == NONE:
            self.pong(pdu)
            return
        if self.logging_out:
            self.wrong(pdu, "11.14", "behind a Logout Request")
        if opcode == TEXT and pdu["ttt"] != NONE:
            # It goes on with what an earlier one began (11.10.4).
            return
        if opcode == NOP_OUT and pdu["ttt"] != NONE:
            self.wrong(pdu, "11.18.2", "a question of its own with a Target Transfer Tag")
        self.check_itt(pdu)
        task = self.tasks[pdu["itt"]] = Task(pdu)
        if opcode == COMMAND:
            self.command(pdu, task)
        elif opcode == TASK_MANAGEMENT:
            self.task_management(pdu)
        elif opcode == LOGOUT:
            self.logging_out = True

    def check_exp_stat_sn(self, pdu):
        """It says which StatSN comes next (4.2.2.2). The first of a login is the business of another connection."""
        value = pdu["exp_stat_sn"]
        if self.stat_sn is None:
            return
        if after(value, self.stat_sn):
            self.wrong(pdu, "4.2.2.2", f"ExpStatSN {value}, but the highest that came is {self.stat_sn - 1 & MASK}")
        elif self.exp_stat_sn is not None and after(self.exp_stat_sn, value):
            self.wrong(pdu, "4.2.2.2", f"ExpStatSN {value} after {self.exp_stat_sn}")
        else:
            self.exp_stat_sn = value

    def check_cmd_sn(self, pdu):
        value = pdu["cmd_sn"]
        if value != self.cmd_sn:
            self.wrong(pdu, "4.2.2.1", f"CmdSN {value}, not {self.cmd_sn}")
        if pdu.get("immediate"):
            return
        # From what was sent, for one mistake is enough.
        self.cmd_sn = value + 1 & MASK
        if self.max_cmd_sn is not None and after(value, self.max_cmd_sn):
            self.wrong(pdu, "4.2.2.1", f"CmdSN {value} beyond MaxCmdSN {self.max_cmd_sn}")
            return
        # Whoever uses a number knows the PDU that granted it, so has acknowledged those before that PDU.
        while self.grants and after(value, self.grants[0].top):
            self.grants.popleft()
        if self.grants and after(value, self.grants[0].before):
            stat_sn = self.grants[0].stat_sn
            if self.exp_stat_sn is not None and after(stat_sn, self.exp_stat_sn):
                self.wrong(pdu, "4.2.2.2", f"ExpStatSN {self.exp_stat_sn}, though its CmdSN was granted behind "
                           f"StatSN {stat_sn - 1 & MASK}")

    def check_itt(self, pdu):
        itt = pdu["itt"]
        if itt == NONE:
            self.wrong(pdu, "11.2.1.8", "the reserved Initiator Task Tag")
        task = self.tasks.get(itt)
        if task and task.outstanding:
            self.wrong(pdu, "11.2.1.8", f"Initiator Task Tag 0x{itt:x} is that of a task since frame {task.frame}")

    # ---- What an initiator sends

    def login(self, pdu):
        if self.full_feature:
            self.wrong(pdu, "6.3", "after the end of the login")
            return
        first = self.logins
        if first is None:
            self.logins = pdu
            self.cmd_sn = pdu["cmd_sn"]
        else:
            for field, section in (("cmd_sn", "11.12.8"), ("itt", "11.12"), ("isid", "11.12.5")):
                if pdu.get(field) != first.get(field):
                    self.wrong(pdu, section, f"{field} {pdu.get(field)} after {first.get(field)} in one login")
        if pdu.get("length", 0) > LOGIN_SEGMENT:
            self.wrong(pdu, "13.12", f"{pdu['length']} bytes of text")
        self.keys.note(True, pdu.get("keys", ()))

    def pong(self, pdu):
        """The answer to a target's NOP-In, or a NOP-Out that wants no answer."""
        if not pdu.get("immediate"):
            self.wrong(pdu, "11.18.1", "without an Initiator Task Tag, and not immediate")
        if pdu["ttt"] != NONE:
            if pdu["ttt"] not in self.pings:
                self.wrong(pdu, "11.18.2", f"Target Transfer Tag 0x{pdu['ttt']:x}, for which no NOP-In asked")
            self.pings.discard(pdu["ttt"])

    def command(self, pdu, task):
        keys = self.keys
        immediate = pdu.get("length", 0)
        final = pdu["command_final"]
        if immediate:
            if not task.write:
                self.wrong(pdu, "11.3.6", "data with a command that does not write")
            if not keys.immediate_data:
                self.wrong(pdu, "13.11", "immediate data, with ImmediateData=No")
            limit = min(keys.first_burst, task.expected)
            if immediate > limit:
                self.wrong(pdu, "13.14", f"{immediate} bytes of immediate data, the limit is {limit}")
        if final:
            return
        if not task.write:
            self.wrong(pdu, "11.3.1", "F=0 with a command that does not write")
        elif keys.initial_r2t:
            self.wrong(pdu, "13.10", "F=0, with InitialR2T=Yes")
        elif immediate >= task.expected:
            self.wrong(pdu, "11.3.4", "F=0, and all data is immediate")
        else:
            # All that may be sent has to be (4.2.5.2).
            end = min(keys.first_burst, task.expected)
            task.unsolicited = Sequence(immediate, end)
            self.owing[pdu["itt"]] = task

    def task_management(self, pdu):
        self.undisturbed = False
        if pdu["function"] not in (ABORT_TASK, TASK_REASSIGN):
            if pdu["referenced"] != NONE:
                self.wrong(pdu, "11.5.4", f"Referenced Task Tag 0x{pdu['referenced']:x} with a function on no task")
            return
        task = self.tasks.get(pdu["referenced"])
        if not task:
            self.wrong(pdu, "11.5.4", f"Referenced Task Tag 0x{pdu['referenced']:x}, which no task ever had")
        elif pdu["function"] == ABORT_TASK:
            expected = pdu["cmd_sn"] if task.immediate else task.cmd_sn
            if pdu["ref_cmd_sn"] != expected:
                self.wrong(pdu, "11.5.5", f"RefCmdSN {pdu['ref_cmd_sn']}, not {expected}")

    def data_out(self, pdu):
        task = self.tasks.get(pdu["itt"])
        if not task or task.opcode != COMMAND:
            self.wrong(pdu, "11.7", f"Initiator Task Tag 0x{pdu['itt']:x}, which no command has")
        elif not task.write:
            self.wrong(pdu, "11.7", "data for a command that does not write")
        elif pdu["ttt"] == NONE:
            self.unsolicited(pdu, task)
        else:
            self.solicited(pdu, task)

    def unsolicited(self, pdu, task):
        sequence = task.unsolicited
        if not sequence:
            self.wrong(pdu, "11.3.1", "unsolicited data, but its command said F=1")
            return
        if sequence.done:
            self.wrong(pdu, "11.7.1", "unsolicited data behind the last of it")
            return
        if self.owing and next(iter(self.owing.values())) is not task and self.undisturbed:
            self.wrong(pdu, "4.2.5.2", "unsolicited data before that of an earlier command")
        self.piece(pdu, task, sequence, "13.14", "FirstBurstLength or the command's length")
        if sequence.done:
            self.owing.pop(pdu["itt"], None)

    def solicited(self, pdu, task):
        sequence = task.r2ts.get(pdu["ttt"])
        if not sequence:
            self.wrong(pdu, "11.7.4", f"Target Transfer Tag 0x{pdu['ttt']:x}, for which no R2T of the task asked")
            return
        if sequence.done:
            self.wrong(pdu, "11.7.1", "data behind the last of what the R2T asked for")
            return
        if next(each for each in task.r2ts.values() if not each.done) is not sequence:
            self.wrong(pdu, "11.8", "the answer to an R2T before that to an earlier one")
        self.piece(pdu, task, sequence, "11.8.4", "what the R2T asked for")

    def piece(self, pdu, task, sequence, section, what):
        """A PDU of a sequence: in order, without a hole, inside of what is wanted, F at the end and only there."""
        length = pdu.get("length", 0)
        if pdu["data_sn"] != sequence.data_sn:
            self.wrong(pdu, "11.7.5", f"DataSN {pdu['data_sn']}, not {sequence.data_sn}")
        if pdu["offset"] != sequence.offset:
            self.wrong(pdu, "11.7.6", f"buffer offset {pdu['offset']}, not {sequence.offset}")
        end = pdu["offset"] + length
        if end > sequence.end:
            self.wrong(pdu, section, f"data up to {end}, beyond {what}, {sequence.end}")
        if end > task.expected:
            self.wrong(pdu, "11.7.6", f"data up to {end} of {task.expected}")
        if pdu["final"] != (end >= sequence.end):
            self.wrong(pdu, "11.7.1", f"F={pdu['final']:d} at {end} of {sequence.end}")
        sequence.data_sn += 1
        sequence.offset = end
        sequence.done = pdu["final"] or end >= sequence.end

    # ---- What it receives

    def received(self, pdu):
        opcode = pdu["opcode"]
        # Of a login that failed the numbers mean nothing (11.13.4).
        if opcode != LOGIN_RESPONSE or pdu["login_status"] == 0:
            self.window(pdu)
            self.status(pdu)
        if not self.full_feature:
            if opcode == LOGIN_RESPONSE:
                self.login_response(pdu)
            else:
                self.target_wrong(pdu, "6.3", "before the end of the login")
            return
        if pdu.get("length", 0) > self.keys.to_initiator and opcode != REJECT:
            self.target_wrong(pdu, "13.12", f"{pdu['length']} bytes of data, the limit is {self.keys.to_initiator}")
        if opcode == NOP_IN:
            if pdu["itt"] == NONE:
                self.pings.add(pdu["ttt"])
            else:
                self.end(pdu, NOP_OUT)
        elif opcode == R2T:
            self.r2t(pdu)
        elif opcode == DATA_IN:
            self.data_in(pdu)
        elif opcode == RESPONSE:
            self.end(pdu, COMMAND)
        elif opcode == TASK_RESPONSE:
            self.end(pdu, TASK_MANAGEMENT)
            # What it has ended needs no answer of its own, and which tasks that were is the target's word.
            self.forget()
        elif opcode == TEXT_RESPONSE:
            if pdu["ttt"] == NONE:
                self.end(pdu, TEXT)
        elif opcode == LOGOUT_RESPONSE:
            self.end(pdu, LOGOUT)
        elif opcode in (ASYNC, REJECT):
            self.undisturbed = False
            self.forget()

    def forget(self):
        """Any tag may be free from now on."""
        for task in self.tasks.values():
            task.outstanding = False
        self.owing.clear()

    def window(self, pdu):
        """The rules of 4.2.2.1 on ExpCmdSN and MaxCmdSN."""
        exp, top = pdu["exp_cmd_sn"], pdu["max_cmd_sn"]
        if self.cmd_sn is not None and self.full_feature and after(exp, self.cmd_sn):
            self.target_wrong(pdu, "4.2.2.1", f"ExpCmdSN {exp}, but the last CmdSN was {self.cmd_sn - 1 & MASK}")
        if after(exp - 1 & MASK, top):
            return
        if self.max_cmd_sn is None or after(top, self.max_cmd_sn):
            if self.stat_sn is not None and self.max_cmd_sn is not None:
                self.grants.append(Grant(self.max_cmd_sn, top, self.stat_sn))
            self.max_cmd_sn = top

    def status(self, pdu):
        """StatSN counts the PDUs that carry one (4.2.2.2). Others tell the next one, or nothing."""
        opcode = pdu["opcode"]
        if opcode == R2T or opcode == DATA_IN and not pdu["status_bit"]:
            return
        if opcode == NOP_IN and pdu["itt"] == NONE:
            return
        value = pdu["stat_sn"]
        if self.stat_sn is not None and value != self.stat_sn:
            self.target_wrong(pdu, "4.2.2.2", f"StatSN {value}, not {self.stat_sn}")
        if self.stat_sn is None or not after(self.stat_sn, value):
            self.stat_sn = value + 1 & MASK

    def login_response(self, pdu):
        self.keys.note(False, pdu.get("keys", ()))
        if pdu["transit"] and pdu["next_stage"] == 3 and pdu["login_status"] == 0:
            self.keys.settle()
            self.full_feature = True

    def end(self, pdu, opcode):
        task = self.tasks.get(pdu["itt"])
        if not task or task.opcode != opcode or not task.outstanding:
            self.target_wrong(pdu, "11.2.1.8", f"Initiator Task Tag 0x{pdu['itt']:x}, which no task has")
            return
        task.outstanding = False
        # The target may have had enough before all data was there.
        self.owing.pop(pdu["itt"], None)

    def command_of(self, pdu):
        task = self.tasks.get(pdu["itt"])
        if task and task.opcode != COMMAND:
            task = None
        if not task or not task.outstanding:
            self.target_wrong(pdu, "11.2.1.8", f"Initiator Task Tag 0x{pdu['itt']:x}, which no command has")
        return task

    def r2t(self, pdu):
        task = self.command_of(pdu)
        if not task:
            return
        begin, length = pdu["offset"], pdu["desired"]
        if pdu["r2t_sn"] != task.input_sn:
            self.target_wrong(pdu, "11.8.2", f"R2TSN {pdu['r2t_sn']}, not {task.input_sn}")
        task.input_sn = pdu["r2t_sn"] + 1
        if length == 0 or length > self.keys.max_burst:
            self.target_wrong(pdu, "11.8.4", f"asks for {length} bytes, MaxBurstLength is {self.keys.max_burst}")
        if begin + length > task.expected:
            self.target_wrong(pdu, "11.8.4", f"asks for data up to {begin + length} of {task.expected}")
        open_ones = sum(not each.done for each in task.r2ts.values())
        if open_ones >= self.keys.max_r2t:
            self.target_wrong(pdu, "13.17", f"{open_ones} are open, MaxOutstandingR2T is {self.keys.max_r2t}")
        # A tag may come again once its sequence is over; to keep the order it has to go to the end.
        task.r2ts.pop(pdu["ttt"], None)
        task.r2ts[pdu["ttt"]] = Sequence(begin, begin + length)

    def data_in(self, pdu):
        task = self.command_of(pdu)
        if not task:
            return
        length = pdu.get("length", 0)
        if pdu["data_sn"] != task.input_sn:
            self.target_wrong(pdu, "11.7.5", f"DataSN {pdu['data_sn']}, not {task.input_sn}")
        task.input_sn = pdu["data_sn"] + 1
        if length and pdu["offset"] != task.received:
            self.target_wrong(pdu, "11.7.6", f"buffer offset {pdu['offset']}, not {task.received}")
        task.received = pdu["offset"] + length
        if task.received > task.expected_read:
            self.target_wrong(pdu, "11.7.6", f"data up to {task.received} of {task.expected_read}")
        task.burst += length
        if task.burst > self.keys.max_burst:
            self.target_wrong(pdu, "13.13", f"a sequence of {task.burst} bytes, the limit is {self.keys.max_burst}")
        if pdu["final"]:
            task.burst = 0
        if pdu["status_bit"]:
            self.end(pdu, COMMAND)
