#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's TCP against ours, through links that lose, delay, reorder and damage.

On both sides of posternd stands the kernel; the faulty bridge (tests/bridge) carries
the frames of either link. Every byte is checked, both ways at once, and posternd's and
the kernel's counters must show that the faults were there.
"""

import contextlib
import os
import threading

import e2e
import peers
from e2e import check, eventually
from lab import netns, site

LONG = bool(os.environ.get("POSTERN_E2E_LONG"))
MEGABYTE = 1 << 20
PORT = 7000

# name: (faults of the link, megabytes each way, counters of posternd that must grow
# by them, what the bridge must have done). Times are microseconds.
PROFILES = {
    "10 ms and jitter": (
        {"delay_us": 5000, "jitter_us": 3000}, 2, ("tcp_out_of_order",), ()),
    "1 % lost": (
        {"delay_us": 5000, "loss": 0.01}, 2, ("tcp_retransmit",), ("lost",)),
    "bursts lost": (
        {"delay_us": 5000, "burst_begin": 0.004, "burst_end": 0.25}, 2,
        ("tcp_retransmit",), ("lost",)),
    "5 % overtaken, 5 % doubled": (
        {"delay_us": 5000, "reorder": 0.05, "reorder_us": 8000, "duplicate": 0.05}, 2,
        ("tcp_duplicate", "tcp_out_of_order"), ("duplicated", "reordered")),
    "2 % damaged": (
        {"delay_us": 2000, "corrupt": 0.02}, 2,
        ("tcp_checksum", "tcp_retransmit"), ("corrupted",)),
    "10 Mbit/s, 30 packets": (
        {"delay_us": 10000, "bytes_per_s": 1250000, "queue_bytes": 45000}, 1,
        (), ("queue_lost",)),
    "cut now and then": (
        {"delay_us": 5000, "cut_every_us": 300000, "cut_us": 60000, "bytes_per_s": 2500000,
         "queue_bytes": 100000}, 2, ("tcp_retransmit",), ("cut_lost",)),
    "all of it": (
        {"delay_us": 4000, "jitter_us": 2000, "loss": 0.005, "duplicate": 0.01, "reorder": 0.01,
         "reorder_us": 5000, "corrupt": 0.005}, 1, ("tcp_retransmit",),
        ("lost", "duplicated", "reordered", "corrupted")),
}
LONG_PROFILES = {
    "a satellite": (
        {"delay_us": 275000, "loss": 0.002, "bytes_per_s": 2500000, "queue_bytes": 400000}, 4,
        ("tcp_retransmit",), ("lost",)),
    "a bad phone": (
        {"delay_us": 40000, "jitter_us": 40000, "loss": 0.02, "bytes_per_s": 500000,
         "queue_bytes": 100000, "slow_bytes_per_s": 60000, "change_us": 400000}, 2,
        ("tcp_retransmit",), ("lost",)),
    "seconds without a link": (
        {"delay_us": 10000, "cut_every_us": 2500000, "cut_us": 2000000, "bytes_per_s": 1250000,
         "queue_bytes": 60000}, 6, ("tcp_retransmit",), ("cut_lost",)),
    "10 % lost": (
        {"delay_us": 5000, "loss": 0.1}, 1, ("tcp_retransmit",), ("lost",)),
}
# A path whose routers say nothing of what they can't carry: both TCPs must find out.
BLACK_HOLE = ({"delay_us": 5000, "hole_bytes": 1314}, 1, ("tcp_retransmit",), ("hole_lost",))
# The client's kernel without what ours should do without then.
SYSCTLS = {
    "tcp_sack": 1, "tcp_timestamps": 1, "tcp_window_scaling": 1, "tcp_ecn": 2,
    "tcp_mtu_probing": 0,
}
OPTIONS = {
    "no SACK": {"tcp_sack": 0},
    "no timestamps": {"tcp_timestamps": 0},
    "no window scaling": {"tcp_window_scaling": 0},
    "no options at all": {"tcp_sack": 0, "tcp_timestamps": 0, "tcp_window_scaling": 0},
    "ECN asked for": {"tcp_ecn": 1},
}


def both_ways(env, up_bytes, down_bytes):
    """Uploads and downloads at once, each over a connection of its own, all bytes checked."""
    up, down = peers.Stream(21), peers.Stream(22)
    ends, problems = [], []

    def serve(connection):
        which = connection.recv(1)
        if which == b"u":
            peers.receive_stream(connection, up, up_bytes)
            check(peers.end_of(connection) == b"", "more came than was sent")
            connection.sendall(b"all")
        elif which == b"d":
            peers.send_stream(connection, down, down_bytes)
        ends.append(which)

    def upload():
        client = peers.HalfClosable(env, PORT)
        client.raw.settimeout(60)
        client.sendall(b"u")
        peers.send_stream(client, up, up_bytes)
        client.end_sending()
        check(client.recv(10) == b"all", "the server doesn't say that it has all")
        check(client.recv(1) == b"", "more came than was sent")
        client.close()

    def download():
        client = peers.HalfClosable(env, PORT)
        client.raw.settimeout(60)
        client.sendall(b"d")
        peers.receive_stream(client, down, down_bytes)
        check(client.recv(1) == b"", "more came than was sent")
        client.close()

    address = site.SERVER[env.family]
    rule = {"listen": site.GATEWAY_WAN[env.family], "port": PORT, "certificate": "mail",
            "servers": [f"{address}:{PORT}" if env.family == 4 else f"[{address}]:{PORT}"]}
    with peers.Server(env.lab, serve, PORT, env.family) as server, \
            env.published("interop", **rule):
        e2e.at_once([upload, download], 100)
        eventually(lambda: len(ends) == 2, 20, f"the server isn't done: {server.problems}")
        problems += server.problems
        eventually(lambda: not env.open_connections(), 30, "connections stay open")
    check(not problems, f"the server saw: {problems}")


def kernel_counter(name):
    """Tcp's counter of that name in the network namespace of the calling thread."""
    with open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        rows = [line.split() for line in file if line.startswith("Tcp:")]
    return int(rows[1][rows[0].index(name)])


