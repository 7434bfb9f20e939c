#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""postern cert is killed before each of its steps on files, and goes on afterwards as if nothing had been.

    test_crash.py POSTERN CRASH

CRASH is the library of crash.c. Prints TAP.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from harness import check, run_tests, test

POSTERN, CRASH = (os.path.abspath(path) for path in sys.argv[1:3])
CA = ("ca", "--name", "Example CA")


class Site:
    """A folder with a CA as it was before a step, and the copy that is worked on."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="postern-crash-")
        self.before, self.store = os.path.join(self.folder, "before"), os.path.join(self.folder, "store")

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *words, **env):
        if env:
            env["LD_PRELOAD"] = CRASH
        return subprocess.run([POSTERN, "cert", *words, "--dir", self.store], capture_output=True, text=True,
                              check=False, timeout=60, stdin=subprocess.DEVNULL, env={**os.environ, **env})

    def good(self, *words, **env):
        done = self.run(*words, **env)
        check(done.returncode == 0, f"{words}: {done.returncode}: {done.stderr}")
        return done.stdout

    def begin(self, *verbs):
        """What the folder is like before the step."""
        for words in verbs:
            self.good(*words)
        if os.path.isdir(self.store):
            shutil.copytree(self.store, self.before)

    def again(self):
        shutil.rmtree(self.store, ignore_errors=True)
        if os.path.isdir(self.before):
            shutil.copytree(self.before, self.store)

    def steps(self, *words):
        """The steps of a verb that nothing stops, each a list of words."""
        log = os.path.join(self.folder, "log")
        self.again()
        self.good(*words, CRASH_LOG=log)
        with open(log, encoding="utf-8") as file:
            steps = [line.split() for line in file]
        os.unlink(log)
        return steps

    def crashes(self, *words):
        """Yields after each crash. What is to last is written out in the right order."""
        steps = self.steps(*words)
        lasting(steps)
        check(len(steps) > 7, f"{words} does next to nothing: {steps}")
        left = 0
        for at in range(1, len(steps) + 1):
            self.again()
            done = self.run(*words, CRASH_AT=str(at))
            check(done.returncode == -signal.SIGKILL, f"{words} isn't killed at step {at}: {done}")
            left += len(self.left())
            try:
                yield
                check(not self.left(), f"{self.left()} is left")
            except AssertionError as problem:
                raise AssertionError(f"{words}, killed before step {at}, {steps[at - 1]}: {problem}") from None
        check(left > 0, f"{words} leaves nothing behind when it is killed: these tests look for the wrong names")

    def left(self):
        """Files that were being written."""
        return [name for _, _, files in os.walk(self.store) for name in files if "tmp" in name]

    def issued(self, kept=True):
        """The index, by serial; no serial twice, and no certificate kept that isn't in it."""
        rows = json.loads(self.good("issued", "--json"))
        index = {row["serial"]: row for row in rows}
        check(len(index) == len(rows), f"a serial twice: {rows}")
        for path in glob.glob(self.store + "/ca/issued/*.pem") if kept else ():
            check(os.path.basename(path)[:-4] in index, f"{path} isn't in the index")
        return index

    def usable(self):
        """Chain and key belong together, stand in the index, and one more can be signed."""
        before = set(self.issued())
        shown = json.loads(self.good("show", "--json"))
        check([one["name"] for one in shown] == ["mail"], shown)
        check(shown[0]["serial"] in before, f"{shown[0]['serial']} isn't in the index: {before}")
        self.good("renew", "mail")
        after = set(self.issued())
        check(before < after and len(after) == len(before) + 1, f"{before} became {after}")


def lasting(steps):
    """Each file is written out before it takes its place, and its folder after."""
    dirty, folders = set(), set()
    for what, path, *more in steps:
        if what == "write":
            dirty.add(path)
        elif what == "fsync":
            dirty.discard(path)
            folders.discard(path)
        elif what == "mkdir":
            folders.add(os.path.dirname(path))
        elif what == "rename":
            check(os.path.realpath(path) not in dirty, f"{path} takes its place before it is written out")
            folders.add(os.path.dirname(more[0]))
    check(not dirty and not folders, f"never written out: {dirty} {folders}")


