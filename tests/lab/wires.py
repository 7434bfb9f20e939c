# SPDX-License-Identifier: GPL-3.0-or-later
"""The links between the namespaces, in the shape that a kind of DPDK port needs.

    wan: eth0 ===== ext0 :gw: int0 ===== eth0 :lan

packet              posternd takes ext0 and int0 by packet sockets; the peers' kernels send
                    long segments and unfinished checksums, and join what they receive.
af_packet, af_xdp   posternd takes them by DPDK's drivers.
memif               another process takes them, see memif.py.
one_port            a bridge joins ext0, int0 and one1; posternd takes its peer one0
                    by af_packet: one port that serves both sides.
faulty              the same, but each link is cut in two, and tests/bridge carries frames
                    between the halves (see faulty.py): wan ==== ext1 :gw: ext2 ==== ext0.
tap                 posternd creates the taps; a bridge each joins them to ext0, int0.

The gw kernel owns no address on any of them and answers nothing: whatever the
clients see comes from posternd.
"""

from . import memif, netns, shell

SIDES = {"external": "ext", "internal": "int"}
PEERS = {"external": "wan", "internal": "lan"}
QUEUES = 4  # enough for every number of workers that the tests run
# Frames that AF_PACKET holds for a queue. Its driver's 512 are 25 ms of a flood of 20,000/s:
# less than a worker may have to wait for a CPU on a machine with two.
RING = 4096


def af_packet(number, interface, queues):
    """The devargs of an AF_PACKET port."""
    return f"net_af_packet{number},iface={interface},qpairs={queues},framecnt={RING}"


class Shape:
    """How the gateway is attached: kind of port, number of workers, MTU."""

    KINDS = ("packet", "af_packet", "af_xdp", "tap", "memif", "one_port", "faulty")

    def __init__(self, kind="af_packet", workers=1, mtu=1500):
        if kind not in self.KINDS:
            raise shell.LabError(f"no kind of port `{kind}`", "", "one of " + ", ".join(self.KINDS))
        self.kind, self.workers, self.mtu = kind, workers, mtu

    def __str__(self):
        return f"{self.kind}/{self.workers}"

    def device(self, side, folder):
        """The devargs of one side's port (side: external or internal). folder: the lab's."""
        short, number = SIDES[side], 0 if side == "external" else 1
        if self.kind == "packet":
            # With one worker as beside Linux's own stack, with more in its place.
            own = f",mac=02:00:00:00:fe:0{number}" if self.workers == 1 else ""
            return f"packet:{short}0{own}"
        if self.kind == "tap":
            return f"net_tap{number},iface=tap-{short}"
        if self.kind == "af_xdp":
            return f"net_af_xdp{number},iface={short}0,start_queue=0"
        if self.kind == "one_port":
            return af_packet(0, "one0", self.workers)
        if self.kind == "memif":
            return (f"net_memif{number},role=client,id={number},socket-abstract=no,"
                    f"socket={memif.socket_path(folder, short)}")
        return af_packet(number, f"{short}0", self.workers)


def offloads(namespace, device, on=False):
    """Off: a veth peer otherwise sends unfinished checksums and segments over the MTU."""
    words = [word for name in ("tx", "tso", "gso", "gro") for word in (name, "on" if on else "off")]
    netns.run(namespace, ["ethtool", "-K", device, *words], do="the lab needs ethtool")


def lay(namespaces, shape, addresses):
    """(Re)creates both links. addresses: {"wan": [..], "lan": [..]} with lengths."""
    # AF_XDP binds to queues of the device, and DPDK's driver sees one on a veth.
    queues = 1 if shape.kind == "af_xdp" else QUEUES
    shape_of_queues = ["numrxqueues", str(queues), "numtxqueues", str(queues)]
    for side, short in SIDES.items():
        peer = PEERS[side]
        gw_device = short + ("1" if shape.kind == "faulty" else "0")
        for namespace, old in ((namespaces["gw"], short + "0"), (namespaces["gw"], "br-" + short),
                               (namespaces["gw"], "br-one"), (namespaces["gw"], "one0"),
                               (namespaces["gw"], short + "1"), (namespaces[peer], "eth0")):
            netns.run(namespace, ["ip", "link", "del", old], check=False)
        shell.run(["ip", "link", "add", gw_device, "netns", namespaces["gw"], "mtu",
                   str(shape.mtu), *shape_of_queues, "type", "veth", "peer", "name", "eth0",
                   "netns", namespaces[peer], "mtu", str(shape.mtu), *shape_of_queues])
        offloads(namespaces["gw"], gw_device, shape.kind == "packet")
        offloads(namespaces[peer], "eth0", shape.kind == "packet")
        _quiet(namespaces["gw"], gw_device)
        if shape.kind == "faulty":
            _pair(namespaces["gw"], short + "0", short + "2", shape.mtu, shape_of_queues)
        if shape.kind == "tap":
            _bridge(namespaces["gw"], "br-" + short, [gw_device])
        _up(namespaces[peer], "eth0", addresses[peer])
    if shape.kind == "one_port":
        _pair(namespaces["gw"], "one0", "one1", shape.mtu, shape_of_queues)
        _bridge(namespaces["gw"], "br-one", ["ext0", "int0", "one1"])


def _pair(namespace, first, second, mtu, shape_of_queues):
    """A veth with both ends in one namespace, for frames only."""
    netns.run(namespace, ["ip", "link", "add", first, "mtu", str(mtu), *shape_of_queues, "type",
                          "veth", "peer", "name", second, "mtu", str(mtu), *shape_of_queues])
    for device in (first, second):
        offloads(namespace, device)
        _quiet(namespace, device)


def _quiet(namespace, device):
    """No address, no autoconfiguration, no answers: the kernel only carries frames."""
    netns.sysctl(namespace, {f"net/ipv6/conf/{device}/disable_ipv6": 1,
                             f"net/ipv4/conf/{device}/arp_ignore": 8})
    netns.run(namespace, ["ip", "link", "set", device, "up"])


def _up(namespace, device, addresses):
    lines = [f"link set {device} up"]
    lines += [f"addr add {address} dev {device} nodad" if ":" in address
              else f"addr add {address} dev {device}" for address in addresses]
    netns.run(namespace, ["ip", "-batch", "-"], input="\n".join(lines) + "\n")


def _bridge(namespace, bridge, members):
    netns.run(namespace, ["ip", "link", "add", bridge, "type", "bridge", "mcast_snooping", "0",
                          "stp_state", "0", "forward_delay", "0"])
    _quiet(namespace, bridge)
    # Else the kernel's netfilter reads what crosses, and drops what it finds malformed.
    netns.sysctl(namespace, {f"net/bridge/bridge-nf-call-{part}": 0
                             for part in ("iptables", "ip6tables", "arptables")})
    for member in members:
        netns.run(namespace, ["ip", "link", "set", member, "master", bridge])


def join_taps(namespace):
    """Puts posternd's taps into their bridges. Not before it is ready: it takes for its own
    the address that it finds on a tap, and that is changed here."""
    for number, short in enumerate(SIDES.values()):
        tap = "tap-" + short
        # posternd sends from the address the tap was born with. A bridge keeps frames for
        # its members' own addresses to itself, so the member must have another one.
        netns.run(namespace, ["ip", "link", "set", tap, "address", f"02:00:00:00:fe:0{number}"])
        _quiet(namespace, tap)
        netns.run(namespace, ["ip", "link", "set", tap, "master", "br-" + short])
