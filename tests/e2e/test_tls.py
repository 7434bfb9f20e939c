#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS as clients of other makes see it: certificates by name and key, policies, ALPN, an audit."""

import json
import os
import re
import shutil
import ssl
import tempfile

import e2e
import peers
from e2e import check, eventually
from lab import mail, netns, site

SECURE = 9993
WILD, LONE = "a.example.org", "example.net"
# What testssl.sh finds, by its ids, with the only answers that are right. A missing id fails, too.
AUDIT = {
    **{old: "not offered" for old in ("SSLv2", "SSLv3", "TLS1", "TLS1_1")},
    "TLS1_2": "offered", "TLS1_3": "offered",
    "heartbleed": "not vulnerable", "CCS": "not vulnerable", "ticketbleed": "not vulnerable|not applicable",
    "ROBOT": "not vulnerable", "secure_client_renego": "not vulnerable", "secure_renego": "supported",
    "CRIME_TLS": "not vulnerable", "POODLE_SSL": "not vulnerable",
    "fallback_SCSV": "supported|no fallback possible|no protocol below TLS 1.2 offered", "SWEET32": "not vulnerable", "FREAK": "not vulnerable",
    "DROWN": "not vulnerable", "LOGJAM": "not vulnerable", "BEAST": "not vulnerable|no SSL3 or TLS1",
    "LUCKY13": "not vulnerable", "RC4": "not vulnerable",
}
# Of the server's defaults, which take it some 15 s: with --long only.
DEFAULTS = {
    "TLS_session_ticket": "valid for 7200 seconds", "sessionresumption_ticket": "supported",
    "SSL_sessionID_support": "yes", "TLS_timestamp": "random", "cert_numbers": "2",
    **{f"{name} <cert#{nth}>": want for nth in (1, 2) for name, want in (
        ("cert_trust", "Ok via SAN"), ("cert_chain_of_trust", "passed"), ("cert_expirationStatus", ""),
        ("certs_list_ordering_problem", "no"), ("cert_revocation", "Neither CRL nor OCSP URI provided"))},
}
NODE = """
const tls = require('tls'), fs = require('fs'), [host, port, name, version, ca] = process.argv.slice(1);
const c = tls.connect({host, port: Number(port), servername: name, ca: fs.readFileSync(ca),
                       minVersion: version, maxVersion: version, ALPNProtocols: ['imap']}, () => {
  c.once('data', data => { console.log(c.getProtocol(), c.authorized, c.alpnProtocol, data.toString()); c.end(); });
});
c.on('error', e => { console.log(e.message); process.exit(1); });
"""


def program(name):
    path = shutil.which(name)
    if not path:
        raise e2e.Skip(f"{name} isn't installed")
    return path


def make(env):
    """mail's names once more with an RSA key, and other names."""
    certificates = env.certificates
    if not os.path.exists(os.path.join(env.gateway.store, "lone.pem")):
        certificates.make("mail-rsa", [site.IMAP_NAME, site.SMTP_NAME], key="rsa3072")
        certificates.make("wild", ["*.example.org"])
        certificates.make("lone", [LONE], key="p384")


def rule(env, **keys):
    return {"protocol": "imaps", "listen": site.GATEWAY_WAN[4], "port": SECURE,
            "servers": [f"{site.SERVER[4]}:143"], "certificate": ["mail", "mail-rsa", "wild", "lone"], **keys}


def s_client(env, *options, name=site.IMAP_NAME, text="a logout\r\n"):
    command = [program("openssl"), "s_client", "-connect", f"{site.GATEWAY_WAN[4]}:{SECURE}",
               "-CAfile", env.ca, "-ign_eof", *options]
    command += ["-servername", name, "-verify_hostname", name] if name else ["-noservername"]
    done = netns.run(env.lab.wan, command, input=text, timeout=20, check=False)
    return done.stdout + done.stderr


def shown(text):
    """Subject and kind of key of the certificate that s_client got."""
    subject = re.search(r"^subject=.*CN ?= ?([^\s,]+)", text, re.M)
    kind = re.search(r"Peer signature type: (\S+)", text)
    return (subject and subject[1], "rsa" if kind and kind[1].lower().startswith("rsa") else "ec")


