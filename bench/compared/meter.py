# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU time and memory of a gateway.

What is counted, and under which name:

    process_cpu_s    user and system time of the gateway's processes
    core_busy_s      the gateway's core not idle: its processes, the kernel's work for them
                     outside of any process (receiving, timers), and whatever else ran there
    core_steal_s     the hypervisor gave the core to somebody else
    busy_s           postern alone: time of turns of its loop that found work, by the TSC;
                     a loop that polls is never idle for the kernel

/proc counts in ticks of 10 ms; over a window of seconds that is some thousandths. Samples
are taken while the load runs and read off at the window's two ends, since only the load
generator knows when its warm-up ended.
"""

import os
import threading
import time

from lab import process

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STEP_S, MEMORY_STEP_S = 0.1, 0.5


def core_times(core):
    """busy and steal seconds of a core since boot."""
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if words[0] == f"cpu{core}":
                user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
                return {"core_busy_s": (user + nice + system + irq + softirq) * TICK_S,
                        "core_steal_s": steal * TICK_S}
    raise ValueError(f"no core {core} in /proc/stat")


def stat_fields(pid):
    """The fields of /proc/PID/stat from the state on; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def tree(root):
    """The process and all that descend from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        fields = stat_fields(entry) if entry.isdigit() else None
        if fields:
            parents[int(entry)] = int(fields[1])
    pids = [root]
    for pid in pids:
        pids += [child for child, parent in parents.items() if parent == pid]
    return pids


def process_cpu_s(pids):
    """Of these and of their ended, waited-for children."""
    ticks = 0
    for pid in pids:
        fields = stat_fields(pid)
        if fields:
            ticks += sum(map(int, fields[11:15]))
    return ticks * TICK_S


class Meter:
    """with Meter(pids, core, gauges) as meter: run the load; then meter.between(...)

    core: None where only gauges count: /proc takes half a millisecond to look at.
    gauges: a function that gives further rising counters by name, or None. What it gives may
    be a function that does: it is called when the sample is needed, not when it is taken. "at"
    among them is when they were read (time.monotonic()), if not now.
    with_memory: memory is looked at, too, which costs the gateway something.
    """

    def __init__(self, pids, core, gauges=None, with_memory=False):
        self.pids, self.core, self.gauges = pids, core, gauges
        self.with_memory = with_memory
        self.samples, self.memories, self.problem = [], [], None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._sample()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._sample()

    def _sample(self):
        if self.pids and process.start_time(self.pids[0]) is None:
            return  # it has ended: what it used until then stands
        values, gauges = {}, {}
        if self.core is not None:
            values = {"process_cpu_s": process_cpu_s(self.pids), **core_times(self.core)}
        if self.gauges:
            try:
                gauges = self.gauges()
            except OSError as error:
                self.problem = error
                return
        now = time.monotonic()
        self.samples.append((now, (lambda: {**values, **gauges()}) if callable(gauges) else
                             {**values, **gauges}))
        if self.with_memory and (not self.memories or now - self.memories[-1][0] > MEMORY_STEP_S):
            self.memories.append((now, memory(self.pids)))

    def _run(self):
        while not self._stop.wait(STEP_S):
            self._sample()

    def values(self, number):
        """A sample's counters by name; -1: the last one's."""
        when, values = self.samples[number]
        if callable(values):
            values = values()
            self.samples[number] = values.pop("at", when), values
        return values

    def _at(self, when):
        """Each counter at that time, on the straight line between two samples."""
        before, after = self.samples[0], self.samples[-1]
        for first, second in zip(self.samples, self.samples[1:]):
            if first[0] <= when <= second[0]:
                before, after = first, second
                break
        else:
            before = after = before if when < before[0] else after
        span = after[0] - before[0]
        share = (when - before[0]) / span if span else 0
        return {name: value + share * (after[1][name] - value)
                for name, value in before[1].items()}

    def between(self, begin, end):
        """What was used from begin to end (time.monotonic()), by name; to the last sample, if
        that is earlier."""
        for number in range(len(self.samples)):
            self.values(number)
        end = min(end, self.samples[-1][0])
        first, last = self._at(begin), self._at(end)
        used = {name: round(last[name] - first[name], 4) for name in first}
        return {**used, "wall_s": round(end - begin, 4)}

    def memory_at(self, when):
        """The last look at memory before that time, or None."""
        seen = [memory for at, memory in self.memories if at <= when]
        return seen[-1] if seen else None


# Of a connection's socket in the kernel. A dentry each is added: other dentries come and go.
SOCKET_SLABS = ("TCP", "sock_inode_cache", "filp", "eventpoll_epi", "eventpoll_pwq", "ep_head",
                "tcp_bind_bucket", "tcp_bind2_bucket")
PER_PROCESS = (("smaps_rollup", {"Rss": "rss_bytes", "Pss": "pss_bytes"}),
               ("status", {"HugetlbPages": "hugetlb_bytes", "VmPTE": "page_table_bytes"}))


def socket_slab_bytes():
    """What all TCP sockets of this kernel hold in its slabs."""
    total = sockets = dentry = 0
    try:
        with open("/proc/slabinfo", encoding="ascii") as file:
            for line in file:
                words = line.split()
                if words[0] in SOCKET_SLABS:
                    total += int(words[1]) * int(words[3])
                if words[0] == "sock_inode_cache":
                    sockets = int(words[1])
                elif words[0] == "dentry":
                    dentry = int(words[3])
    except (OSError, ValueError, IndexError):
        return None
    return total + sockets * dentry


def kernel_stack_bytes(pids):
    """Of the processes' threads, which have one of 16 KB each (x86-64 and ARMv8)."""
    threads = 0
    for pid in pids:
        fields = stat_fields(pid)
        threads += int(fields[17]) if fields else 0
    return threads * 16384


def memory(pids):
    """Of all these processes together: resident, proportional (shared pages once), hugepages,
    and of the kernel's: page tables and stacks; and all sockets' slabs of the machine."""
    total = {"rss_bytes": 0, "pss_bytes": 0, "hugetlb_bytes": 0, "page_table_bytes": 0,
             "kernel_stack_bytes": kernel_stack_bytes(pids),
             "machine_socket_slab_bytes": socket_slab_bytes()}
    for pid in pids:
        for path, fields in PER_PROCESS:
            try:
                with open(f"/proc/{pid}/{path}", encoding="ascii", errors="replace") as file:
                    for line in file:
                        name, _, rest = line.partition(":")
                        if name in fields:
                            total[fields[name]] += int(rest.split()[0]) * 1024
            except OSError:
                continue  # it has just ended
    return total


def own_bytes(memory_of):
    """Of what memory() told, the processes' own, with what the kernel has for them."""
    return sum(memory_of[name] for name in
               ("rss_bytes", "hugetlb_bytes", "page_table_bytes", "kernel_stack_bytes"))


def living(pids):
    return [pid for pid in pids if process.start_time(pid) is not None]
