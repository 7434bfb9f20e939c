#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS with internal servers, too: Dovecot's certificate is verified, and its sessions resumed."""

import contextlib

import e2e
from e2e import check, eventually
from lab import dovecot, mail, site

TLS, TLS_PROXIED = 2993, 3993


@contextlib.contextmanager
def publishes(env, *ports, **keys):
    """A rule that leads to Dovecot's ports by TLS."""
    address = site.SERVER[env.family]
    host = f"[{address}]" if env.family == 6 else address
    values = {"backend_tls": True, "backend_name": dovecot.NAME,
              "backend_ca": dovecot.certificates(env.lab.dovecot.folder).ca, **keys}
    with env.published("inside", listen=site.GATEWAY_WAN[env.family], port=1993, certificate="mail",
                       servers=[f"{host}:{port}" for port in ports], **values):
        yield


def session(env, source=None):
    """Reads and writes a mailbox."""
    with mail.Imap(env.ca, env.family, port=1993, source=source) as imap:
        imap.enter("ben")
        with imap.kept("inside", mail.message(11, 60000)):
            row = next(row for row in env.open_connections() if row["rule"] == "inside")
    return row


@e2e.test(shapes=("af_packet/2", "tap/1"), families=(4, 6))
def verified(env):
    """mail is carried by TLS on both sides"""
    with publishes(env, TLS):
        row = session(env)
        check(row["server_version"] == "TLSv1.3" and row["server_cipher"], f"shown: {row}")


@e2e.test(shapes=("af_packet/1", "af_packet/2"))
def resumed(env):
    """a worker's next connection resumes its session with Dovecot"""
    with publishes(env, TLS):
        with env.counts("backend_tls_resumed"):
            for _ in range(1 + 2 * env.shape.workers):
                session(env)


@e2e.test(shapes=("af_packet/2",), families=(4, 6))
def with_proxy(env):
    """the PROXY header goes in front of TLS, and Dovecot logs the client"""
    with publishes(env, TLS_PROXIED, proxy="v2"):
        session(env, site.SECOND_CLIENT[env.family])
    told = f"rip={site.SECOND_CLIENT[env.family]}, lip={site.GATEWAY_WAN[env.family]}, "
    eventually(lambda: any(told in line and ", TLS" in line for line in lines(env.lab.dovecot.log)),
               5, "Dovecot's log doesn't show the client, by TLS")


def lines(path):
    with open(path, encoding="utf-8") as file:
        return file.readlines()


def refused(env, error, **keys):
    """No server is left: the client is let go, and the log says why."""
    with publishes(env, TLS, **keys), env.counts("backend_tls_failed"):
        try:
            with mail.Imap(env.ca, env.family, port=1993):
                raise AssertionError("the server was accepted")
        except (OSError, mail.imaplib.IMAP4.abort):
            pass
    eventually(lambda: any(line["end"] == "backend_tls" and line["server_error"] == error
                           for line in env.gateway.connections_logged()), 5,
               f"the log doesn't say {error}")


@e2e.test()
def not_verified(env):
    """a server of another name or of another CA gets nothing of a client"""
    refused(env, "certificate_name", backend_name="other.inside.test")
    refused(env, "certificate_signer", backend_ca=env.ca)


@e2e.test()
def next_server(env):
    """a server that doesn't speak TLS is passed over"""
    with publishes(env, 143, TLS):
        for _ in range(2 * env.shape.workers):
            check(session(env)["server"].endswith(f":{TLS}"), "another server")


if __name__ == "__main__":
    e2e.main()
