#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten thousand random changes of rules under load: who should live lives, nothing leaks."""

import os
import random
import socket
import ssl
import threading
import time

import e2e
import peers
from e2e import check, eventually
from lab import control, site

WARM_UP = 4000
HEAP_SLACK_BYTES = 100000  # 10 bytes for each change: no part of a rule is as small
RESIDENT_SLACK_KB = 16384  # how many retired rules waited at once, and what is between them
CHANGES = 10000 * (10 if os.environ.get("POSTERN_E2E_LONG") else 1)
PORTS = range(7100, 7120)
KEEPERS = 24


def settings(port, source):
    """A random valid rule for that port that keeps accepting our clients."""
    networks = ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32", "203.0.113.7"]
    rule = {"listen": site.GATEWAY_WAN[4], "port": port, "certificate": "mail",
            "servers": [f"{site.SERVER[4]}:7000"],
            "tls_min": source.choice(["1.2", "1.3"]),
            "idle_timeout": source.choice(["10min", "30min", "1h"]),
            "allow": source.choice([["any"], ["192.0.2.0/24"], networks])}
    if source.random() < 0.5:
        rule["deny"] = source.sample(["203.0.113.0/24", "198.18.0.0/15", "2001:db8:f::/48"],
                                     source.randrange(1, 4))
    return rule


class Keeper(threading.Thread):
    """A connection that must live through everything, with its bytes checked."""

    def __init__(self, env, port, stop):
        super().__init__(daemon=True)
        self.client, self.stop, self.problem, self.rounds = peers.client(env, port), stop, None, 0
        self.stream = peers.Stream(port + 1000 * id(self) % 977)

    def run(self):
        try:
            offset = 0
            while not self.stop.is_set():
                self.client.sendall(self.stream.part(offset, 3000))
                peers_got = 0
                while peers_got < 3000:
                    data = self.client.recv(3000 - peers_got)
                    check(data, "the connection ended")
                    self.stream.verify(offset + peers_got, data)
                    peers_got += len(data)
                offset += 3000
                self.rounds += 1
                time.sleep(0.02)
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem


def newcomers(env, stop, counts):
    """Connects all the time to rules that come and go; both outcomes are right."""
    source = random.Random(9)
    while not stop.is_set():
        try:
            with peers.client(env, source.choice(PORTS), timeout=10) as client:
                client.sendall(b"hello")
                got = client.recv(100)
                counts["served" if got == b"hello" else "ended"] += 1
        except (ConnectionError, ssl.SSLError):
            counts["refused"] += 1
        except TimeoutError:
            counts["hung"] += 1


def change(ask, present, source):
    """One random change; keeps `present` (rule name -> enabled) in step."""
    port = source.choice(PORTS)
    name = f"churn{port}"
    if name not in present:
        ask("rule.add", name=name, **settings(port, source))
        present[name] = True
        return
    what = source.random()
    if what < 0.35:
        ask("rule.change", name=name, **settings(port, source))
    elif what < 0.65:
        ask("rule.disable" if present[name] else "rule.enable", name=name)
        present[name] = not present[name]
    elif what < 0.75:
        try:
            ask("rule.change", name=name, certificate="nobody")
            raise AssertionError("an invalid change was accepted")
        except control.Refused:
            pass
    else:
        ask("rule.remove", name=name)
        del present[name]


def gauges(env):
    """What must be the same before and after."""
    totals = env.stats()["totals"]
    return {name: totals[name] for name in ("mbufs_free", "tls_heap_used_bytes", "connections")}


def heap(env):
    return env.stats()["control"]["heap_used_bytes"]


def retired(env):
    """Rules that are in no snapshot any more and still held."""
    return env.stats()["control"]["retired_rules"]


def churn(env, count, source):
    """count changes with clients at it; the newcomers' counts."""
    stop, counts = threading.Event(), {"served": 0, "refused": 0, "ended": 0, "hung": 0}
    present = {}
    with env.gateway.control() as connection:
        for port in PORTS:
            connection.ask("rule.add", name=f"churn{port}", **settings(port, source))
            present[f"churn{port}"] = True
        keepers = [Keeper(env, PORTS[number % len(PORTS)], stop) for number in range(KEEPERS)]
        others = [threading.Thread(target=newcomers, args=(env, stop, counts), daemon=True)
                  for _ in range(2)]
        for each in keepers + others:
            each.start()
        for number in range(count):
            change(connection.ask, present, source)
            if number % 500 == 0:
                for keeper in keepers:
                    check(keeper.problem is None, f"after {number} changes: {keeper.problem!r}")
        stop.set()
        for each in keepers + others:
            each.join(15)
        for keeper in keepers:
            check(keeper.problem is None, f"lost: {keeper.problem!r}")
            check(keeper.rounds > 5, f"a connection made only {keeper.rounds} rounds")
        for name in list(present):
            connection.ask("rule.remove", name=name)
        for keeper in keepers:
            keeper.client.sendall(b"after all")
            check(keeper.client.recv(100) == b"after all", "lost with its rule's removal")
            keeper.client.close()
    eventually(lambda: not env.open_connections(), 15, "connections stay open")
    return counts


@e2e.test(shapes=("af_packet/2",), seconds=240)
def random_changes(env):
    """10,000 random rule changes under load lose no connection and leak nothing"""
    socket.setdefaulttimeout(30)
    source = random.Random(8)
    with peers.Server(env.lab, peers.echo):
        churn(env, WARM_UP, source)  # as many retired rules at once as there will ever be
        eventually(lambda: retired(env) == 0, 10, "retired rules aren't freed")
        before, memory, resident = gauges(env), heap(env), e2e.resident_kb(env)
        counts = churn(env, CHANGES, source)
        check(counts["served"] > 50 and counts["refused"] > 10, f"no real load: {counts}")
        check(counts["hung"] == 0, f"clients hung: {counts}")
        eventually(lambda: retired(env) == 0, 10, "retired rules aren't freed")
        eventually(lambda: gauges(env) == before, 10, f"before {before}, after {gauges(env)}")
        leaked, grown = heap(env) - memory, e2e.resident_kb(env) - resident
        check(leaked < HEAP_SLACK_BYTES, f"posternd holds {leaked} bytes more after {CHANGES} "
              f"changes ({grown} kB resident)")
        check(grown < RESIDENT_SLACK_KB, f"posternd grew by {grown} kB in {CHANGES} changes")
        check({rule["name"] for rule in env.gateway.ask("rule.list")}
              == {"imap", "smtp", "imap6", "smtp6"}, "rules are left over")


if __name__ == "__main__":
    e2e.main()
