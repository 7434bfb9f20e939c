#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a splice owes to its two ends: back-pressure, half-close, resets, bounds."""

import contextlib
import itertools
import socket
import ssl
import threading
import time

import e2e
import peers
from e2e import check, eventually
from lab import mail, site

MEGABYTE = 1 << 20
SHAPES = ("af_packet/2", "packet/1")


SERIAL = itertools.count(1)


@contextlib.contextmanager
def flow(env, handler, port=7000, receive_buffer=None, **rule):
    """A server in lan with a rule of its own in front, whose name no other test had."""
    name = f"flow{next(SERIAL)}"
    address = site.SERVER[env.family]
    settings = {"listen": site.GATEWAY_WAN[env.family], "port": port, "certificate": "mail",
                "servers": [f"{address}:{port}" if env.family == 4 else f"[{address}]:{port}"]}
    with peers.Server(env.lab, handler, port, env.family, receive_buffer) as server:
        server.rule = name
        with env.published(name, **dict(settings, **rule)):
            yield server


def check_end(env, rule, end):
    """The rule's connection ended so, by the log."""
    eventually(lambda: ends(env, rule), 5, f"the log says nothing of {rule}")
    check(ends(env, rule) == [end], f"the log says {ends(env, rule)}, not {end}")


def ends(env, rule):
    return [line["end"] for line in env.gateway.connections_logged() if line["rule"] == rule]


@e2e.test(shapes=SHAPES, families=(4, 6))
def both_ways_at_once(env):
    """16 MB each way at the same time over one connection, every byte checked"""
    size, up, down = 16 * MEGABYTE, peers.Stream(1), peers.Stream(2)

    def serve(connection):
        sender = threading.Thread(target=peers.send_stream, args=(connection, down, size),
                                  daemon=True)
        sender.start()
        peers.receive_stream(connection, up, size)
        sender.join(60)

    with flow(env, serve) as server:
        # One SSL object isn't for two threads: the client here is two half-duplex loops
        # over memory BIOs in turn, which also interleaves reads and writes.
        client = peers.HalfClosable(env)
        sent = got = 0
        client.raw.settimeout(30)
        while sent < size or got < size:
            if sent < size:
                part = up.part(sent, min(16384, size - sent))
                client.sendall(part)
                sent += len(part)
            if got < size:
                data = client.recv(peers.BLOCK)
                check(data, f"the stream ended after {got} of {size} bytes")
                down.verify(got, data)
                got += len(data)
        client.close()
        check(not server.problems, f"the server saw: {server.problems}")