def in_lan(function):
    """What function() says in the servers' namespace."""
    result = []

    def run():
        netns.enter(PLACES["lan"])
        result.append(function())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result[0]


PLACES = {}


@contextlib.contextmanager
def faults(env, profile, sides):
    """The profile's faults on some sides; asserts afterwards that they were there and were met."""
    wanted, _, counters, deeds = profile
    bridge, before = env.gateway.carrier, env.stats()
    PLACES["lan"] = env.lab.lan
    deeds_before = bridge.stats()
    kernel = {"external": lambda: kernel_counter("InCsumErrors"),
              "internal": lambda: in_lan(lambda: kernel_counter("InCsumErrors"))}
    damaged = {side: kernel[side]() for side in sides}
    for side in sides:
        bridge.set(side, **wanted)
    try:
        yield
    finally:
        bridge.heal()
    after, did = env.stats(), bridge.stats()
    print(f"# posternd: {e2e.grown(before, after)}")
    for side in sides:
        for direction in (0, 1):
            done = {key: value - deeds_before[side][direction][key]
                    for key, value in did[side][direction].items()}
            print(f"# {side} {('to', 'from')[direction]} posternd: "
                  + " ".join(f"{key} {value}" for key, value in done.items() if value))
            check(not done["overflowed"] and not done["refused"], f"the bridge itself lost: {done}")
        for deed in deeds:
            check(sum(did[side][d][deed] - deeds_before[side][d][deed] for d in (0, 1)) > 0,
                  f"the bridge has done nothing of {deed} on the {side} side")
        if wanted.get("corrupt", 0) >= 0.02:
            check(kernel[side]() > damaged[side], f"the {side} kernel met no wrong checksum")
    for counter in counters:
        check(e2e.of(after, counter) > e2e.of(before, counter), f"{counter} doesn't grow")


def run_profile(env, profile, sides):
    size = profile[1] * MEGABYTE
    with faults(env, profile, sides):
        both_ways(env, size, size)


def through(name, profile, sides, families=(4, 6)):
    def test(env):
        run_profile(env, profile, sides)

    where = {("external",): "outside", ("internal",): "inside"}.get(sides, "on both sides")
    test.__doc__ = f"{name}, {where}: all that is sent arrives, both ways"
    e2e.test(shapes=e2e.FAULTY, families=families, seconds=120)(test)


def with_kernels(title, settings, profile):
    """Both kernels with other settings for the length of one transfer each way."""
    def test(env):
        for namespace in (env.lab.wan, env.lab.lan):
            set_kernel(namespace, settings)
        try:
            run_profile(env, profile, ("external", "internal"))
        finally:
            for namespace in (env.lab.wan, env.lab.lan):
                set_kernel(namespace, {})

    test.__doc__ = f"{title}, both ways"
    e2e.test(shapes=e2e.FAULTY, families=(4, 6) if LONG else (4,), seconds=120)(test)


def set_kernel(namespace, settings):
    netns.sysctl(namespace, {"net/ipv4/" + key: value
                             for key, value in {**SYSCTLS, **settings}.items()})


def plan():
    """Each profile outside in one IP version, inside in the other; the long form has all."""
    for number, (name, profile) in enumerate(PROFILES.items()):
        first, second = ((4,), (6,)) if number % 2 == 0 else ((6,), (4,))
        through(name, profile, ("external",), (4, 6) if LONG else first)
        if LONG or number % 2 == 1:
            through(name, profile, ("internal",), (4, 6) if LONG else second)
    if LONG:
        for name, profile in LONG_PROFILES.items():
            through(name, profile, ("external",))
            through(name, profile, ("external", "internal"))
    lossy = ({"delay_us": 3000, "loss": 0.01, "reorder": 0.01, "reorder_us": 4000}, 1,
             ("tcp_retransmit", "tcp_out_of_order"), ("lost", "reordered"))
    for name, settings in OPTIONS.items():
        with_kernels(f"kernels with {name}: all that is sent arrives through losses", settings, lossy)
    with_kernels("nothing over 1300 bytes passes, and no router says so: all arrives",
                 {"tcp_mtu_probing": 1}, BLACK_HOLE)


plan()


if __name__ == "__main__":
    e2e.main()
