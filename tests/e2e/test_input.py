#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers send: each piece of junk is counted under its name and disturbs nobody."""

import contextlib
import json
import os
import random
import socket
import ssl
import struct
import time

import e2e
import frames
import peers
from e2e import check, eventually
from lab import control, mail, site

HANDSHAKE_LIMIT_S = 3


@contextlib.contextmanager
def bystander(env):
    """Somebody with an open session, who must notice nothing of what the block does."""
    with mail.Imap(env.ca, env.family) as imap:
        imap.enter("ben")
        imap.must(imap.noop())
        yield
        imap.must(imap.noop())
    with mail.Imap(env.ca, env.family) as another:  # and newcomers are served
        another.enter("ben")


def answer(peer, limit=1 << 20):
    """What comes until the end, however it ends."""
    parts = []
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        while sum(map(len, parts)) < limit:
            data = peer.recv(65536)
            if not data:
                break
            parts.append(data)
    return b"".join(parts)


def push(peer, data):
    """Sends, and doesn't mind when the other side hangs up."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        peer.sendall(data)
        return True
    return False


def is_alert(data):
    """One TLS record of type alert, fatal."""
    return len(data) >= 7 and data[0] == 21 and data[1] == 3 and data[5] == 2


@e2e.test(families=(4, 6))
def plaintext(env):
    """plaintext to a TLS port gets a TLS alert, then the end"""
    for text in (b"a001 CAPABILITY\r\n", b"EHLO client.example.test\r\n",
                 b"GET / HTTP/1.1\r\nHost: imap.example.test\r\n\r\n"):
        with bystander(env), env.counts("tls_failed"), peers.connect(env.family, 993) as peer:
            push(peer, text)
            data = answer(peer)
            check(is_alert(data), f"{text[:10]} got {data[:20]!r}")


@e2e.test()
def garbage(env):
    """random bytes, in one piece and in crumbs, end the connection and nothing else"""
    source = random.Random(5)
    with bystander(env), env.counts("tls_failed", 20):
        for number in range(20):
            with peers.connect(4, 993, timeout=HANDSHAKE_LIMIT_S + 5) as peer:
                junk = source.randbytes(source.randrange(6, 4000))
                if number % 2:  # looks like the start of a handshake record
                    junk = b"\x16\x03\x01\x10\x00\x01" + junk
                junk = junk.ljust(5000, b"z")
                for at in range(0, len(junk), 700):
                    push(peer, junk[at:at + 700])
                answer(peer)


@e2e.test()
def random_handshakes(env):
    """a real ClientHello with bytes changed is refused or served, 200 times"""
    hello = client_hello()
    source = random.Random(6)
    with bystander(env):
        for _ in range(200):
            changed = bytearray(hello)
            for _ in range(source.randrange(1, 6)):
                changed[source.randrange(5, len(changed))] = source.randrange(256)
            with peers.connect(4, 993) as peer:
                push(peer, bytes(changed))
                peer.shutdown(socket.SHUT_WR)
                answer(peer)
    eventually(lambda: len(env.open_connections()) == 0, 10, "connections stay open")


def client_hello():
    """The first flight of a usual client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing,
                                                server_hostname=site.IMAP_NAME)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@e2e.test(seconds=90)
def endless_hello(env):
    """a ClientHello without end is cut off before it costs memory"""
    before = e2e.resident_kb(env)
    with bystander(env), env.counts("tls_failed"):
        with peers.connect(4, 993, timeout=15) as peer:
            # A handshake message of 16 MB - 1, in records of the greatest size.
            body, sent = b"\x01\xff\xff\xff\x03\x03" + bytes(16378), 0
            record = b"\x16\x03\x01" + struct.pack("!H", 16384)
            while sent < 8 << 20 and push(peer, record + body):
                sent += len(record) + len(body)
                body = bytes(16384)
            check(sent < 1 << 20, f"it took {sent} bytes")
    check(e2e.resident_kb(env) - before < 4096, "posternd grew")


