# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians and spreads of runs, and the tables made of them."""

import statistics
from dataclasses import dataclass

from . import distance
from .runner import Cell, cpu_value, wall_value


@dataclass
class Summary:
    """A cell over its rounds: medians; spread is (most - least) / median."""
    cell: Cell
    rounds: int
    cpu: float
    wall: float
    spread: float
    p99: float | None
    errors: int
    limited: int    # rounds in which the generator said that it was the limit
    fell: int       # rounds after whose end the gateway fell over
    busy_before: float  # the most that others had the gateway's core, just before a round
    apart: int      # rounds in which the two cores weren't near each other


OWN = "postern"  # the subject that all others are the peers of


def _number(run, workload, how):
    try:
        return how(run, workload)
    except (KeyError, ZeroDivisionError):
        return None


def summaries(runs, workloads):
    """By cell, in the order of the runs."""
    cells = {}
    for run in runs:
        if "failed" in run:
            continue
        for name, workload in workloads.items():
            if run["workload"] in (name, workload.of):
                cells.setdefault(Cell(run["subject"], run["path"], name), []).append(run)
    return {cell: summary for cell, group in cells.items()
            if (summary := _summary(cell, group, workloads[cell.workload]))}


def _summary(cell, group, workload):
    cpu = [number for run in group if (number := _number(run, workload, cpu_value)) is not None]
    wall = [number for run in group if (number := _number(run, workload, wall_value)) is not None]
    if not cpu:
        return None
    middle = statistics.median(cpu)
    results = [run["result"] for run in group]
    latencies = [result["metrics"][workload.metric]["p99"] for result in results
                 if workload.kind == "latency" and workload.part]
    return Summary(cell, len(cpu), middle, statistics.median(wall),
                   (max(cpu) - min(cpu)) / middle if middle else 0,
                   statistics.median(latencies) if latencies else None,
                   sum(sum(result["metrics"].get("errors", {}).values()) for result in results),
                   sum(bool(result.get("client", {}).get("limited")) for result in results),
                   sum("ended_with" in run["gateway"] for run in group),
                   max(run["gateway"]["core_busy_before"] for run in group),
                   sum(distance.moved(run) for run in group))


def shown(number):
    """Three digits, and thousands apart."""
    if number is None:
        return "-"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def ratio(ours, theirs, workload):
    """How many times better ours is."""
    if not ours or not theirs:
        return None
    return ours / theirs if workload.more_is_better() else theirs / ours


def lines(rows):
    """Columns as wide as they must be; the first one to the left."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) if at == 0 else text.rjust(width)
                        for at, (text, width) in enumerate(zip(row, widths))).rstrip()


def _best(found, workload, which):
    """The best peer's summary in a workload, of those that pass `which`."""
    best = None
    for cell, summary in found.items():
        if cell.workload == workload.name and which(cell):
            if best is None or workload.is_better(summary.cpu, best.cpu):
                best = summary
    return best


def ratios(found, workloads):
    """Rows for people: the best peer, and each of our own subjects against it."""
    own = list(dict.fromkeys(cell.path for cell in found if cell.subject == OWN))
    head = ["workload", "unit", "best peer", "", "per CPU-s", "by clock"]
    for path in own:
        head += [f"{OWN} {path}", "by clock", "ratio", "by clock"]
    rows = [head]
    for workload in workloads.values():
        peer = _best(found, workload, lambda cell: cell.subject != OWN)
        row = [workload.name, workload.unit]
        row += ([peer.cell.subject, peer.cell.path, shown(peer.cpu), shown(peer.wall)]
                if peer else ["-"] * 4)
        for path in own:
            ours = found.get(Cell(OWN, path, workload.name))
            row += [shown(ours.cpu), shown(ours.wall)] if ours else ["-"] * 2
            for which in ("cpu", "wall"):
                times = ratio(getattr(ours, which), getattr(peer, which), workload) \
                    if ours and peer else None
                row.append(f"{times:.2f}x" if times else "-")
        if len(row) > 2 and any(text != "-" for text in row[2:]):
            rows.append(row)
    return rows


def everything(found, workloads):
    """Rows for people: every cell."""
    rows = [["workload", "unit", "subject", "path", "per CPU-s", "spread", "by clock", "p99",
             "rounds", "notes"]]
    for name, workload in workloads.items():
        for cell, summary in found.items():
            if cell.workload != name:
                continue
            notes = [f"{summary.errors} errors"] if summary.errors else []
            if summary.limited:
                notes.append(f"generator was the limit ({summary.limited}x)")
            if summary.fell:
                notes.append(f"fell over after its run ({summary.fell}x)")
            if summary.busy_before > 0.05:
                notes.append(f"others had {summary.busy_before:.0%} of the core")
            if summary.apart:
                notes.append(f"cores far apart ({summary.apart}x)")
            rows.append([name, workload.unit, cell.subject, cell.path, shown(summary.cpu),
                         f"{summary.spread:.0%}", shown(summary.wall), shown(summary.p99),
                         str(summary.rounds), "; ".join(notes)])
    return rows


def text(runs, workloads):
    """All of it, as it is printed."""
    found = summaries(runs, workloads)
    parts = ["Medians. Rates per CPU-second of the gateway and, beside it, by the clock with the "
             "core\nthe gateway's own; latency is p50 in us, idle bytes a session, and storm and mix "
             "are\nby the clock.", ""]
    parts += [*lines(ratios(found, workloads)), "", *lines(everything(found, workloads))]
    failed = [run for run in runs if "failed" in run]
    for run in failed:
        parts += ["", f"FAILED: {run['subject']} {run['workload']} {run['path']}, round "
                  f"{run['round']}: {run['failed']}"]
    return "\n".join(parts) + "\n"
