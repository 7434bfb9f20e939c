#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""postern-bench: each workload through posternd, over our own stack and over the kernel's."""

import json
import os
import subprocess

import e2e
from e2e import check
from lab import gateway, netns, shell, site, ucl, wires

PORT = 7001
SECONDS = 0.4, 2, 8
WORKLOADS = {
    "handshake": ("handshakes_per_s", ["--connections", "8"]),
    "handshake --resume": ("resumed", ["--connections", "8"]),
    "handshake --tls 1.2 --rate 50": ("handshakes_per_s", []),
    "request": ("requests_per_s", ["--connections", "16"]),
    "request --rate 500": ("requests_per_s", ["--connections", "4"]),
    "bulk --direction both": ("down_bits_per_s", ["--connections", "2"]),
}


def rule():
    return {"listen": site.GATEWAY_WAN[4], "port": PORT, "certificate": "mail",
            "servers": [f"{site.SERVER[4]}:{PORT}"]}


class OverMemif(gateway.Gateway):
    """posternd at the server's end of two memifs; postern-bench is at the others."""

    def ports(self, external, internal):
        return [ucl.section("port " + side, {"device": self.memif(side, "server"),
                                             "addresses": addresses})
                for side, addresses in (("external", external), ("internal", internal))]

    def memif(self, side, role):
        number = 0 if side == "external" else 1
        return (f"net_memif{number},role={role},id={number},socket-abstract=no,"
                f"socket={os.path.join(self.folder, side + '.sock')}")


def bench():
    path = os.path.join(gateway.build_folder(), "bench", "postern-bench")
    check(os.access(path, os.X_OK), f"no {path}: run .ci/build")
    return path


def measured(env, namespace, words, more, seconds):
    """A run's result, parsed, after checks that every run must pass."""
    name = "".join(letter if letter.isalnum() else "-" for letter in words)
    path = os.path.join(env.lab.folder, f"bench-{name}.json")
    command = [bench(), *words.split(), *more, "--seconds", f"{seconds}", "--warmup", "0.3",
               "--idle", "sleep", "--seed", "7", "--memory", "128", "--json", path,
               "--target", f"{site.GATEWAY_WAN[4]}:{PORT}", "--serve", f"{site.SERVER[4]}:{PORT}"]
    done = shell.run(netns.argv(namespace, command), check=False, timeout=40)
    check(done.returncode == 0, f"{words}: status {done.returncode}:\n{done.stdout}{done.stderr}")
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    check(result["schema"] == "postern-bench/1" and result["seed"] == 7, f"{words}: {result}")
    check("errors" not in result["metrics"], f"{words}: errors {result['metrics'].get('errors')}")
    check(seconds * 0.99 < result["duration_s"], f"{words}: only {result['duration_s']} s")
    return result


def long_enough(env, namespace, words, metric, more):
    """Short runs do, unless the machine is so busy that nothing happens in them."""
    for seconds in SECONDS:
        result = measured(env, namespace, words, more, seconds)
        if result["metrics"].get(metric, 0) > 0:
            check(0 < result["client"]["busy"], f"{words}: it cost nothing")
            return result
    raise AssertionError(f"{words}: {metric} stays 0 for {SECONDS[-1]} s")


def every_workload(env, namespace, more):
    for words, (metric, own) in WORKLOADS.items():
        metrics = (result := long_enough(env, namespace, words, metric, own + more))["metrics"]
        if "bulk" in words:
            check("up_bits_per_s" in metrics, f"{words}: nothing is said of the way up")
            continue
        latency = metrics["latency_us"]
        check(0 < latency["min"] <= latency["p50"] <= latency["p99"] <= latency["max"],
              f"{words}: {latency}")
        counted = sum(count for _, count in result["histogram"])
        check(counted == latency["count"] > 0, f"{words}: {counted} of {latency['count']}")


@e2e.test(shapes=("af_packet/1",), seconds=150)
def over_the_kernel(env):
    """postern-bench measures every workload with the kernel's sockets"""
    with env.published("bench", **rule()):
        every_workload(env, env.lab.wan, ["--transport", "kernel", "--client-netns", env.lab.wan,
                                          "--serve-netns", env.lab.lan])


@e2e.test(shapes=("af_packet/1",), seconds=150)
def over_memif(env):
    """postern-bench measures every workload with our own stack, over memif"""
    peer = OverMemif(env.lab, wires.Shape(), {"bench": rule()}, "posternd-bench-memif")
    peer.start()
    try:
        every_workload(env, env.lab.wan, [
            "--client-port", peer.memif("external", "client"),
            "--client-address", f"{site.CLIENT[4]}/24",
            "--backend-port", peer.memif("internal", "client"),
            "--backend-address", f"{site.SERVER[4]}/24"])
        e2e.eventually(lambda: not peer.connections(), 5, "connections stay open after it")
        check(peer.ask("stats")["events"]["tls_failed"] == 0, "TLS failed somewhere")
    finally:
        status = peer.stop()
    check(status == 0, f"posternd ended with {status}")


@e2e.test(shapes=("af_packet/1",))
def its_end(env):
    """postern-bench says what is wrong with its options, and when nobody answers"""
    def run(*words):
        done = subprocess.run([bench(), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=30, check=False)
        return done.returncode, done.stderr + done.stdout

    status, text = run("handshake")
    check(status == 2 and "--target" in text, f"{status}: {text}")
    status, text = run("nonsense", "--target", "192.0.2.1:1")
    check(status == 2 and "nonsense" in text, f"{status}: {text}")
    status, text = run("request", "--transport", "kernel", "--target", f"{site.GATEWAY_WAN[4]}:9",
                       "--seconds", "0.2", "--warmup", "0", "--open-timeout", "0.5")
    check(status == 1 and "refused" in text, f"{status}: {text}")


e2e.main()