@e2e.test(families=(4, 6))
def silent_client(env):
    """a client that says nothing is closed after the handshake's time"""
    with bystander(env), env.counts("handshake_timeout"):
        with peers.connect(env.family, 993, timeout=HANDSHAKE_LIMIT_S + 5) as peer:
            began = time.monotonic()
            answer(peer)
            took = time.monotonic() - began
            check(HANDSHAKE_LIMIT_S - 0.5 < took < HANDSHAKE_LIMIT_S + 2, f"closed after {took} s")


@e2e.test()
def dripping_client(env):
    """a byte now and then doesn't prolong the handshake's time"""
    hello = client_hello()
    with bystander(env), env.counts("handshake_timeout"):
        with peers.connect(4, 993, timeout=0.3) as peer:
            began = time.monotonic()
            for byte in hello:
                if not push(peer, bytes([byte])):
                    break
                try:
                    if not peer.recv(1):
                        break
                except TimeoutError:
                    pass
                except ConnectionResetError:
                    break
            took = time.monotonic() - began
            check(took < HANDSHAKE_LIMIT_S + 2, f"closed after {took} s")


@e2e.test(families=(4, 6))
def half_open_then_gone(env):
    """300 clients that connect and vanish by RST in the handshake leave nothing"""
    hello = client_hello()
    with bystander(env):
        for number in range(300):
            peer = peers.connect(env.family, 993)
            if number % 2:
                push(peer, hello[:number])
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, peers.LINGER_RST)
            peer.close()
        eventually(lambda: len(env.open_connections()) == 1, 5, "connections stay open")


@e2e.test()
def junk_reaches_no_server(env):
    """nothing reaches an internal server before the TLS handshake is complete"""
    with peers.Server(env.lab, peers.echo) as server:
        with env.published("echo", listen=site.GATEWAY_WAN[4], port=7000, certificate="mail",
                           servers=[f"{site.SERVER[4]}:7000"]):
            with env.counts("tls_failed"), peers.connect(4, 7000) as peer:
                push(peer, b"GET / HTTP/1.0\r\n\r\n")
                answer(peer)
            with peers.connect(4, 7000) as peer:
                push(peer, client_hello())
                peer.recv(1)
            time.sleep(0.3)
            check(server.accepted == 0, "a server was dialled for a stranger")


@e2e.test(families=(4, 6))
def unpublished_port(env):
    """a SYN to a port that no rule publishes is refused and counted"""
    with bystander(env), env.counts("tcp_no_listener", 2):
        for port in (25, 8443):
            try:
                peers.connect(env.family, port, timeout=3).close()
                raise AssertionError(f"port {port} is open")
            except ConnectionRefusedError:
                pass


