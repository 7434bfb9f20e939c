#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""postern-bench's mail workloads through the gateway, over TLS: each comes to a good end, what is
told adds up, and nothing stays behind."""

import json
import os
import subprocess

import e2e
from e2e import check, eventually
from lab import gateway, netns, site

PORT = 7993
SECONDS, WARMUP = 1.0, 0.2


def endpoint(address, port):
    return f"{address}:{port}" if "." in address else f"[{address}]:{port}"


def bench(env, workload, *options):
    """The metrics of a run without errors."""
    program = os.path.join(gateway.build_folder(), "bench", "postern-bench")
    command = [program, workload, "--transport", "kernel", "--client-netns", env.lab.wan, "--serve-netns", env.lab.lan,
               "--target", endpoint(site.GATEWAY_WAN[env.family], PORT),
               "--serve", endpoint(site.SERVER[env.family], PORT), "--server-name", site.IMAP_NAME,
               "--hugepages", "no", "--seconds", str(SECONDS), "--warmup", str(WARMUP), "--json", "-", *options]
    done = subprocess.run(netns.argv(env.lab.wan, command), capture_output=True, text=True, check=False, timeout=50)
    check(done.returncode == 0, f"it ended with {done.returncode}: {done.stderr} {done.stdout[-2000:]}")
    return json.loads(done.stdout)["metrics"]


def idle(m):
    return m["held_sessions"] == 100 and m["latency_us"]["count"] == 100


def imap(m):
    return m["messages_per_s"] >= m["sessions_per_s"] * 0.8 > 0 and m["fetch_us"]["count"] > 0


def smtp(m):
    return m["messages_per_s"] >= m["sessions_per_s"] * 0.8 > 0 and m["submit_us"]["count"] > 0


def storm(m):
    return m["storms"] >= 1 and m["latency_us"]["count"] == 50 * m["storms"]


def mix(m):
    return (m["handshakes_per_s"] > 0 and m["requests_per_s"] > 0 and m["down_bits_per_s"] > 0
            and m["latency_us"]["count"] > 0 and m["calm_us"]["count"] > 0)


def register(name, adds_up, *options, families=(4,)):
    def workload(env):
        address = site.SERVER[env.family]
        with env.published("bench", listen=site.GATEWAY_WAN[env.family], port=PORT, certificate="mail",
                           servers=[endpoint(address, PORT)]):
            metrics = bench(env, name, *options)
            check(adds_up(metrics), f"it told {metrics}")
            eventually(lambda: not env.open_connections(), 10, "connections stay behind")
    workload.__doc__ = f"the {name} workload: no errors, and what it tells adds up"
    e2e.test(shapes=("af_packet/2",), families=families)(workload)


register("idle", idle, "--connections", "100")
register("imap", imap, "--connections", "16", families=(4, 6))
register("smtp", smtp, "--connections", "16")
register("storm", storm, "--connections", "50")
register("mix", mix, "--connections", "16", "--rate", "200")
e2e.main()
