#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clients people use: curl, openssl, swaks, mbsync."""

import os
import re
import shutil
import tempfile

import e2e
from e2e import check, eventually
from lab import mail, netns, shell, site

FAMILY_FLAG = {4: "-4", 6: "-6"}


def program(name):
    path = shutil.which(name)
    if not path:
        raise e2e.Skip(f"{name} isn't installed")
    return path


def in_wan(e, command, **options):
    """Where imap.example.test and smtp.example.test have addresses."""
    return netns.run(e.lab.wan, command, **options)


def inbox(env, user):
    imap = mail.Imap(env.ca, env.family)
    imap.enter(user)
    if imap.count():
        imap.must(imap.store("1:*", "+FLAGS", "\\Deleted"))
        imap.must(imap.expunge())
    return imap


def expect(imap, content):
    eventually(lambda: imap.count() == 1, 20, "the message doesn't arrive")
    check(mail.original(imap.bodies()[0]) == content, "the message arrived changed")


@e2e.test(families=(4, 6))
def curl(env):
    """curl sends by smtps:// and fetches by imaps://, verifying the certificate"""
    content = mail.message(11, 30000)
    common = [program("curl"), "-sS", "--fail", FAMILY_FLAG[env.family], "--cacert", env.ca,
              "--max-time", "20"]
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with inbox(env, "ben") as imap:
            in_wan(env, common + [f"smtps://{site.SMTP_NAME}/client.example.test", "--user",
                                  f"ann:{site.USERS['ann']}", "--mail-from", "ann@example.test",
                                  "--mail-rcpt", "ben@example.test", "-T", file.name])
            expect(imap, content)
            got = in_wan(env, common + ["--user", f"ben:{site.USERS['ben']}",
                                        f"imaps://{site.IMAP_NAME}/INBOX;MAILINDEX=1"]).stdout
            check(mail.original(got.encode()) == content, "curl fetched something else")


@e2e.test(families=(4, 6))
def curl_wants_another_ca(env):
    """a client that doesn't know the CA refuses the certificate, and the log says so"""
    done = in_wan(env, [program("curl"), "-sS", FAMILY_FLAG[env.family], "--max-time", "20",
                        f"imaps://{site.IMAP_NAME}/"], check=False)
    check(done.returncode == 60, f"curl ended with {done.returncode}: {done.stderr}")
    # curl sends its alert and closes; a RST that comes in the same burst overtakes the alert.
    ends = ("tls_failed", "client_reset")
    eventually(lambda: any(line["rule"] == env.rule("imap") and line["end"] in ends
                           for line in env.gateway.connections_logged()), 5,
               f"no line in the log ends with one of {ends}")


def excerpt(text):
    """s_client's lines that matter, on one line."""
    return " | ".join(line.strip() for line in text.splitlines()
                      if re.match(r"New|Reused|Server Temp|Verif|\* |.* OK|.*BYE", line))


@e2e.test(families=(4, 6))
def s_client(env):
    """openssl s_client: TLS 1.3 and 1.2, X25519 and P-256, a whole chain, the greeting"""
    ask = [program("openssl"), "s_client", "-connect",
           f"{site.GATEWAY_WAN[4]}:993" if env.family == 4 else f"[{site.GATEWAY_WAN[6]}]:993",
           "-servername", site.IMAP_NAME, "-verify_hostname", site.IMAP_NAME, "-CAfile", env.ca,
           "-verify_return_error", "-ign_eof"]
    for options, want in ((["-tls1_3"], "TLSv1.3, Cipher is"), (["-tls1_2"], "TLSv1.2, Cipher is"),
                          (["-groups", "P-256"], "prime256v1, 256 bits"),
                          (["-groups", "X25519"], "X25519, 253 bits")):
        done = in_wan(env, ask + options, input="a logout\r\n", timeout=20)
        for each in (want, "Verify return code: 0 (ok)", "* OK"):
            check(each in done.stdout, f"no `{each}` with {options}: {excerpt(done.stdout)}")