WRONG_FRAMES = [
    ("ip_checksum", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(), sum_xor=1)),
    ("ip_header", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(), version=5)),
    ("ip_header", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(), header_words=3)),
    ("ip_short", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(), length=1400)),
    ("ip_fragment", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(), fragment=0x2000)),
    ("ip_fragment", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(), fragment=0x0010)),
    ("ip_options", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(), options=b"\x07\x07\x04" + bytes(5))),
    ("ip_source", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(source="127.0.0.1"), source="127.0.0.1")),
    ("ip_source", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(source="224.0.0.5"), source="224.0.0.5")),
    ("ip_not_ours", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(target="192.0.2.77"), target="192.0.2.77")),
    ("ip_protocol", frames.ETH_IP, lambda: frames.ipv4(bytes(20), protocol=132)),
    ("ip_header", frames.ETH_IP6, lambda: frames.ipv6(bytes(20), version=4)),
    ("ip_short", frames.ETH_IP6, lambda: frames.ipv6(bytes(20), length=1400)),
    ("ip_fragment", frames.ETH_IP6, lambda: frames.ipv6(bytes(28), protocol=44)),
    ("tcp_short", frames.ETH_IP, lambda: frames.ipv4(frames.tcp()[:12])),
    ("tcp_short", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(header_words=15))),
    ("tcp_checksum", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(sum_xor=0x100))),
    ("tcp_flags", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(flags=frames.SYN | frames.FIN))),
    ("tcp_flags", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(flags=frames.SYN | frames.RST))),
    ("tcp_options", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(options=b"\x02\x28\x05\xb4"))),
    ("ip_source_spoofed", frames.ETH_IP, lambda: frames.ipv4(
        frames.tcp(source=site.SERVER[4]), source=site.SERVER[4])),
    ("ip_source_own", frames.ETH_IP, lambda: frames.ipv4(
        frames.tcp(source=site.GATEWAY_LAN[4]), source=site.GATEWAY_LAN[4])),
    ("ip_source", frames.ETH_IP, lambda: frames.ipv4(
        frames.tcp(source="192.0.2.255"), source="192.0.2.255")),
    ("ip_land", frames.ETH_IP, lambda: frames.ipv4(
        frames.tcp(source=site.GATEWAY_WAN[4], source_port=993), source=site.GATEWAY_WAN[4])),
    ("tcp_no_connection", frames.ETH_IP, lambda: frames.ipv4(frames.tcp(flags=frames.ACK, ack=5))),
    ("icmp_checksum", frames.ETH_IP, lambda: frames.ipv4(frames.icmp_echo(sum_xor=1), protocol=1)),
    ("icmp_type", frames.ETH_IP, lambda: frames.ipv4(frames.icmp_echo(type=13), protocol=1)),
    ("arp_malformed", frames.ETH_ARP, lambda: b"\x00\x09\x08\x00\x06\x04\x00\x01" + bytes(20)),
    ("eth_type", 0x88B5, lambda: bytes(50)),
]


@e2e.test(shapes=("af_packet/2", "tap/2"))
def wrong_frames(env):
    """malformed and misdirected frames, each under its own name"""
    with bystander(env), frames.Wire() as wire:
        for number, (name, kind, make) in enumerate(WRONG_FRAMES):
            if name == "ip_fragment" and kind == frames.ETH_IP and env.shape.kind == "af_packet":
                continue  # the driver has the kernel put IPv4 fragments together
            try:
                with env.counts(name, 3):
                    for _ in range(3):
                        wire.send(kind, make())
            except AssertionError as problem:
                raise AssertionError(f"frame {number}: {problem}") from None


@e2e.test()
def random_frames(env):
    """20,000 frames of damaged packets and noise change nothing for the others"""
    source = random.Random(7)
    good = [(kind, make()) for _, kind, make in WRONG_FRAMES]
    good.append((frames.ETH_IP, frames.ipv4(frames.tcp())))
    good.append((frames.ETH_IP6, frames.ipv6(frames.tcp())))
    with bystander(env), frames.Wire() as wire:
        for number in range(20000):
            kind, frame = source.choice(good)
            frame = bytearray(frame)
            for _ in range(source.randrange(4)):
                frame[source.randrange(len(frame))] ^= 1 << source.randrange(8)
            frame = frame[:source.randrange(len(frame))] if source.random() < 0.2 else frame
            wire.send(kind, bytes(frame), pad=source.random() < 0.9)
            if number % 500 == 0:
                time.sleep(0.01)
    check(env.gateway.alive(), "posternd died")


@e2e.test(families=(4, 6))
def ping(env):
    """pings are answered, also large ones"""
    kind = socket.AF_INET6 if env.family == 6 else socket.AF_INET
    protocol = socket.IPPROTO_ICMPV6 if env.family == 6 else socket.IPPROTO_ICMP
    request = 128 if env.family == 6 else 8
    with env.counts("echo_answered", 3), socket.socket(kind, socket.SOCK_RAW, protocol) as raw:
        raw.settimeout(3)
        for number, size in enumerate((0, 56, 1400)):
            message = struct.pack("!BBHHH", request, 0, 0, 99, number) + bytes(size)
            if env.family == 4:
                message = message[:2] + struct.pack("!H", frames.checksum(message)) + message[4:]
            raw.sendto(message, (site.GATEWAY_WAN[env.family], 0))
            end = time.monotonic() + 3
            while True:
                got = raw.recv(2000)
                got = got[20:] if env.family == 4 else got
                if got[0] == (129 if env.family == 6 else 0) and got[4:] == message[4:]:
                    break
                check(time.monotonic() < end, f"no answer to {size} bytes")


