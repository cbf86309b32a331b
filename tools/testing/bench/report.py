#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""report.py BED DIRECTORY: reads what run.sh has left in a directory, prints one line per workload and
writes the same, with spread, latency and processor time, to bench.json there.

The number of a workload is the median of its rounds: I/Os per second, or in the bed `icount`, where one
instruction takes one nanosecond, instructions per I/O of both ends and fio. The ratio says how many times
better ours is than iscsi_tcp.
"""

import json
import pathlib
import statistics
import sys

INITIATORS = ("ours", "iscsi_tcp", "nvme_tcp", "tcm_loop")

# The fields of a line of /proc/stat during which a processor worked: user, nice, system, irq, softirq.
BUSY = (0, 1, 2, 5, 6)


def processor_ticks(path):
    """The ticks that all processors have worked, as proc_stat(5) gives them."""
    fields = [int(word) for word in path.read_text().split()[1:]]
    return sum(fields[index] for index in BUSY)


def samples_of_round(directory, bed, tick):
    """What one fio has measured: for each initiator a sample. `tick` is in microseconds."""
    text = (directory / "fio.json").read_text()
    # Notes of fio's may come first.
    jobs = json.loads(text[text.index("{\n") :])["jobs"]
    for job in jobs:
        name = job["jobname"]
        side = max((job["read"], job["write"]), key=lambda side: side["total_ios"])
        ios = side["total_ios"]
        if ios == 0:
            raise SystemExit(f"{directory}: {name} has done nothing")
        before, after = (
            processor_ticks(directory / f"{name}.{when}.txt") for when in ("prerun", "postrun")
        )
        percentile = side["lat_ns"]["percentile"]
        yield name, {
            "value": 1e9 / side["iops"] if bed == "icount" else side["iops"],
            "p50_us": percentile["50.000000"] / 1000,
            "p99_us": percentile["99.000000"] / 1000,
            "cpu_us": (after - before) * tick / ios,
        }


def summary(samples):
    """Medians of the samples of one initiator, and how far they lie apart."""
    values = [sample["value"] for sample in samples]
    result = {
        key: statistics.median(sample[key] for sample in samples) for key in samples[0]
    }
    result.update(lowest=min(values), highest=max(values), values=values)
    return result


def read_row(directory, bed, tick):
    """Every initiator's summary of one workload."""
    samples = {}
    for round_directory in sorted(directory.iterdir(), key=lambda path: int(path.name)):
        for name, sample in samples_of_round(round_directory, bed, tick):
            samples.setdefault(name, []).append(sample)
    return {name: summary(samples[name]) for name in INITIATORS if name in samples}


def better(bed, one, other):
    """The better one of two summaries."""
    pick = min if bed == "icount" else max
    return pick(one, other, key=lambda each: each["value"])


def complete(rows, bed):
    """Puts the rows in order: those with wide parameters become the best of both sets, and a row
    without a figure of its own takes it from the plain row (tcm_loop knows no digest)."""
    for name, plain in list(rows.items()):
        wide = rows.pop(f"{name}-wide", None)
        if wide is not None:
            rows[f"{name}-best"] = {
                each: better(bed, plain[each], wide[each]) for each in wide
            }
        for other in (f"{name}-digests", f"{name}-best"):
            if other in rows:
                rows[other] = {**plain, **rows[other]}
    return dict(sorted(rows.items()))


def ratio_of(bed, row):
    """How many times better ours is than iscsi_tcp, above 1 if it is."""
    ours, theirs = row["ours"]["value"], row["iscsi_tcp"]["value"]
    return theirs / ours if bed == "icount" else ours / theirs


def lines(bed, rows, ratios):
    """The report."""
    for name, row in rows.items():
        numbers = " ".join(f"{each}={row[each]['value']:.0f}" for each in row)
        yield f"bench {bed} {name} {numbers} ratio={ratios[name]:.2f}"
    for name, row in rows.items():
        spread = " ".join(
            f"{each}={row[each]['lowest']:.0f}..{row[each]['highest']:.0f}" for each in row
        )
        yield f"spread {bed} {name} {spread}"
    for name, row in rows.items():
        latency = " ".join(
            f"{each}={row[each]['p50_us']:.0f}/{row[each]['p99_us']:.0f}" for each in row
        )
        yield f"latency-us-p50/p99 {bed} {name} {latency}"
    for name, row in rows.items():
        cpu = " ".join(f"{each}={row[each]['cpu_us']:.1f}" for each in row)
        yield f"cpu-us-per-io {bed} {name} {cpu}"


def main():
    """Reads, prints, writes."""
    bed, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    tick = 1e6 / int((directory / "ticks").read_text())
    rows = {
        path.name: read_row(path, bed, tick) for path in (directory / "runs").iterdir()
    }
    rows = complete(rows, bed)
    ratios = {name: ratio_of(bed, row) for name, row in rows.items()}
    print("\n".join(lines(bed, rows, ratios)))
    report = {
        "bed": bed,
        "unit": "instructions per I/O" if bed == "icount" else "I/Os per second",
        "kernel": (directory / "kernel").read_text().strip(),
        "rows": [
            {"workload": name, "ratio": ratios[name], "initiators": row}
            for name, row in rows.items()
        ],
    }
    (directory / "bench.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
