#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of clients, issued and revoked by `postern cert`, shown by openssl s_client."""

import os
import re
import shutil
import tempfile

import e2e
import peers
from e2e import check, eventually
from lab import mail, netns, shell, site
from lab.gateway import program

SECURE = 9994


def cert(folder, verb, *arguments):
    shell.run([program("postern"), "cert", verb, *arguments, "--dir", folder])


def make(folder):
    """A CA of the clients' own, two clients of it, and its revocation list."""
    cert(folder, "ca", "--name", "Clients' CA")
    for name in ("ann", "ben"):
        cert(folder, "request", name, "--cn", name, "--usage", "client")
        cert(folder, "issue", name, "--usage", "client")
    cert(folder, "crl")


def s_client(env, folder, name, version, *options, talks=True):
    """What it prints. To who is refused it mustn't talk: our RST for what came behind our alert would
    take that from the client's queue (RFC 1122 4.2.2.13)."""
    command = ["openssl", "s_client", "-connect", f"{site.GATEWAY_WAN[4]}:{SECURE}", "-CAfile", env.ca, "-ign_eof",
               "-servername", site.IMAP_NAME, version, *options]
    if name:
        command += ["-cert", os.path.join(folder, f"{name}.pem"), "-key", os.path.join(folder, f"{name}.key")]
    done = netns.run(env.lab.wan, command, input="a logout\r\n" if talks else "", timeout=20, check=False)
    return done.stdout + done.stderr


def logged(env):
    """The rule's connections so far."""
    return [line for line in env.gateway.connections_logged() if line["rule"] == "clients"]


def said(env, count):
    eventually(lambda: len(logged(env)) == count, 10, f"not {count} connections in the log")
    return logged(env)[-1]


@e2e.test(shapes=("af_packet/2",))
def certificates(env):
    """required: the right one is let in and named, none, a stranger's and a revoked one hear why; optional; resumed"""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as strange:
        make(folder)
        make(strange)
        ca, crl = os.path.join(folder, "ca", "ca.pem"), os.path.join(folder, "ca", "crl.pem")
        session = os.path.join(folder, "session")
        with env.published("clients", protocol="imaps", listen=site.GATEWAY_WAN[4], port=SECURE,
                           servers=[f"{site.SERVER[4]}:143"], certificate=["mail"], client_certificate="required",
                           client_ca=ca, client_crl=crl):
            n = len(logged(env))
            for version in ("-tls1_2", "-tls1_3"):
                text = s_client(env, folder, "ann", version, "-sess_out", session)
                check("* OK" in text, f"{version}: {text[-900:]}")
                n += 1
                shown = said(env, n)["client_certificate"]
                check((shown["verify"], shown["cn"], shown["subject"], len(shown["sha256"])) ==
                      ("ok", "ann", "CN=ann", 64), f"{shown}")
                text = s_client(env, folder, None, version, "-sess_in", session)
                check("* OK" in text and "Reused" in text, f"{version}: not resumed: {text[-900:]}")
                n += 1
                line = said(env, n)
                check(line["resumed"] and line["client_certificate"] == shown, f"{line}")
                for of, name, alert, reason in (
                        (folder, None, "certificate required" if version == "-tls1_3" else "handshake failure", "no_certificate"),
                        (strange, "ann", "unknown ca", "certificate_signer")):
                    text = s_client(env, of, name, version, talks=False)
                    check(alert in text and "* OK" not in text, f"{version} {reason}: {text[-900:]}")
                    n += 1
                    check(said(env, n)["tls_error"] == reason, f"{logged(env)[-1]}")
            text = s_client(env, folder, "ann", "-tls1_2", "-sigalgs", "ECDSA+SHA512")
            check("* OK" in text, f"signed over SHA-512: {text[-900:]}")
            n += 1
            said(env, n)
            for version in ("-tls1_2", "-tls1_3"):
                text = s_client(env, folder, "ann", version)
                n += 1
                if "5.7.2" not in env.gateway.ask("version")["libraries"]["wolfssl"]:  # which can't be told any
                    check(re.search(r"^Acceptable client certificate CA names\nCN ?= ?Clients' CA$", text, re.M), text[:900])
            check(said(env, n)["client_certificate"] == shown, f"{logged(env)[-1]}")
            context = mail.tls_context(env.ca)
            context.load_cert_chain(os.path.join(folder, "ann.pem"), os.path.join(folder, "ann.key"))
            with peers.client(env, SECURE, context) as client:
                check(client.recv(100).startswith(b"* OK"), "no greeting")
                table = env.gateway.command("connections", "rule=clients").stdout.splitlines()
                check(table[0].split()[3] == "WHO" and table[1].split()[3] == "ann", f"{table}")
            n += 1
            said(env, n)
            cert(folder, "revoke", "ben")
            cert(folder, "crl")
            env.gateway.ask("rule.change", name="clients", client_crl=os.path.join(folder, "ca", "crl.der"))
            text = s_client(env, folder, "ben", "-tls1_3", talks=False)
            check("certificate revoked" in text and "* OK" not in text, f"{text[-900:]}")
            line = said(env, n + 1)
            check((line["tls_error"], line["client_certificate"]["verify"], line["client_certificate"]["cn"]) ==
                  ("certificate_revoked", "certificate_revoked", "ben"), f"{line}")
            text = s_client(env, folder, None, "-tls1_3", "-sess_in", session, talks=False)
            check("certificate required" in text, f"a ticket outlived its list: {text[-900:]}")
            env.gateway.ask("rule.change", name="clients", client_certificate="optional")
            check("* OK" in s_client(env, folder, None, "-tls1_3"), "optional isn't")
            line = said(env, n + 3)
            check("client_certificate" not in line, f"{line}")


