# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces by name, and entering one from a Python process."""

import ctypes
import os

from . import process, shell

CLONE_NEWNET = 0x40000000


def path(name):
    return "/run/netns/" + name


def exists(name):
    return os.path.exists(path(name))


def argv(name, command):
    """The command line that runs `command` inside the namespace."""
    return ["ip", "netns", "exec", name, *command]


def run(name, command, **kwargs):
    return shell.run(argv(name, command), **kwargs)


def add(name):
    shell.run(["ip", "netns", "add", name],
              do="the lab needs root and a kernel with network namespaces")
    run(name, ["ip", "link", "set", "lo", "up"])


def sysctl(name, settings):
    """Kernel settings of the namespace; a setting this kernel lacks is no error."""
    script = "\n".join(f"[ ! -e /proc/sys/{key} ] || echo {value} > /proc/sys/{key}"
                       for key, value in settings.items())
    run(name, ["sh", "-ec", script])


def processes(name):
    """What runs inside, but for the caller, who may have entered it."""
    if not exists(name):
        return []
    pids = [int(pid) for pid in shell.run(["ip", "netns", "pids", name]).stdout.split()]
    return [pid for pid in pids if pid != os.getpid()]


def remove(name):
    """Ends what runs inside, then removes the namespace and its /etc/netns folder."""
    process.end_all(processes(name))
    if exists(name):
        shell.run(["ip", "netns", "del", name])
    folder = "/etc/netns/" + name
    if os.path.isdir(folder):
        for entry in os.listdir(folder):
            os.unlink(os.path.join(folder, entry))
        os.rmdir(folder)
        try:
            os.rmdir("/etc/netns")
        except OSError:
            pass  # another lab's, or the machine's own, folders are still there


def files(name, contents):
    """Files that stand over /etc/FILE for whatever `ip netns exec` runs there."""
    folder = "/etc/netns/" + name
    os.makedirs(folder, exist_ok=True)
    for file, text in contents.items():
        shell.write(os.path.join(folder, file), text)


def enter(name):
    """Moves the calling thread, and the threads it starts, into the namespace.

    Only sockets are concerned: files, and Unix sockets by path, stay reachable.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path(name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise shell.LabError(f"can't enter the namespace {name}", os.strerror(error))
    finally:
        os.close(descriptor)