@e2e.test(shapes=SHAPES)
def client_reads_slowly(env):
    """a client that doesn't read stops the server, and loses nothing"""
    size, stream, progress = 24 * MEGABYTE, peers.Stream(3), [0]

    def serve(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        peers.send_stream(connection, stream, size, lambda sent: progress.__setitem__(0, sent))

    with flow(env, serve):
        with peers.client(env, receive_buffer=65536) as client:
            check(client.recv(1, ) == stream.part(0, 1), "the first byte is wrong")
            before = e2e.resident_kb(env)
            stalled(progress)
            check(progress[0] < 2 * MEGABYTE,
                  f"the server could send {progress[0]} bytes that nobody read")
            grown = e2e.resident_kb(env) - before
            check(grown < 4096, f"posternd grew by {grown} kB for one slow reader")
            rest, got = size - 1, 1
            while rest:
                data = client.recv(min(peers.BLOCK, rest))
                check(data, f"the stream ended {rest} bytes early")
                stream.verify(got, data)
                got, rest = got + len(data), rest - len(data)


def stalled(progress):
    """Waits until the sender has made no progress for a second."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < 1:
        if progress[0] != last:
            last, since = progress[0], time.monotonic()
        time.sleep(0.05)


@e2e.test(shapes=SHAPES)
def server_reads_slowly(env):
    """a server that doesn't read stops the client, and loses nothing"""
    size, stream, progress = 24 * MEGABYTE, peers.Stream(4), [0]
    go, done = threading.Event(), threading.Event()

    def serve(connection):
        go.wait(30)
        peers.receive_stream(connection, stream, size)
        done.set()

    with flow(env, serve, receive_buffer=65536) as server:
        with peers.client(env) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            sender = threading.Thread(target=peers.send_stream, daemon=True, args=(
                client, stream, size, lambda sent: progress.__setitem__(0, sent)))
            sender.start()
            stalled(progress)
            check(progress[0] < 2 * MEGABYTE,
                  f"the client could send {progress[0]} bytes that nobody read")
            go.set()
            check(done.wait(30), f"the rest didn't arrive: {server.problems}")


@e2e.test(shapes=SHAPES, families=(4, 6))
def client_half_closes(env):
    """a client that has ended its side still gets the whole answer"""
    size, stream = 4 * MEGABYTE, peers.Stream(5)
    asked = []

    def serve(connection):
        asked.append(peers.end_of(connection))
        peers.send_stream(connection, stream, size)

    with flow(env, serve) as server:
        client = peers.HalfClosable(env)
        client.sendall(b"question")
        client.end_sending()
        peers.receive_stream(client, stream, size)
        check(client.recv(1) == b"", "there is more than was sent")
        check(asked == [b"question"], f"the server was asked {asked}")
        client.close()
    check_end(env, server.rule, "client_closed")


@e2e.test(shapes=SHAPES, families=(4, 6))
def server_half_closes(env):
    """a server that has ended its side still gets all the client sends"""
    size, stream, done, problems = 4 * MEGABYTE, peers.Stream(6), threading.Event(), []

    def serve(connection):
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        try:
            peers.receive_stream(connection, stream, size)
            check(peers.end_of(connection) == b"", "more came than was sent")
        except AssertionError as problem:
            problems.append(problem)
        done.set()

    with flow(env, serve) as server:
        client = peers.HalfClosable(env)
        check(client.recv(10) == b"bye", "no answer")
        check(client.recv(10) == b"", "the server's end isn't seen as close_notify")
        peers.send_stream(client, stream, size)
        client.end_sending()
        check(done.wait(20), "the server doesn't see the client's end")
        check(not problems, f"the server saw: {problems}")
        client.close()


@e2e.test(shapes=SHAPES, families=(4, 6))
def server_resets(env):
    """a RST of the server's reaches the client as a RST"""
    def serve(connection):
        connection.sendall(b"hello")
        connection.recv(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, peers.LINGER_RST)

    with flow(env, serve) as server:
        client = peers.HalfClosable(env)
        check(client.recv(10) == b"hello", "no greeting")
        # It acknowledges all that came: behind what is on its way, the TLS ticket too, the
        # end would be a FIN without close_notify.
        client.sendall(b"x")
        try:
            data = client.recv(10)
            raise AssertionError(f"{data!r} came, not a RST")
        except ConnectionResetError:
            client.close()
    check_end(env, server.rule, "server_reset")


@e2e.test(shapes=SHAPES, families=(4, 6))
def client_resets(env):
    """a RST of the client's reaches the server as a RST"""
    seen = []

    def serve(connection):
        connection.sendall(b"x")
        try:
            seen.append(connection.recv(10))
        except ConnectionResetError:
            seen.append("RST")

    with flow(env, serve) as server:
        client = peers.client(env)
        check(client.recv(1) == b"x", "no greeting")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, peers.LINGER_RST)
        socket.socket.close(client)
        eventually(lambda: seen, 5, "the server notices nothing")
        check(seen == ["RST"], f"the server saw {seen}")
    check_end(env, server.rule, "client_reset")


def greet_and_see(seen):
    """a server that greets, and notes what came until the end or a RST"""
    def serve(connection):
        try:
            connection.sendall(b"go")
            seen.append(peers.end_of(connection))
        except ConnectionResetError:
            seen.append("RST")
    return serve


@e2e.test()
def client_cut_off(env):
    """a client's FIN without close_notify ends the connection, and the server learns of it"""
    seen = []
    with flow(env, greet_and_see(seen)) as server:
        client = peers.client(env)
        check(client.recv(10) == b"go", "no greeting")
        client.sendall(b"half a mes")
        socket.socket.shutdown(client, socket.SHUT_WR)
        eventually(lambda: seen, 5, "the server notices nothing")
        client.close()
    check(seen == [b"half a mes"], f"the server saw {seen}")
    check_end(env, server.rule, "client_closed")
    line, = (each for each in env.gateway.connections_logged() if each["rule"] == server.rule)
    check(line["close_notify"] is False, "the log knows of a close_notify that never was")


@e2e.test(families=(4, 6))
def client_cut_in_a_record(env):
    """a client's FIN in the middle of a TLS record is a RST for the server"""
    seen = []
    with flow(env, greet_and_see(seen)) as server:
        client = peers.client(env)
        check(client.recv(10) == b"go", "no greeting")
        client.sendall(b"a whole message")
        socket.socket.send(client, b"\x17\x03\x03\x00\x40" + bytes(20))
        socket.socket.shutdown(client, socket.SHUT_WR)
        eventually(lambda: seen, 5, "the server notices nothing")
        client.close()
    check(seen == ["RST"], f"the server saw {seen}")
    check_end(env, server.rule, "truncated")


@e2e.test(families=(4, 6))
def server_resets_behind_its_answer(env):
    """what a server said before its RST reaches a client that reads late, then a cut stream"""
    size, stream = MEGABYTE, peers.Stream(9)

    def serve(connection):
        sent = 0
        connection.settimeout(1)
        try:    # as much as the gateway takes while nobody reads
            while sent < size:
                sent += connection.send(stream.part(sent, 1000))
        except TimeoutError:
            pass
        waiting.append(sent - peers.unsent(connection))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, peers.LINGER_RST)

    waiting, got = [], 0
    context = mail.tls_context(env.ca)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    with flow(env, serve) as server:
        with peers.client(env, context=context, receive_buffer=16384) as client:
            client.suppress_ragged_eofs = False
            eventually(lambda: waiting, 10, "the server isn't stopped")
            time.sleep(1)
            try:
                while data := client.recv(peers.BLOCK):
                    stream.verify(got, data)
                    got += len(data)
                raise AssertionError("the stream has a good end")
            except ssl.SSLError as error:
                check("EOF" in error.reason, f"the stream ends by {error}")
        check_end(env, server.rule, "server_reset")
    check(waiting[0] < size, "nothing was held back")
    check(got >= waiting[0], f"of {waiting[0]} bytes that the gateway had {got} came")


