#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fragments = reassemble`: segments in pieces are put together at whichever worker they meet."""

import random
import struct

import e2e
import frames
from e2e import check, eventually
from lab import mail, site

SYNS = 60


def segment(family, port):
    """A SYN with 200 bytes of data: long enough to be cut behind its header."""
    return frames.tcp(source_port=port, data=bytes(range(200)), source=site.SECOND_CLIENT[family],
                      target=site.GATEWAY_WAN[family])


def pieces(family, payload, number, sizes):
    """Packets that carry the payload in fragments of these sizes (the rest in the last)."""
    at = 0
    for size in [*sizes, len(payload)]:
        part = payload[at:at + size]
        more = at + size < len(payload)
        if family == 4:
            packet = frames.ipv4(part, fragment=(0x2000 if more else 0) | at // 8)
            packet = renumbered(packet, number)
        else:
            head = struct.pack("!BBHI", 6, 0, at | more, number)
            packet = frames.ipv6(head + part, protocol=44)
        yield packet
        at += size
        if not more:
            return


def renumbered(packet, number):
    """With another identification, and a checksum that fits."""
    header = packet[:4] + struct.pack("!H", number) + packet[6:10] + b"\0\0" + packet[12:20]
    return header[:10] + struct.pack("!H", frames.checksum(header)) + header[12:] + packet[20:]


def kind(family):
    return frames.ETH_IP if family == 4 else frames.ETH_IP6


# af_packet's driver has the kernel put IPv4's together.
@e2e.test(shapes=("tap/2",), families=(4, 6))
def arrive_whole(env):
    """SYNs in fragments, in any order, from many ports: TCP of both workers answers each"""
    source = random.Random(env.family)
    with frames.Wire() as wire, env.counts("ip_reassembled", SYNS):
        # The client's kernel, which asked for nothing, answers each SYN-ACK by a RST.
        with env.counts("tcp_rst_received", SYNS):
            for number in range(SYNS):
                parts = list(pieces(env.family, segment(env.family, 20000 + number), number + 1,
                                    source.choice([[64], [24, 64], [104, 8, 8], [32] * 6])))
                source.shuffle(parts)
                for part in parts:
                    wire.send(kind(env.family), part)
    check(env.counted("steered") > 0, "nothing was handed from worker to worker")
    with mail.Imap(env.ca, env.family) as imap:
        imap.enter("ben")


@e2e.test(shapes=("tap/2",), families=(4, 6))
def never_whole(env):
    """20,000 fragments that never become whole: each is counted, clients are served, buffers return"""
    source = random.Random(env.family)
    before = env.stats()
    with frames.Wire() as wire:
        for number in range(20000):
            parts = list(pieces(env.family, segment(env.family, 30000), source.getrandbits(16),
                                [source.randrange(24, 100, 8), source.randrange(8, 80, 8)]))
            wire.send(kind(env.family), source.choice(parts[:2] if number % 3 else parts[1:]))
            if number % 4000 == 0:
                with mail.Imap(env.ca, env.family) as imap:
                    imap.enter("ben")

    def counted():
        stats = env.stats()
        return sum(e2e.of(stats, name) - e2e.of(before, name)
                   for name in stats["drops"] if name.startswith("ip_frag"))
    eventually(lambda: counted() > 15000, 10, "fragments aren't counted")
    print(f"# {e2e.grown(before, env.stats())}")
    eventually(lambda: env.stats()["totals"]["mbufs_free"]
               >= before["totals"]["mbufs_free"] - 300, 10, "buffers aren't back")


e2e.main(fragments="reassemble")
