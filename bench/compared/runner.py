# SPDX-License-Identifier: GPL-3.0-or-later
"""Which subject runs what, where and when; and the runs themselves."""

import time
from dataclasses import dataclass

from lab import shell

from . import meter, network
from .subjects import Setting

QUIET_CORE_S = 0.25  # the gateway's core is watched so long before a run
FEW_CONNECTIONS = 100  # a subject told to expect so many is the empty one for memory


@dataclass(frozen=True)
class Variant:
    """How a cell may be run; of several the best is taken."""
    receive: str | None = "own"
    options: frozenset = frozenset()

    def __str__(self):
        return " ".join(filter(None, [self.receive, *sorted(self.options)]))


@dataclass(frozen=True)
class Cell:
    """One number of the tables."""
    subject: str
    path: str
    workload: str

    def __str__(self):
        return f"{self.subject} {self.workload} {self.path}"


def variants(subject, path, workload):
    """All settings of a subject that may be the best in a cell."""
    receive = list(subject.receive_settings)
    if path in ("veth-1500", "veth-packet-1500"):
        receive.append("own+gro")
    if not workload.tries or workload.kind == "memory":
        receive = receive[:1]
    sets = [frozenset()] + [frozenset([each]) for each in workload.options
                            if each in subject.options]
    return [Variant(each, options) for each in receive for options in sets]


def cells(subjects, workloads):
    """In the order they are run: for each workload, every subject after the other."""
    order = []
    for workload in workloads:
        if workload.of:
            continue
        for subject in subjects:
            order += [Cell(subject.name, path, workload.name) for path in subject.paths(workload)]
    return order


class Runner:
    """Runs cells, on a network that is up."""

    def __init__(self, links, load, subjects, workloads):
        self.links, self.load = links, load
        self.subjects, self.workloads = subjects, workloads  # by name

    def run(self, cell, variant, seconds, warmup):
        """One run, as it stands in the results."""
        subject, workload = self.subjects[cell.subject], self.workloads[cell.workload]
        connections = int(min(workload.connections, subject.most_connections()))
        record = {"subject": subject.subject or subject.name, "path": cell.path, "workload": cell.workload,
                  "receive": str(variant), "options": sorted(variant.options),
                  "connections": connections}
        try:
            if cell.path in network.PATHS:
                self.links.set(cell.path, variant.receive)
            setting = Setting(workload.certificate, connections, options=variant.options)
            empty = self._empty(subject, setting) if workload.kind == "memory" else None
            gateway, record["result"] = self._measured(subject, workload, setting, seconds, warmup)
            if empty:
                gateway["empty"] = empty
                gateway["memory_bytes_per_session"] = session_bytes(gateway, connections)
            record["gateway"] = gateway
        except shell.LabError as error:
            record["failed"] = str(error)
        finally:
            subject.stop()
        return record

    @staticmethod
    def _empty(subject, setting):
        """The memory of a subject without sessions and without room for many."""
        subject.start(Setting(setting.key, FEW_CONNECTIONS))
        try:
            return meter.memory(subject.pids)
        finally:
            subject.stop()

    def _measured(self, subject, workload, setting, seconds, warmup):
        busy = meter.core_times(network.GATEWAY_CORE)["core_busy_s"]
        time.sleep(QUIET_CORE_S)
        busy = meter.core_times(network.GATEWAY_CORE)["core_busy_s"] - busy
        subject.start(setting)
        memory = workload.kind == "memory"
        with meter.Meter(subject.pids, network.GATEWAY_CORE, subject.gauges, memory) as watch:
            result = self.load.run(subject, workload, setting.connections, seconds, warmup)
        begin, end = result["window"]
        used = watch.between(begin, end)
        self._lived(subject, used, end - begin)
        if memory or subject.alive():
            used.update(watch.memory_at(end) or meter.memory(subject.pids))
        used["charged_s"], used["charged_as"] = used[subject.charged], subject.charged
        used["kernel_sockets"] = subject.kernel_sockets
        used["core_busy_before"] = round(busy / QUIET_CORE_S, 3)
        return used, result

    @staticmethod
    def _lived(subject, used, window_s):
        """Raises when the gateway ended before the window did. Just afterwards it may: DPDK's
        memif driver now and then reads memory that left with its peer (docs/facts.md)."""
        if subject.alive():
            return
        used["ended_with"] = subject.process.returncode
        if used["wall_s"] < window_s - 2 * meter.STEP_S:
            raise shell.LabError(f"{subject.name} ended with {used['ended_with']} during the run",
                                 shell.tail_of_file(subject.path("output")))


def session_bytes(full, sessions):
    """Memory of an idle session. Of the sockets' slabs half is the gateway's, if it uses the
    kernel's sockets: for each of its two a session, the generator has one as well."""
    empty = full["empty"]
    own = meter.own_bytes(full) - meter.own_bytes(empty)
    slabs = (full["machine_socket_slab_bytes"] or 0) - (empty["machine_socket_slab_bytes"] or 0)
    share = 0.5 if full["kernel_sockets"] else 0
    return round((own + max(0, slabs) * share) / sessions, 1)


def wall_value(run, workload):
    """What counts in a run, by the clock: a rate in the workload's unit, us, or bytes."""
    metrics = run["result"]["metrics"]
    if workload.kind == "memory":
        return run["gateway"]["memory_bytes_per_session"]
    number = metrics[workload.metric]
    return (number[workload.part] if workload.part else number) * workload.scale


def cpu_value(run, workload):
    """The same; a rate per CPU-second of the gateway."""
    number = wall_value(run, workload)
    if workload.kind != "rate":
        return number
    return number * run["gateway"]["wall_s"] / max(run["gateway"]["charged_s"], 1e-6)