@e2e.test()
def idle_connections_end(env):
    """a connection without traffic ends after the rule's idle time, a busy one doesn't"""
    with flow(env, peers.echo, idle_timeout="2s") as server:
        with peers.client(env) as idle, peers.client(env) as busy:
            with env.counts("idle_timeout"):
                began = time.monotonic()
                while time.monotonic() - began < 3.5:
                    busy.sendall(b"still here")
                    check(busy.recv(100) == b"still here", "the busy one lost its echo")
                    time.sleep(0.4)
                try:
                    check(idle.recv(1) == b"", "something came to the idle one")
                except (ConnectionResetError, ssl.SSLError):
                    pass
    eventually(lambda: "idle_timeout" in ends(env, server.rule), 5, "the log says otherwise")


@e2e.test()
def busy_time(env):
    """a worker's busy time grows with what it has to do, and no faster than the clock"""
    def busy(seconds, work):
        began, before = time.monotonic(), env.stats()["totals"]["busy_us"]
        while time.monotonic() - began < seconds:
            work()
        grown = env.stats()["totals"]["busy_us"] - before
        return grown, (time.monotonic() - began) * 1e6 * len(env.stats()["workers"])

    with flow(env, peers.echo), peers.client(env) as client:
        def ask():
            client.sendall(b"still here")
            check(client.recv(100) == b"still here", "no echo")

        ask()
        idle, _ = busy(0.5, lambda: time.sleep(0.1))
        loaded, passed = busy(0.5, ask)
    check(2 * idle < loaded < passed, f"busy for {idle} us when idle, {loaded} of {passed:.0f} us under load")


@e2e.test(families=(4, 6))
def refusing_server(env):
    """a server that refuses: the client is closed at once, counted and logged"""
    name = f"dead{env.family}"
    with env.published(name, **dead_rule(env, 7998)), env.counts("backend_failed"):
        began = time.monotonic()
        check(closed_without_data(env, 7000), "something came from nowhere")
        check(time.monotonic() - began < 3, "a refusal takes long to reach the client")
    check_end(env, name, "backend_refused")


@e2e.test(families=(4, 6), seconds=90)
def absent_server(env):
    """a server that isn't there: the client is closed in the end, counted and logged"""
    name = f"absent{env.family}"
    absent = {4: "10.20.0.99:7000", 6: "[fd20::99]:7000"}[env.family]
    rule = dict(dead_rule(env, 7000), servers=[absent])
    with env.published(name, **rule), env.counts("backend_failed"):
        check(closed_without_data(env, 7000, 75), "something came from nowhere")
    check_end(env, name, "backend_unreachable")


def dead_rule(env, port):
    address = site.SERVER[env.family]
    return {"listen": site.GATEWAY_WAN[env.family], "port": 7000, "certificate": "mail",
            "servers": [f"{address}:{port}" if env.family == 4 else f"[{address}]:{port}"]}


def closed_without_data(env, port, timeout=30):
    with peers.client(env, port, timeout=timeout) as client:
        try:
            return client.recv(1) == b""
        except (ConnectionResetError, ssl.SSLError):
            return True


@e2e.test(families=(4, 6))
def next_server(env):
    """one server of two refuses: every client gets the other"""
    address = site.SERVER[env.family]
    both = [f"{address}:{port}" if env.family == 4 else f"[{address}]:{port}"
            for port in (7998, 7000)]
    with flow(env, peers.echo, servers=both) as server:
        for number in range(12):
            with peers.client(env) as client:
                client.sendall(b"ping")
                got = client.recv(10)
                check(got == b"ping", f"client {number} got {got!r}, the log says "
                      f"{ends(env, server.rule)}")


@e2e.test(shapes=SHAPES, families=(4, 6))
def hundreds_of_short_ones(env):
    """400 short connections, eight at a time, each with its own data, leave nothing behind"""
    before = env.counted("tls_handshakes")

    def some(worker):
        for number in range(50):
            with peers.client(env) as client:
                text = f"{worker}:{number}".encode() * 100
                client.sendall(text)
                got = b""
                while len(got) < len(text):
                    data = client.recv(peers.BLOCK)
                    check(data, "ended early")
                    got += data
                check(got == text, "somebody else's data came")

    with flow(env, peers.echo):
        e2e.at_once([lambda w=worker: some(w) for worker in range(8)])
        eventually(lambda: not env.open_connections(), 10, "connections stay open")
    check(env.counted("tls_handshakes") - before == 400, "handshakes are counted wrongly")


if __name__ == "__main__":
    e2e.main()
