#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which login parameters negotiation.sh tries: combinations of what both sides want.

  pairwise.py pairs           a table in which each two values of different columns that may meet do meet
  pairwise.py outcomes SEED   a table in which everything occurs that can come of a login
  pairwise.py count           how many combinations there are, and how many outcomes

The first is in negotiation.table. It is built row by row: of some random rows that hold a pair not yet
seen, the one with the most of them. The random numbers have a fixed seed, so that the table is always the
same; at the end it is checked against the list of all pairs.

There are 8128512 combinations of both sides' values: at half a second each, for two kinds of target, a
quarter of a year. But once a login has ended only its results matter, not where they came from, and writes
have to do with other results than reads. So `outcomes` has the full product of the results in each direction:

  - for writes: header digest x data digest x ImmediateData x InitialR2T x MaxOutstandingR2T x the target's
    MaxRecvDataSegmentLength x FirstBurstLength x MaxBurstLength. Where the last but one is not above the last
    and, if there is no unsolicited data, does not matter (RFC 7143 section 13.14), these are 3312;
  - for reads: header digest x data digest x the initiator's MaxRecvDataSegmentLength x MaxBurstLength, which
    are 144, each at least eight times.

Which of the values that lead to a result each side has is left to chance, but each two values meet, as in
the first table. That any two offers have the right result is tried without a guest, in tools/testing/properties.
"""

import collections
import itertools
import random
import sys

LENGTHS = ["512", "4096", "8192", "65536", "262144", "16777215"]
YES_NO = ["Yes", "No"]

# What the initiator can be told has i in front, what the target can be told has t. The initiator always
# offers MaxOutstandingR2T=8; the digest of a target is a list, the preferred one first.
COLUMNS = {
    "iHeaderDigest": ["None", "CRC32C"],
    "tHeaderDigest": ["None", "CRC32C", "CRC32C,None"],
    "iDataDigest": ["None", "CRC32C"],
    "tDataDigest": ["None", "CRC32C", "CRC32C,None"],
    "iInitialR2T": YES_NO,
    "tInitialR2T": YES_NO,
    "iImmediateData": YES_NO,
    "tImmediateData": YES_NO,
    "tMaxOutstandingR2T": ["1", "8"],
    "iMaxRecvDataSegmentLength": LENGTHS,
    "tMaxRecvDataSegmentLength": LENGTHS,
    "iFirstBurstLength": LENGTHS,
    "tFirstBurstLength": LENGTHS,
    "iMaxBurstLength": LENGTHS,
    "tMaxBurstLength": LENGTHS,
}
NAMES = list(COLUMNS)

# Pairs of columns with values that end no login well, so that there is nothing to transfer.
RULES = [
    # No common digest: the target refuses.
    ("iHeaderDigest", "tHeaderDigest", lambda ours, theirs: ours in theirs.split(",")),
    ("iDataDigest", "tDataDigest", lambda ours, theirs: ours in theirs.split(",")),
    # RFC 7143 section 13.14 forbids it.
    ("iFirstBurstLength", "iMaxBurstLength", lambda first, burst: int(first) <= int(burst)),
    ("tFirstBurstLength", "tMaxBurstLength", lambda first, burst: int(first) <= int(burst)),
]


def legal(row):
    """Whether a row, or what there is of it, breaks no rule."""
    return all(
        rule(row[one], row[other]) for one, other, rule in RULES if one in row and other in row
    )


def random_row(rng, begin):
    """A row that holds the values of `begin`, which is legal."""
    row = dict(begin)
    for name in NAMES:
        if name not in row:
            values = [value for value in COLUMNS[name] if legal({**row, name: value})]
            row[name] = rng.choice(values)
    return row


def pairs_of(row):
    """All pairs of values in a row."""
    return set(itertools.combinations([(name, row[name]) for name in NAMES], 2))


def all_pairs():
    """All pairs of values that may meet."""
    pairs = set()
    for one, other in itertools.combinations(NAMES, 2):
        for pair in itertools.product(COLUMNS[one], COLUMNS[other]):
            if legal({one: pair[0], other: pair[1]}):
                pairs.add(((one, pair[0]), (other, pair[1])))
    return pairs


def smaller(*both):
    return min(both, key=int)


# Columns whose values have a result together, and which.
RESULTS = {
    "HeaderDigest": (["iHeaderDigest", "tHeaderDigest"], lambda ours, _: ours),
    "DataDigest": (["iDataDigest", "tDataDigest"], lambda ours, _: ours),
    "InitialR2T": (["iInitialR2T", "tInitialR2T"], lambda *both: "Yes" in both),
    "ImmediateData": (["iImmediateData", "tImmediateData"], lambda *both: "No" not in both),
    "MaxOutstandingR2T": (["tMaxOutstandingR2T"], str),
    "to the target": (["tMaxRecvDataSegmentLength"], str),
    "FirstBurstLength, MaxBurstLength": (
        ["iFirstBurstLength", "tFirstBurstLength", "iMaxBurstLength", "tMaxBurstLength"],
        lambda *values: (smaller(*values[:2]), smaller(*values[2:])),
    ),
}


def ways(columns, result):
    """By result, the values of the columns that lead to it."""
    found = {}
    for values in itertools.product(*(COLUMNS[name] for name in columns)):
        row = dict(zip(columns, values))
        if legal(row):
            found.setdefault(result(*values), []).append(row)
    return found


def outcomes(rng):
    """A row for each combination of results."""
    found = [ways(*each) for each in RESULTS.values()]
    rows = []
    for results in itertools.product(*found):
        _, _, initial, immediate, _, _, (first, burst) = results
        if initial and not immediate:
            # No unsolicited data, and any FirstBurstLength is as good as another.
            if first != LENGTHS[0]:
                continue
            first = rng.choice([each for each, other in found[-1] if other == burst])
        row = {}
        for way, value in zip(found, (*results[:-1], (first, burst))):
            row.update(rng.choice(way[value]))
        rows.append(row)
    assert len(rows) == 3312

    rng.shuffle(rows)
    reads = collections.Counter()
    for row in rows:
        read = row["iHeaderDigest"], row["iDataDigest"], smaller(row["iMaxBurstLength"], row["tMaxBurstLength"])
        row["iMaxRecvDataSegmentLength"] = LENGTHS[reads[read] % len(LENGTHS)]
        reads[read] += 1
    assert min(reads.values()) >= 8 * len(LENGTHS)
    # To tell tgt something takes a program, so rows that want the same of it are neighbours.
    return sorted(cover(rng, rows), key=lambda row: [row[name] for name in NAMES if name[0] == "t"])


def cover(rng, rows):
    """Adds to the rows what it takes for all pairs to be there."""
    missing = all_pairs().difference(*map(pairs_of, rows))
    while missing:
        wanted = sorted(missing)
        candidates = [random_row(rng, dict(rng.choice(wanted))) for _ in range(500)]
        best = max(candidates, key=lambda row: len(pairs_of(row) & missing))
        rows.append(best)
        missing -= pairs_of(best)
    assert set().union(*map(pairs_of, rows)) == all_pairs()
    assert all(map(legal, rows))
    return rows


def count():
    """The number of all legal rows: of the values that each rule ties together, times the others'."""
    tied = {name for one, other, _ in RULES for name in (one, other)}
    total = 1
    for name in NAMES:
        if name not in tied:
            total *= len(COLUMNS[name])
    for one, other, rule in RULES:
        total *= sum(rule(*pair) for pair in itertools.product(COLUMNS[one], COLUMNS[other]))
    return total


def main():
    match sys.argv[1:]:
        case ["pairs"]:
            rows = cover(random.Random(7143), [])
        case ["outcomes", seed]:
            rows = outcomes(random.Random(int(seed)))
        case ["count"]:
            print(f"{count()} combinations, {len(outcomes(random.Random(0)))} rows for all outcomes")
            return
        case _:
            sys.exit(__doc__)
    print("# Made by pairwise.py " + " ".join(sys.argv[1:]))
    print("\t".join(NAMES))
    for row in rows:
        print("\t".join(row[name] for name in NAMES))


main()
