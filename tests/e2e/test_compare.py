#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""bench/compare in its smallest form: a run, what it writes, and what it leaves behind."""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import e2e
from e2e import check
from lab import gateway, netns, process, shell, site

sys.path.insert(0, os.path.join(gateway.REPOSITORY, "bench"))
from compared import distance, load, machine, meter, peers, runner, table, workloads  # pylint: disable=wrong-import-position

COMMAND = os.path.join(gateway.REPOSITORY, "bench", "compare")
FOLDER = None  # temporary files of the comparisons under test, apart from anybody else's


def start(*arguments):
    """A comparison, with its messages together in a pipe."""
    return subprocess.Popen([COMMAND, "--out", os.path.join(FOLDER, "out"), *arguments], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=FOLDER,
                            env=dict(os.environ, TMPDIR=FOLDER))


def compare(*arguments, status=0):
    child = start(*arguments)
    told = child.communicate(timeout=120)[0]
    check(child.returncode == status, f"exit status {child.returncode}: {shell.tail(told)}")
    return told


def namespaces(pid):
    return [f"pc-{pid}-{part}" for part in ("wan", "gw", "lan")]


def folders():
    return [entry for entry in os.listdir(FOLDER) if entry.startswith(machine.TEMPORARY)
            and not entry.endswith(".lock")]


def nothing_is_left(pid, before):
    for name in namespaces(pid):
        check(not netns.exists(name), f"namespace {name} is left")
    check(not folders(), f"{folders()} are left")
    after = changeable()
    check(after == before, f"hugepages and backlog were {before} and are {after}")


def changeable():
    return machine.read(machine.HUGEPAGES), machine.read(machine.BACKLOG)


def usage():
    """bench/compare --help explains, and what it doesn't know is refused"""
    check("HAProxy" in compare("--help"), "no help")
    compare("--nonsense", status=2)
    check("one of haproxy" in compare("--peers", "squid", status=2), "it takes any peer")
    told = subprocess.run([COMMAND.replace("compare", "scale"), "nonsense"], check=False,
                          capture_output=True, text=True, timeout=20)
    check(told.returncode == 2 and "there are connections" in told.stderr, told.stderr)
    check("one of handshake" in compare("--workloads", "x", status=2),
          "it takes any workload")


def meter_reads_between_samples():
    """counters at the window's ends are read off between two samples"""
    watch = meter.Meter([], 0)
    watch.samples = [(10.0, {"busy": 1.0}), (11.0, {"busy": 1.5}), (12.0, {"busy": 2.5})]
    check(watch.between(10.5, 11.5) == {"busy": 0.75, "wall_s": 1.0}, watch.between(10.5, 11.5))
    check(watch.between(11.5, 13.0) == {"busy": 0.5, "wall_s": 0.5}, watch.between(11.5, 13.0))
    # One that nobody has read yet, and that was late.
    watch.samples[2] = (12.7, lambda: {"busy": 2.5, "at": 12.0})
    check(watch.between(11.5, 13.0) == {"busy": 0.5, "wall_s": 0.5}, watch.between(11.5, 13.0))
    watch.memories = [(10.0, "first"), (11.0, "second")]
    check(watch.memory_at(10.9) == "first", "memory isn't the last before the time")


def one_run(subject, path, rate, charged, number):
    return {"subject": subject, "path": path, "workload": "handshake", "round": number,
            "gateway": {"wall_s": 2.0, "charged_s": charged, "core_busy_before": 0.0},
            "result": {"metrics": {"handshakes_per_s": rate, "errors": {"timeout": 1}},
                       "client": {"limited": number == 1}}}


def table_takes_the_best_peer():
    """tables take medians, the best peer, and rates per CPU-second"""
    runs = [one_run("haproxy", "veth-gso", rate, 2.0, number)
            for number, rate in enumerate((1000, 1600, 1700), 1)]
    runs += [one_run("nginx", "veth-gso", 1500, 2.0, number) for number in (1, 2, 3)]
    runs += [one_run("postern", "memif", 3200, 1.0, number) for number in (1, 2, 3)]
    runs.append({"subject": "hitch", "path": "veth-gso", "workload": "handshake", "round": 1,
                 "failed": "it fell over"})
    every = workloads.workloads(10)
    found = table.summaries(runs, every)
    best = found[runner.Cell("haproxy", "veth-gso", "handshake")]
    check((best.cpu, best.wall, best.rounds, best.errors, best.limited) == (1600, 1600, 3, 3, 1),
          str(best))
    check(abs(best.spread - 700 / 1600) < 1e-9, str(best))
    row = table.ratios(found, every)[1]
    check(row[2:] == ["haproxy", "veth-gso", "1,600", "1,600", "6,400", "3,200", "4.00x", "2.00x"],
          str(row))
    check("it fell over" in table.text(runs, every), "a failed run isn't told")
    check(table.ratio(20, 50, every["latency"]) == 2.5, "less isn't better for latency")


