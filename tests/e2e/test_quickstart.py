#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""./quickstart itself: up, over the remains of a crash, down after one."""

import os
import signal
import sys

import e2e
from e2e import check
from lab import gateway, netns, process, shell, site

IDENT = str(os.getpid())
FOLDER = "/run/postern-" + IDENT
COMMAND = os.path.join(gateway.REPOSITORY, "quickstart")
LAB = site.Site(IDENT, FOLDER)


def quickstart(*arguments, check_status=True):
    return shell.run([COMMAND, *arguments], check=check_status, timeout=300,
                     env=dict(os.environ, POSTERN_LAB=IDENT), cwd="/")


def crash(spare=None):
    """What is left when everything, or all but one process, dies at once."""
    victims = [pid for name in LAB.namespaces.values() for pid in netns.processes(name)
               if pid != spare]
    check(len(victims) > 5, f"only {len(victims)} processes run")
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it went with its parent


def nothing_is_left():
    for name in LAB.namespaces.values():
        check(not netns.exists(name), f"namespace {name} is left")
        check(not os.path.exists("/etc/netns/" + name), f"/etc/netns/{name} is left")
    check(not os.path.exists(FOLDER), f"{FOLDER} is left")


def mail_passes():
    """./quickstart brings mail through the gateway and tells of it"""
    told = quickstart().stdout
    for words in ("[6/6] Mail", "TLS 1.3", "ann authenticated", "every byte as it was sent",
                  "Mail passes"):
        check(words in told, f"it doesn't say `{words}`: {shell.tail(told)}")
    check("pid" in quickstart("status").stdout, "status sees no posternd")


def over_remains():
    """./quickstart works over the remains of a crash"""
    crash()
    check("Mail passes" in quickstart().stdout, "mail doesn't pass")


def down_after_crash():
    """./quickstart down removes everything, also a posternd that outlived a crash and its record"""
    pid = process.recorded(LAB.pids, "posternd")
    check(pid, "posternd isn't recorded")
    crash(spare=pid)
    for entry in os.listdir(LAB.pids):
        os.unlink(os.path.join(LAB.pids, entry))
    quickstart("down")
    nothing_is_left()
    check(process.start_time(pid) is None, "posternd is left")
    check("nothing was there" in quickstart("down").stdout, "a second down finds something")


def down_spares_others():
    """./quickstart down leaves alone a process that has a recorded pid by accident"""
    os.makedirs(LAB.pids)
    shell.write(os.path.join(LAB.pids, "posternd.pid"), f"{os.getpid()} 1 {process.boot_id()}\n")
    quickstart("down")
    nothing_is_left()


def usage():
    """./quickstart --help explains, and a wrong option is refused"""
    check("Usage" in quickstart("--help").stdout, "no help")
    check(quickstart("--nonsense", check_status=False).returncode == 2, "it takes nonsense")


STEPS = (usage, mail_passes, over_remains, down_after_crash, down_spares_others)


def main():
    if "--list" in sys.argv:
        for step in STEPS:
            print(step.__doc__)
        return 0
    reason = site.missing()
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = e2e.Plan()
    try:
        for step in STEPS:
            e2e.attempt(plan, step.__doc__, step, 300)
    finally:
        LAB.down()
    return plan.end()


if __name__ == "__main__":
    sys.exit(main())