@e2e.test()
def many_certificates(env):
    """one rule, several certificates: by name, wildcard, and the kind of key that the client can use"""
    make(env)
    rsa = "RSA-PSS+SHA256:RSA+SHA256"
    cases = [
        (["-tls1_3"], site.IMAP_NAME, site.IMAP_NAME, "ec"),
        (["-tls1_2"], site.IMAP_NAME, site.IMAP_NAME, "ec"),
        (["-tls1_3", "-sigalgs", rsa], site.IMAP_NAME, site.IMAP_NAME, "rsa"),
        (["-tls1_2", "-sigalgs", rsa], site.IMAP_NAME, site.IMAP_NAME, "rsa"),
        (["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], site.SMTP_NAME, site.IMAP_NAME, "rsa"),
        (["-tls1_3"], WILD, "*.example.org", "ec"),
        (["-tls1_2"], WILD.upper(), "*.example.org", "ec"),
        (["-tls1_3"], LONE, LONE, "ec"),
        (["-tls1_2"], LONE, LONE, "ec"),
        (["-tls1_3"], None, site.IMAP_NAME, "ec"),
        (["-tls1_3", "-sigalgs", rsa], None, site.IMAP_NAME, "rsa"),
        (["-tls1_3"], "nobody.example", site.IMAP_NAME, "ec"),
    ]
    with env.published("many", **rule(env)):
        for options, name, subject, kind in cases:
            text = s_client(env, *options, name=name)
            check(shown(text) == (subject, kind) and "* OK" in text, f"{options} {name}: {shown(text)}")
            if name != "nobody.example":
                check("Verify return code: 0 (ok)" in text, f"{options} {name} isn't verified")
        env.gateway.ask("rule.change", name="many", sni="strict")
        check("unrecognized name" in s_client(env, name="nobody.example"), "strict, and no alert")
        check("* OK" in s_client(env, name=WILD), "strict refuses a name that is known")
        check("* OK" in s_client(env, name=None), "strict refuses who names nothing")


@e2e.test()
def policies(env):
    """levels, versions, suites, groups, ChaCha20 for who prefers it, no fallback; the log says what came of it"""
    make(env)
    with env.published("many", **rule(env)):
        text = s_client(env, "-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256")
        check("TLS_CHACHA20_POLY1305_SHA256" in text, "a client without AES instructions gets AES")
        text = s_client(env, "-tls1_3", "-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256")
        check("Cipher is TLS_AES_128_GCM_SHA256" in text, "the client's order of AES suites counts")
        check("inappropriate fallback" in s_client(env, "-tls1_2", "-fallback_scsv"), "a fallback is served")
        for change, options, want in (
                ({"tls_policy": "modern"}, ["-tls1_2"], "protocol version"),
                ({}, ["-tls1_3"], "* OK"),
                ({"tls_policy": "intermediate", "tls_max": "1.2"}, ["-tls1_2", "-fallback_scsv"], "* OK"),
                ({"tls_max": "policy", "groups": ["secp384r1"]}, ["-tls1_3", "-groups", "X25519"], "handshake failure"),
                ({}, ["-tls1_3", "-groups", "X25519:P-384"], "* OK"),
                ({"groups": "policy", "ciphers": ["TLS_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384",
                                                  "ECDHE-RSA-AES256-GCM-SHA384"]}, ["-tls1_3"], "Cipher is TLS_AES_256_GCM_SHA384"),
                ({}, ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "handshake failure")):
            if change:
                env.gateway.ask("rule.change", name="many", **change)
            text = s_client(env, *options)
            check(want in text, f"{change} {options}: no `{want}`: {text[-900:]}")
    lines = [line for line in env.gateway.connections_logged() if line["rule"] == "many"]
    check(any((line["version"], line["cipher"], line["group"]) ==
              ("TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519") for line in lines), f"{lines[-3:]}")
    check(any(line.get("tls_error") == "fallback" for line in lines), "no fallback in the log")


def alpn(env, names, port, version=None):
    context = mail.tls_context(env.ca)
    if names:
        context.set_alpn_protocols(names)
    if version:
        context.maximum_version = version
    with peers.client(env, port, context) as one:
        one.settimeout(10)
        return one.selected_alpn_protocol(), one.recv(10)


@e2e.test()
def protocols(env):
    """ALPN: the rule's protocol is answered, another is refused by its alert, none is served (Python's ssl)"""
    for port, good, greeting in ((993, [["imap"], ["http/1.1", "imap"]], b"* OK"),
                                 (465, [["smtp"], ["esmtp", "smtp"]], b"220 ")):
        for version in (None, ssl.TLSVersion.TLSv1_2):
            for names in good:
                chosen, text = alpn(env, names, port, version)
                check(chosen in names and text.startswith(greeting), f"{port} {names}: {chosen} {text}")
            chosen, text = alpn(env, None, port, version)
            check(chosen is None and text.startswith(greeting), f"{port}, none: {chosen} {text}")
            for names in (["http/1.1"], ["h2", "http/1.1"], ["pop3"], ["managesieve", "xmpp-client"]):
                try:
                    alpn(env, names, port, version)
                except ssl.SSLError as error:
                    check("no application protocol" in str(error).lower().replace("_", " "),
                          f"{port} {names}: {error}")
                else:
                    raise AssertionError(f"{port}: {names} is served")
    eventually(lambda: any(line.get("tls_error") == "no_shared_protocol"
                           for line in env.gateway.connections_logged()), 5, "the log doesn't say so")


@e2e.test()
def gnutls(env):
    """gnutls-cli, both versions, ECDSA and RSA, verified"""
    make(env)
    base = [program("gnutls-cli"), "--x509cafile", env.ca, "--port", str(SECURE), "--sni-hostname", site.IMAP_NAME,
            "--verify-hostname", site.IMAP_NAME, site.GATEWAY_WAN[4]]
    rsa = ":-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256"
    with env.published("many", **rule(env)):
        for version in ("TLS1.3", "TLS1.2"):
            for more, want in (("", "ECDSA"), (rsa, "RSA")):
                done = netns.run(env.lab.wan, base + ["--priority", f"NORMAL:-VERS-ALL:+VERS-{version}{more}"],
                                 input="a logout\r\n", timeout=20, check=False)
                text = done.stdout + done.stderr
                for each in (version, f"({want}", "certificate is trusted", "* OK"):
                    check(each in text, f"{version} {want}: no `{each}`: {text[-400:]}")


@e2e.test()
def curl_and_node(env):
    """curl with either key and version; Node, both versions, with ALPN"""
    make(env)
    url = f"imaps://{site.IMAP_NAME}:{SECURE}/"
    with env.published("many", **rule(env)):
        for options in (["--tlsv1.3"], ["--tls-max", "1.2"], ["--tls-max", "1.2", "--ciphers", "ECDHE-RSA-AES256-GCM-SHA384"],
                        ["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-CHACHA20-POLY1305"]):
            done = netns.run(env.lab.wan, [program("curl"), "-4sS", "--cacert", env.ca, *options, "--user",
                                           f"ann:{site.USERS['ann']}", url], timeout=20)
            check("INBOX" in done.stdout, f"curl {options}: {done.stdout}")
        if not shutil.which("node"):
            return
        for version in ("TLSv1.3", "TLSv1.2"):
            done = netns.run(env.lab.wan, ["node", "-e", NODE, site.GATEWAY_WAN[4], str(SECURE), site.IMAP_NAME,
                                           version, env.ca], timeout=20, check=False)
            check(done.stdout.startswith(f"{version} true imap * OK"), f"node {version}: {done.stdout}")


@e2e.test(seconds=120)
def audit(env):
    """testssl.sh finds nothing: protocols, renegotiation, compression, fallback, and what has a name of its own"""
    tool = shutil.which("testssl") or program("testssl.sh")
    make(env)
    long = bool(os.environ.get("POSTERN_E2E_LONG"))
    wanted = {**AUDIT, **(DEFAULTS if long else {})}
    with env.published("many", **rule(env)), tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "found.json")
        netns.run(env.lab.wan, [tool, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip",
                                site.GATEWAY_WAN[4], "--openssl", program("openssl"), "--jsonfile", file,
                                *(["-S", "--add-ca", env.ca] if long else []),
                                *"-p -R -C -Z -O -T -H -I -BB -W -F -J -D -L -A -4".split(),
                                f"{site.IMAP_NAME}:{SECURE}"], timeout=110, check=False)
        with open(file, encoding="utf-8") as found:
            findings = {each["id"]: each for each in json.load(found)}
    for name, want in wanted.items():
        check(name in findings, f"testssl.sh says nothing of {name}: {sorted(findings)}")
        check(re.match(want, findings[name]["finding"]), f"{name}: {findings[name]['finding']}")
    bad = {name: each["finding"] for name, each in findings.items()
           if each["severity"] not in ("OK", "INFO") and name not in wanted
           and name != "engine_problem"}  # which is of testssl.sh's own openssl
    check(not bad, f"testssl.sh isn't content: {bad}")


if __name__ == "__main__":
    e2e.main()
