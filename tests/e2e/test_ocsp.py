#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCSP stapling: responses of openssl ocsp, from files and from responders, as clients see them."""

import contextlib
import os
import re
import subprocess
import tempfile
import time

import e2e
from e2e import check, eventually
from lab import netns, shell, site

SECURE, RESPONDER = 9995, 8889
URL = f"http://127.0.0.1:{RESPONDER}/"
HANG = "import socket,time; s = socket.create_server(('127.0.0.1', %d)); c = s.accept(); time.sleep(60)" % RESPONDER
TALK = ("import http.server as h\n"
        "class A(h.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        self.rfile.read(int(self.headers['Content-Length'])); self.send_response(%s); self.end_headers()\n"
        "        self.wfile.write(b'x' * 99999)\n"
        "    def log_message(self, *_): pass\n"
        f"h.HTTPServer(('127.0.0.1', {RESPONDER}), A).serve_forever()\n")


class Authority:
    """The lab's CA, as openssl sees it: its index, and certificates and responses made with it."""

    def __init__(self, env, folder):
        self.folder, self.ca = folder, env.ca
        self.signer = ["-CA", env.ca, "-rsigner", env.ca, "-rkey", env.ca[:-4] + ".key", "-index", self.path("index")]

    def path(self, name):
        return os.path.join(self.folder, name)

    def issue(self, name, serial, extensions=""):
        shell.write(self.path("ext"), f"subjectAltName=DNS:{site.IMAP_NAME}\n{extensions}")
        shell.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                   "-keyout", self.path(name + ".key"), "-out", self.path("csr"), "-subj", f"/CN={site.IMAP_NAME}"])
        os.chmod(self.path(name + ".key"), 0o600)
        shell.run(["openssl", "x509", "-req", "-in", self.path("csr"), "-days", "9", "-extfile", self.path("ext"),
                   "-set_serial", str(serial), "-CA", self.ca, "-CAkey", self.ca[:-4] + ".key", "-out", self.path(name + ".pem")])

    def index(self, serial, revoked=False):
        state = "R\t401231235959Z\t260102030405Z" if revoked else "V\t401231235959Z\t"
        shell.write(self.path("index"), f"{state}\t{serial:02X}\tunknown\t/CN={site.IMAP_NAME}\n")

    def respond(self, name, to, *options):
        shell.run(["openssl", "ocsp", *self.signer, "-issuer", self.ca, "-cert", self.path(name + ".pem"), "-noverify",
                   "-respout", to + ".new", *(options or ("-ndays", "2"))])
        os.rename(to + ".new", to)


@contextlib.contextmanager
def running(env, command):
    """A program in the gateway's namespace that listens on the responder's port."""
    process = subprocess.Popen(netns.argv(env.lab.gw, command), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: f":{RESPONDER}" in netns.run(env.lab.gw, ["ss", "-Hltn"]).stdout, 10, "nobody listens")
        yield
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def published(env, authority, name):
    """A rule with that certificate, which isn't in the store."""
    env.gateway.ask("cert.load", name=name, chain=authority.path(name + ".pem"), key=authority.path(name + ".key"))
    with env.published(name, protocol="imaps", listen=site.GATEWAY_WAN[4], port=SECURE, servers=[f"{site.SERVER[4]}:143"],
                       certificate=[name]):
        yield os.path.join(env.gateway.store, name + ".ocsp")
    env.gateway.ask("cert.remove", name=name)


def s_client(env, version, *options):
    command = ["openssl", "s_client", "-connect", f"{site.GATEWAY_WAN[4]}:{SECURE}", "-CAfile", env.ca, "-ign_eof",
               "-servername", site.IMAP_NAME, version, *options]
    text = netns.run(env.lab.wan, command, input="a logout\r\n", timeout=20, check=False).stdout
    check("* OK" in text and "Verify return code: 0 (ok)" in text, f"{version} {options}: {text[-900:]}")
    return text


def shown(env):
    """What clients of both versions are shown, which must be the same: its status, or None."""
    found = set()
    for version in ("-tls1_2", "-tls1_3"):
        text = s_client(env, version, "-status")
        status = re.search(r"Cert Status: (\w+)", text)
        check(status or "OCSP response: no response sent" in text, f"{version}: {text[:900]}")
        found.add(status and status[1])
        check("OCSP" not in s_client(env, version), f"{version}: shown to one who didn't ask")
    check(len(found) == 1, f"{found}")
    return found.pop()


def need_library(env):
    if "5.7.2" in env.gateway.ask("version")["libraries"]["wolfssl"]:
        raise e2e.Skip("wolfSSL 5.7.2 shows no OCSP responses")


def state(env, name):
    return env.gateway.ask("cert.show", name=name)["ocsp"]


def gnutls(env):
    """A client that minds must-staple."""
    done = netns.run(env.lab.wan, ["gnutls-cli", f"--x509cafile={env.ca}", f"--port={SECURE}", "--ocsp", site.IMAP_NAME],
                     input="a logout\r\n", timeout=20, check=False)
    return done.stdout + done.stderr


