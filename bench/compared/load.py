# SPDX-License-Identifier: GPL-3.0-or-later
"""postern-bench: its command lines, on its own core, and what it found."""

import json
import os
import subprocess
import time

from lab import gateway, process, shell

from . import network
from .subjects import PORT, Keys, alone_on, prefer

OPEN_SECONDS = 30  # to open what is to be open before it measures
REST_SECONDS = 20  # to start and to end


def program():
    path = os.path.join(gateway.build_folder(), "bench", "postern-bench")
    if not os.access(path, os.X_OK):
        raise shell.LabError("postern-bench isn't built", f"no {path}",
                             "run `.ci/build` (or set POSTERN_BUILD to the build folder)")
    return path


class Load:
    """One run of a workload against the subject that is up."""

    def __init__(self, folder):
        self.folder = folder
        self.errors = os.path.join(folder, "load.output")
        self.json = os.path.join(folder, "load.json")
        self.open_seconds = OPEN_SECONDS
        self.until = 0.0  # when a run must have ended
        self.warmup, self.phases = 0.0, None  # a pipe's end: postern-bench's --phases

    def command(self, subject, workload, connections, seconds, warmup):
        words = [program(), *workload.words, *subject.load_words(),
                 "--target", f"{network.GATEWAY_EXTERNAL}:{PORT}",
                 "--serve", f"{network.SERVER}:143", "--server-name", Keys.NAME,
                 "--connections", str(connections),
                 "--seconds", f"{seconds:g}", "--warmup", f"{warmup:g}",
                 "--open-timeout", f"{self.open_seconds:g}", "--quiet", "--allow-errors",
                 "--name", workload.label, "--json", self.json]
        return alone_on(network.LOAD_CORE, words)

    def run(self, subject, workload, connections, seconds, warmup):
        """The result, as postern-bench wrote it. Raises LabError when there is none."""
        return self.result(self.start(subject, workload, connections, seconds, warmup))

    def start(self, subject, workload, connections, seconds, warmup):
        """The generator's process; result() must follow. Before that, begins() may be asked."""
        if os.path.exists(self.json):
            os.unlink(self.json)
        warmup += subject.settle_s
        told, tell = os.pipe()
        command = self.command(subject, workload, connections, seconds, warmup)
        with open(self.errors, "wb") as output:
            child = subprocess.Popen([*command, "--phases", f"/dev/fd/{tell}"], pass_fds=(tell,),
                                     stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                     start_new_session=True)
        os.close(tell)
        self.phases, self.warmup = open(told, "rb", buffering=0), warmup
        prefer(child.pid)
        process.record(self.folder, "load", child.pid)
        self.until = time.monotonic() + seconds + warmup + self.open_seconds + REST_SECONDS
        return child

    def begins(self):
        """When it will begin to measure (time.monotonic()), as soon as it is known; None: it
        has ended before."""
        while line := self.phases.readline():
            phase, when = line.split()
            if phase == b"warming":
                return float(when) + self.warmup
        return None

    def result(self, child):
        """Waits for its end; what it wrote."""
        self.phases.close()
        try:
            status = child.wait(self.until - time.monotonic())
        except subprocess.TimeoutExpired:
            raise shell.LabError("postern-bench doesn't end", shell.tail_of_file(self.errors),
                                 " ".join(child.args)) from None
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        if not os.path.exists(self.json):
            raise shell.LabError(f"postern-bench ended with {status} and no result",
                                 shell.tail_of_file(self.errors), " ".join(child.args))
        with open(self.json, encoding="utf-8") as file:
            return json.load(file)
