# SPDX-License-Identifier: GPL-3.0-or-later
"""Running commands, with errors that a person can act upon."""

import os
import shutil
import subprocess
import tempfile
import time


class LabError(Exception):
    """Something the lab can't get past: what failed, why, and what to do."""

    def __init__(self, what, why="", do=""):
        super().__init__(what)
        self.what, self.why, self.do = what, why.strip(), do.strip()

    def __str__(self):
        lines = [self.what]
        if self.why:
            lines.append("  why:  " + self.why.replace("\n", "\n        "))
        if self.do:
            lines.append("  do:   " + self.do.replace("\n", "\n        "))
        return "\n".join(lines)


def run(argv, check=True, input=None, timeout=60, do="", **kwargs):
    """Runs argv to its end; stdout and stderr come back as text.

    They go through files, not pipes: a daemon that argv leaves behind keeps them
    open, and the end of a pipe would never come.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(argv, stdout=out, stderr=err, timeout=timeout,
                                  input=None if input is None else input.encode(),
                                  stdin=subprocess.DEVNULL if input is None else None, **kwargs)
        except FileNotFoundError as error:
            raise LabError(f"can't run `{argv[0]}`", str(error),
                           do or "run `.ci/install build lab`, which installs it") from error
        except subprocess.TimeoutExpired as error:
            raise LabError(f"`{' '.join(argv)}` didn't end within {timeout} s",
                           tail(_text(err) + _text(out)), do) from error
        done.stdout, done.stderr = _text(out), _text(err)
    if check and done.returncode != 0:
        raise LabError(f"`{' '.join(argv)}` failed with {done.returncode}",
                       tail(done.stderr + done.stdout), do)
    return done


def _text(file):
    file.seek(0)
    return file.read().decode(errors="replace")


def tail(text, lines=12):
    return "\n".join(text.strip().splitlines()[-lines:])


def tail_of_file(path, lines=12):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return tail(file.read(), lines)
    except OSError as error:
        return f"({path}: {error.strerror})"


def find_program(name):
    """Daemons live in sbin, which isn't in everybody's PATH."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise LabError(f"`{name}` isn't installed", f"not found in PATH nor /usr/sbin",
                       "run `.ci/install build lab` as root")
    return path


def write(path, text, mode=0o644):
    """Writes a whole file with its mode set before its contents are there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, mode)
        file.write(text)


def wait_until(condition, seconds, what, why=lambda: "", do="", step=0.01):
    """Waits for condition() to be true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise LabError(f"{what}: not within {seconds:g} s", why(), do)
        time.sleep(step)
