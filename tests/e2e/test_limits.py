#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Full tables, silence by configuration, and a drain that spreads."""

import os
import time

import e2e
import peers
from e2e import check, eventually
from lab import site

CONNECTIONS = 40


def echo_rule():
    return {"listen": site.GATEWAY_WAN[4], "port": 7000, "certificate": "mail",
            "servers": [f"{site.SERVER[4]}:7000"]}


def lives(client):
    client.sendall(b"still there")
    check(client.recv(100) == b"still there", "a connection lost its echo")


def refused():
    """Whether a new client gets no connection (a SYN may go unanswered, or a RST come)."""
    try:
        peers.connect(port=7000, timeout=1.5).close()
    except (TimeoutError, ConnectionError):
        return True
    return False


@e2e.test(shapes=("af_packet/2",))
def metrics(env):
    """what Prometheus collects tells of open connections, rules, drops and certificates"""
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule()):
        before = env.gateway.metrics()
        with peers.client(env) as client:
            lives(client)
            during = env.gateway.metrics()
        check(during["postern_rule_connections{rule=\"echo\"}"] == 1, "the open connection isn't told")
        check(during["postern_rule_bytes_to_client_total{rule=\"echo\"}"] == 11, "its bytes aren't told")
        grown = during["postern_tls_handshakes_total"] - before["postern_tls_handshakes_total"]
        check(grown == 1, f"{grown} handshakes were counted")
        check(sum(number for name, number in during.items()
                  if name.startswith("postern_worker_connections{")) == 1, "the workers tell otherwise")
        ends = during["postern_certificate_not_after_seconds{certificate=\"mail\"}"]
        check(ends > time.time(), f"the certificate ends at {ends}")
        told = env.gateway.command("stats", "--metrics").stdout.splitlines()
        names = {line.rpartition(" ")[0] for line in told if not line.startswith("#")}
        check(names == set(during), f"`postern stats --metrics` differs: {names ^ set(during)}")


@e2e.test(shapes=("af_packet/1",))
def full_table(env):
    """with as many connections as there may be, new ones are refused and the old go on"""
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule()):
        clients = [peers.client(env) for _ in range(CONNECTIONS)]
        for client in clients:
            lives(client)
        with env.counts("splice_full"):
            check(refused(), f"there is room for more than {CONNECTIONS}")
        for client in clients:
            lives(client)
        clients.pop().close()
        eventually(lambda: len(env.open_connections()) < CONNECTIONS, 5, "it stays open")
        with peers.client(env) as another:
            lives(another)
        for client in clients:
            lives(client)
            client.close()


def threads(pid):
    """Each thread's name and the CPUs that it may use."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as comm:
            yield comm.read().strip(), os.sched_getaffinity(int(thread))


@e2e.test(shapes=("af_packet/1",))
def own_core(env):
    """no other thread of posternd's may use a worker's CPU, when there is another"""
    if len(os.sched_getaffinity(0)) < 2:
        raise e2e.Skip("there is one CPU only")
    cpus = list(threads(env.gateway.process.pid))
    worked = set().union(*(mask for name, mask in cpus if name.startswith("rte-worker")))
    check(len(worked) == 1, f"the worker has the CPUs {worked}")
    told = env.stats()["workers"][0]["cpu"]
    check({told} == worked, f"stats tells CPU {told}, the worker has {worked}")
    for name, mask in cpus:
        check(name.startswith("rte-worker") or not mask & worked, f"{name} may use {mask}, the worker {worked}")


@e2e.test(shapes=("af_packet/1",))
def silence(env):
    """a SYN to an unpublished port goes unanswered when the configuration says so"""
    with env.counts("tcp_no_listener"):
        try:
            peers.connect(port=8443, timeout=1.5).close()
            raise AssertionError("the port is open")
        except TimeoutError:
            pass
        except ConnectionRefusedError:
            raise AssertionError("a RST came") from None


@e2e.test(shapes=("af_packet/1",))
def drain_spreads(env):
    """a drain over 3 s ends connections little by little, and all in time"""
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule()):
        clients = [peers.client(env) for _ in range(30)]
        for client in clients:
            lives(client)
        env.gateway.ask("drain", over="3s")
        began, seen = time.monotonic(), []
        while time.monotonic() - began < 6:
            seen.append(len(env.open_connections()))
            time.sleep(0.1)
        check(seen[0] > 20, f"{seen[0]} of 30 were left at once")
        check(seen[-1] == 0, f"{seen[-1]} are left after twice the time")
        check(any(5 < count < 25 for count in seen), f"not little by little: {seen}")
        for client in clients:
            client.close()
        env.gateway.ask("undrain")
    eventually(lambda: [line["end"] for line in env.gateway.connections_logged()].count("drained")
               >= 30, 5, "the log doesn't say drained")


if __name__ == "__main__":
    e2e.main(limits={"connections": CONNECTIONS}, unpublished="ignore")
