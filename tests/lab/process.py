# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes the lab started, remembered in files so that a crash forgets none.

A record holds the pid and the process's start time: a pid that was given to
somebody else since then has another start time and is left alone.
"""

import os
import signal
import time

from . import shell


def start_time(pid):
    """Start time in clock ticks since boot, or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def boot_id():
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def record(folder, name, pid):
    shell.write(os.path.join(folder, name + ".pid"), f"{pid} {start_time(pid)} {boot_id()}\n")


def recorded(folder, name):
    """The pid recorded under name, if that very process still runs."""
    try:
        with open(os.path.join(folder, name + ".pid"), encoding="ascii") as file:
            pid, began, boot = file.read().split()
    except (OSError, ValueError):
        return None
    if boot != boot_id() or str(start_time(pid)) != began:
        return None
    return int(pid)


def end_all(pids, grace_s=3.0):
    """SIGTERM, a grace period for all of them together, then SIGKILL."""
    living = {pid: start_time(pid) for pid in pids}
    living = {pid: began for pid, began in living.items() if began is not None}
    for number, seconds in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 2.0)):
        for pid in living:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        end = time.monotonic() + seconds
        while living and time.monotonic() < end:
            living = {pid: began for pid, began in living.items() if start_time(pid) == began}
            if living:
                time.sleep(0.01)
        if not living:
            return
    raise shell.LabError(f"processes {sorted(living)} don't end, even by SIGKILL", "",
                         "look at /proc/PID/stack; a reboot gets rid of them")


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