def raw_control(env):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(env.gateway.socket)  # without a time limit, as lab/control.py
    peer.settimeout(10)
    return peer


@e2e.test()
def control_garbage(env):
    """junk on the control socket is answered with an error or the end, others are served"""
    deep = b'{"id":1,"verb":"rule.list","args":' + b"[" * 100000 + b"]" * 100000 + b"}\n"
    junk = [b"hello\n", b"\xff\xfe\x00\x01\n", b"[]\n", b"{}\n", b"null\n", b'{"id":1}\n',
            b'{"id":1,"verb":7}\n', b'{"id":1,"verb":"rule.list","args":3}\n',
            b'{"id":1,"verb":"nonsense","args":{}}\n', b'{"id":1,"verb":"kill","args":{"id":[]}}\n',
            b'{"id":1,"verb":"rule.add","args":{"name":"' + b"x" * 5000 + b'"}}\n', deep,
            b"\n" * 1000]
    with bystander(env), env.gateway.control() as other:
        for each in junk:
            with raw_control(env) as peer:
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    peer.sendall(each)
                    peer.shutdown(socket.SHUT_WR)
                for line in answer(peer).splitlines():
                    said = json.loads(line)
                    check(said.get("ok") is False and said["error"]["message"],
                          f"{each[:40]!r} was answered {line[:100]!r}")
            check(other.ask("version"), "another control client isn't served")


@e2e.test()
def control_half_lines(env):
    """half a line, a line in crumbs, a megabyte without end: nobody else waits"""
    with bystander(env):
        half = raw_control(env)
        half.sendall(b'{"id":1,"verb":"ru')
        with raw_control(env) as crumbs:
            for byte in b'{"id":7,"verb":"version","args":{}}\n':
                crumbs.sendall(bytes([byte]))
            said = json.loads(crumbs.makefile("rb").readline())
            check(said["id"] == 7 and said["ok"], f"a line in crumbs: {said}")
        before = e2e.resident_kb(env)
        with raw_control(env) as large:
            for _ in range(64):
                if not push(large, b"x" * (1 << 16)):
                    break
            with contextlib.suppress(OSError):
                large.shutdown(socket.SHUT_WR)
            said = answer(large)
            check(b'"ok":false' in said.replace(b" ", b"") or not said, f"said {said[:80]!r}")
        check(e2e.resident_kb(env) - before < 8192, "posternd kept the megabytes")
        check(env.gateway.ask("version"), "nobody is served")
        half.close()


@e2e.test()
def control_leavers(env):
    """clients that ask and leave without reading, 40 at once and 200 in a row, block nobody"""
    with bystander(env):
        before = descriptors(env)  # with hugepages DPDK has one for each
        leavers = [raw_control(env) for _ in range(40)]
        for peer in leavers:
            push(peer, b'{"id":1,"verb":"stats","args":{}}\n' * 100)
        check(env.gateway.ask("version"), "nobody is served while others don't read")
        for peer in leavers:
            peer.close()
        for _ in range(200):
            peer = raw_control(env)
            push(peer, b'{"id":1,"verb":"rule.list","args":{}}\n')
            peer.close()
        eventually(lambda: answers(env), 5, "nobody is served after all have left")
        eventually(lambda: descriptors(env) < before + 20, 5, "posternd keeps descriptors of leavers")


def answers(env):
    """False when there is no room for another control client yet."""
    try:
        return env.gateway.ask("version")
    except control.Refused:
        return False


def descriptors(env):
    return len(os.listdir(f"/proc/{env.gateway.process.pid}/fd"))


if __name__ == "__main__":
    e2e.main(limits={"handshake_timeout": f"{HANDSHAKE_LIMIT_S}s"})
