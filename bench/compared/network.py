# SPDX-License-Identifier: GPL-3.0-or-later
"""The links between load generator and gateway.

    wan: eth0 ===== ext0 :gw: int0 ===== eth0 :lan

The generator's client sockets live in wan, its backend's in lan, the gateway in gw.
RFC 2544's addresses for benchmarks, so that nothing of the world's is meant.

A path is how frames cross the veths:

    veth-gso    a frame may be a segment of 64 KB: a kernel's best case, which no wire has
    veth-1500   1500-byte frames, as on a wire; checksums are left to the "card"
    veth-packet, veth-packet-1500
                the same two, for postern's packet sockets in the kernel's place
    veth-af_xdp 1500-byte frames with finished checksums, for who reads frames off a veth

and a receive setting is where the kernel handles what arrives:

    own         on the core of the one who receives it (RPS), as a network card's
                interrupt would: the gateway's kernel works on the gateway's core
    sender      on the core that sent it, veth's way: each side's kernel receives at the
                other's expense
    own+gro     as own, and frames are put together first (GRO), on the sender's core
"""

from lab import netns, shell

CLIENT_NET, SERVER_NET = "198.18", "198.19"
GATEWAY_EXTERNAL, GATEWAY_INTERNAL = f"{CLIENT_NET}.0.10", f"{SERVER_NET}.0.10"
CLIENT, SERVER = f"{CLIENT_NET}.1.1", f"{SERVER_NET}.1.1"
CLIENTS = 8  # addresses the clients may connect from: 64,000 ports each
LENGTH = 16

KERNEL_PATHS = ("veth-gso", "veth-1500")
PACKET_PATHS = {"veth-gso": "veth-packet", "veth-1500": "veth-packet-1500"}
PATHS = (*KERNEL_PATHS, *PACKET_PATHS.values(), "veth-af_xdp")
RECEIVE = ("own", "sender", "own+gro")
GATEWAY_CORE, LOAD_CORE = 0, 1

# Per namespace; the last two let a port be used again while its TIME-WAIT lasts, or a
# run of some seconds would leave none.
SYSCTLS = {
    "net/core/somaxconn": 65535,
    "net/ipv4/tcp_max_syn_backlog": 65535,
    "net/ipv4/tcp_rmem": "4096 131072 16777216",
    "net/ipv4/tcp_wmem": "4096 65536 16777216",
    "net/ipv4/ip_local_port_range": "1024 65535",
    "net/ipv4/tcp_tw_reuse": 1,
    "net/ipv6/conf/all/disable_ipv6": 1,
}


def clients():
    return [f"{CLIENT_NET}.1.{number + 1}" for number in range(CLIENTS)]


class Network:
    """Lifetime: up() once; down() at any time, also twice."""

    def __init__(self, ident):
        self.wan, self.gw, self.lan = (f"pc-{ident}-{part}" for part in ("wan", "gw", "lan"))
        self.state = None

    def up(self):
        for namespace in (self.wan, self.gw, self.lan):
            netns.add(namespace)
            netns.sysctl(namespace, SYSCTLS)
        self._link("ext0", self.wan, [GATEWAY_EXTERNAL], clients())
        self._link("int0", self.lan, [GATEWAY_INTERNAL], [SERVER])

    def _link(self, device, peer, gateway, others):
        shell.run(["ip", "link", "add", device, "netns", self.gw, "type", "veth",
                   "peer", "name", "eth0", "netns", peer])
        self._configure(self.gw, device, gateway)
        self._configure(peer, "eth0", others)

    @staticmethod
    def _configure(namespace, device, addresses):
        lines = [f"addr add {address}/{LENGTH} dev {device}" for address in addresses]
        netns.run(namespace, ["ip", "-batch", "-"],
                  input="\n".join(lines + [f"link set {device} up"]) + "\n")

    def ends(self):
        """(namespace, device, core of the one who receives there)."""
        return ((self.gw, "ext0", GATEWAY_CORE), (self.gw, "int0", GATEWAY_CORE),
                (self.wan, "eth0", LOAD_CORE), (self.lan, "eth0", LOAD_CORE))

    def set(self, path, receive):
        """The path and receive setting from now on."""
        if self.state == (path, receive):
            return
        if path not in PATHS or receive not in RECEIVE:
            raise ValueError(f"no path {path} with receive setting {receive}")
        big = path in ("veth-gso", "veth-packet")
        cards = path != "veth-af_xdp"
        switches = {"tx": cards, "sg": cards, "gso": cards, "tso": big,
                    "gro": receive == "own+gro"}
        words = [word for name, on in switches.items() for word in (name, "on" if on else "off")]
        for namespace, device, core in self.ends():
            netns.run(namespace, ["ethtool", "-K", device, *words],
                      do="`.ci/install compare` installs ethtool")
            mask = 0 if receive == "sender" else 1 << core
            self._receive_on(namespace, device, mask)
        self._answer(path in KERNEL_PATHS)
        self.state = (path, receive)

    @staticmethod
    def _receive_on(namespace, device, mask):
        netns.run(namespace, ["sh", "-ec", f"for queue in /sys/class/net/{device}/queues/rx-*; do "
                              f"echo {mask:x} > $queue/rps_cpus; done"])

    def _answer(self, kernel_gateway):
        """Takes the gateway's addresses from the kernel of gw, or gives them back."""
        for device, address in (("ext0", GATEWAY_EXTERNAL), ("int0", GATEWAY_INTERNAL)):
            netns.run(self.gw, ["ip", "addr", "flush", "dev", device])
            if kernel_gateway:
                netns.run(self.gw, ["ip", "addr", "add", f"{address}/{LENGTH}", "dev", device])
            netns.sysctl(self.gw, {f"net/ipv4/conf/{device}/arp_ignore": 0 if kernel_gateway else 8})
        # Who answered before had other hardware addresses.
        for namespace in (self.wan, self.lan):
            netns.run(namespace, ["ip", "neigh", "flush", "all"])

    def down(self):
        for namespace in (self.wan, self.gw, self.lan):
            netns.remove(namespace)
        self.state = None

