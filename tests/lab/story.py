# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./quickstart does after the build: the lab, mail through it, and the tale of it."""

import argparse
import os
import shlex
import socket
import sys
import time

from . import dovecot, gateway, mail, netns, process, shell, site, wires
from .certs import Certificates

# The tests of ./quickstart itself give their lab another name, beside one that may be running.
IDENT = os.environ.get("POSTERN_LAB", "lab")
FOLDER = "/run/postern-" + IDENT
WRAPPER = os.path.join(gateway.REPOSITORY, "postern")
WRAPPER_MARK = "# Made by ./quickstart, removed by ./quickstart down."


def step(number, title):
    print(f"[{number}/6] {title}", flush=True)


def say(text=""):
    print("      " + text if text else "", flush=True)


def since(began):
    return f"({time.monotonic() - began:.1f} s)"


class Story:
    def __init__(self, shape):
        self.site = site.Site(IDENT, FOLDER)
        self.shape = shape
        self.gateway = gateway.Gateway(self.site, shape, gateway.mail_rules())
        self.certificates = Certificates(self.gateway.store)

    def up(self):
        self.site_up()
        self.make_certificates()
        self.start_gateway()
        self.carry_mail()
        self.farewell()

    def site_up(self):
        began = time.monotonic()
        step(3, "Lab: three network namespaces, a Dovecot and a Postfix")
        self.site.up(self.shape)
        release = ".".join(str(part) for part in dovecot.version())
        postfix = shell.run([shell.find_program("postconf"), "-dh", "mail_version"]).stdout.strip()
        say(f"{self.site.wan}  clients        {site.CLIENT[4]}, {site.CLIENT[6]}")
        say(f"{self.site.gw}   posternd alone {site.GATEWAY_WAN[4]} outside, "
            f"{site.GATEWAY_LAN[4]} inside; its kernel has no address there")
        say(f"{self.site.lan}  servers        {site.SERVER[4]}: Dovecot {release} on port 143, "
            f"Postfix {postfix} on port 587")
        say(f"all files in {FOLDER} {since(began)}")

    def make_certificates(self):
        began = time.monotonic()
        step(4, "Certificates, by `postern cert`")
        self.certificates.make_authority()
        self.certificates.make("mail", [site.IMAP_NAME, site.SMTP_NAME])
        say(f"CA           {self.certificates.ca}")
        say(f"certificate  `mail` for {site.IMAP_NAME} and {site.SMTP_NAME} {since(began)}")

    def start_gateway(self):
        began = time.monotonic()
        plural = "" if self.shape.workers == 1 else "s"
        step(5, f"posternd: {self.shape.workers} worker{plural}, ports by {self.shape.kind}")
        self.gateway.start()
        if IDENT == "lab":
            self.write_wrapper()
        say(f"configuration {self.gateway.config}")
        for name, rule in self.gateway.rules.items():
            say(f"rule {name}: {rule['protocol']} on {rule['listen']} -> {rule['servers'][0]}")
        say(f"answers on {self.gateway.socket} {since(began)}")

    def carry_mail(self):
        began = time.monotonic()
        step(6, "Mail: sent by SMTPS and fetched by IMAPS, from the clients' side")
        netns.enter(self.site.wan)
        content = mail.message(time.time_ns() % 1000000, 2000)
        with mail.Smtp(self.certificates.ca) as smtp:
            smtp.enter("ann")
            self.show("smtp", smtp.sock, "Postfix")
            smtp.carry(content)
            say("  ann authenticated and sent a message to ben: accepted")
        with mail.Imap(self.certificates.ca) as imap:
            imap.enter("ben")
            self.show("imap", imap.sock, "Dovecot")
            shell.wait_until(lambda: imap.count() > 0, 10, "the message doesn't arrive",
                             lambda: shell.tail_of_file(self.site.postfix.log),
                             f"see {self.site.postfix.log} and {self.site.dovecot.log}")
            if content not in [mail.original(body) for body in imap.bodies()]:
                raise shell.LabError("the message arrived changed", "what was fetched differs "
                                     "from what was sent", "this is a fault of postern: report it")
            say("  ben fetched it: every byte as it was sent")
        say()
        self.show_counters()
        say(since(began))

    def show(self, rule, client, server):
        """One connection as both of its ends and posternd see it."""
        version, (cipher, _, bits) = client.version(), client.cipher()
        row = [each for each in self.gateway.connections() if each["rule"] == rule][-1]
        say(f"{row['client']} ={version.replace('TLSv', 'TLS ')}=> {row['listen']} [posternd] "
            f"-plain-> {row['server']} {server}")
        say(f"  the client verified the certificate of {row['sni']}; {cipher}, {bits} bits")

    def show_counters(self):
        for line in self.gateway.command("rules").stdout.splitlines():
            say(line)

    def write_wrapper(self):
        if os.path.exists(WRAPPER) and not is_our_wrapper():
            raise shell.LabError(f"{WRAPPER} is in the way", "it wasn't made by ./quickstart",
                                 "move it away and run ./quickstart again")
        shell.write(WRAPPER, f"#!/bin/sh\n{WRAPPER_MARK}\n"
                    f": \"${{POSTERN_SOCKET:={shlex.quote(self.gateway.socket)}}}\"\n"
                    "export POSTERN_SOCKET\n"
                    f"exec {shlex.quote(gateway.program('postern'))} \"$@\"\n", 0o755)

    def farewell(self):
        wan, ca = f"ip netns exec {self.site.wan}", self.certificates.ca
        print(f"""
Mail passes. The lab goes on running; try:

  {wan} curl --cacert {ca} -u ben:{site.USERS['ben']} \\
      'imaps://{site.IMAP_NAME}/INBOX;MAILINDEX=1'
  {wan} openssl s_client -CAfile {ca} \\
      -verify_return_error -connect {site.IMAP_NAME}:993 -servername {site.IMAP_NAME}
  ./postern rules                    the rules and their counters
  ./postern connections              who is connected now
  ./postern stats                    what was received, sent and dropped, and why
  ./postern rule disable imap        refuse new IMAP clients at once; `enable` undoes it
  ./postern rule change imap tls_min=1.3
  ./postern --help                   everything else
  tail -f {self.gateway.log}
  ./quickstart down                  remove all of it
""")

    def down(self):
        found = self.remains()
        self.site.down()
        if IDENT == "lab" and is_our_wrapper():
            os.unlink(WRAPPER)
        print("quickstart: " + ("removed " + ", ".join(found) if found else "nothing was there"))

    def remains(self):
        """What there is of a lab, for people."""
        found = [f"namespace {name} with {len(netns.processes(name))} processes"
                 for name in self.site.namespaces.values() if netns.exists(name)]
        return found + ([FOLDER] if os.path.isdir(FOLDER) else [])

    def status(self):
        for line in self.remains() or ["no lab here"]:
            print(line)
        pid = process.recorded(self.site.pids, self.gateway.name)
        print(f"posternd: {'pid ' + str(pid) if pid else 'not running'}")
        return 0 if pid else 1


def is_our_wrapper():
    try:
        with open(WRAPPER, encoding="utf-8", errors="replace") as file:
            return WRAPPER_MARK in file.read()
    except OSError:
        return False


def only_one():
    """Two quickstarts at once would undo each other's work. The name that is taken here
    isn't a file, so it's free again when this process ends, however it ends."""
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind("\0postern-quickstart-" + IDENT)
    except OSError:
        raise shell.LabError("another ./quickstart is at work", "only one may be",
                             "wait for it to end") from None
    return lock


def main():
    parser = argparse.ArgumentParser(prog="./quickstart")
    parser.add_argument("verb", choices=["up", "down", "status"])
    parser.add_argument("--port", choices=["af_packet", "af_xdp", "tap"], default="af_packet")
    parser.add_argument("--workers", type=int, choices=range(1, wires.QUEUES + 1))
    options = parser.parse_args()
    workers = options.workers or 2
    story = Story(wires.Shape(options.port, workers))
    try:
        if options.verb == "status":
            return story.status()
        lock = only_one()
        getattr(story, options.verb)()
        lock.close()
    except shell.LabError as error:
        print(f"\nquickstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nquickstart: interrupted; `./quickstart down` removes what is there",
              file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
