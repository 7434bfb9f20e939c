#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway's work costs, in instructions: a part that grows by more than a tenth fails.

  test_budget.py PROGRAM            compares with budget.txt beside this file; prints TAP
  test_budget.py PROGRAM --renew    writes what it counts there: do so when it has become less,
                                    or more for a good reason, and say why in the commit

PROGRAM (budget.c) does each part of the work between two stacks in virtual time. callgrind
counts it where the gateway works (world.c), not its peers and not the wire. The counts repeat
within a percent; time doesn't come into it, so a busy machine is no excuse.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

NUMBERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "budget.txt")
MORE = 1.10
WARM_UP = ("warm-up", "first-request", "end")
HEAD = """\
# Instructions of the gateway for a connection with a full and with a resumed handshake (TLS 1.3,
# P-256, X25519; accepted, greeted, closed), a request (64 bytes, answered by 256), and a megabyte.
# Written by: tests/sim/gateway/test_budget.py build/tests/sim/budget --renew
"""


def count(program):
    """(environment, {part: instructions for one})"""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=world_count_*",
             "--toggle-collect=world_pause_wire", "--dump-after=budget_part", program],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"Bail out! valgrind or {program} failed:\n{done.stdout}{done.stderr}")
        environment = re.search(r"^environment (.*)$", done.stdout, re.MULTILINE).group(1)
        parts = {}
        for number, (name, times) in enumerate(re.findall(r"^part (\S+) (\d+)$", done.stdout, re.MULTILINE), 1):
            with open(f"{out}.{number}", encoding="ascii") as dump:
                total = int(re.search(r"^totals: (\d+)", dump.read(), re.MULTILINE).group(1))
            if name not in WARM_UP:
                parts[name] = total // int(times)
        return environment, parts


def recorded():
    with open(NUMBERS, encoding="ascii") as file:
        lines = [line.split(maxsplit=1) for line in file if not line.startswith("#")]
    numbers = {name: value.strip() for name, value in lines}
    return numbers.pop("environment"), {name: int(value) for name, value in numbers.items()}


def compiled_alike(a, b):
    """A compiler's and a library's small fixes don't matter."""
    def short(text):
        return re.sub(r"(\d+)\.(\d+)\.\d+", r"\1.\2", text)
    return short(a) == short(b)


def main():
    if len(sys.argv) not in (2, 3) or (len(sys.argv) == 3 and sys.argv[2] != "--renew"):
        sys.exit(__doc__)
    if shutil.which("valgrind") is None:
        print("1..0 # SKIP valgrind isn't installed")
        return
    environment, parts = count(sys.argv[1])
    if len(sys.argv) == 3:
        with open(NUMBERS, "w", encoding="ascii") as file:
            file.write(HEAD + f"environment {environment}\n")
            file.writelines(f"{name} {instructions}\n" for name, instructions in parts.items())
        print(HEAD, parts)
        return
    of, budget = recorded()
    if not compiled_alike(of, environment):
        print(f"1..0 # SKIP the budget is of {of}, and this is {environment}")
        return
    print(f"1..{len(budget)}")
    failed = False
    for i, (name, most) in enumerate(budget.items(), 1):
        now = parts[name]
        bad = now > most * MORE
        failed |= bad
        print(f"{'not ' if bad else ''}ok {i} - {name}: {now:,} instructions, budget {most:,} ({now / most - 1:+.1%})")
        if now < most / MORE:
            print("# it has become less: renew the budget, so that it stays so")
    sys.exit(failed)


main()
