#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""postern-bench's workloads against its own backend, over the kernel's sockets in a network
namespace of their own, without TLS: both ends' scripts agree, and what is reported adds up."""
import json
import subprocess
import sys

ENDPOINT = "127.0.0.1:9930"
SECONDS = 0.6


def run(program, workload, *options):
    """(exit status, result)"""
    command = [program, workload, "--transport", "kernel", "--plain", "--target", ENDPOINT, "--serve", ENDPOINT,
               "--hugepages", "no", "--warmup", "0.1", "--seconds", str(SECONDS), "--json", "-", *options]
    script = 'ip link set lo up 2>/dev/null && exec "$@"'
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script, "sh", *command],
                          capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 2:
        return 2, done.stderr
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {"metrics": {"errors": done.stdout + done.stderr}}


def namespaces():
    return subprocess.run(["unshare", "-rn", "ip", "link", "set", "lo", "up"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def near(value, wanted, share):
    return abs(value - wanted) <= wanted * share


def idle(m):
    return m["held_sessions"] == 30 and m["latency_us"]["count"] == 30 and m["all_open_s"] > 29 / 200 * 0.95


def request(m):
    return m["requests_per_s"] > 0 and m["sessions"] == m["answered_connections"] == 40 and m["held_sessions"] == 20


def handshake(m):
    return m["handshakes_per_s"] > 0 and m["held_sessions"] == 30


def imap(m):
    # Four commands a session have one answer, IDLE two; each session fetches a list and a message at least.
    return (m["sessions_per_s"] > 0 and m["messages_per_s"] >= m["sessions_per_s"] * 0.9
            and m["down_bits_per_s"] > m["sessions_per_s"] * 20 * 1248 * 8 * 0.9 and m["fetch_us"]["count"] > 0)


def smtp(m):
    return (m["messages_per_s"] >= m["sessions_per_s"] * 0.9 > 0 and m["up_bits_per_s"] > m["messages_per_s"] * 8 * 78
            and m["submit_us"]["p50"] >= m["latency_us"]["p50"])


def storm(m):
    return (m["storms"] >= 1 and m["latency_us"]["count"] == m["storms"] * 50
            and m["latency_us"]["max"] <= m["all_back_longest_s"] * 1e6 * 1.02 + 1)


def mix(m):
    # A pause of the machine moves requests from one half into the other; together they are as many as were due.
    requests = m["calm_us"]["count"] + m["latency_us"]["count"]
    return (m["handshakes_per_s"] > 0 and m["down_bits_per_s"] > 0 and m["calm_down_bits_per_s"] > 0
            and near(requests, 400 * SECONDS, 0.25) and m["requests_per_s"] > 0
            and m["latency_us"]["count"] > 0 and m["calm_us"]["count"] > 0 and m["handshake_us"]["count"] > 0)


def paced(m):
    # One connection of bulk data; a chunk that is late makes no more than one wait.
    return mix(m) and 0 < m["down_bits_per_s"] < 6e6


CASES = (("idle", idle, "--connections", "30", "--rate", "200"),
         ("request", request, "--connections", "40", "--active", "5", "--held", "20"),
         ("handshake", handshake, "--connections", "8", "--held", "30"), ("imap", imap, "--connections", "8"),
         ("smtp", smtp, "--connections", "8"), ("storm", storm, "--connections", "50"),
         ("mix", mix, "--connections", "16", "--rate", "400"),
         ("mix", paced, "--connections", "70", "--rate", "400", "--bulk-rate", "4e6"))
REFUSED = (("imap", "--rate", "5"), ("smtp", "--rate", "5"), ("storm", "--rate", "5"), ("mix", "--connections", "3"),
           ("handshake", "--active", "5"), ("request", "--active", "0"))


def main():
    program, failed, number = sys.argv[1], 0, 0
    if not namespaces():
        print("1..0 # SKIP no network namespace may be made here")
        return 0
    print(f"1..{len(CASES) * 2 + len(REFUSED)}")
    for name, adds_up, *options in CASES:
        status, result = run(program, name, *options)
        metrics = result["metrics"]
        for good, what in ((status == 0 and "errors" not in metrics, "no errors"),
                           (status == 0 and adds_up(metrics), "what is told adds up")):
            number += 1
            failed += not good
            print(f"{'ok' if good else 'not ok'} {number} - {name}: {what}")
            if not good:
                print(f"# exit status {status}: {json.dumps(metrics)}")
    for name, *options in REFUSED:
        status, told = run(program, name, *options)
        number += 1
        good = status != 0 and options[0] in json.dumps(told)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} - {name} refuses {' '.join(options)}")
        if not good:
            print(f"# {told}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
