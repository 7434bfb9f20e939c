# SPDX-License-Identifier: GPL-3.0-or-later
"""memif ports: another DPDK process between them and the links.

memif joins two processes by shared memory, so something has to stand at its other
end: a dpdk-testpmd that carries frames between ext0, int0 and the two memifs.
"""

import os
import subprocess

from . import netns, process, shell


def socket_path(folder, short):
    return os.path.join(folder, f"memif-{short}.sock")


class Carrier:
    """Lifetime: start() before posternd, stop() after it."""

    def __init__(self, lab, queues):
        self.lab, self.queues = lab, queues
        self.log = os.path.join(lab.folder, "testpmd.log")
        self.process = None

    def command(self):
        devices = []
        for number, short in enumerate(("ext", "int")):
            devices += ["--vdev", f"net_af_packet{number},iface={short}0,qpairs={self.queues}",
                        "--vdev", f"net_memif{number},role=server,id={number},"
                        f"socket={socket_path(self.lab.folder, short)},socket-abstract=no"]
        # Ports are numbered in this order and carried between in pairs: 0-1, 2-3.
        return [shell.find_program("dpdk-testpmd"), "--lcores", "0@0,1@0", "--no-huge",
                "-m", "256", "--no-pci", "--no-shconf", *devices, "--", "--forward-mode=io", "--auto-start",
                "--port-topology=paired", f"--rxq={self.queues}", f"--txq={self.queues}",
                "--nb-cores=1", "--total-num-mbufs=16384", "--no-mlockall"]

    def start(self):
        for short in ("ext", "int"):
            if os.path.exists(socket_path(self.lab.folder, short)):
                os.unlink(socket_path(self.lab.folder, short))
        with open(self.log, "wb") as log:
            # It ends when its standard input does.
            self.process = subprocess.Popen(netns.argv(self.lab.gw, self.command()), stdout=log,
                                            stderr=log, stdin=subprocess.PIPE,
                                            start_new_session=True)
        process.record(self.lab.pids, "testpmd", self.process.pid)
        shell.wait_until(self._ready, 20, "dpdk-testpmd doesn't open its memifs",
                         lambda: shell.tail_of_file(self.log), f"see {self.log}")

    def _ready(self):
        if self.process.poll() is not None:
            raise shell.LabError(f"dpdk-testpmd ended with {self.process.returncode}",
                                 shell.tail_of_file(self.log), f"see {self.log}")
        return all(os.path.exists(socket_path(self.lab.folder, short)) for short in ("ext", "int"))

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
