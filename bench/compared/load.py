# SPDX-License-Identifier: GPL-3.0-or-later
"""postern-bench: its command lines, on its own core, and what it found."""

import json
import os
import subprocess

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

    def command(self, subject, workload, connections, seconds, warmup):
        words = [program(), *workload.words, *subject.load_words(),
                 "--target", f"{network.GATEWAY_EXTERNAL}:{PORT}",
                 "--serve", f"{network.SERVER}:143", "--server-name", Keys.NAME,
                 "--connections", str(connections),
                 "--seconds", f"{seconds:g}", "--warmup", f"{warmup:g}",
                 "--open-timeout", str(OPEN_SECONDS), "--quiet", "--allow-errors",
                 "--name", workload.label, "--json", self.json]
        return alone_on(network.LOAD_CORE, words)

    def run(self, subject, workload, connections, seconds, warmup):
        """The result, as postern-bench wrote it. Raises LabError when there is none."""
        if os.path.exists(self.json):
            os.unlink(self.json)
        warmup += subject.settle_s
        command = self.command(subject, workload, connections, seconds, warmup)
        with open(self.errors, "wb") as output:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=output, start_new_session=True)
        prefer(child.pid)
        process.record(self.folder, "load", child.pid)
        try:
            status = child.wait(seconds + warmup + OPEN_SECONDS + REST_SECONDS)
        except subprocess.TimeoutExpired:
            raise shell.LabError("postern-bench doesn't end", shell.tail_of_file(self.errors),
                                 " ".join(command)) from None
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        if not os.path.exists(self.json):
            raise shell.LabError(f"postern-bench ended with {status} and no result",
                                 shell.tail_of_file(self.errors), " ".join(command))
        with open(self.json, encoding="utf-8") as file:
            return json.load(file)
