#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which login parameters negotiation.sh tries: combinations of what both sides want.

  pairwise.py pairs             a table in which each two values of different columns that may meet do meet
  pairwise.py sample N SEED     a table of N combinations at random
  pairwise.py count             how many combinations there are

The first is in negotiation.table. It is built row by row: of some random rows that hold a pair not yet
seen, the one with the most of them. The random numbers have a fixed seed, so that the table is always the
same; at the end it is checked against the list of all pairs.
"""

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


def pairwise():
    """Few rows that hold all pairs."""
    rng = random.Random(7143)
    missing = all_pairs()
    rows = []
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
            rows = pairwise()
        case ["sample", number, seed]:
            rng = random.Random(int(seed))
            rows = [random_row(rng, {}) for _ in range(int(number))]
        case ["count"]:
            print(count())
            return
        case _:
            sys.exit(__doc__)
    print("# Made by pairwise.py " + " ".join(sys.argv[1:]))
    print("\t".join(NAMES))
    for row in rows:
        print("\t".join(row[name] for name in NAMES))


main()
