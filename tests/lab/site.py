# SPDX-License-Identifier: GPL-3.0-or-later
"""The site around the gateway: namespaces, links, mail servers, and their folder."""

import os
import shutil
import tempfile

from . import netns, process, shell, wires
from .dovecot import Dovecot
from .postfix import Postfix

# Outside. The gateway publishes on .10; the clients' hosts have the others. The two of
# another network are reached through the gateway's default route.
GATEWAY_WAN = {4: "192.0.2.10", 6: "2001:db8:0:1::10"}
CLIENT = {4: "192.0.2.1", 6: "2001:db8:0:1::1"}
SECOND_CLIENT = {4: "192.0.2.66", 6: "2001:db8:0:1::66"}
FAR_CLIENT = {4: "198.51.100.7", 6: "2001:db8:51::7"}
WAN_LENGTH = {4: 24, 6: 64}

# Inside.
GATEWAY_LAN = {4: "10.20.0.1", 6: "fd20::1"}
SERVER = {4: "10.20.0.2", 6: "fd20::2"}

IMAP_NAME, SMTP_NAME = "imap.example.test", "smtp.example.test"
USERS = {"ann": "correct-horse", "ben": "battery-staple"}


class Site:
    """Lifetime: up() once; down() at any time, also after a crash, also twice."""

    def __init__(self, ident, folder, users=None):
        self.folder = folder
        self.namespaces = {part: f"pl-{ident}-{part}" for part in ("wan", "gw", "lan")}
        self.wan, self.gw, self.lan = (self.namespaces[part] for part in ("wan", "gw", "lan"))
        self.dovecot = Dovecot(os.path.join(folder, "dovecot"), self.lan, users or USERS)
        self.postfix = Postfix(os.path.join(folder, "postfix"), self.lan, self.dovecot)
        self.pids = os.path.join(folder, "pids")

    def up(self, shape):
        """Brings everything up but the gateway, over whatever an earlier lab left."""
        need_root()
        self.down()
        os.makedirs(self.pids)
        process.record(self.folder, "owner", os.getpid())
        os.chmod(self.folder, 0o755)  # Dovecot's and Postfix's users pass through it
        for namespace in self.namespaces.values():
            netns.add(namespace)
        names = "".join(f"{address} {IMAP_NAME} {SMTP_NAME}\n" for address in GATEWAY_WAN.values())
        netns.files(self.wan, {"hosts": "127.0.0.1 localhost\n::1 localhost\n" + names,
                               "resolv.conf": "# the lab has no name server\n"})
        self.wire(shape)
        self.dovecot.start()
        self.postfix.start()

    def wire(self, shape):
        """Lays the links for a shape; running servers keep their listening sockets."""
        addresses = {
            "wan": [f"{host[family]}/{WAN_LENGTH[family]}"
                    for host in (CLIENT, SECOND_CLIENT) for family in (4, 6)],
            "lan": [f"{SERVER[4]}/24", f"{SERVER[6]}/64"],
        }
        wires.lay(self.namespaces, shape, addresses)
        for address in FAR_CLIENT.values():
            netns.run(self.wan, ["ip", "addr", "replace", address, "dev", "lo"])

    def down(self):
        """Removes every process, namespace and file of this lab, however far it came."""
        self.postfix.stop()
        self.dovecot.stop()
        self._end_recorded()
        for namespace in self.namespaces.values():
            netns.remove(namespace)
        if os.path.isdir(self.folder):
            shutil.rmtree(self.folder)

    def _end_recorded(self):
        """The gateway, and anything else recorded: normally gone with its namespace."""
        if not os.path.isdir(self.pids):
            return
        names = [entry[:-4] for entry in os.listdir(self.pids) if entry.endswith(".pid")]
        pids = [process.recorded(self.pids, name) for name in names]
        process.end_all([pid for pid in pids if pid])


TEMPORARY = "postern-e2e-"  # folders of the tests' labs, in the folder for temporary files


def sweep():
    """Ends the labs of tests whose process was killed."""
    for entry in os.listdir(tempfile.gettempdir()):
        folder = os.path.join(tempfile.gettempdir(), entry)
        if entry.startswith(TEMPORARY) and not process.recorded(folder, "owner"):
            try:
                with open(os.path.join(folder, "owner.pid"), encoding="ascii") as file:
                    ident = file.read().split()[0]
            except (OSError, IndexError):
                continue  # its process is just about to write there
            Site(ident, folder).down()


def temporary():
    """A lab for the calling process."""
    return Site(str(os.getpid()), tempfile.mkdtemp(prefix=TEMPORARY))


def need_root():
    reason = missing()
    if reason:
        raise shell.LabError("the lab can't run here", reason,
                             "run as root on a machine (not an unprivileged container) that "
                             "allows network namespaces; `.ci/install build lab` installs programs")


def missing():
    """Why the lab can't run here, in one line; None when it can."""
    if os.geteuid() != 0:
        return "not root (network namespaces and DPDK ports need it)"
    for program in ("ip", "ethtool", "dovecot", "postfix"):
        try:
            shell.find_program(program)
        except shell.LabError:
            return f"`{program}` isn't installed"
    probe = f"pl-{os.getpid()}-probe"
    made = shell.run(["ip", "netns", "add", probe], check=False)
    if made.returncode != 0:
        return "no network namespaces: " + made.stderr.strip()
    entered = netns.run(probe, ["true"], check=False)
    shell.run(["ip", "netns", "del", probe], check=False)
    if entered.returncode != 0:
        return "can't enter a network namespace: " + entered.stderr.strip()
    return None
