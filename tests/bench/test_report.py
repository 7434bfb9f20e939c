#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""postern-bench report: the page is well-formed, needs nothing else, says what the results say,
and is no way for a result to get markup in. The results are made up here, by simple rules."""
import json
import os
import random
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

XHTML = "{http://www.w3.org/1999/xhtml}"
EVIL = "</td><script>alert('1')</script>&amp;\"\u0001\U0001f600"
PEERS = (("haproxy", "veth-gso"), ("haproxy", "veth-1500"), ("nginx", "veth-gso"), ("nginx", "veth-1500"),
         ("hitch", "veth-gso"), ("stunnel", "veth-gso"))
OURS = (("postern", "memif"), ("postern", "veth-packet"), ("postern", "veth-af_xdp"))
SPEED = {"haproxy": 1.0, "nginx": 0.8, "hitch": 0.6, "stunnel": 0.3,
         "memif": 5.0, "veth-packet": 1.6, "veth-af_xdp": 2.2}


def histogram(draw, dice):
    """[[upper_us, count], ...] of 5,000 latencies around draw, on a grid of 1 %."""
    counts = {}
    for _ in range(5000):
        us = draw * dice.lognormvariate(0, 0.4) * (8 if dice.random() < 0.004 else 1)
        step = 10 ** (len(str(int(us))) - 2) if us >= 10 else 1
        counts[-int(-us // step) * step] = counts.get(-int(-us // step) * step, 0) + 1
    return sorted(counts.items())


def percentile(buckets, percent):
    rank, seen = sum(count for _, count in buckets) * percent / 100, 0
    for upper, count in buckets:
        seen += count
        if seen >= rank:
            return upper
    raise AssertionError


def result(workload, name, rates, latency_us, dice, **more):
    metrics = dict(rates)
    out = {"schema": "postern-bench/1", "workload": workload, "name": name, "transport": "kernel",
           "target": "198.18.0.10:993", "parameters": {"connections": 64, "resumed": False},
           "seed": 1, "versions": {"postern": "0.1.0", "kernel": "6.1"},
           "cpu": {"model": "Some CPU", "mhz": 2600.0, "core": 1},
           "started": "2026-01-31T12:00:00Z", "duration_s": 2.0, "metrics": metrics,
           "client": {"busy": 0.5, "limited": False}}
    if latency_us:
        out["histogram"] = histogram(latency_us, dice)
        metrics["latency_us"] = {f"p{p}": percentile(out["histogram"], p) for p in (50, 90, 99, 99.9)}
        metrics["latency_us"] |= {"max": out["histogram"][-1][0], "min": 1, "mean": latency_us, "count": 5000}
    return {**out, **more}


def comparison():
    dice, runs = random.Random(1), []
    for number in range(1, 4):
        for subject, path in PEERS + OURS:
            speed = SPEED[path if subject == "postern" else subject] * (0.7 if path == "veth-1500" else 1)
            polls = subject == "postern"

            def run(work, share=0.9):
                gateway = {"wall_s": 2.0, "core_busy_s": 2.0 if polls else 2 * share, "process_cpu_s": 1.5}
                if polls:
                    gateway.update(charged_s=share, charged_as="busy_s")
                runs.append({"subject": subject, "path": path, "workload": work["workload"],
                             "receive": "own" if speed > 0.5 else "", "round": number, "gateway": gateway, "result": work})
                return gateway

            noise = dice.uniform(0.95, 1.05)
            run(result("handshake", "tls13-full", {"handshakes_per_s": 1500 * speed * noise}, 600 / speed, dice))
            run(result("request", "64x256-c64", {"requests_per_s": 30000 * speed * noise}, 1200 / speed, dice))
            down = 4.8e9 * noise * (0.7 if subject == "postern" else speed)
            run(result("bulk", "down-c8", {"down_bits_per_s": down, "up_bits_per_s": 0}, None, dice))
            idle = result("idle", "200000", {"sessions": 200000, "all_open_s": 20 / speed}, None, dice)
            run(idle)["memory_bytes_per_session"] = 26000 / speed
    runs[0]["result"]["client"] = {"busy": 0.99, "limited": True}
    runs[1]["result"]["metrics"]["errors"] = {"reset by peer": 3}
    runs.append({"subject": "nginx", "path": "memif", "round": 9, "failed": "it <fell> over"})
    runs[2]["gateway"]["core_busy_before"] = 0.17
    return {"schema": "postern-compare/1", "started": "2026-01-31T12:00:00Z",
            "machine": {"cpu": "Some CPU", "cores": 2, "kernel": "6.1", "virtual": True},
            "settings": {"rounds": 3, "haproxy": {"configuration": "global\n    nbthread 1\n",
                                                  "why": ["one thread", "one core"]}},
            "runs": runs}


class Test:
    def __init__(self, program, folder):
        self.program, self.folder, self.n, self.failed = program, folder, 0, 0

    def ok(self, name, true, why=""):
        self.n += 1
        self.failed += not true
        print(f"{'ok' if true else 'not ok'} {self.n} - {name}")
        if not true and why:
            print("# " + str(why).replace("\n", "\n# "))

    def write(self, name, value):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(value if isinstance(value, str) else json.dumps(value))
        return path

    def report(self, *args):
        done = subprocess.run([self.program, *args], capture_output=True, check=False, timeout=60)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def page(self, *args):
        """The page as a tree, and as text."""
        status, out, err = self.report(*args, "-o", "-")
        if status:
            raise AssertionError(err)
        return xml.fromstring(out), out


def text_of(element):
    return "".join(element.itertext())


def rows(tree):
    return [[text_of(cell) for cell in row if cell.tag in (XHTML + "td", XHTML + "th")]
            for row in tree.iter(XHTML + "tr")]


def test_comparison(test):
    tree, out = test.page(test.write("compare.json", comparison()))
    tags = {element.tag for element in tree.iter()}
    test.ok("well-formed, with charts", XHTML + "svg" in tags)
    outside = [f"{element.tag} {name}" for element in tree.iter() for name, value in element.items()
               if name in ("src", "href") or name.startswith("on") or "url(" in value]
    test.ok("no script, nothing from elsewhere",
            not outside and XHTML + "script" not in tags and "@import" not in out, outside)
    ratios, case = {}, ""  # {(case, measure): [the line per CPU-second, the line per core]}
    for line in rows(tree):
        if len(line) == 6:
            case = line[0] or case
            ratios.setdefault((case, line[1]), []).append(line)
    # memif 5 times haproxy's speed at 0.45 of its core, haproxy 1 time at 0.9: 10 times per CPU-second.
    lines = ratios.get(("handshake tls13-full", "handshakes"), [])
    test.ok("a row on each basis", len(lines) == 2, ratios)
    test.ok("the best peer is named", all("haproxy veth-gso" in line[2] for line in lines), lines)
    test.ok("ratios per CPU-second", lines[0][3].startswith(("9.", "10")), lines)
    test.ok("ratios per core", lines[1][3].startswith(("4.", "5.")), lines)
    test.ok("less is better where it is",
            ratios[("idle 200000", "memory per session")][0][3].startswith("5.00×"), ratios)
    notes = [text_of(item) for item in tree.iter(XHTML + "li")]
    test.ok("where a peer is ahead, it says so",
            any("bulk down-c8" in note and "per gateway core" in note and "0.7" in note for note in notes), notes)
    test.ok("the load generator as the limit is told", any("was the limit in 1 of 3" in note for note in notes), notes)
    test.ok("runs that failed are told", any("nginx memif failed: it <fell> over" in note for note in notes), notes)
    test.ok("others' load is told", any("5 % of the gateway's core" in note and "for 1 of 36" in note and "17 %" in note for note in notes), notes)
    test.ok("errors are told", "reset by peer 3 (round 1)" in out)
    test.ok("a direction that wasn't asked for has no chart", "up, per gateway core" not in out)
    test.ok("settings stand there", "nbthread 1" in out and "one thread, one core" in out)


def test_hostile(test):
    compare = comparison()
    for run in compare["runs"]:
        if run.get("result"):
            run["subject"], run["path"], run["receive"] = EVIL, EVIL, EVIL
            run["result"].update(workload=EVIL, name=EVIL, target=EVIL, started=EVIL, parameters={EVIL: [{EVIL: EVIL}]},
                                 versions={EVIL: EVIL}, cpu={"model": EVIL, "mhz": EVIL})
            run["result"]["metrics"] = {EVIL + "_per_s": 5, "errors": {EVIL: 1}}
    compare["runs"][-1].update(failed=EVIL, path=EVIL, workload={EVIL: EVIL})
    compare.update(started=EVIL, machine={EVIL: EVIL}, settings={EVIL: [[EVIL, {EVIL: EVIL}]]})
    tree, out = test.page(test.write("evil.json", compare), "--title", EVIL)
    test.ok("markup in results stays text", XHTML + "script" not in {element.tag for element in tree.iter()}
            and "<script" not in out and "alert(" in text_of(tree))
    status, out, _ = test.report(os.fsencode(test.write("a.json", result("w", "", {"a_per_s": 1}, None, None))),
                                 "-o", "-", "--title", b"\xff<\xc3")
    test.ok("what isn't UTF-8 spoils nothing", status == 0 and xml.fromstring(out) is not None)


def test_odd(test):
    bare = {"schema": "postern-bench/1"}
    odd = [bare, {**bare, "metrics": 3, "histogram": {"a": 1}, "parameters": [1]},
           {**bare, "metrics": {"latency_us": {"p99": "x"}, "b_per_s": True, "c_per_s": -5, "d_per_s": 1e308},
            "histogram": [[1e18, 3], [], [5]]},
           {**bare, "metrics": {"e_per_s": 1}, "histogram": [[0, 1]], "client": [], "seed": "x"},
           {**bare, "metrics": {f"m{i}_per_s": i + 1 for i in range(100)}}]
    tree, _ = test.page(test.write("odd.json", odd))
    test.ok("half a result is no trouble", tree is not None)
    gateways = {"schema": "postern-compare/1", "runs": [
        {"subject": f"s{i}", "path": "p", "gateway": {"wall_s": 0, "charged_s": -1} if i % 2 else 7,
         "result": {**bare, "metrics": {"x_per_s": i}}} for i in range(40)]}
    tree, out = test.page(test.write("many.json", gateways))
    test.ok("more subjects than colours", "s39" in out and "class='c9'" not in out)


def test_labels(test):
    dice = random.Random(2)
    ours = test.write("run one.json", result("request", "x", {"requests_per_s": 200}, 100, dice))
    peer = test.write("b.json", result("request", "x", {"requests_per_s": 100}, 200, dice))
    tree, out = test.page(f"postern={ours}", f"other={peer}")
    test.ok("labelled results are compared", any("2.00×" in line for line in sum(rows(tree), [])), rows(tree))
    _, out = test.page(ours, peer)
    test.ok("without labels the files' names stand", "run one kernel" in out and "best peer" not in out)


def test_refused(test):
    good = test.write("good.json", result("w", "", {"a_per_s": 1}, None, None))
    page = os.path.join(test.folder, "page.html")
    for name, args, status, says in (
            ("no output", [good], 2, "where to"), ("nothing in", ["-o", page], 2, "no result"),
            ("an unknown option", ["--what", good], 2, "--what"),
            ("no such file", [os.path.join(test.folder, "none"), "-o", page], 1, "none"),
            ("not JSON", [test.write("bad.json", "{"), "-o", page], 1, "line 1"),
            ("another schema", [test.write("other.json", {"schema": "x"}), "-o", page], 1, "schema is 'x'"),
            ("a number", [test.write("five.json", "[5]"), "-o", page], 1, "schema"),
            ("a list in a list", [test.write("lists.json", "[[[]]]"), "-o", page], 1, "list"),
            ("no runs", [test.write("none.json", {"schema": "postern-compare/1"}), "-o", page], 1, "runs"),
            ("an output that can't be", [good, "-o", "/nowhere/page.html"], 1, "/nowhere"),
            ("a full disk", [good, "-o", "/dev/full"], 1, "/dev/full")):
        told = test.report(*args)
        test.ok(f"refused with a reason: {name}", told[0] == status and says in told[2], told)
    test.ok("nothing was written", not os.path.exists(page))
    test.ok("a page is written", test.report(good, "-o", page)[0] == 0 and os.path.getsize(page) > 1000)


def main():
    with tempfile.TemporaryDirectory(prefix="postern report ") as folder:
        test = Test(sys.argv[1], folder)
        for part in (test_comparison, test_hostile, test_odd, test_labels, test_refused):
            part(test)
    print(f"1..{test.n}")
    return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main())