@e2e.test()
def s_client_too_old(env):
    """TLS 1.1 and ciphers without forward secrecy are refused"""
    ask = [program("openssl"), "s_client", "-connect", f"{site.GATEWAY_WAN[4]}:993"]
    for options in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                    ["-tls1_2", "-cipher", "AES128-SHA:AES256-SHA:AES128-GCM-SHA256"],
                    ["-tls1_2", "-cipher", "NULL:DES-CBC3-SHA:RC4-SHA:@SECLEVEL=0"]):
        done = in_wan(env, ask + options, input="", check=False, timeout=20)
        check("Cipher is (NONE)" in done.stdout or "no ciphers" in done.stderr.lower()
              or "no cipher match" in done.stderr.lower(), f"{options} was accepted")


def asking(env, version):
    """s_client, which ends when the server does"""
    return [program("openssl"), "s_client", "-connect", f"{site.GATEWAY_WAN[4]}:993", "-servername", site.IMAP_NAME,
            "-CAfile", env.ca, version, "-ign_eof"]


@e2e.test()
def resumption(env):
    """a session ticket resumes, in TLS 1.3 and 1.2, and is counted"""
    for version in ("-tls1_3", "-tls1_2"):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "session")
            ask = asking(env, version)
            logout = {"input": "a logout\r\n", "timeout": 20}
            first = in_wan(env, ask + ["-sess_out", file], **logout)
            check("New, TLS" in first.stdout, f"{version}: no new session")
            check(os.path.exists(file), f"{version}: no ticket came")
            with env.counts("tls_resumed"):
                again = in_wan(env, ask + ["-sess_in", file], **logout)
            check("Reused, TLS" in again.stdout, f"{version}: the ticket wasn't taken")
            check("* OK" in again.stdout, f"{version}: no greeting after resumption")


@e2e.test()
def resumption_across_workers(env):
    """a ticket of one worker resumes on the other"""
    for version in ("-tls1_3", "-tls1_2"):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "session")
            ask = asking(env, version)
            before = len(env.gateway.connections_logged())
            in_wan(env, ask + ["-sess_out", file], input="a logout\r\n", timeout=20)
            workers = set()
            for number in range(40):  # the client's port chooses the worker
                said = in_wan(env, ask + ["-sess_in", file], input="a logout\r\n", timeout=20).stdout
                check("Reused, TLS" in said and "* OK" in said, f"{version}: {excerpt(said)}")
                eventually(lambda n=number: len(env.gateway.connections_logged()) >= before + n + 2, 5, "no line in the log")
                workers = {line["id"].split("-")[0] for line in env.gateway.connections_logged()[before:] if line["resumed"]}
                if len(workers) == 2:
                    break
            check(len(workers) == 2, f"{version}: resumed on {workers} only")


@e2e.test()
def shared_ticket_keys(env):
    """with a file of ticket keys sessions resume after a restart, as on another gateway, and not without"""
    gateway = env.gateway
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("keys", "others")]
        for file in files:
            gateway.command("tickets", "roll", file)
        gateway.tickets = {"keys": files[0]}
        shell.write(gateway.config, gateway.configuration())
        gateway.command("reload")
        for version in ("-tls1_3", "-tls1_2"):
            ask = asking(env, version)
            in_wan(env, ask + ["-sess_out", folder + "/" + version], input="a logout\r\n", timeout=20)
        check(gateway.stop() == 0, "posternd ended badly")
        gateway.start()
        for keys, want in ((files[0], "Reused, TLS"), (files[1], "New, TLS")):
            os.rename(keys, files[0])
            gateway.command("reload")
            for version in ("-tls1_3", "-tls1_2"):
                ask = asking(env, version)
                said = in_wan(env, ask + ["-sess_in", folder + "/" + version],
                              input="a logout\r\n", timeout=20).stdout
                check(want in said and "* OK" in said, f"{version}: not `{want}`: {excerpt(said)}")
        gateway.tickets = {}
        shell.write(gateway.config, gateway.configuration())
        gateway.command("reload")


