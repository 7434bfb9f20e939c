#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and certificates changed while connections are open."""

import json
import os
import socket
import ssl
import tempfile

import e2e
import peers
from e2e import check, eventually
from lab import control, mail, shell, site


def echo_rule(env, **more):
    rule = {"listen": site.GATEWAY_WAN[4], "port": 7000, "certificate": "mail",
            "servers": [f"{site.SERVER[4]}:7000"]}
    return dict(rule, **more)


def refused(source=None, port=7000):
    try:
        peers.connect(port=port, source=source, timeout=3).close()
    except ConnectionRefusedError:
        return True
    return False


def lives(client, text=b"are you there"):
    client.sendall(text)
    check(client.recv(100) == text, "an established connection lost its echo")


def dies(client, seconds=5):
    client.settimeout(seconds)
    try:
        return client.recv(1) == b""
    except (ConnectionResetError, ssl.SSLError):
        return True


@e2e.test()
def next_syn(env):
    """a new rule accepts the next SYN, a removed one refuses it"""
    check(refused(), "the port is open without a rule")
    with peers.Server(env.lab, peers.echo):
        for _ in range(20):
            env.gateway.ask("rule.add", name="echo", **echo_rule(env))
            with peers.client(env) as client:
                lives(client)
            env.gateway.ask("rule.remove", name="echo", now=True)
            check(refused(), "a removed rule still accepts")


@e2e.test()
def disabled(env):
    """a disabled rule refuses new clients and keeps the established; --now ends them"""
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule(env)):
        with peers.client(env) as client:
            lives(client)
            env.gateway.ask("rule.disable", name="echo")
            check(refused(), "a disabled rule accepts")
            lives(client)
            env.gateway.ask("rule.enable", name="echo")
            with peers.client(env) as other:
                lives(other)
                env.gateway.ask("rule.disable", name="echo", now=True)
                check(dies(client) and dies(other), "--now leaves connections open")


@e2e.test()
def removed_and_made_again(env):
    """connections of a removed rule live on beside those of a new one of the same name"""
    with peers.Server(env.lab, peers.echo):
        with env.published("echo", **echo_rule(env)):
            first = peers.client(env)
            lives(first)
            env.gateway.ask("rule.remove", name="echo")
            check(refused(), "a removed rule accepts")
            lives(first)
            env.gateway.ask("rule.add", name="echo", **echo_rule(env, idle_timeout="1h"))
            with peers.client(env) as second:
                lives(second)
                lives(first)
                check(len(env.open_connections()) == 2, "not both are shown")
        # env.published removes with now: both must be gone.
        check(dies(first), "the first lives on after --now")
        first.close()


@e2e.test()
def who_may(env):
    """allow and deny by client address; a denied SYN is refused and counted"""
    second, far = site.SECOND_CLIENT[4], site.FAR_CLIENT[4]
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule(env)):
        for allow, deny, who in (
                (["192.0.2.0/24"], [], {second: True, far: False}),
                (["any"], [second], {second: False, far: True}),
                (["198.51.100.0/25"], ["198.51.100.8/29"], {second: False, far: True}),
                (["192.0.2.0/24", "198.51.100.0/24"], ["198.51.100.0/28"],
                 {second: True, far: False})):
            env.gateway.ask("rule.change", name="echo", allow=allow, deny=deny)
            for source, may in who.items():
                if may:
                    with peers.client(env, source=source) as client:
                        lives(client)
                else:
                    with env.counts("tcp_denied"):
                        check(refused(source), f"{source} may, with {allow} and not {deny}")


@e2e.test()
def minimum_version(env):
    """tls_min 1.3 turns TLS 1.2 clients away, from the next SYN on"""
    old = mail.tls_context(env.ca)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule(env)):
        with peers.client(env, context=old) as before:
            check(before.version() == "TLSv1.2", before.version())
            env.gateway.ask("rule.change", name="echo", tls_min="1.3")
            lives(before)
            with env.counts("tls_failed"):
                try:
                    peers.client(env, context=old).close()
                    raise AssertionError("TLS 1.2 was accepted")
                except (ssl.SSLError, ConnectionResetError):
                    pass
            with peers.client(env) as new:
                check(new.version() == "TLSv1.3", new.version())
                lives(new)


@e2e.test()
def invalid_changes(env):
    """an invalid change says where and why, and changes nothing"""
    before = env.gateway.ask("rule.list")
    bad = [("rule.add", {"name": "x", **echo_rule(env, certificate="nobody")}),
           ("rule.add", {"name": "x", **echo_rule(env, servers=["mail.example"])}),
           ("rule.add", {"name": "x", **echo_rule(env, listen="203.0.113.1")}),
           ("rule.add", {"name": "x", **echo_rule(env, port=70000)}),
           ("rule.add", {"name": "x", **echo_rule(env, port=993)}),
           ("rule.add", {"name": "imap", **echo_rule(env)}),
           ("rule.add", {"name": "x", **echo_rule(env, colour="red")}),
           ("rule.add", {"name": "x", **echo_rule(env, strength=40)}),
           ("rule.add", {"name": "x", **echo_rule(env, allow=["192.0.2.0/33"])}),
           ("rule.change", {"name": "nobody", "tls_min": "1.3"}),
           ("rule.change", {"name": "imap", "tls_min": "1.1"}),
           ("rule.remove", {"name": "nobody"}),
           ("rule.add", {})]
    for verb, args in bad:
        try:
            env.gateway.ask(verb, **args)
        except control.Refused as error:
            check(error.code and error.message, f"{verb} {args}: no reason given")
        else:
            raise AssertionError(f"{verb} {args} was accepted")
    check(numbers_aside(env.gateway.ask("rule.list")) == numbers_aside(before),
          "a refused change changed rules")


