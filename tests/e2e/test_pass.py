#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS passed through: clients see the servers' own certificates, and the name chooses the server."""

import contextlib
import re
import socket
import subprocess

import e2e
from e2e import check, eventually
from lab import dovecot, mail, netns, process, shell, site

PORT = 1996
TLS, TLS_PROXIED, OTHER = 2993, 3993, 8993  # Dovecot's, and that of an `openssl s_server`
OTHER_NAME = "other.inside.test"


def inside(env):
    """The certificates of the servers themselves."""
    return dovecot.certificates(env.lab.dovecot.folder)


def passes(env, name, port, *names, **keys):
    """A rule that passes TLS through to a port inside, beside others on the same listener."""
    address = site.SERVER[env.family]
    host = f"[{address}]" if env.family == 6 else address
    return env.published(name, listen=site.GATEWAY_WAN[env.family], port=PORT, passthrough=True,
                         servers=[f"{host}:{port}"], names=list(names), **keys)


def session(env, source=None):
    """A mailbox written and read; the connection as `postern connections` shows it."""
    with mail.Imap(inside(env).ca, env.family, port=PORT, source=source, name=dovecot.NAME) as imap:
        imap.enter("ben")
        with imap.kept("passed", mail.message(12, 60000)):
            row = next(row for row in env.open_connections() if row["rule"] == "through")
    return row


@e2e.test(families=(4, 6))
def mail_by_dovecots_tls(env):
    """mail is carried under Dovecot's own certificate, and the log says that it was passed through"""
    with passes(env, "through", TLS, dovecot.NAME), env.counts("passed_through"):
        row = session(env)
    check(row["tls"] == "passthrough" and row["sni"] == dovecot.NAME and row["version"] == "",
          f"shown: {row}")
    eventually(lambda: any(line["id"] == row["id"] and line["tls"] == "passthrough"
                           for line in env.gateway.connections_logged()), 5, "not in the log")


@contextlib.contextmanager
def other_server(env):
    """Another server inside, of another name."""
    certificates = inside(env)
    certificates.make(OTHER_NAME, [OTHER_NAME])
    command = ["openssl", "s_server", "-accept", str(OTHER), "-www", "-cert",
               f"{certificates.store}/{OTHER_NAME}.pem", "-key", f"{certificates.store}/{OTHER_NAME}.key"]
    server = subprocess.Popen(netns.argv(env.lab.lan, command), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: str(OTHER) in netns.run(env.lab.lan, ["ss", "-Hltn", f"sport = :{OTHER}"]).stdout,
                   10, "openssl s_server doesn't listen")
        yield
    finally:
        process.end_all([server.pid])
        server.wait()


def s_client(env, name):
    """What a client that asks for the name gets to see, verified by the servers' CA."""
    command = [shell.find_program("openssl"), "s_client", "-connect", f"{site.GATEWAY_WAN[4]}:{PORT}",
               "-CAfile", inside(env).ca, "-servername", name, "-verify_hostname", name]
    done = netns.run(env.lab.wan, command, input="", timeout=20, check=False)
    return done.stdout + done.stderr


@e2e.test()
def names_choose(env):
    """two names lead to two servers by one listener; an unknown one gets an alert"""
    with other_server(env), passes(env, "through", TLS, dovecot.NAME), \
         passes(env, "other", OTHER, "*." + OTHER_NAME.split(".", 1)[1]):
        for name in (dovecot.NAME, OTHER_NAME):
            text = s_client(env, name)
            subject = re.search(r"^subject=.*CN ?= ?([^\s,]+)", text, re.M)
            check(subject and subject[1] == name and "Verification: OK" in text, f"{name}: {text}")
        with env.counts("passthrough_name"):
            text = s_client(env, "imap.example.com")
            check("unrecognized name" in text, text)
        eventually(lambda: any(line.get("tls_error") == "unknown_name" and line["sni"] == "imap.example.com"
                               for line in env.gateway.connections_logged()), 5, "not in the log")
        # A rule without names takes those that no other has.
        with passes(env, "rest", OTHER):
            check(OTHER_NAME in s_client(env, "imap.example.com"), "the rule for the rest isn't used")


@e2e.test()
def not_tls(env):
    """a client that doesn't speak TLS hears so at once"""
    with passes(env, "through", TLS, dovecot.NAME), env.counts("passthrough_hello"):
        with socket.create_connection((site.GATEWAY_WAN[4], PORT), 10) as client:
            client.sendall(b"a001 CAPABILITY\r\n")
            check(client.recv(100) == bytes((21, 3, 3, 0, 2, 2, 10)) and client.recv(100) == b"",
                  "no alert, or no end")
        eventually(lambda: any(line["rule"] == "through" and line.get("tls_error") == "not_tls"
                               for line in env.gateway.connections_logged()), 5, "not in the log")


@e2e.test(families=(4, 6))
def with_proxy(env):
    """the PROXY header goes in front of the client's TLS, and Dovecot logs the client"""
    with open(env.lab.dovecot.log, "rb") as file:
        began = file.seek(0, 2)
    with passes(env, "through", TLS_PROXIED, proxy="v2"):
        session(env, site.SECOND_CLIENT[env.family])
    told = f"rip={site.SECOND_CLIENT[env.family]}, lip={site.GATEWAY_WAN[env.family]}, "

    def logged():
        with open(env.lab.dovecot.log, encoding="utf-8") as file:
            file.seek(began)
            return any(told in line and ", TLS" in line for line in file)
    eventually(logged, 5, "Dovecot's log doesn't show the client, by TLS")


if __name__ == "__main__":
    e2e.main()
