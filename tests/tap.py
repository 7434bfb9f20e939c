#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs test programs that print TAP, and adds them up, one test by one.

  tests/tap.py [options] --build DIR SUITE    the programs meson knows under SUITE
  tests/tap.py [options] -- COMMAND...        one program

A program's word is not enough: one that crashes, stops before its plan is done,
runs into its time limit, or exits non-zero without saying which test failed,
counts as failed. The counts go to --results, one line "NAME passed failed
skipped seconds" a call.
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

PLAN = re.compile(r"1\.\.(\d+)(?:\s*#\s*(.*))?$")
RESULT = re.compile(r"(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
SKIP = re.compile(r"#\s*skip\S*\s*(.*)$", re.IGNORECASE)


class Tally:
    """What one program printed, read line by line."""

    def __init__(self, name):
        self.name = name
        self.passed = self.failed = 0
        self.skipped = []           # "test: reason"
        self.failures = []          # "test", then the lines that explain it
        self.planned = None
        self.seen = 0
        self.whole_skip = False
        self.comments = []          # since the last result: a crash's last words
        self.explaining = None      # a failure whose explanation is being read

    def line(self, text):
        text = text.rstrip().lstrip("\t")
        plan = PLAN.match(text)
        result = RESULT.match(text)
        if plan:
            self.planned = (self.planned or 0) + int(plan.group(1))
            if plan.group(1) == "0":
                self.whole_skip = True
                reason = re.sub(r"(?i)^skip\S*\s*", "", plan.group(2) or "no reason given")
                self.skipped.append(f"{self.name}: {reason}")
        elif text.startswith("Bail out!"):
            self.fail(text, [])
        elif result:
            self.result(result)
        elif text:
            lines = self.comments if self.explaining is None else self.explaining
            lines.append(text)
            del lines[:-60]

    def result(self, match):
        bad, _, description = match.groups()
        self.seen += 1
        self.explaining = None
        skip = SKIP.search(description)
        if skip:                     # cmocka 1.1 prints "not ok" for these
            title = description[:skip.start()].strip(" -")
            self.skipped.append(f"{self.name}: {' '.join(x for x in (title, skip.group(1)) if x)}")
        elif bad:
            self.fail(description, self.comments)
            self.explaining = self.failures[-1][1]
        else:
            self.passed += 1
        self.comments = []

    def fail(self, description, explanation):
        self.failed += 1
        self.failures.append((description, list(explanation)))

    def end(self, status, limit):
        """The exit status is believed when it is worse than the lines."""
        short = self.planned is not None and self.seen < self.planned
        if status is None:
            why = f"still running after {limit} s: killed"
        elif status < 0:
            why = f"killed by {signal.Signals(-status).name}"
        else:
            why = f"exit status {status}"
        if short:
            missing = self.planned - self.seen
            self.failed += missing - 1
            self.fail(f"{missing} of {self.planned} tests were not reached: {why}", self.comments)
        elif (status is None or status != 0) and not self.failed:
            self.fail(why, self.comments)
        elif not self.seen and not self.whole_skip and not self.failed:
            self.fail("it printed no test", self.comments)


def run(test, live=False):
    """Runs one program to its end or its time limit, in a process group of its own."""
    tally = Tally(test["name"])
    env = dict(os.environ, **test.get("env", {}))
    limit = test.get("timeout") or 120
    try:
        child = subprocess.Popen(
            test["cmd"], cwd=test.get("workdir"), env=env, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
    except OSError as error:
        tally.fail(f"cannot run {test['cmd'][0]}: {error.strerror}", [])
        return tally
    expired = []

    def expire(*_):
        expired.append(True)
        for kind in (signal.SIGTERM, signal.SIGKILL):   # the first lets it clean up
            try:
                os.killpg(child.pid, kind)
            except ProcessLookupError:
                return
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                continue

    timer = threading.Timer(limit, expire)
    timer.start()
    try:
        for text in child.stdout:
            if live:
                print("    " + text.rstrip(), flush=True)
            tally.line(text)
        status = child.wait()
    finally:
        timer.cancel()
    tally.end(None if expired else status, limit)
    return tally


def meson_tests(build, suite):
    out = subprocess.run(["meson", "introspect", "--tests", build], check=True,
                         capture_output=True, text=True).stdout
    tests = [t for t in json.loads(out) if any(s.split(":")[-1] == suite for s in t["suite"])]
    for test in tests:
        test["workdir"] = test.get("workdir") or build  # as `meson test` does
    return tests


def programs_of(build, test):
    """What of the test's command line ninja makes: paths in the build folder."""
    for word in test["cmd"]:
        path = os.path.relpath(os.path.join(os.path.abspath(build), word), os.path.abspath(build))
        if "/" in word and not path.startswith(".."):
            yield path


def compile_tests(build, tests):
    """Only these tests' programs; what failed, or nothing."""
    programs = sorted({program for test in tests for program in programs_of(build, test)})
    done = subprocess.run(["ninja", "-C", build, "--quiet", *programs], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else ""


def report(tally, verbose):
    if verbose or tally.failures:
        print(f"  {tally.name}: {tally.passed} passed, {tally.failed} failed, "
              f"{len(tally.skipped)} skipped")
    for description, lines in tally.failures:
        print(f"    FAILED {tally.name}: {description}")
        for text in lines[-40:]:
            print(f"      {text}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", metavar="DIR")
    parser.add_argument("--compile", action="store_true", help="first their programs, in DIR")
    parser.add_argument("--name", help="what to call the sum")
    parser.add_argument("--results", metavar="FILE")
    parser.add_argument("--timeout", type=int, default=0, help="seconds for each program")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("what", nargs="+")
    args = parser.parse_args()

    broken = ""
    if args.build:
        tests = meson_tests(args.build, args.what[0])
        name = args.name or args.what[0]
        if args.compile and tests:
            broken = compile_tests(args.build, tests)
        if not tests:  # a suite that runs nothing proves nothing
            tests = [{"name": name, "cmd": ["echo", f"Bail out! no test is registered under '{args.what[0]}'"]}]
    else:
        name = args.name or os.path.basename(args.what[0])
        tests = [{"name": name, "cmd": args.what}]
    if broken:
        print(broken)
        tests = [{"name": name, "cmd": ["echo", "Bail out! its programs don't compile"]}]
    if args.timeout:
        for test in tests:
            test["timeout"] = args.timeout

    began = time.monotonic()
    live = args.verbose and len(tests) == 1
    with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs)) as pool:
        tallies = []
        for tally in pool.map(lambda test: run(test, live), tests):
            report(tally, args.verbose)
            tallies.append(tally)
    seconds = time.monotonic() - began

    passed = sum(t.passed for t in tallies)
    failed = sum(t.failed for t in tallies)
    skipped = [reason for t in tallies for reason in t.skipped]
    for reason in skipped:
        print(f"    skipped {reason}")
    print(f"{name}: {passed} passed, {failed} failed, {len(skipped)} skipped ({seconds:.1f} s)",
          flush=True)
    if args.results:
        with open(args.results, "a", encoding="utf-8") as out:
            out.write(f"{name} {passed} {failed} {len(skipped)} {seconds:.1f}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
