#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""postern cert as an administrator of a new site uses it, and what other people's tools say of the result.

    test_certs.py POSTERN

Prints TAP. Calls openssl, GnuTLS's certtool and NSS's certutil; what isn't installed is skipped.
"""
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

from harness import Skip, check, run_tests, test

POSTERN = os.path.abspath(sys.argv[1])
OK, REFUSED, USAGE = range(3)
PASSPHRASE = "correct horse battery"
CA = ("ca", "--name", "Example CA", "--org", "Example")


class Site:
    """A folder of certificates, and a place for the tools' own files beside it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="postern-certs-")
        self.store = self.path("store")

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def stored(self, name):
        with open(os.path.join(self.store, name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def run(self, *words, **more):
        return subprocess.run([POSTERN, "cert", *words, "--dir", self.store], capture_output=True, text=True,
                              check=False, timeout=60, stdin=subprocess.DEVNULL, start_new_session=True, **more)

    def good(self, *words, **more):
        done = self.run(*words, **more)
        check(done.returncode == OK and (done.stderr == "" or words[0] == "root"), f"{words}: {done.stderr}")
        return done.stdout

    def bad(self, status, part, *words, **more):
        done = self.run(*words, **more)
        check(done.returncode == status and part in done.stderr,
              f"{words}: exit {done.returncode}, {part!r} wanted in {done.stderr!r}")

    def issued(self):
        return json.loads(self.good("issued", "--json"))

    def tool(self, *words, status=0, part="", stdin=None):
        """Another tool, in the site's folder; what it printed."""
        if not shutil.which(words[0]):
            raise Skip(f"{words[0]} isn't installed")
        done = subprocess.run(words, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
                              input=stdin)
        said = done.stdout + done.stderr
        check((done.returncode == 0) == (status == 0) and part in said, f"{' '.join(words)}: {done.returncode}: {said}")
        return said

    def server(self, name="mail", *flags):
        self.good("request", name, "--cn", "imap.example.test", "--alt", "192.0.2.1", *flags)
        return self.good("issue", name)

    def openssl_request(self, name, *flags, key=("-newkey", "rsa:2048")):
        self.tool("openssl", "req", "-new", *key, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", *flags)
        return self.path(f"{name}.csr")


VERIFY = ("openssl", "verify", "-x509_strict", "-CAfile", "store/ca/ca.pem")
CHECKED = (*VERIFY, "-crl_check", "-CRLfile", "store/ca/crl.pem")


@test
def whole_way(s):
    """from a new CA to a revoked certificate, with every kind of key, as OpenSSL sees it"""
    for kind, other in (("p256", "rsa2048"), ("p384", "p256"), ("rsa2048", "ed25519"), ("ed25519", "p384")):
        s.store = s.path("store")
        shutil.rmtree(s.store, ignore_errors=True)
        s.good(*CA, "--key", kind)
        said = s.server("mail", "--key", other)
        check("names    imap.example.test 192.0.2.1" in said and "for      servers" in said, said)
        s.good("crl")
        s.tool(*CHECKED, "-purpose", "sslserver", "-verify_ip", "192.0.2.1", "store/mail.pem")
        s.tool("openssl", "crl", "-in", "store/ca/crl.pem", "-noout", "-CAfile", "store/ca/ca.pem", part="verify OK")
        check("certificate revoked" not in s.tool("openssl", "crl", "-in", "store/ca/crl.pem", "-noout", "-text"), "!")
        s.bad(REFUSED, "issued nothing with the serial or name web", "revoke", "web")
        check("reason keyCompromise" in s.good("revoke", "mail", "--reason", "KEYcompromise"), "no reason told")
        s.bad(REFUSED, "revoked or has expired already", "revoke", "mail")
        check("list 2 made, with 1 certificate:" in s.good("crl", "--days", "7"), "no list")
        s.tool(*CHECKED, "store/mail.pem", status=1, part="certificate revoked")
        text = s.tool("openssl", "crl", "-in", "store/ca/crl.der", "-inform", "DER", "-noout", "-text")
        for part in ("Version 2", "CRL Number: \n                2", "Key Compromise", "Authority Key Identifier",
                     s.issued()[0]["serial"]):
            check(part in text, f"{part!r} isn't in {text}")


@test
def once(s):
    """a CA is made once; nothing replaces it unasked"""
    s.bad(REFUSED, "there is no CA in", "issue", "mail")
    s.bad(USAGE, "--name is missing", "ca")
    said = s.good(*CA)
    check("Next:" in said and f"{s.store}/ca/ca.pem" in said, said)
    before = s.stored("ca/ca.key")
    s.bad(REFUSED, "there is a CA in", *CA)
    check(s.stored("ca/ca.key") == before, "the key was replaced")
    s.server()
    s.good(*CA, "--force")
    check(s.stored("ca/ca.key") != before and s.issued() == [], "not a new CA")
    s.bad(REFUSED, "was not issued by this CA", "renew", "mail")


@test
def foreign_requests(s):
    """requests of openssl and certtool: what is wrong is refused, and nothing but names is granted"""
    s.good(*CA)
    csr = s.openssl_request("web", "-subj", "/C=FR/O=Foreign/CN=web.example.test", "-addext",
                            "keyUsage=critical,keyCertSign", "-addext", "1.2.3.4=ASN1:UTF8String:mine",
                            "-addext", "subjectAltName=DNS:web.example.test,DNS:www.example.test")
    said = s.good("issue", "web", "--request", csr)
    check("C=FR, O=Foreign, CN=web.example.test" in said and "www.example.test" in said and "the key is there" in said, said)
    text = s.tool("openssl", "x509", "-in", "store/web.pem", "-noout", "-text")
    check("Certificate Sign" not in text and "1.2.3.4" not in text and "CA:TRUE" not in text, text)
    check(f"Serial Number:\n            {':'.join(re.findall('..', s.issued()[0]['serial'].lower()))}" in text, text)
    s.tool("openssl", "req", "-in", "web.csr", "-outform", "DER", "-out", "web.der")
    s.good("issue", "web", "--request", s.path("web.der"))
    with open(s.path("web.der"), "rb") as file:
        changed = file.read().replace(b"Foreign", b"Foreigm")
    with open(s.path("changed.der"), "wb") as file:
        file.write(changed)
    s.bad(REFUSED, "signature is wrong", "issue", "web", "--request", s.path("changed.der"))
    for part, flags, key in (("for a CA", ("-addext", "basicConstraints=critical,CA:TRUE"), ("-newkey", "rsa:2048")),
                             ("RSA key has 1024 bits", (), ("-newkey", "rsa:1024")),
                             ("is not supported", (), ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1")),
                             ("for a client certificate", ("-addext", "extendedKeyUsage=clientAuth"), ("-newkey", "rsa:2048")),
                             ("not a host name", ("-addext", "subjectAltName=DNS:a b"), ("-newkey", "rsa:2048"))):
        s.bad(REFUSED, part, "issue", "bad", "--request",
              s.openssl_request("bad", "-subj", "/CN=bad.example.test", *flags, key=key))
    check([i["name"] for i in s.issued()] == ["web", "web"], "a refused request stands in the index")
    s.write("gnutls.cfg", 'cn = "gnu.example.test"\ndns_name = "gnu.example.test"\n')
    s.tool("certtool", "--generate-privkey", "--key-type", "ecdsa", "--curve", "secp256r1", "--outfile", "gnu.key")
    s.tool("certtool", "--generate-request", "--load-privkey", "gnu.key", "--template", "gnutls.cfg", "--outfile", "gnu.csr")
    s.good("issue", "gnu", "--request", s.path("gnu.csr"))
    s.tool(*VERIFY, "-verify_hostname", "gnu.example.test", "store/gnu.pem")


@test
def clients(s):
    """certificates for clients: with a person's name, not good for a server"""
    s.good(*CA)
    s.good("request", "anna", "--cn", "Anna Example", "--email", "anna@example.test", "--usage", "client")
    s.bad(REFUSED, "grant that with --usage", "issue", "anna")
    check("for      clients" in s.good("issue", "anna", "--usage", "client"), "not for clients")
    s.tool(*VERIFY, "-purpose", "sslclient", "-verify_email", "anna@example.test", "store/anna.pem")
    s.tool(*VERIFY, "-purpose", "sslserver", "store/anna.pem", status=1, part="purpose")
    check("client" in s.good("show") and "Anna Example" in s.good("show", "anna"), "not shown")
    check(json.loads(s.good("show", "--json"))[0]["usage"] == "client", "not in JSON")
    s.good("renew", "anna")
    s.tool(*VERIFY, "-purpose", "sslclient", "store/anna.pem")
    s.server()
    s.good("issue", "mail", "--usage", "both")
    s.tool(*VERIFY, "-purpose", "sslclient", "store/mail.pem")
    s.tool(*VERIFY, "-purpose", "sslserver", "store/mail.pem")


@test
def gnutls(s):
    """GnuTLS accepts chain and revocation list, and refuses what is revoked"""
    s.good(*CA, "--key", "p384")
    s.server()
    s.good("issue", "mail")
    s.good("crl")
    verify = ("certtool", "--verify", "--load-ca-certificate", "store/ca/ca.pem", "--load-crl", "store/ca/crl.pem",
              "--verify-hostname", "imap.example.test", "--verify-profile", "medium", "--infile", "store/mail.pem")
    s.tool(*verify, part="The certificate is trusted.")
    s.good("revoke", s.issued()[1]["serial"])
    s.good("crl")
    s.tool("certtool", "--verify-crl", "--load-ca-certificate", "store/ca/ca.pem", "--infile", "store/ca/crl.pem",
           part="Verified")
    s.tool(*verify, status=1, part="revoked")


@test
def nss(s):
    """NSS takes the root by certutil, believes what it signed, and its revocation list"""
    s.good(*CA)
    s.server()
    s.good("crl")
    database = "sql:" + s.path("nss")
    os.mkdir(s.path("nss"))
    s.tool("certutil", "-N", "-d", database, "--empty-password")
    s.tool("certutil", "-A", "-d", database, "-n", "root", "-t", "C,,", "-i", "store/ca/ca.pem")
    s.tool("certutil", "-A", "-d", database, "-n", "mail", "-t", ",,", "-i", "store/mail.pem")
    s.tool("certutil", "-V", "-d", database, "-n", "mail", "-u", "V", "-e", part="certificate is valid")
    s.good("revoke", "mail")
    s.good("crl")
    s.tool("crlutil", "-I", "-d", database, "-i", "store/ca/crl.der")
    s.tool("certutil", "-V", "-d", database, "-n", "mail", "-u", "V", "-e", status=1, part="revoked")


@test
def openssl_reads_the_index(s):
    """the index is OpenSSL's: its OCSP responder answers from it"""
    s.good(*CA)
    s.server()
    s.good("issue", "mail")
    s.good("issue", "mail")     # a name has several that are in force
    first, second, third = (i["serial"] for i in s.issued())
    s.good("revoke", first, "--reason", "superseded")
    for serial, part in ((first, "revoked"), (second, "good"), (third, "good")):
        s.tool("openssl", "ocsp", "-issuer", "store/ca/ca.pem", "-serial", "0x" + serial, "-no_nonce", "-reqout", "q")
        s.tool("openssl", "ocsp", "-index", "store/ca/index.txt", "-CA", "store/ca/ca.pem", "-rsigner", "store/ca/ca.pem",
               "-rkey", "store/ca/ca.key", "-reqin", "q", "-respout", "a")
        s.tool("openssl", "ocsp", "-issuer", "store/ca/ca.pem", "-serial", "0x" + serial, "-respin", "a",
               "-CAfile", "store/ca/ca.pem", "-no_nonce", part=f"0x{serial}: {part}")


@test
def constraints(s):
    """a CA for some names only: others are refused here, and would be by OpenSSL"""
    s.bad(REFUSED, "neither a domain", *CA, "--permit", "*.example.test")
    s.good(*CA, "--permit", "example.test,192.0.2.0/24", "--permit", "2001:db8::/32")
    s.server()
    s.tool(*VERIFY, "-verify_hostname", "imap.example.test", "store/mail.pem")
    for name in ("imap.example.com", "badexample.test", "198.51.100.1", "2001:db9::1"):
        s.good("request", "bad", "--cn", "a.example.test", "--alt", name, "--force")
        s.bad(REFUSED, f"{name} is outside the names", "issue", "bad")
    s.good("request", "v6", "--cn", "example.test", "--alt", "2001:db8::1")
    s.good("issue", "v6")
    s.tool(*VERIFY, "-verify_ip", "2001:db8::1", "store/v6.pem")
    shutil.rmtree(s.store)
    s.good(*CA, "--permit", "192.0.2.0/24")
    s.good("request", "bad", "--cn", "a.example.test")
    s.bad(REFUSED, "a.example.test is outside", "issue", "bad")


@test
def renewal(s):
    """renewed with a new key or the old one, and the old pair until then"""
    s.good(*CA)
    s.server("mail", "--key", "p384")
    key, cert = s.stored("mail.key"), s.stored("mail.pem")
    said = s.good("renew", "mail", "--reuse-key", "--days", "10")
    check("the same key" in said and s.issued()[0]["serial"] in said, said)
    check(s.stored("mail.key") == key and s.stored("mail.pem") != cert, "not renewed in place")
    s.good("renew", "mail")
    check(s.stored("mail.key") != key, "no new key")
    check("P-384" in s.good("show", "mail") and "192.0.2.1" in s.good("show", "mail"), "another kind or other names")
    s.tool(*VERIFY, "-verify_ip", "192.0.2.1", "store/mail.pem")
    s.bad(REFUSED, "say --all, or which by its serial", "revoke", "mail")
    s.good("request", "mail", "--cn", "imap.example.test", "--force")
    s.bad(REFUSED, "waits in mail.key.new", "renew", "mail")
    s.good("issue", "mail")
    s.good("revoke", "mail", "--all", "--reason", "keyCompromise")
    s.bad(REFUSED, "it needs a new key", "renew", "mail", "--reuse-key")
    s.good("renew", "mail")
    check([i["state"] for i in s.issued()] == ["revoked"] * 4 + ["valid"], s.issued())
    s.good("issue", "web", "--request", s.openssl_request("web", "-subj", "/CN=web.example.test"))
    s.bad(REFUSED, "its key isn't in this folder", "renew", "web", "--key", "p256")
    check("the same key" in s.good("renew", "web"), "renewed without its key")


@test
def root(s):
    """the root for clients: PEM, DER and fingerprint are those that OpenSSL sees"""
    s.good(*CA)
    done = s.run("root")
    check(done.stdout == s.stored("ca/ca.pem"), "not the root")
    for part in ("update-ca-certificates", "certutil -d", "certutil -addstore", "add-trusted-cert"):
        check(part in done.stderr, f"{part} isn't in {done.stderr}")
    fingerprint = s.good("root", "--fingerprint").strip()
    check(fingerprint in done.stderr, "another fingerprint")
    s.tool("openssl", "x509", "-in", "store/ca/ca.pem", "-noout", "-fingerprint", "-sha256", part=fingerprint)
    der = subprocess.run([POSTERN, "cert", "root", "--der", "--dir", s.store], capture_output=True, check=True).stdout
    with open(s.path("root.crt"), "wb") as file:
        file.write(der)
    s.tool("openssl", "x509", "-inform", "DER", "-in", "root.crt", "-noout", "-fingerprint", "-sha256", part=fingerprint)


@test
def passphrase(s):
    """the CA's key under a passphrase: OpenSSL reads it, a wrong one is told, a foreign key is decrypted"""
    right, wrong = s.write("right", PASSPHRASE + "\nmore\n"), s.write("wrong", "something else\n")
    s.bad(REFUSED, "at least 8", *CA, "--passphrase-file", s.write("short", "short\n"))
    s.bad(REFUSED, "others may read", *CA, "--passphrase-file", s.write("open", PASSPHRASE, 0o644))
    check("without it the key is lost" in s.good(*CA, "--passphrase-file", right), "not told")
    check("BEGIN ENCRYPTED PRIVATE KEY" in s.stored("ca/ca.key") and PASSPHRASE not in s.stored("ca/ca.key"), "plain")
    s.tool("openssl", "pkey", "-in", "store/ca/ca.key", "-passin", f"pass:{PASSPHRASE}", "-noout", "-check")
    s.good("request", "mail", "--cn", "imap.example.test")
    s.bad(REFUSED, "the passphrase is wrong", "issue", "mail", "--passphrase-file", wrong)
    s.bad(REFUSED, "no terminal to ask", "issue", "mail")
    s.bad(REFUSED, "no terminal to ask", "crl")
    s.good("issue", "mail", "--passphrase-file", right)
    end, start = os.pipe()
    os.write(start, PASSPHRASE.encode())
    os.close(start)
    s.good("crl", "--passphrase-file", f"fd:{end}", pass_fds=(end,))
    os.close(end)
    s.tool(*CHECKED, "store/mail.pem")
    check(len(s.issued()) == 1, "listing needs no passphrase")
    for cipher in ("-aes128", "-aes-256-cbc"):
        s.tool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-keyout", "sealed.key", "-out", "sealed.pem", "-days", "9",
               "-subj", "/CN=a.example.test", "-passout", f"pass:{PASSPHRASE}")
        s.tool("openssl", "pkey", "-in", "sealed.key", "-passin", f"pass:{PASSPHRASE}", cipher, "-passout",
               f"pass:{PASSPHRASE}", "-out", "again.key")
        s.bad(REFUSED, "the passphrase is wrong", "import", "sealed", "--chain", s.path("sealed.pem"), "--key",
              s.path("again.key"), "--passphrase-file", wrong)
        s.good("import", "sealed", "--chain", s.path("sealed.pem"), "--key", s.path("again.key"), "--passphrase-file", right)
        check("BEGIN PRIVATE KEY" in s.stored("sealed.key"), "kept as it came")


@test
def modes(s):
    """private files are 0600 and public ones readable, whatever the umask"""
    for mask in (0o000, 0o077):
        shutil.rmtree(s.store, ignore_errors=True)
        before = os.umask(mask)
        try:
            s.good(*CA)
            s.server()
            s.good("request", "mail", "--cn", "imap.example.test", "--force")
            s.good("crl")
        finally:
            os.umask(before)
        for name, mode in (("ca/ca.key", 0o600), ("mail.key", 0o600), ("mail.key.new", 0o600), ("ca/index.txt", 0o600),
                           (".lock", 0o600), ("ca/ca.pem", 0o644), ("mail.pem", 0o644), ("ca/crl.pem", 0o644)):
            found = os.stat(os.path.join(s.store, name)).st_mode & 0o7777
            check(found == mode, f"{name} has the mode {found:o}")
        left = [n for n in os.listdir(s.store) + os.listdir(s.store + "/ca") if re.search(r"\.\w{6}$", n)]
        check(left == [], f"left over: {left}")


@test
def two_at_once(s):
    """many at once: each certificate is recorded, no serial twice"""
    s.good(*CA)
    s.good("request", "mail", "--cn", "imap.example.test")
    jobs = [subprocess.Popen([POSTERN, "cert", "issue", f"m{i}", "--request", s.store + "/mail.csr", "--dir", s.store],
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for i in range(12)]
    for job in jobs:
        check(job.wait(60) == 0, job.stderr.read())
        job.stderr.close()
    check(sorted(i["name"] for i in s.issued()) == sorted(f"m{i}" for i in range(12)), s.issued())
    check(len({i["serial"] for i in s.issued()}) == 12, "a serial twice")
    for i in s.issued():
        check(s.stored(f"ca/issued/{i['serial']}.pem") == s.stored(f"{i['name']}.pem"), "not the certificate")


@test
def damaged_index(s):
    """a damaged index stops the CA, with the line that is wrong"""
    s.good(*CA)
    s.server()
    with open(s.store + "/ca/index.txt", "a", encoding="ascii") as file:
        file.write("V\t271227044341Z\t\tABC\n")
    s.bad(REFUSED, "index.txt: line 2 is damaged", "issue", "mail")
    s.bad(REFUSED, "index.txt: line 2 is damaged", "revoke", "mail")


class Terminal:
    """postern at a terminal of its own."""

    def __init__(self, *words):
        self.said, self.seen = "", 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(POSTERN, [POSTERN, "cert", *words])

    def read_until(self, part, seconds=30):
        end = time.monotonic() + seconds
        while part not in self.said[self.seen:]:
            left = end - time.monotonic()
            check(left > 0 and select.select([self.fd], [], [], left)[0], f"{part!r} isn't in {self.said!r}")
            try:
                data = os.read(self.fd, 4096)
            except OSError:  # the other side is gone
                data = b""
            check(data, f"ended without {part!r}: {self.said!r}")
            self.said += data.decode()
        self.seen = self.said.index(part, self.seen) + len(part)

    def answer(self, question, text):
        self.read_until(question)
        os.write(self.fd, text.encode() + b"\n")

    def end(self):
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@test
def wizard(s):
    """at a terminal it asks, checks each answer, and types no passphrase back"""
    t = Terminal("ca", "--dir", s.store)
    t.answer("Name of the CA: ", "")
    t.read_until("A CA needs a name")
    t.answer("Name of the CA: ", "Wizard CA")
    t.answer("Organisation (or empty): ", "Example")
    t.answer("Country, two letters (or empty): ", "Germany")
    t.read_until("two capital letters")
    t.answer("Country, two letters (or empty): ", "DE")
    t.answer("[p256]: ", "p384")
    t.answer("[3650]: ", "")
    t.answer("(or empty: for any): ", "example.test")
    t.answer("y or n [y]: ", "")
    t.answer("Make it, y or n [y]: ", "")
    t.answer("New passphrase for the CA's key: ", "short")
    t.read_until("At least 8")
    t.answer("New passphrase for the CA's key: ", PASSPHRASE)
    t.answer("The same again: ", PASSPHRASE + "x")
    t.read_until("The two differ")
    t.answer("New passphrase for the CA's key: ", PASSPHRASE)
    t.answer("The same again: ", PASSPHRASE)
    t.read_until('CA "Wizard CA" made')
    check(t.end() == OK and PASSPHRASE not in t.said, t.said)
    t = Terminal("request", "--dir", s.store)
    t.answer("Host name that clients use: ", "imap")
    t.read_until("not a whole host name")
    t.answer("Host name that clients use: ", "imap.example.test")
    t.answer("addresses (or empty): ", "smtp.example.test, under..score")
    t.read_until("neither a host name nor an IP address")
    t.answer("addresses (or empty): ", "smtp.example.test, pop.example.test")
    for question in ("Organisation", "Unit", "City", "State", "Country", "E-mail", "[p256]"):
        t.answer(question, "")
    t.answer("Name for the files [imap]: ", "")
    t.answer("Make it, y or n [y]: ", "y")
    t.read_until("imap.csr made")
    check(t.end() == OK, t.said)
    t = Terminal("issue", "imap", "--dir", s.store)
    t.answer("Passphrase for the CA's key: ", PASSPHRASE)
    t.read_until("names    imap.example.test smtp.example.test pop.example.test")
    check(t.end() == OK and PASSPHRASE not in t.said, t.said)
    s.tool(*VERIFY, "-verify_hostname", "pop.example.test", "store/imap.pem")


@test
def wizard_given_up(s):
    """no answer, or no: nothing is made; without a terminal the missing flag is named"""
    t = Terminal("ca", "--dir", s.store)
    t.answer("Name of the CA: ", "Wizard CA")
    t.read_until("Organisation")
    os.write(t.fd, b"\x04")
    t.read_until("nothing was made")
    check(t.end() == REFUSED, "exit")
    t = Terminal("ca", "--dir", s.store, "--name", "Typed CA", "--passphrase")
    t.read_until("New passphrase")
    os.write(t.fd, b"abc\x03\n")
    t.read_until("no passphrase was given")
    check(t.end() == REFUSED and not os.path.exists(s.store + "/ca/ca.key"), "a CA was made")
    s.bad(USAGE, "--name is missing", "ca")
    s.bad(USAGE, "--cn is missing", "request", "mail")
    s.bad(USAGE, "NAME is missing", "renew")
    s.bad(USAGE, "--reason is", "revoke", "mail", "--reason", "boredom")


if __name__ == "__main__":
    sys.exit(run_tests(Site))
