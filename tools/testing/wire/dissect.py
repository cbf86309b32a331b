# SPDX-License-Identifier: GPL-2.0
"""What tshark reads in each PDU, and what it finds wrong there."""

import re
import subprocess

# The fields of interest, by the names that they have here.
FIELDS = {
    "opcode": "iscsi.opcode",
    "immediate": "iscsi.I",
    "flags": "iscsi.flags",
    "final": "iscsi.scsidata.F",
    "status_bit": "iscsi.scsidata.S",
    "command_final": "iscsi.scsicommand.F",
    "read": "iscsi.scsicommand.R",
    "write": "iscsi.scsicommand.W",
    "text_final": "iscsi.text.F",
    "transit": "iscsi.login.T",
    "next_stage": "iscsi.login.nsg",
    "login_status": "iscsi.login.status",
    "isid": "iscsi.isid",
    "tsih": "iscsi.tsih",
    "length": "iscsi.datasegmentlength",
    "itt": "iscsi.initiatortasktag",
    "ttt": "iscsi.targettransfertag",
    "expected": "iscsi.scsicommand.expecteddatatransferlength",
    "expected_read": "iscsi.ahs.bidir.length",
    "cmd_sn": "iscsi.cmdsn",
    "exp_stat_sn": "iscsi.expstatsn",
    "stat_sn": "iscsi.statsn",
    "exp_cmd_sn": "iscsi.expcmdsn",
    "max_cmd_sn": "iscsi.maxcmdsn",
    "data_sn": "iscsi.datasn",
    "r2t_sn": "iscsi.r2tsn",
    "offset": "iscsi.bufferOffset",
    "desired": "iscsi.desireddatalength",
    "scsi_status": "iscsi.scsiresponse.status",
    "function": "iscsi.taskmanfun.function",
    "function_response": "iscsi.taskmanfun.response",
    "referenced": "iscsi.taskmanfun.referencedtasktag",
    "ref_cmd_sn": "iscsi.refcmdsn",
    "keys": "iscsi.keyvalue",
    "header_digest": "iscsi.headerdigest32",
    "data_digest": "iscsi.datadigest32",
    "severity": "_ws.expert.severity",
    "message": "_ws.expert.message",
    "malformed": "_ws.malformed",
}
TEXTS = frozenset(("keys", "isid", "severity", "message", "malformed"))
BOOLEANS = frozenset(
    ("immediate", "final", "status_bit", "command_final", "read", "write", "text_final", "transit")
)

# What looks odd is to be read and judged, not passed over as no iSCSI.
OPTIONS = ("-o", "iscsi.bogus_pdu_filter:FALSE", "-o", "iscsi.bogus_pdu_max_data_len:16777216")

# Between the values of one field, and between fields.
VALUE, FIELD = "\x1f", "\x1e"

# PI_ERROR, the highest of Wireshark's severities.
ERROR = 0x00800000


class TsharkFailed(Exception):
    """It said something on standard error, or ended with a code."""


def tshark(path, *options):
    run = subprocess.run(
        ("tshark", "-n", "-r", path, *OPTIONS, *options), capture_output=True, text=True, errors="replace", check=False
    )
    if run.returncode:
        raise TsharkFailed(f"exit code {run.returncode}: {run.stderr.strip()}")
    return run.stdout


def read(path):
    """The fields of each packet of a capture, as a dictionary of those that it has."""
    names = list(FIELDS)
    wanted = [word for name in names for word in ("-e", FIELDS[name])]
    lines = tshark(path, "-T", "fields", "-E", f"separator={FIELD}", "-E", f"aggregator={VALUE}", *wanted)
    return [fields_of(names, line) for line in lines.split("\n")[:-1]]


def fields_of(names, line):
    """Of a Reject tshark reads the rejected header as well, behind its own fields; those come first."""
    found = {}
    for name, text in zip(names, line.split(FIELD)):
        if not text:
            continue
        values = text.split(VALUE)
        if name in TEXTS:
            found[name] = values
        elif name in BOOLEANS:
            found[name] = values[0] in ("True", "1")
        else:
            found[name] = int(values[0], 0)
    return found


def digests(path):
    """What tshark makes of the digests, by packet number: 'header' and 'data' to whether it is right."""
    found = {}
    number = 0
    text = tshark(path, "-Y", "iscsi.headerdigest32 || iscsi.datadigest32", "-V", "-O", "iscsi")
    for line in text.split("\n"):
        frame = re.match(r"Frame (\d+):", line)
        if frame:
            number = int(frame.group(1))
            continue
        digest = re.match(r" *(Header|Data)Digest: .*\((Good|Bad) CRC32", line)
        if digest:
            found.setdefault(number, {})[digest.group(1).lower()] = digest.group(2) == "Good"
    return found


def errors(fields):
    """The expert errors of a packet. What SCSI it carries is not judged: that is the business of the SCSI layers at
    both ends, and tshark calls data malformed that an allocation length has cut."""
    severe = [
        message
        for severity, message in zip(fields.get("severity", ()), fields.get("message", ()))
        if int(severity, 0) >= ERROR
    ]
    if severe and any(each.startswith("[Malformed Packet: SCSI") for each in fields.get("malformed", ())):
        severe = [each for each in severe if not each.startswith("Malformed Packet")]
    return severe