def several_numbers_of_a_run():
    """a mix's runs give its p99, its bulk data and its handshakes, by the clock"""
    runs = [{"subject": subject, "path": path, "workload": "mix", "round": 1,
             "gateway": {"wall_s": 2.0, "charged_s": 0.5, "core_busy_before": 0.0},
             "result": {"metrics": {"latency_us": {"p50": 100, "p99": p99}, "handshakes_per_s": new,
                                    "down_bits_per_s": 5e7}}}
            for subject, path, p99, new in (("nginx", "veth-gso", 3000, 1000),
                                            ("postern", "memif", 1500, 4000))]
    every = workloads.workloads(10)
    found = table.summaries(runs, every)
    rows = {row[0]: row[2:] for row in table.ratios(found, every)[1:]}
    check(set(rows) == {"mix", "mix-bulk", "mix-new"}, str(rows))
    check(rows["mix"][2] == "3,000" and rows["mix"][-2] == "2.00x", str(rows))
    check(rows["mix-new"][2] == "1,000" and rows["mix-new"][-1] == "4.00x", str(rows))
    check(rows["mix-bulk"][2] == "50", str(rows))
    order = runner.cells([peers.Nginx(None, FOLDER, None)], every.values())
    check(not any(every[cell.workload].of for cell in order), "what is read off a run is run itself")


def settings_to_try():
    """each subject's settings are tried where they mean something"""
    every = workloads.workloads(10)
    haproxy = peers.HAProxy(None, FOLDER, None)
    check(len(runner.variants(haproxy, "veth-gso", every["handshake"])) == 2, "receive settings")
    tried = [str(each) for each in runner.variants(haproxy, "veth-1500", every["bulk-down"])]
    check("own+gro big buffers" in tried and len(tried) == 6, str(tried))
    check(len(runner.variants(haproxy, "veth-gso", every["idle"])) == 1, "idle has one setting")
    check(len(runner.variants(haproxy, "veth-gso", every["storm"])) == 1, "storm has one setting")