@e2e.test()
def files(env):
    """a response from a file is shown to who asks, in both versions; others aren't; must-staple, revoked, taken away"""
    need_library(env)
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(env, folder)
        authority.issue("stapled", 0x51, "tlsfeature=status_request\n")
        authority.index(0x51)
        with published(env, authority, "stapled") as file:
            check(shown(env) is None, "shown without one")
            check((state(env, "stapled")["state"], state(env, "stapled")["must_staple"]) == ("none", True), f"{state(env, 'stapled')}")
            check("MUST, and none" in env.gateway.command("certs").stdout, "postern certs doesn't tell")
            check(env.gateway.metrics()['postern_certificate_ocsp_lacking{certificate="stapled"}'] == 1, "nor do metrics")
            check("OCSP status" in gnutls(env) and "* OK" not in gnutls(env), f"gnutls-cli doesn't mind: {gnutls(env)}")
            authority.respond("stapled", file)
            text = env.gateway.command("cert", "staple", "stapled").stdout
            check(": good, 20" in text, text)
            check(shown(env) == "good", "not shown")
            check("* OK" in gnutls(env), f"gnutls-cli minds: {gnutls(env)}")
            metrics = env.gateway.metrics()
            left = metrics['postern_certificate_ocsp_until_seconds{certificate="stapled"}'] - time.time()
            check(2 * 86400 - 60 < left <= 2 * 86400, f"{left}")
            # What can't be used leaves what can.
            shell.write(file, "no response")
            env.gateway.command("cert", "staple", "stapled")
            check("isn't an OCSP response" in state(env, "stapled")["problem"] and shown(env) == "good", f"{state(env, 'stapled')}")
            authority.index(0x51, revoked=True)
            authority.respond("stapled", file)
            env.gateway.command("cert", "staple", "stapled")
            check(shown(env) == "revoked" and "REVOKED" in env.gateway.command("certs").stdout, "a revocation is hidden")
            os.unlink(file)


@e2e.test()
def own_authority(env):
    """openssl answers from the index of the CA of `postern cert`, as the manual has it"""
    need_library(env)
    store = env.gateway.store
    file = os.path.join(store, "mail.ocsp")
    try:
        shell.run(["sh", "-ec", "openssl ocsp -index ca/index.txt -CA ca/ca.pem -rsigner ca/ca.pem -rkey ca/ca.key -issuer ca/ca.pem"
                   " -cert mail.pem -noverify -ndays 7 -respout mail.ocsp.new && mv mail.ocsp.new mail.ocsp"], cwd=store)
        env.gateway.command("cert", "staple", "mail")
        check(state(env, "mail")["state"] == "good", f"{state(env, 'mail')}")
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)
        env.gateway.command("cert", "staple", "mail")


def configure(env, **ocsp):
    env.gateway.ocsp = ocsp
    shell.write(env.gateway.config, env.gateway.configuration())


@e2e.test()
def fetched(env):
    """a response is fetched and kept; a responder that is dead, hangs or talks too much harms nothing"""
    need_library(env)
    gateway = env.gateway
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(env, folder)
        authority.issue("fetched", 0x52)
        authority.index(0x52)
        configure(env, ocsp="fetch", ocsp_responder=URL)
        gateway.command("reload")
        try:
            with published(env, authority, "fetched") as file:
                eventually(lambda: "connect" in state(env, "fetched").get("problem", ""), 10, "a dead one isn't told of")
                with open(gateway.log, encoding="utf-8") as log:
                    said = [line for line in log if "certificate fetched: no OCSP response" in line]
                check(len(said) == 1 and "again in 1 min" in said[0], f"{said}")
                with running(env, ["python3", "-c", HANG]):
                    text = gateway.command("cert", "staple", "fetched").stdout
                    check("being asked" in text, text)
                    began = time.monotonic()
                    check(state(env, "fetched")["fetching"], "it doesn't wait for the answer")
                    check(time.monotonic() - began < 5, "control waits for the responder")
                    check(shown(env) is None, "clients wait for it")
                eventually(lambda: not state(env, "fetched")["fetching"], 10, "it waits for one that is gone")
                for status, words in (("200", "longer than"), ("302", "302")):
                    with running(env, ["python3", "-c", TALK % status]):
                        gateway.command("cert", "staple", "fetched")
                        eventually(lambda: words in state(env, "fetched").get("problem", ""), 10, f"no `{words}`")
                check(not os.path.exists(file), "something was kept")
                with running(env, ["openssl", "ocsp", *authority.signer, "-port", str(RESPONDER), "-nmin", "2"]):
                    gateway.command("cert", "staple", "fetched")
                    eventually(lambda: state(env, "fetched")["state"] == "good", 10, f"not fetched: {state(env, 'fetched')}")
                check(shown(env) == "good", "not shown")
                check(os.stat(file).st_mode & 0o777 == 0o644, "the file's mode")
            with published(env, authority, "fetched"):  # anew, and nobody answers
                check(shown(env) == "good", "it wasn't kept")
        finally:
            configure(env)
            gateway.command("reload")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(gateway.store, "fetched.ocsp"))


if __name__ == "__main__":
    e2e.main()
