# SPDX-License-Identifier: GPL-3.0-or-later
"""postern as a subject: on memif, its own path, or on the veths that the peers have."""

import os
import subprocess

from lab import control, gateway, shell, ucl

from . import network
from .subjects import PORT, Subject

# By path and driver: the port devices, and whether the loop polls. Over memif it polls and
# counts its busy turns itself; on veths it sleeps when there is nothing to do, so that the
# kernel's account of the core means the same as for a peer.
PORTS = {
    "memif": ("poll", "net_memif{number},role=server,id={number},socket={folder}/{side}.sock,"
                      "socket-abstract=no"),
    "packet": ("adaptive", "packet:{side}0,mac=02:00:00:00:00:0{number}"),
    "af_xdp": ("adaptive", "net_af_xdp{number},iface={side}0,start_queue=0"),
}


class Postern(Subject):
    driver, subject = "", "postern"
    busy = "loop_busy_s"  # not what a rate is divided by: the kernel works for it as well
    kernel_sockets = False
    receive_settings = ("own", "sender")
    workers, cores = 1, str(network.GATEWAY_CORE)
    idle = None                 # what a worker does when there is nothing to do; None: as PORTS says

    def __init__(self, links, folder, keys):
        super().__init__(links, folder, keys)
        self.control = None
        self.socket = self.path("control.sock")

    @classmethod
    def missing(cls):
        try:
            gateway.program("posternd")
            return None
        except shell.LabError as error:
            return f"{error.what} ({error.do})"

    def version(self):
        version = shell.run([gateway.program("posternd"), "--version"]).stdout.split("\n")[0]
        commit = subprocess.run(["git", "-C", gateway.REPOSITORY, "-c", "safe.directory=*",
                                 "describe", "--always", "--dirty"], check=False, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()
        return f"{version} ({commit})" if commit else version

    def device(self, side):
        """The devargs of one of its ports."""
        return PORTS[self.driver][1].format(side=side, number=0 if side == "ext" else 1,
                                            folder=self.folder)

    def configuration(self, setting):
        chain, key, _ = self.keys.files(setting.key)
        server, server_port = setting.backend
        parts = [
            f"workers = {self.workers};\ncores = \"{self.cores}\";\n"
            f"idle = {self.idle or PORTS[self.driver][0]};\n",
            ucl.section("memory", {"megabytes": setting.megabytes}),
            ucl.section("limits", {"connections": setting.connections + 1000,
                                   "handshake_timeout": "60s"}),
            ucl.section("control", {"socket": self.socket}),
            ucl.section("log", {"file": "/dev/null"}),
            ucl.section("certificate bench", {"chain": chain, "key": key}),
            ucl.section("port external", {
                "device": self.device("ext"),
                "addresses": [f"{network.GATEWAY_EXTERNAL}/{network.LENGTH}"]}),
            ucl.section("port internal", {
                "device": self.device("int"),
                "addresses": [f"{network.GATEWAY_INTERNAL}/{network.LENGTH}"]}),
            ucl.section("rule bench", {
                "listen": network.GATEWAY_EXTERNAL, "port": PORT, "certificate": "bench",
                "servers": [f"{each}:{server_port}" for each in self.servers(server)], "idle_timeout": "1h",
                "strength": 112 if setting.key == "rsa2048" else None}),
        ]
        return "\n".join(parts)

    @staticmethod
    def servers(server):
        """The internal servers' addresses."""
        return [server]

    def prepare(self, setting):
        shell.write(self.path("postern.conf"), self.configuration(setting))
        for side in ("ext", "int"):
            if os.path.exists(self.path(f"{side}.sock")):
                os.unlink(self.path(f"{side}.sock"))
        return [gateway.program("posternd"), "--config", self.path("postern.conf")]

    def ready(self):
        try:
            self.control = control.Control(self.socket)
            return self.control.ask("version")
        except OSError:
            return None

    def gauges(self):
        """Its workers' busy time, and the turns of their loops."""
        workers = self.control.ask("stats")["workers"]
        return {self.busy: sum(worker["busy_us"] for worker in workers) / 1e6,
                "turns": sum(worker["turns"] for worker in workers),
                "busy_turns": sum(worker["busy_turns"] for worker in workers)}

    def stop(self):
        if self.control:
            self.control.close()
            self.control = None
        super().stop()


class OverMemif(Postern):
    name, driver, path_name = "postern-memif", "memif", "memif"
    receive_settings = (None,)  # no kernel in between
    charged = busy = "busy_s"
    settle_s = 1.2  # its links come up with the generator, and only then addresses resolve
    kernel_load = False

    def load_words(self):
        words = ["--transport", "dpdk"]
        for number, (side, option) in enumerate((("ext", "client"), ("int", "backend"))):
            words += [f"--{option}-port", f"net_memif{number},role=client,id={number},"
                      f"socket={self.path(side + '.sock')},socket-abstract=no"]
        for address in self.clients():
            words += ["--client-address", f"{address}/{network.LENGTH}"]
        for address in self.servers(network.SERVER):
            words += ["--backend-address", f"{address}/{network.LENGTH}"]
        return words

    @staticmethod
    def clients():
        """Where the generator's clients dial from."""
        return network.clients()


class OverPacket(Postern):
    name, driver = "postern-packet", "packet"

    def paths(self, workload):
        return [network.PACKET_PATHS[path] for path in workload.paths]


class OverXdp(Postern):
    name, driver, path_name = "postern-af_xdp", "af_xdp", "veth-af_xdp"


POSTERN = (OverMemif, OverPacket, OverXdp)
