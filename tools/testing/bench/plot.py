#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""plot.py: draws the bench.json on standard input as PNG on standard output.

A bar for each initiator and workload, relative to iscsi_tcp and pointing up where it is better, with
its number on it and the spread of the rounds.
"""

import json
import sys

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend comes first)

COLOURS = {
    "ours": "#c0392b",
    "iscsi_tcp": "#7f8c8d",
    "nvme_tcp": "#2980b9",
    "tcm_loop": "#d5d8dc",
}

# Bars are cut here: the bound without a network may be far away.
TALLEST = 6


def relative(bed, value, base):
    """How many times better than the base."""
    return base / value if bed == "icount" else value / base


def short(value):
    """A number that fits on a bar."""
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    return f"{value / 1e3:.3g}k" if value >= 1e3 else f"{value:.0f}"


def draw(axes, bed, rows):
    """One panel."""
    width = 0.8 / len(COLOURS)
    for place, (name, colour) in enumerate(COLOURS.items()):
        for index, row in enumerate(rows):
            sample = row["initiators"].get(name)
            if sample is None:
                continue
            base = row["initiators"]["iscsi_tcp"]["value"]
            left = index - 0.4 + place * width
            height = min(relative(bed, sample["value"], base), TALLEST)
            ends = [relative(bed, sample[end], base) for end in ("lowest", "highest")]
            axes.bar(left, height, width, align="edge", color=colour, label="" if index else name)
            if max(ends) < TALLEST:
                axes.vlines(left + width / 2, min(ends), max(ends), color="black", linewidth=0.8)
            axes.text(
                left + width / 2, height, f" {short(sample['value'])}", rotation=90,
                ha="center", va="bottom", fontsize=7,
            )
    axes.axhline(1, color="black", linewidth=0.5, linestyle=":")
    axes.set_xticks(range(len(rows)), [f"{row['workload']}\n{row['ratio']:.2f}" for row in rows])
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(0, TALLEST * 1.15)
    axes.set_ylabel("times iscsi_tcp")


def main():
    """Two panels: without digests, and the rest."""
    report = json.load(sys.stdin)
    plain = [row for row in report["rows"] if row["workload"].count("-") == 2]
    others = [row for row in report["rows"] if row not in plain]
    panels = [rows for rows in (plain, others) if rows]
    figure, all_axes = pyplot.subplots(
        len(panels), 1, figsize=(16, 5 * len(panels)), squeeze=False, layout="constrained"
    )
    for axes, rows in zip(all_axes.flat, panels):
        draw(axes, report["bed"], rows)
    all_axes[0][0].legend(loc="upper left", fontsize=8, ncols=len(COLOURS))
    figure.suptitle(f"{report['bed']}: {report['unit']} (higher bars are better), kernel {report['kernel']}")
    figure.savefig(sys.stdout.buffer, format="png", dpi=100)


if __name__ == "__main__":
    main()