def numbers_aside(rules):
    """Rules without what connections count."""
    return [{key: value for key, value in rule.items()
             if not isinstance(value, (int, float, dict)) or key in ("port", "strength")}
            for rule in rules]


@e2e.test()
def kill_one(env):
    """kill ends the one connection that is meant"""
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule(env)):
        with peers.client(env) as one, peers.client(env) as other:
            lives(one)
            lives(other)
            mine = "%s:%d" % one.getsockname()[:2]
            row = next(each for each in env.open_connections() if each["client"] == mine)
            for key, value in (("rule", "echo"), ("sni", site.IMAP_NAME), ("state", "open"),
                               ("version", one.version()), ("server", f"{site.SERVER[4]}:7000")):
                check(row[key] == value, f"{key} is {row[key]!r}, not {value!r}")
            check(row["bytes_from_client"] == row["bytes_to_client"] == 13, f"bytes: {row}")
            env.gateway.ask("kill", id=row["id"])
            check(dies(one), "it lives on")
            lives(other)
    eventually(lambda: any(line["end"] == "killed" and line["client"] == mine
                           for line in env.gateway.connections_logged()), 5,
               "the log doesn't say killed")


@e2e.test()
def new_certificate(env):
    """a replaced certificate is shown to the next client; open connections go on"""
    def serial():
        with peers.client(env) as client:
            return client.getpeercert()["serialNumber"]

    env.certificates.make("other", [site.IMAP_NAME])
    rule = echo_rule(env, certificate="other")
    with peers.Server(env.lab, peers.echo), env.published("echo", **rule):
        with peers.client(env) as old:
            first = serial()
            env.certificates.make("other", [site.IMAP_NAME])
            env.gateway.ask("cert.load", name="other")
            check(serial() != first, "the old certificate is still shown")
            lives(old)


@e2e.test()
def the_command(env):
    """postern: tables for people, JSON for programs, exit codes that mean something"""
    run = env.gateway.command
    check("imap" in run("rules").stdout, "no table of rules")
    names = {rule["name"] for rule in json.loads(run("--json", "rules").stdout)}
    check({"imap", "smtp", "imap6", "smtp6"} <= names, f"rules: {names}")
    with peers.Server(env.lab, peers.echo):
        run("rule", "add", "echo", f"listen={site.GATEWAY_WAN[4]}", "port=7000",
            f"servers={site.SERVER[4]}:7000", "certificate=mail")
        with peers.client(env) as client:
            lives(client)
            check(site.IMAP_NAME in run("connections").stdout, "no table of connections")
            run("rule", "disable", "echo")
            check(refused(), "disabled, and accepts")
            lives(client)
            run("rule", "enable", "echo")
            run("rule", "change", "echo", "tls_min=1.3", "deny=198.51.100.0/24")
            check('1.3' in run("rule", "show", "echo").stdout, "the change isn't shown")
            run("rule", "remove", "echo", "--now")
            check(dies(client), "remove --now leaves the connection open")
    check("tcp_no_listener" in run("stats").stdout, "no statistics")
    check(run("version").stdout.strip(), "no version")
    check(run("rule", "remove", "echo", check=False).returncode not in (0, 2), "removed twice")
    check(run("nonsense", check=False).returncode == 2, "a wrong verb isn't a wrong usage")
    with tempfile.TemporaryDirectory() as folder:
        lost = shell.run([e2e.gateway.program("postern"), "-s", os.path.join(folder, "none"),
                          "rules"], check=False)
        check(lost.returncode not in (0, 2) and "none" in lost.stderr, f"no socket: {lost.stderr}")
    for verb in ("rules", "rule", "cert", "connections", "kill", "stats", "drain", "stop"):
        check(run(verb, "--help").stdout, f"no help for {verb}")


@e2e.test()
def drain(env):
    """draining refuses new clients and keeps the others; it can be called off"""
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule(env)):
        with peers.client(env) as client:
            env.gateway.ask("drain")
            with env.counts("draining"):
                check(refused() and refused(port=993), "draining, and accepts")
            lives(client)
            env.gateway.ask("undrain")
            with peers.client(env) as again:
                lives(again)


@e2e.test()
def source_addresses(env):
    """a client reached through the default route is answered"""
    with peers.Server(env.lab, peers.echo), env.published("echo", **echo_rule(env)):
        with peers.client(env, source=site.FAR_CLIENT[4]) as client:
            lives(client)
            check(any(row["client"].startswith(site.FAR_CLIENT[4] + ":")
                      for row in env.open_connections()), "another address is shown")


if __name__ == "__main__":
    socket.setdefaulttimeout(30)
    e2e.main()
