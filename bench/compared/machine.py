# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine is, and what of it a run changes and gives back."""

import fcntl
import json
import os
import platform
import shutil
import sys
import tempfile

from lab import process, shell

TEMPORARY = "postern-compare-"  # folders of runs, in the folder for temporary files
RECORD = "changed.json"
HUGEPAGES = "/proc/sys/vm/nr_hugepages"
BACKLOG = "/proc/sys/net/core/netdev_max_backlog"
REALTIME = "/proc/sys/kernel/sched_rt_runtime_us"
BACKLOG_PACKETS = 10000  # the default of 1,000 drops what 1,000 connections send at once


def read(path):
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()


def meminfo():
    """/proc/meminfo in bytes (HugePages_*: pages)."""
    lines = (line.split() for line in read("/proc/meminfo").splitlines())
    return {words[0].rstrip(":"): int(words[1]) * (1024 if len(words) > 2 else 1)
            for words in lines}


class Changes:
    """Machine-wide settings changed for a run. Their old values stand in a file, so that a
    later run can give back what a killed one couldn't."""

    def __init__(self, folder):
        self.record = os.path.join(folder, RECORD)
        self.changed = {}

    def _note(self, name, value):
        self.changed[name] = value
        shell.write(self.record, json.dumps(self.changed))

    def hugepages(self, megabytes):
        """Has that much free in hugepages, of a quarter of the free memory at most; False where
        it can't be had."""
        info = meminfo()
        if info["MemAvailable"] < 4 * megabytes * 1024 * 1024:
            return False
        page = info.get("Hugepagesize", 0)
        lacking = -(-megabytes * 1024 * 1024 // page) - info["HugePages_Free"] if page else 1
        if page and lacking > 0:
            self._note("hugepages", lacking + self.changed.get("hugepages", 0))
            self._add_hugepages(lacking)
        info = meminfo()
        return page > 0 and info["HugePages_Free"] * page >= megabytes * 1024 * 1024

    @staticmethod
    def _add_hugepages(pages):
        with open(HUGEPAGES, "w", encoding="ascii") as file:
            file.write(str(max(0, int(read(HUGEPAGES)) + pages)))

    def backlog(self):
        old = int(read(BACKLOG))
        if old < BACKLOG_PACKETS:
            self._note("backlog", old)
            with open(BACKLOG, "w", encoding="ascii") as file:
                file.write(str(BACKLOG_PACKETS))

    def realtime(self):
        """Processes with a real-time priority may have a core for themselves for longer than
        0.95 s of each second. Keep that short: nothing else runs there meanwhile."""
        self._note("realtime", int(read(REALTIME)))
        with open(REALTIME, "w", encoding="ascii") as file:
            file.write("-1")

    def ordinary(self):
        """Takes realtime() back."""
        if "realtime" in self.changed:
            with open(REALTIME, "w", encoding="ascii") as file:
                file.write(str(self.changed.pop("realtime")))

    def undo(self):
        """Gives everything back; also from the record of another process."""
        if not self.changed and os.path.exists(self.record):
            self.changed = json.loads(read(self.record) or "{}")
        if "hugepages" in self.changed:
            self._add_hugepages(-self.changed["hugepages"])
        if "backlog" in self.changed:
            with open(BACKLOG, "w", encoding="ascii") as file:
                file.write(str(self.changed["backlog"]))
        self.ordinary()
        self.changed = {}
        if os.path.exists(self.record):
            os.unlink(self.record)


def check(cores):
    """Raises unless a measurement can be made here."""
    if os.geteuid() != 0:
        raise shell.LabError("a measurement needs root", "network namespaces and DPDK ports do",
                             "run it as root")
    if not set(cores) <= os.sched_getaffinity(0):
        raise shell.LabError(f"a measurement needs the cores {cores}",
                             f"it may use {os.sched_getaffinity(0)}",
                             "run it on a machine with them, without taskset")


def alone():
    """Two at once would measure each other: holds a lock until the end of `with`."""
    path = os.path.join(tempfile.gettempdir(), "postern-compare.lock")
    lock = open(path, "w", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"waiting for another measurement's end (it holds {path})", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def temporary():
    """A folder for this run."""
    folder = tempfile.mkdtemp(prefix=TEMPORARY)
    process.record(folder, "owner", os.getpid())
    os.chmod(folder, 0o755)  # workers that gave up root read there
    return folder


def leftovers():
    """(ident, folder) of runs whose process is gone."""
    for entry in sorted(os.listdir(tempfile.gettempdir())):
        folder = os.path.join(tempfile.gettempdir(), entry)
        if not entry.startswith(TEMPORARY) or process.recorded(folder, "owner"):
            continue
        try:
            ident = read(os.path.join(folder, "owner.pid")).split()[0]
        except (OSError, IndexError):
            continue  # its process is just about to write there
        yield ident, folder


def forget(folder):
    """Ends what of a run is left outside of its namespaces, and removes its folder."""
    process.end_all(filter(None, [process.recorded(folder, "load")]))
    Changes(folder).undo()
    shutil.rmtree(folder, ignore_errors=True)


def describe():
    """For the results: what this was measured on."""
    cpus = [line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
            if line.startswith("model name")]
    clocks = [float(line.split(":")[1]) for line in read("/proc/cpuinfo").splitlines()
              if line.startswith("cpu MHz")]
    return {"cpu": cpus[0] if cpus else platform.machine(), "mhz": clocks[0] if clocks else None,
            "cores": os.cpu_count(), "kernel": platform.release(),
            "memory_bytes": meminfo()["MemTotal"],
            "virtual": "hypervisor" in read("/proc/cpuinfo")}
