# SPDX-License-Identifier: GPL-3.0-or-later
"""A subject: a gateway that is measured, alone on its core in the gw namespace."""

import math
import os
import resource
import subprocess

from lab import netns, process, shell

from . import meter, network

PORT = 993
FILES = 1048576  # open files wished for: two sockets a connection
START_SECONDS = 30

TLS13_CIPHER = "TLS_AES_128_GCM_SHA256"
TLS12_CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"


def raise_files():
    """As many open files as this machine lets us have, also for what is started from here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, FILES), max(hard, FILES)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def alone_on(core, command):
    """The command line for that core, where whatever else runs there gives way."""
    return ["nice", "-n", "-20", "taskset", "-c", str(core), *command]


def prefer(pid):
    """The same for its session: some kernels share a core among sessions first (autogroups)."""
    try:
        with open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
            file.write("-20")
    except OSError:
        pass  # this kernel doesn't


class Setting:
    """What a subject is to do this time."""

    def __init__(self, key, connections, backend=(network.SERVER, 143), options=(), megabytes=512):
        self.key, self.connections, self.backend = key, connections, backend
        self.megabytes = megabytes  # for who must be told: packet buffers and DPDK
        self.options = frozenset(options)


class Keys:
    """The certificates: one of P-256 and one of RSA, the same files for every subject."""

    KINDS = {"p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
             "rsa2048": ["rsa:2048"]}
    NAME = "gateway.bench.test"

    def __init__(self, folder):
        self.folder = folder

    def make(self):
        for kind, algorithm in self.KINDS.items():
            chain, key, both = self.files(kind)
            shell.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-sha256",
                       "-days", "30", "-subj", f"/CN={self.NAME}", "-addext",
                       f"subjectAltName=DNS:{self.NAME}", "-keyout", key, "-out", chain],
                      do="install openssl")
            os.chmod(key, 0o600)
            text = ""
            for path in (chain, key):
                with open(path, encoding="ascii") as file:
                    text += file.read()
            shell.write(both, text, 0o600)

    def files(self, kind):
        """Certificate, key, and both in one file."""
        return [os.path.join(self.folder, f"{kind}.{part}") for part in ("crt", "key", "pem")]


class Subject:
    """Lifetime: start(), then stop(); start() again is a new process."""

    name = ""                   # on the command line; subject: in the results, with the path
    subject = None              # None: as name
    path_name = None            # of network.PATHS: the only one it runs on; None: as its peers
    receive_settings = ("own", "sender")  # of network.RECEIVE: the better is taken
    options = ()                # what may stand in a Setting's options
    charged = "core_busy_s"     # of meter's: the CPU time that a rate is divided by
    kernel_load = True          # its generator uses the kernel's sockets, bounded by open files
    kernel_sockets = True       # and so does it itself
    home = str(network.GATEWAY_CORE)  # the cores its processes may run on
    settle_s = 0.0              # of warm-up, more than others need
    most_threads = None         # bounds connections, where it has a thread for each

    def __init__(self, links, folder, keys):
        self.links, self.keys = links, keys
        self.folder = os.path.join(folder, self.name)
        self.process = None
        self.pids = []

    @classmethod
    def most_connections(cls):
        """How many the machine lets it have at once, and the generator that loads it."""
        if not cls.kernel_load:
            return math.inf
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return min((files - 200) // 2, cls.most_threads or math.inf)

    def path(self, name):
        return os.path.join(self.folder, name)

    def version(self):
        raise NotImplementedError

    def prepare(self, setting):
        """Writes its files; gives the command line."""
        raise NotImplementedError

    def ready(self):
        return listens(self.process.pid, PORT)

    def start(self, setting):
        os.makedirs(self.folder, exist_ok=True)
        command = self.prepare(setting)
        with open(self.path("output"), "wb") as output:
            self.process = subprocess.Popen(
                netns.argv(self.links.gw, alone_on(self.home, command)),
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        prefer(self.process.pid)
        process.record(self.folder, "gateway", self.process.pid)
        shell.wait_until(self._up, START_SECONDS, f"{self.name} doesn't start", self._why)
        self.pids = meter.tree(self.process.pid)

    def _why(self):
        return shell.tail_of_file(self.path("output"))

    def _up(self):
        if self.process.poll() is not None:
            raise shell.LabError(f"{self.name} ended with {self.process.returncode} at start",
                                 self._why(), f"its files are in {self.folder}")
        return self.ready()

    def paths(self, workload):
        """Of network.PATHS, those it runs a workload on."""
        return workload.paths if self.path_name is None else (self.path_name,)

    gauges = None  # a method that gives rising counters of its own, by name

    def load_words(self):
        """postern-bench's words for the network that leads to it."""
        words = ["--transport", "kernel", "--client-netns", self.links.wan,
                 "--serve-netns", self.links.lan]
        for address in network.clients():
            words += ["--client-address", f"{address}/{network.LENGTH}"]
        return words

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.process is None:
            return
        pids = meter.tree(self.process.pid) if self.alive() else self.pids
        if self.alive():
            self.process.terminate()
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        process.end_all(meter.living(pids))
        self.process = None


def listens(pid, port):
    """Whether somebody in that process's namespace listens on the TCP port."""
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{table}", encoding="ascii") as file:
                for line in file:
                    words = line.split()
                    if words[3] == "0A" and int(words[1].rsplit(":", 1)[1], 16) == port:
                        return True
        except OSError:
            continue
    return False