@e2e.test()
def swaks(env):
    """swaks sends by SMTPS with AUTH, and is refused with a wrong password"""
    base = [program("swaks"), "--tls-on-connect", "--tls-verify", "--tls-ca-path", env.ca,
            "--server", site.SMTP_NAME, "--port", "465", "--from", "ann@example.test", "--to",
            "ben@example.test", "--ehlo", "client.example.test", "--auth", "PLAIN",
            "--auth-user", "ann", "--timeout", "15", FAMILY_FLAG[env.family]]
    with inbox(env, "ben") as imap:
        in_wan(env, base + ["--auth-password", site.USERS["ann"], "--body", "by swaks"])
        eventually(lambda: imap.count() == 1, 20, "the message doesn't arrive")
        check(b"by swaks" in imap.bodies()[0], "another body came")
        wrong = in_wan(env, base + ["--auth-password", "wrong"], check=False, timeout=30)
        check(wrong.returncode == 28, f"with a wrong password swaks ends with {wrong.returncode}")


@e2e.test(families=(4, 6))
def mbsync(env):
    """mbsync pushes a mailbox of 500 messages up and pulls it down elsewhere, all equal"""
    tool = program("mbsync")
    found = re.search(r"(\d+)\.(\d+)", shell.run([tool, "--version"]).stdout)
    tls_type = "TLSType" if (int(found[1]), int(found[2])) >= (1, 5) else "SSLType"
    with tempfile.TemporaryDirectory() as folder:
        up, down = os.path.join(folder, "up"), os.path.join(folder, "down")
        for box in (up, down):
            for part in ("cur", "new", "tmp"):
                os.makedirs(os.path.join(box, "INBOX", part))
        for number in range(500):
            content = mail.message(number, 400 + number * 3).replace(b"\r\n", b"\n")
            with open(os.path.join(up, "INBOX/cur", f"{number}.lab:2,S"), "wb") as file:
                file.write(content)
        inbox(env, "ann").logout()
        for box, direction in ((up, "Push"), (down, "Pull")):
            config = os.path.join(folder, "mbsyncrc")
            shell.write(config, MBSYNC.format(
                name=site.IMAP_NAME, ca=env.ca, password=site.USERS["ann"], box=box,
                direction=direction, tls_type=tls_type, state=os.path.join(folder, direction)))
            os.makedirs(os.path.join(folder, direction))
            with HostsOf(env.lab, env.family):
                in_wan(env, [tool, "-c", config, "all"], env=dict(os.environ, HOME=folder))
        check(maildir_digests(up) == maildir_digests(down), "the two mailboxes differ")


MBSYNC = """
IMAPAccount lab
Host {name}
Port 993
User ann
Pass {password}
{tls_type} IMAPS
CertificateFile {ca}
SystemCertificates no
AuthMechs PLAIN

IMAPStore far
Account lab

MaildirStore near
Path {box}/
Inbox {box}/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Sync {direction}
Create None
SyncState {state}/
"""


class HostsOf:
    """For a block, the clients' names have addresses of one IP version only: mbsync
    can't be told which to take."""

    def __init__(self, lab, family):
        self.path = f"/etc/netns/{lab.wan}/hosts"
        self.family = family

    def __enter__(self):
        with open(self.path, encoding="ascii") as file:
            self.before = file.read()
        address = site.GATEWAY_WAN[self.family]
        shell.write(self.path, f"{address} {site.IMAP_NAME} {site.SMTP_NAME}\n")

    def __exit__(self, *_):
        shell.write(self.path, self.before)


def maildir_digests(box):
    found = []
    for part in ("cur", "new"):
        folder = os.path.join(box, "INBOX", part)
        for entry in os.listdir(folder):
            with open(os.path.join(folder, entry), "rb") as file:
                # mbsync marks what it carries with a header of its own.
                content = re.sub(rb"X-TUID: [^\n]*\n", b"", file.read())
            found.append(mail.digest(content))
    check(len(found) == 500, f"{len(found)} messages in {box}")
    return sorted(found)


if __name__ == "__main__":
    e2e.main()
