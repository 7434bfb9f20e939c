# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers with a will of their own: servers in lan, TLS clients in wan.

Patterned data: byte n of a stream depends on n and a seed only, so a receiver
knows what must come, and says where the first wrong byte is.
"""

import contextlib
import fcntl
import socket
import ssl
import struct
import termios
import threading

from e2e import check
from lab import mail, netns, site

BLOCK = 1 << 16
PERIOD = 65521  # of patterned streams: prime, so that no usual size maps it onto itself
LINGER_RST = struct.pack("ii", 1, 0)  # close() then sends a RST


def pattern(seed, offset, count):
    """Bytes [offset, offset + count) of the stream of that seed."""
    first, last = offset // 4, (offset + count + 3) // 4
    words = struct.pack(f">{last - first}I",
                        *(((n * 2654435761) ^ (seed * 0x9E3779B9)) & 0xFFFFFFFF
                          for n in range(first, last)))
    return words[offset - first * 4:offset - first * 4 + count]


class Stream:
    """A stream that repeats after PERIOD bytes: making 64 MB of it costs nothing."""

    def __init__(self, seed):
        block = pattern(seed, 0, PERIOD)
        self.twice = block + block

    def part(self, offset, count):
        return self.twice[offset % PERIOD:offset % PERIOD + min(count, PERIOD)]

    def verify(self, offset, data):
        """Raises at the first byte that differs."""
        at = 0
        while at < len(data):
            want = self.part(offset + at, len(data) - at)
            got = data[at:at + len(want)]
            if got != want:
                wrong = next(i for i in range(len(got)) if got[i] != want[i])
                raise AssertionError(f"byte {offset + at + wrong} of the stream is wrong")
            at += len(want)


def send_stream(peer, stream, count, progress=lambda sent: None):
    sent = 0
    while sent < count:
        part = stream.part(sent, count - sent)
        peer.sendall(part)
        sent += len(part)
        progress(sent)


def receive_stream(peer, stream, count):
    """Reads and verifies count bytes; fails on an early end."""
    got = 0
    while got < count:
        data = peer.recv(min(BLOCK, count - got))
        check(data, f"the stream ended after {got} of {count} bytes")
        stream.verify(got, data)
        got += len(data)


def unsent(peer):
    """Bytes that the kernel still holds for it: not sent, or not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(peer.fileno(), termios.TIOCOUTQ, bytes(4)))[0]


def end_of(peer):
    """What comes until the peer's end of stream."""
    parts = []
    while True:
        data = peer.recv(BLOCK)
        if not data:
            return b"".join(parts)
        parts.append(data)


class Server:
    """A TCP server in lan; handler(socket) runs in a thread for each connection."""

    def __init__(self, lab, handler, port=7000, family=4, receive_buffer=None, host=None):
        self.handler, self.problems = handler, []
        self.accepted = 0
        ready = threading.Event()
        self.listener = None

        def serve():
            netns.enter(lab.lan)
            kind = socket.AF_INET6 if family == 6 else socket.AF_INET
            listener = socket.socket(kind, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if receive_buffer:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            listener.bind((host or site.SERVER[family], port))
            listener.listen(512)
            self.listener = listener
            ready.set()
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                self.accepted += 1
                threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        check(ready.wait(5), "the test's server doesn't listen")

    def _handle(self, connection):
        try:
            with connection:
                connection.settimeout(60)
                self.handler(connection)
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(problem)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listener.close()


def echo(connection):
    """A handler that gives back what it gets, and ends when the peer does."""
    while True:
        data = connection.recv(BLOCK)
        if not data:
            return
        connection.sendall(data)


def connect(family=4, port=7000, source=None, receive_buffer=None, timeout=30):
    """A bare TCP connection to the gateway."""
    raw = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
    try:
        raw.settimeout(timeout)
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            raw.bind((source, 0))
        raw.connect((site.GATEWAY_WAN[family], port))
    except BaseException:
        raw.close()
        raise
    return raw


def client(env, port=7000, context=None, name=site.IMAP_NAME, **options):
    """A verified TLS connection to the gateway."""
    raw = connect(env.family, port, **options)
    try:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return (context or mail.tls_context(env.ca)).wrap_socket(raw, server_hostname=name)
    except BaseException:
        raw.close()
        raise


class HalfClosable:
    """A TLS client that can end its own direction and go on reading."""

    def __init__(self, env, port=7000, context=None, name=site.IMAP_NAME):
        self.raw = connect(env.family, port)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.heard = b""  # the first that came
        self.tls = (context or mail.tls_context(env.ca)).wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self._drive(self.tls.do_handshake)

    def _flush(self):
        if self.outgoing.pending:
            self.raw.sendall(self.outgoing.read())

    def _drive(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.raw.recv(BLOCK)
                self.heard = self.heard or data
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            finally:
                self._flush()

    def sendall(self, data):
        self._drive(lambda: self.tls.write(data))

    def recv(self, count):
        """b"" after the peer's close_notify; SSLEOFError when TCP ended without one."""
        try:
            return self._drive(lambda: self.tls.read(count))
        except ssl.SSLZeroReturnError:
            return b""

    def end_sending(self):
        """close_notify, and a FIN behind it."""
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            pass
        self._flush()
        self.raw.shutdown(socket.SHUT_WR)

    def close(self):
        self.raw.close()
