# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages whose every byte is known, and clients that carry them.

The servers put headers in front of a message; what was sent must come back as
the exact rest. The clients verify the certificate against the lab's CA always.
"""

import contextlib
import hashlib
import imaplib
import random
import smtplib
import socket
import ssl

from . import site

DOMAIN = "example.test"


def message(number, size=2000, sender="ann", recipient="ben"):
    """A message of at least `size` bytes, the same each time for the same number."""
    head = (f"X-Lab-Message: {number}\r\nFrom: {sender}@{DOMAIN}\r\nTo: {recipient}@{DOMAIN}\r\n"
            f"Subject: message {number}\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n"
            f"Message-ID: <{number}.{size}@{DOMAIN}>\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n\r\n").encode()
    source = random.Random(number * 1000003 + size)
    # Hexadecimal text: no line starts with a dot, none is too long for a server.
    count = max(1, (size - len(head) + 77) // 78)
    digits = source.randbytes(38 * count).hex()
    lines = [digits[at:at + 76] for at in range(0, len(digits), 76)]
    return head + "\r\n".join(lines).encode() + b"\r\n"


def original(received):
    """What was sent, out of what arrived with the servers' headers in front."""
    at = received.find(b"X-Lab-Message: ")
    return received[at:] if at >= 0 else received


def digest(content):
    return hashlib.sha256(content).hexdigest()


def tls_context(ca_file):
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Placed:
    """Connects to an address while the certificate is checked against a name."""

    def dial(self, address, port, timeout, source):
        raw = socket.create_connection((address, port), timeout, (source, 0) if source else None)
        # The libraries write a literal and its CRLF apart: Nagle's delay on each message.
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return raw


class Imap(imaplib.IMAP4_SSL, _Placed):
    """IMAPS to the gateway by address, verified as imap.example.test."""

    def __init__(self, ca_file, family=4, port=993, source=None, timeout=30, context=None,
                 name=site.IMAP_NAME):
        self.source, self.server_name = source, name
        super().__init__(site.GATEWAY_WAN[family], port, timeout=timeout,
                         ssl_context=context or tls_context(ca_file))

    def _create_socket(self, timeout):
        raw = self.dial(self.host, self.port, timeout, self.source)
        return self.ssl_context.wrap_socket(raw, server_hostname=self.server_name)

    def enter(self, user="ben"):
        self.login(user, site.USERS[user])
        return self

    def must(self, answer):
        kind, data = answer
        if kind != "OK":
            raise AssertionError(f"IMAP says {kind}: {data!r}")
        return data

    def count(self, folder="INBOX"):
        return int(self.must(self.select(folder))[0])

    def bodies(self):
        """Every message of the selected folder, as bytes."""
        data = self.must(self.fetch("1:*", "(BODY.PEEK[])"))
        return [part[1] for part in data if isinstance(part, tuple)]

    def put(self, folder, content):
        self.must(self.append(folder, None, None, content))

    @contextlib.contextmanager
    def kept(self, folder, content):
        """Writes a message into a new folder and reads it; the folder goes after the block."""
        self.must(self.create(folder))
        try:
            self.put(folder, content)
            self.must(self.select(folder))
            if self.bodies() != [content]:
                raise AssertionError("another message came")
            yield
        finally:
            self.must(self.delete(folder))


class Smtp(smtplib.SMTP_SSL, _Placed):
    """SMTPS to the gateway by address, verified as smtp.example.test."""

    def __init__(self, ca_file, family=4, port=465, source=None, timeout=60, context=None):
        self.source, self.server_name = source, site.SMTP_NAME
        super().__init__(site.GATEWAY_WAN[family], port, local_hostname="client.example.test",
                         timeout=timeout, context=context or tls_context(ca_file))

    def _get_socket(self, host, port, timeout):
        raw = self.dial(host, port, timeout, self.source)
        return self.context.wrap_socket(raw, server_hostname=self.server_name)

    def enter(self, user="ann"):
        self.login(user, site.USERS[user])
        return self

    def carry(self, content, sender="ann", recipient="ben"):
        refused = self.sendmail(f"{sender}@{DOMAIN}", [f"{recipient}@{DOMAIN}"], content)
        if refused:
            raise AssertionError(f"SMTP refused {refused}")
