# SPDX-License-Identifier: GPL-3.0-or-later
"""What every subject is put through: postern-bench's words for it, and what counts."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Workload:
    """kind: `rate` (more is better, per gateway CPU-second), `clock` (the same, but only by the
    clock), `latency` (less is better) or `memory` (bytes a session, less is better)."""
    name: str
    title: str
    label: str                  # of postern-bench's result
    words: tuple
    kind: str = "rate"
    metric: str = ""            # of postern-bench's result
    part: str = ""              # of a metric that has several numbers: p50
    unit: str = ""
    scale: float = 1.0          # from the metric's unit to ours
    connections: int = 64
    certificate: str = "p256"
    paths: tuple = ("veth-gso",)  # of the peers
    options: tuple = field(default=())  # of subjects, to be tried too (subjects.Setting)
    tries: bool = True          # settings; else the first is taken
    of: str = ""                # the workload whose runs it is read off, not run itself

    def more_is_better(self):
        return self.kind in ("rate", "clock")

    def is_better(self, one, other):
        return one > other if self.more_is_better() else one < other


def _handshake(name, title, label, *words, certificate="p256"):
    return Workload(name, title, label, ("handshake", *words), metric="handshakes_per_s",
                    unit="/s", certificate=certificate)


REQUEST = ("request", "--request-bytes", "64", "--reply-bytes", "256")


def _request(connections):
    return Workload(f"request-{connections}", f"64 B asked, 256 B answered, {connections:,} "
                    "connections", f"64x256-c{connections}", REQUEST, metric="requests_per_s",
                    unit="/s", connections=connections)


def _bulk(direction):
    return Workload(f"bulk-{direction}", f"bulk {direction}, 8 connections", f"{direction}-c8",
                    ("bulk", "--direction", direction), metric=f"{direction}_bits_per_s",
                    unit="Gbit/s", scale=1e-9, connections=8, paths=("veth-gso", "veth-1500"),
                    options=("big buffers",))


def _mail(name, title):
    return Workload(name, title, name, (name,), metric="sessions_per_s", unit="/s",
                    connections=512, tries=False)


# A quarter are newcomers, 6 take 10 Mbit/s each: little beside what any gateway can.
MIX = ("mix", "--rate", "2000", "--bulk-rate", "1e7")


def workloads(idle_sessions):
    """All, in the order of the tables."""
    every = (
        _handshake("handshake", "full handshakes, TLS 1.3, P-256, X25519", "tls13-full"),
        _handshake("resumed", "resumed handshakes, TLS 1.3", "tls13-resumed", "--resume"),
        _handshake("handshake-rsa", "full handshakes, TLS 1.3, RSA-2048", "tls13-rsa2048",
                   certificate="rsa2048"),
        _handshake("handshake-tls12", "full handshakes, TLS 1.2, P-256", "tls12-full",
                   "--tls", "1.2"),
        _request(64),
        _request(1000),
        Workload("latency", "one connection, 64 B asked, 256 B answered", "64x256-c1",
                 REQUEST, kind="latency", metric="latency_us", part="p50", unit="us", connections=1,
                 options=("busy polling",)),
        _bulk("down"),
        _bulk("up"),
        _mail("imap", "IMAP sessions: log in, list, read three messages, IDLE, log out"),
        _mail("smtp", "SMTP sessions: AUTH and a message, some a second one"),
        Workload("storm", "256 sessions are reset and dial again at once: until all are back",
                 "c256", ("storm",), kind="latency", metric="all_back_s", scale=1000, unit="ms",
                 connections=256, tries=False),
        Workload("mix", "p99 of requests on open connections while others shake hands without "
                 "a pause", "c256", MIX, kind="latency", metric="latency_us", part="p99",
                 unit="us", connections=256, tries=False),
        Workload("mix-bulk", "bulk data meanwhile, of 60 Mbit/s that are asked for", "c256", MIX,
                 kind="clock", metric="down_bits_per_s", unit="Mbit/s", scale=1e-6, of="mix"),
        Workload("mix-new", "handshakes meanwhile", "c256", MIX, kind="clock",
                 metric="handshakes_per_s", unit="/s", of="mix"),
        Workload("idle", f"{idle_sessions:,} idle sessions", "sessions", ("idle",), kind="memory",
                 unit="B", connections=idle_sessions),
    )
    return {workload.name: workload for workload in every}
