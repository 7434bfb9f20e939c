# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the gateway's core and the generator's are from each other: on a virtual machine
that changes by itself, within seconds, and what passes between them costs twice as much
when they are on two dies (docs/performance.md). So runs are made while they are near."""

import os
import subprocess
import time

from lab import gateway, shell

from . import network

NEAR_NS = 150     # a round trip within a die is well below, between two dies well above
WAIT_S = 10.0     # for one run
PAUSE_S = 0.2
REPEATS = 2       # of a run during which they were moved apart


def measure():
    """Nanoseconds of a cache line's round trip."""
    program = os.path.join(gateway.build_folder(), "bench", "core_distance")
    done = subprocess.run([program, str(network.GATEWAY_CORE), str(network.LOAD_CORE)], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30)
    if done.returncode != 0:
        raise shell.LabError("the cores' distance can't be measured", done.stderr.strip())
    return float(done.stdout)


class Near:
    """Runs things while the cores are near: waits for that, and repeats what was overtaken by a
    move, as long as the patience lasts, in seconds for all runs together."""

    def __init__(self, patience_s, measured=measure, clock=time.monotonic, pause=time.sleep):
        self.patience_s, self.spent_s, self.aside = patience_s, 0.0, []
        self.measured, self.clock, self.pause = measured, clock, pause

    def _wait(self):
        began = self.clock()
        apart = self.measured()
        while apart > NEAR_NS and self.clock() - began < min(WAIT_S, self.patience_s):
            self.pause(PAUSE_S)
            apart = self.measured()
        self._spend(began)
        return apart

    def _spend(self, began):
        self.spent_s += self.clock() - began
        self.patience_s -= self.clock() - began

    def run(self, once):
        """once() gives a record, which is given back, with what the distance was before and
        after it; those that were repeated are put aside."""
        for left in range(REPEATS, -1, -1):
            before, began = self._wait(), self.clock()
            record = once()
            record["cores_apart_ns"] = [before, self.measured()]
            if left == 0 or self.patience_s <= 0 or "failed" in record or not moved(record):
                return record
            self._spend(began)
            self.aside.append(record)
        return None


def moved(record):
    """Whether the cores weren't near all the time, as far as one can tell."""
    return max(record.get("cores_apart_ns", [0])) > NEAR_NS
