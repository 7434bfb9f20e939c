# SPDX-License-Identifier: GPL-3.0-or-later
"""postern alone, over memif: one run of a workload with as many workers, servers and
clients as it takes, under real-time priority for as long as it is measured."""

import contextlib
import os
import threading
import time

from lab import control, shell

from . import meter, network
from .postern import OverMemif
from .subjects import Setting
from .workloads import Workload

PORTS_EACH = 50000  # of an address; some 55,000 can be used
SWAPS_PER_S = 1000
# Priorities are given so long before the window, which is to end 0.95 s after that: then Linux (6.12
# on) gives what waits 50 ms of the core.
WARMUP_S, AHEAD_S = 1.0, 0.08

# While it is measured. The worker comes before all, and the generator never stops it in
# the middle of a turn; who measures must get through to both.
SELF, WORKER, CONTROL, GENERATOR = 40, 30, 20, 10


class Alone(OverMemif):
    """idle, workers and cores as in the configuration; sessions: room for so many."""

    name = "postern"
    home = f"{network.GATEWAY_CORE},{network.LOAD_CORE}"  # control is where no worker is

    def __init__(self, links, folder, keys, sessions, workers=1, cores="0", idle="poll"):
        super().__init__(links, folder, keys)
        self.sessions, self.workers, self.cores, self.idle = sessions, workers, cores, idle

    def clients(self):
        return [f"{network.CLIENT_NET}.1.{n + 1}" for n in range(-(-self.sessions // PORTS_EACH))]

    def servers(self, server):
        return [f"{network.SERVER_NET}.1.{n + 1}" for n in range(-(-self.sessions // PORTS_EACH))]

    def load_words(self):
        return super().load_words() + (["--queues", str(self.workers)] if self.workers > 1 else [])

    def prepare(self, setting):
        # It may have a core for itself: it ends with whoever started it.
        return ["setpriv", "--pdeathsig", "KILL", *super().prepare(setting)]

    def gauges(self):
        """A function that gives rising counters of the whole and of each worker; connections is
        what is open. Asked for now, read later: who asks stops the generator meanwhile."""
        line = self.control.line("stats")
        return lambda: self.gauges_of(self.control.result(line))

    @staticmethod
    def gauges_of(stats):
        values = {"at": stats["about"]["clock_us"] / 1e6,
                  "turns": sum(worker["turns"] for worker in stats["workers"]),
                  "busy_turns": sum(worker["busy_turns"] for worker in stats["workers"]),
                  "handshakes": stats["events"]["tls_handshakes"],
                  "packets": stats["events"]["rx_packets"],
                  "steered": stats["events"]["steered"],
                  "retransmits": stats["events"]["tcp_retransmit"],
                  "changes": stats["control"]["changes"],
                  "open": sum(worker["connections"] for worker in stats["workers"])}
        for worker in stats["workers"]:
            values[f"busy_s_{worker['worker']}"] = worker["busy_us"] / 1e6
        values["busy_s"] = sum(worker["busy_us"] for worker in stats["workers"]) / 1e6
        values["long_turns"] = sum(worker["turns_by_us"][bound] for worker in stats["workers"]
                                   for bound in ("2000", "5000", "longer"))  # than 1 ms
        return values


WORKER_THREADS = ("lcore-worker", "rte-worker")  # DPDK's names for them, by version


def prefer(pid, level, worker_level=None):
    """Real-time priority for a process's threads; a posternd's workers may have another."""
    for entry in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{entry}/comm", encoding="ascii") as file:
            works = file.read().startswith(WORKER_THREADS)
        set_level(int(entry), worker_level if works and worker_level else level)


def set_level(pid, level):
    policy = os.SCHED_RR if level else os.SCHED_OTHER
    os.sched_setscheduler(pid, policy, os.sched_param(level))


def set_own_level(level):
    """Of all our threads; one that has just been joined may still be listed."""
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):
            set_level(int(thread), level)


class Asker:
    """with Asker(gateway, changes): control is asked SWAPS_PER_S times a second meanwhile, to
    change the rule, or only for its version: what asking costs where no core is left for it."""

    def __init__(self, gateway, changes):
        self.gateway, self.changes, self.problem, self.done = gateway, changes, None, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        set_level(0, CONTROL)  # of this thread
        try:
            with control.Control(self.gateway.socket) as line:
                due = time.monotonic()
                while not self._stop.is_set():
                    if self.changes:
                        line.ask("rule.change", name="bench", idle_timeout=f"{3600 + self.done % 2}s")
                    else:
                        line.ask("version")
                    self.done += 1
                    due = max(due + 1 / SWAPS_PER_S, time.monotonic() - 0.05)
                    time.sleep(max(0.0, due - time.monotonic()))
        except (OSError, control.Refused) as error:
            self.problem = error


class Run:
    """One run: a gateway started anew, and the generator. Afterwards:

    result      what postern-bench wrote
    used        of the gateway's gauges within the measured window, and wall_s
    watch       the meter: also before the window
    """

    def __init__(self, gateway, load, changes, words, connections, **more):
        self.gateway, self.load, self.changes = gateway, load, changes
        self.connections = connections
        self.workload = Workload(words[0], "", words[0], tuple(words))
        self.realtime = more.get("realtime", True)
        self.asks, self.generator = more.get("asks"), more.get("generator", GENERATOR)
        self.memory = more.get("memory", False)
        self.result = self.used = self.watch = None

    def __call__(self, seconds):
        self.gateway.start(Setting("p256", self.gateway.sessions, megabytes=512))
        try:
            with meter.Meter(self.gateway.pids, None, self.gateway.gauges,
                             self.memory) as self.watch:
                child = self.load.start(self.gateway, self.workload, self.connections, seconds,
                                        WARMUP_S)
                if self.realtime:
                    self._measured(child)
                else:
                    self.result = self.load.result(child)
            self.used = self.watch.between(*self.result["window"])
        finally:
            self.gateway.stop()
        return self

    def _measured(self, child):
        """With priorities, as long as it measures and a moment before."""
        begins = self.load.begins()
        if begins is not None:
            time.sleep(max(0, begins - AHEAD_S - time.monotonic()))
        self.changes.realtime()
        try:
            set_own_level(SELF)
            prefer(self.gateway.process.pid, CONTROL, WORKER)
            prefer(child.pid, self.generator)
            if self.asks:
                with Asker(self.gateway, self.asks == "changes") as asker:
                    self.result = self.load.result(child)
                if asker.problem:
                    raise shell.LabError("control can't be asked", str(asker.problem))
            else:
                self.result = self.load.result(child)
        finally:
            if self.gateway.alive():
                prefer(self.gateway.process.pid, 0)
            set_own_level(0)
            self.changes.ordinary()

    def between_begin_and(self, share):
        """The gauges' growth in the window's first part, and in its rest; what two samples have
        between them that belongs to both is left out."""
        begin, end = self.result["window"]
        middle = begin + share * (end - begin)
        return (self.watch.between(begin, middle - meter.STEP_S),
                self.watch.between(middle + meter.STEP_S, end))

    def metric(self, name):
        return self.result["metrics"][name]

    def errors(self):
        return self.result["metrics"].get("errors", {})

    def per_busy(self, metric):
        """That rate for each second that the workers had work for."""
        return self.metric(metric) * self.used["wall_s"] / self.used["busy_s"]