def scale():
    """bench/scale as a module, and a Bench whose rounds are given instead of run."""
    loader = importlib.machinery.SourceFileLoader("scale", COMMAND.replace("compare", "scale"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("scale", loader))
    loader.exec_module(module)

    class Canned(module.Bench):
        def __init__(self, found):
            super().__init__(None, None, None, None, None)
            self.found = found

        def rounds(self, setups, measure):
            check(set(self.found) == set(setups), f"measured are {list(setups)}")
            return {setup: self.found[setup] for setup in setups}

        def outcome(self, what):
            return next(line for line in self.text().splitlines() if line.startswith(what))
    return module, Canned


def scale_says_what_was_missed():
    """bench/scale: each case holds medians against what was wanted, and says what was missed"""
    module, canned = scale()
    names = ("requests, 1,000 open", "requests, 16,000 open, all in turn",
             "requests, 100,000 open, all in turn", "requests, 100,000 open, 1,000 of them in use",
             "handshakes, none open", "handshakes, 100,000 open")
    bench = canned({name: [(rate, 1.1 * rate, 2.0)] * 3
                    for name, rate in zip(names, (1000, 800, 500, 980, 100, 91))})
    module.connections(bench)
    for what, word in ((names[2], "MISSED"), (names[3], "met"), (names[5], "met")):
        line = bench.outcome(f"{what} / ")
        check(line.endswith(word), line)

    def worker(per_busy, n):
        return {what: {"per_busy": per_busy, "busy": [0.5] * n, "each_turn": 20.0, "steered": 0.0}
                for what in ("requests", "handshakes")}
    bench = canned({"one worker, core 0": [worker(110, 1)], "one worker, core 1": [worker(90, 1)],
                    "two workers": [worker(89, 2)]})
    module.workers(bench)
    check(bench.outcome("requests: two / one").endswith("MISSED"), bench.text())

    found = {(what, on): [{"rate": 4000, "each": 5e-6 + on * more, "p50": 50, "p99": 90, "changes": 990}]
             for what, more in (("handshakes", 4e-6), ("requests", 6e-6)) for on in (False, True)}
    bench = canned(found)
    module.swaps(bench)
    check(bench.outcome("handshakes: of the worker's core").endswith("met"), bench.text())
    check(bench.outcome("requests: of the worker's core").endswith("MISSED"), bench.text())
    check(bench.outcome("requests, p99 with changes").endswith("met"), bench.text())


def cores_move():
    """runs are made while the two cores are near, repeated when they were moved, and no longer than one has patience"""
    now, told = [0.0], []

    def pause(seconds):
        now[0] += seconds

    def made(distances, patience_s=100.0):
        left = list(distances)
        now[0], told[:] = 0.0, []
        near = distance.Near(patience_s, lambda: left.pop(0) if len(left) > 1 else left[0],
                             lambda: now[0], pause)

        def once():
            pause(3)
            told.append(now[0])
            return {"number": len(told)}
        return near, near.run(once)
    near, record = made([330, 330, 55, 56])
    check((record["number"], record["cores_apart_ns"], near.aside) == (1, [55, 56], []), str(record))
    check(0 < now[0] - 3 < 1 and not distance.moved(record), f"{now}")
    near, record = made([55, 330, 55, 57])
    check((record["number"], record["cores_apart_ns"]) == (2, [55, 57]), str(record))
    check([each["number"] for each in near.aside] == [1], str(near.aside))
    check(near.spent_s == 3 and near.patience_s == 97, f"{near.spent_s}, {near.patience_s}")
    near, record = made([330])
    check(record["number"] == distance.REPEATS + 1 and distance.moved(record), str(record))
    check(now[0] < (distance.REPEATS + 1) * (distance.WAIT_S + 4), f"it waited for {now} s")
    near, record = made([330], 0)
    check(record["number"] == 1 and now[0] == 3, f"no patience, and {now}")


def needs_programs():
    if peers.HAProxy.missing():
        raise e2e.Skip(peers.HAProxy.missing())
    load.program()


def smallest_run():
    """HAProxy and postern, over memif and the same veth: handshakes are counted and charged"""
    needs_programs()
    before = changeable()
    child = start("--peers", "haproxy,postern-memif,postern-packet", "--workloads", "handshake",
                  "--rounds", "1", "--seconds", "0.5", "--no-settings", "--patience", "0")
    told = child.communicate(timeout=120)[0]
    check(child.returncode == 0, f"exit status {child.returncode}: {told}")
    nothing_is_left(child.pid, before)
    with open(os.path.join(FOLDER, "out", "compare.json"), encoding="utf-8") as file:
        results = json.load(file)
    check(results["schema"] == "postern-compare/1", results["schema"])
    runs = {(run["subject"], run["path"]): run for run in results["runs"]}
    check(set(runs) == {("haproxy", "veth-gso"), ("postern", "memif"),
                        ("postern", "veth-packet")}, str(set(runs)))
    for key, run in runs.items():
        used = run["gateway"]
        check(all(5 < ns < 100000 for ns in run["cores_apart_ns"]), f"{key}: {run['cores_apart_ns']}")
        check(run["result"]["metrics"]["handshakes_per_s"] > 0, f"{key}: no handshakes")
        check(not run["result"]["metrics"].get("errors"), f"{key}: {run['result']['metrics']}")
        # Where others have the core, samples come late, and a short window's end is read off far from it.
        most = 1.2 if used["core_busy_before"] < 0.2 else 3
        check(0 < used["charged_s"] < most * used["wall_s"], f"{key}: {used}")
    memif, kernel = runs["postern", "memif"]["gateway"], runs["haproxy", "veth-gso"]["gateway"]
    check(kernel["rss_bytes"] > 1000000, str(kernel))
    check((memif["charged_as"], kernel["charged_as"]) == ("busy_s", "core_busy_s"), "charged")
    check("haproxy  veth-gso" in told, told)
    for name in ("compare.txt", "compare.html"):
        check(os.path.getsize(os.path.join(FOLDER, "out", name)) > 500, f"{name} is missing: {told}")


def started():
    """A comparison that would take long, in the middle of its first run."""
    needs_programs()
    child = start("--peers", "haproxy", "--workloads", "request-64", "--seconds", "30",
                  "--no-settings", "--patience", "0")

    def runs():
        check(child.poll() is None, "it ended")
        return any(process.recorded(os.path.join(FOLDER, entry, "haproxy"), "gateway")
                   for entry in folders())
    shell.wait_until(runs, 30, "compare starts no gateway")
    return child


def told_to_end():
    """SIGTERM in the middle of a run: everything is gone, and given back"""
    before = changeable()
    child = started()
    child.send_signal(signal.SIGTERM)
    child.communicate(timeout=20)
    check(child.returncode == 143, f"exit status {child.returncode}")
    nothing_is_left(child.pid, before)


def killed():
    """SIGKILL in the middle of a run: the next one clears away what it left"""
    before = changeable()
    child = started()
    time.sleep(0.5)
    child.kill()
    child.communicate(timeout=20)
    check(netns.exists(namespaces(child.pid)[1]), "the test needs something left")
    compare("--peers", "haproxy", "--workloads", "handshake", "--seconds", "0.1", "--rounds", "1",
            "--warmup", "0.1", "--no-settings", "--patience", "0")
    nothing_is_left(child.pid, before)


STEPS = (meter_reads_between_samples, table_takes_the_best_peer, several_numbers_of_a_run,
         scale_says_what_was_missed, cores_move, settings_to_try, usage, smallest_run, told_to_end, killed)


def main():
    global FOLDER  # pylint: disable=global-statement
    if "--list" in sys.argv:
        for step in STEPS:
            print(step.__doc__)
        return 0
    reason = site.missing()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    FOLDER = tempfile.mkdtemp(prefix="postern-test-compare-")
    plan = e2e.Plan()
    try:
        for step in STEPS:
            e2e.attempt(plan, step.__doc__, step, 150)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    return plan.end()


if __name__ == "__main__":
    sys.exit(main())