def openssl_chain(folder):
    """By openssl: root, two CAs below it, and ann by the first of them."""
    def path(name):
        return os.path.join(folder, name)

    def issue(name, extensions, issuer):
        shell.write(path(name + ".ext"), extensions)
        shell.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                   "-keyout", path(name + ".key"), "-out", path(name + ".csr"), "-subj", f"/CN={name}"])
        by = ["-CA", path(issuer + ".pem"), "-CAkey", path(issuer + ".key")] if issuer else ["-signkey", path(name + ".key")]
        shell.run(["openssl", "x509", "-req", "-in", path(name + ".csr"), "-days", "30", "-extfile", path(name + ".ext"),
                   "-set_serial", "0x" + os.urandom(8).hex(), "-out", path(name + ".pem"), *by])

    authority = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
    issue("root", authority, None)
    issue("below", authority, "root")
    issue("beside", authority, "root")
    issue("ann", "extendedKeyUsage=clientAuth\n", "below")
    for name, parts in {"chain": ["below"], "mixed": ["beside", "root", "below"]}.items():
        text = "".join(open(path(part + ".pem"), encoding="ascii").read() for part in parts)
        shell.write(path(name + ".pem"), text)


@e2e.test(shapes=("af_packet/2",))
def replaced_files(env):
    """a list and a bundle that were replaced on disk are seen, and count for the next handshake"""
    def heard(of, name, words):
        text = s_client(env, of, name, "-tls1_3")
        return words in text

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as strange:
        make(folder)
        make(strange)
        ca, crl = os.path.join(folder, "ca", "ca.pem"), os.path.join(folder, "ca", "crl.pem")
        env.gateway.watch = "1s"
        shell.write(env.gateway.config, env.gateway.configuration())
        env.gateway.command("reload")
        with env.published("clients", protocol="imaps", listen=site.GATEWAY_WAN[4], port=SECURE,
                           servers=[f"{site.SERVER[4]}:143"], certificate=["mail"], client_certificate="required",
                           client_ca=ca, client_crl=crl):
            check(heard(folder, "ben", "* OK"), "the right one isn't let in")
            cert(folder, "revoke", "ben")
            cert(folder, "crl")
            eventually(lambda: heard(folder, "ben", "certificate revoked"), 10, "a new list isn't seen")
            check(heard(folder, "ann", "* OK"), "another one isn't let in")
            for path, name in ((crl, "crl.pem"), (ca, "ca.pem")):  # another CA's, the list first: not to be used yet
                shutil.copyfile(os.path.join(strange, "ca", name), path + ".new")
                os.rename(path + ".new", path)
            eventually(lambda: heard(strange, "ann", "* OK"), 10, "a new bundle isn't seen")
            check("unknown ca" in s_client(env, folder, "ann", "-tls1_3", talks=False), "who was of the old CA is let in")
        env.gateway.watch = None
        shell.write(env.gateway.config, env.gateway.configuration())
        env.gateway.command("reload")


@e2e.test(shapes=("af_packet/2",))
def chains(env):
    """a CA between is taken up to client_depth, and only where its place in the chain is"""
    with tempfile.TemporaryDirectory() as folder:
        openssl_chain(folder)
        with env.published("clients", protocol="imaps", listen=site.GATEWAY_WAN[4], port=SECURE,
                           servers=[f"{site.SERVER[4]}:143"], certificate=["mail"], client_certificate="required",
                           client_ca=os.path.join(folder, "root.pem"), client_depth=1):
            n = len(logged(env))
            for version in ("-tls1_2", "-tls1_3"):
                for chain, reason in (("chain", None), (None, "certificate_signer"), ("mixed", "bad_certificate")):
                    options = ["-cert_chain", os.path.join(folder, chain + ".pem")] if chain else []
                    text = s_client(env, folder, "ann", version, *options)
                    n += 1
                    line = said(env, n)
                    check(("* OK" in text) == (reason is None) and line.get("tls_error") == reason,
                          f"{version} {chain}: {line}; {text[-600:]}")
                    check(line["client_certificate"]["cn"] == "ann", f"{line}")
            env.gateway.ask("rule.change", name="clients", client_depth=0)
            text = s_client(env, folder, "ann", "-tls1_3", "-cert_chain", os.path.join(folder, "chain.pem"))
            line = said(env, n + 1)
            check("* OK" not in text and line["tls_error"] == "chain_too_long", f"{line}; {text[-600:]}")


if __name__ == "__main__":
    e2e.main()
