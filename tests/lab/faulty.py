# SPDX-License-Identifier: GPL-3.0-or-later
"""The faulty bridge (tests/bridge) between the gateway and its two networks."""

import json
import os
import subprocess

from . import netns, process, shell, wires

SECONDS = 1800  # it ends by itself then, whatever became of the tests
TOWARDS_GATEWAY, FROM_GATEWAY = 0, 1


class Bridge:
    """Lifetime: start() before posternd, stop() after it. Not for several threads at once."""

    def __init__(self, lab, build, seed=1):
        self.lab, self.seed = lab, seed
        self.program = os.path.join(build, "tests", "bridge", "faulty_bridge")
        self.errors = os.path.join(lab.folder, "faulty_bridge.stderr")
        self.process = None

    def start(self):
        if not os.access(self.program, os.X_OK):
            raise shell.LabError("faulty_bridge isn't built", f"no {self.program}",
                                 "run `.ci/build --tests`")
        links = []
        for side, short in wires.SIDES.items():
            links += ["--link", f"{side},{short}1,{short}2"]
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                netns.argv(self.lab.gw, [self.program, "--seconds", str(SECONDS), "--seed",
                                         str(self.seed), *links]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                start_new_session=True)
        process.record(self.lab.pids, "faulty_bridge", self.process.pid)
        if self.process.stdout.readline() != "ready\n":
            raise shell.LabError("faulty_bridge doesn't start", shell.tail_of_file(self.errors))

    def _ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError:
            pass  # then it has no answer either
        answer = self.process.stdout.readline()
        if not answer or answer.startswith("error"):
            raise shell.LabError(f"faulty_bridge, asked `{line}`, says {answer.strip() or 'nothing'}",
                                 shell.tail_of_file(self.errors))
        return answer

    def set(self, side, direction="both", **faults):
        """Other faults from now on; what isn't named is off (keys: struct wire_faults)."""
        self._ask(" ".join(["set", side, str(direction)]
                           + [f"{key}={value}" for key, value in faults.items()]))

    def heal(self):
        for side in wires.SIDES:
            self.set(side)

    def stats(self):
        """What was done, by side: a pair of dictionaries, towards and from the gateway."""
        return json.loads(self._ask("stats"))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