def list_of(site):
    """The newest list's number, and the serials in it."""
    told = site.good("crl")
    text = subprocess.run(["openssl", "crl", "-in", site.store + "/ca/crl.pem", "-noout", "-text"], check=True,
                          capture_output=True, text=True).stdout
    return int(re.search(r"list (\d+) made", told)[1]), set(re.findall(r"Serial Number: ([0-9A-F]+)", text))


@test
def making_a_ca(s):
    """cert ca: there is a whole CA afterwards, or none, and then it can be made"""
    for _ in s.crashes(*CA):
        if s.run("issued").returncode != 0:
            s.good(*CA)
        s.good("request", "mail", "--cn", "imap.example.test")
        s.good("issue", "mail")
        check(len(s.issued()) == 1, "not one")


@test
def replacing_a_ca(s):
    """cert ca --force: the old one with its index, or the new one with none"""
    s.begin(CA, ("request", "mail", "--cn", "imap.example.test"), ("issue", "mail"))
    with open(s.before + "/ca/ca.key", encoding="utf-8") as file:
        old = file.read()
    for _ in s.crashes(*CA, "--force"):
        index = s.issued(kept=False)
        with open(s.store + "/ca/ca.key", encoding="utf-8") as file:
            same = file.read() == old
        check(len(index) == (1 if same else 0), f"{'the old' if same else 'another'} CA with {len(index)}")
        s.good("issue", "mail")
        with open(s.store + "/ca/ca.pem", encoding="utf-8") as ca, open(s.store + "/ca/ca.key", encoding="utf-8") as key:
            check(key.read().endswith(ca.read()), "ca.pem is of another CA")


@test
def requesting(s):
    """cert request: a key and a request that belong together, or it is made again"""
    s.begin(CA)
    for _ in s.crashes("request", "mail", "--cn", "imap.example.test"):
        s.good("request", "mail", "--cn", "imap.example.test", "--force")
        s.good("issue", "mail")
        s.usable()


@test
def issuing(s):
    """cert issue: the serial stands in the index before the certificate is anywhere"""
    s.begin(CA, ("request", "mail", "--cn", "imap.example.test"))
    for _ in s.crashes("issue", "mail"):
        before = set(s.issued())
        s.good("issue", "mail")
        check(before < set(s.issued()), "nothing was added")


@test
def renewing(s):
    """cert renew: a pair that belongs together, the old or the new, and the next renewal works"""
    s.begin(CA, ("request", "mail", "--cn", "imap.example.test"), ("issue", "mail"))
    for _ in s.crashes("renew", "mail"):
        s.usable()


@test
def revoking(s):
    """cert revoke: it is revoked or not, and the list says the same as the index"""
    s.begin(CA, ("request", "mail", "--cn", "imap.example.test"), ("issue", "mail"))
    for _ in s.crashes("revoke", "mail"):
        revoked = {serial for serial, row in s.issued().items() if row["state"] == "revoked"}
        check(list_of(s)[1] == revoked, f"the list doesn't hold {revoked}")


@test
def listing(s):
    """cert crl: each list is whole, and its number is higher than any before"""
    s.begin(CA, ("request", "mail", "--cn", "imap.example.test"), ("issue", "mail"), ("revoke", "mail"), ("crl",))
    (serial,) = s.issued()
    for _ in s.crashes("crl"):
        text = subprocess.run(["openssl", "crl", "-in", s.store + "/ca/crl.pem", "-noout", "-crlnumber"],
                              check=True, capture_output=True, text=True).stdout
        number, serials = list_of(s)
        check(number > int(text.split("=")[1], 16), f"{text} then {number}")
        check(serials == {serial}, f"{serials} are revoked")


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("1..0 # SKIP openssl isn't installed")
        sys.exit(0)
    sys.exit(run_tests(Site))
