#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The PROXY protocol: to Dovecot and Postfix, which know their clients then, and from a proxy in front."""

import contextlib

import e2e
from e2e import check, eventually
from lab import mail, site

IMAP, SMTP = 1143, 1587  # where the servers want a PROXY header


def server(family, port):
    address = site.SERVER[family]
    return f"[{address}]:{port}" if family == 6 else f"{address}:{port}"


@contextlib.contextmanager
def publishes(env, port, inside, **keys):
    """A rule that leads to a server's port, from another external port."""
    with env.published("proxied", listen=site.GATEWAY_WAN[env.family], port=port,
                       servers=[server(env.family, inside)], certificate="mail", **keys):
        yield


def grows_by(path, text):
    """A function that says whether the file has got a line with the text since now."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        at = file.tell()

    def has():
        with open(path, "rb") as file:
            file.seek(at)
            return text.encode() in file.read()
    return has


def logs_in(env, port, client):
    """Dovecot's line of the login names the client, and where it connected to."""
    seen = grows_by(env.lab.dovecot.log, f"rip={client}, lip={site.GATEWAY_WAN[env.family]}")
    with mail.Imap(env.ca, env.family, port=port, source=client) as imap:
        imap.enter("ben")
        check(imap.count() >= 0, "no INBOX")
    eventually(seen, 10, f"Dovecot's log doesn't show a login from {client}")


@e2e.test(shapes=("af_packet/2",), families=(4, 6))
def dovecot_v2(env):
    """Dovecot logs the client's address, told by PROXY v2"""
    with publishes(env, 1993, IMAP, proxy="v2"):
        logs_in(env, 1993, site.SECOND_CLIENT[env.family])


@e2e.test(shapes=("af_packet/2",), families=(4, 6))
def dovecot_v1(env):
    """Dovecot logs the client's address, told by PROXY v1"""
    with publishes(env, 1993, IMAP, proxy="v1"):
        logs_in(env, 1993, site.CLIENT[env.family])


@e2e.test(shapes=("af_packet/2",), families=(4, 6))
def postfix_both(env):
    """Postfix logs the client's address, told by PROXY v1 and v2, and takes its message"""
    client = site.SECOND_CLIENT[env.family]
    for version in ("v1", "v2"):
        seen = grows_by(env.lab.postfix.log, f"connect from unknown[{client}]")
        with publishes(env, 1465, SMTP, proxy=version):
            with mail.Smtp(env.ca, env.family, port=1465, source=client) as smtp:
                smtp.enter().carry(mail.message(7, 3000))
        eventually(seen, 10, f"Postfix's log doesn't show a client {client} by {version}")


class ToldImap(mail.Imap):
    """A proxy in front: it says who the client is, then carries his TLS."""

    def __init__(self, header, *args, **keys):
        self.header = header
        super().__init__(*args, **keys)

    def dial(self, address, port, timeout, source):
        raw = super().dial(address, port, timeout, source)
        raw.sendall(self.header)
        return raw


@e2e.test(shapes=("af_packet/2",))
def from_a_proxy_in_front(env):
    """a trusted proxy's word for the client reaches the log, allow and deny, and Dovecot"""
    told, denied, target = "203.0.113.77", "203.0.113.66", "203.0.113.1"
    line = "PROXY TCP4 {} " + target + " 4711 993\r\n"
    seen = grows_by(env.lab.dovecot.log, f"rip={told}, lip={target}")
    with publishes(env, 1993, IMAP, proxy="v2", proxy_from=[site.SECOND_CLIENT[4]],
                   allow=[told + "/28"], deny=[denied]):
        with ToldImap(line.format(told).encode(), env.ca, port=1993,
                      source=site.SECOND_CLIENT[4]) as imap:
            imap.enter("ben")
            row = next(row for row in env.open_connections() if row["rule"] == "proxied")
            check(row["client"] == told + ":4711" and
                  row["proxy"].startswith(site.SECOND_CLIENT[4] + ":"), f"shown: {row}")
        eventually(seen, 10, f"Dovecot's log doesn't show a login from {told}")
        with env.counts("client_denied"):
            refuses(lambda: ToldImap(line.format(denied).encode(), env.ca, port=1993,
                                     source=site.SECOND_CLIENT[4]))
        with env.counts("proxy_header"):
            refuses(lambda: mail.Imap(env.ca, port=1993, source=site.SECOND_CLIENT[4]))
        with env.counts("tcp_denied"):  # no proxy, and no client that the rule allows
            refuses(lambda: mail.Imap(env.ca, port=1993, source=site.CLIENT[4]))


def refuses(connect):
    try:
        connect().shutdown()
    except (OSError, mail.imaplib.IMAP4.abort):
        return
    raise AssertionError("the connection was accepted")


@e2e.test(shapes=("af_packet/2",))
def without_header(env):
    """a server that wants a header hears nothing of a client without one"""
    with publishes(env, 1993, IMAP):
        refuses(lambda: mail.Imap(env.ca, env.family, port=1993, timeout=5))


if __name__ == "__main__":
    e2e.main()
