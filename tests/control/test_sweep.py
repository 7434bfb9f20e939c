#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache of compiled libraries: what is old goes, what is another's or in use stays."""
import os
import subprocess
import sys
import tempfile
import time

DAY = 86400
OLD, NEW = time.time() - 31 * DAY, time.time() - 29 * DAY


def folder(cache, name, stamp=None, age=OLD):
    path = os.path.join(cache, name)
    os.makedirs(os.path.join(path, "lib"))
    if stamp:
        complete = os.path.join(path, "complete")
        open(complete, "w").close()
        os.utime(complete, (stamp, stamp))
    os.utime(path, (age, age))
    return name


def main():
    with tempfile.TemporaryDirectory(prefix="postern sweep ") as cache:
        keep = folder(cache, "wolfssl-5.9.2-0123456789ab", OLD)
        goes = {folder(cache, "wolfssl-5.9.2-aaaaaaaaaaaa", OLD),
                folder(cache, "wolfssl-5.7.2-bbbbbbbbbbbb", OLD),
                folder(cache, "wolfssl-5.7.2-cccccccccccc")}
        stays = {keep, folder(cache, "wolfssl-5.9.2-dddddddddddd", NEW),
                 folder(cache, "wolfssl-5.9.2-eeeeeeeeeeee", None, NEW),
                 folder(cache, "wolfssl-5.9.2-mine", OLD), folder(cache, "wolfssl-src", OLD),
                 folder(cache, "x-wolfssl-5.9.2-aaaaaaaaaaaa", OLD), folder(cache, "work.aaaaaa", OLD)}
        open(os.path.join(cache, "wolfssl-5.9.2-ffffffffffff"), "w").close()
        stays.add("wolfssl-5.9.2-ffffffffffff")
        subprocess.run([sys.argv[1], cache, os.path.join(cache, keep)], check=True,
                       stderr=subprocess.DEVNULL)
        left = set(os.listdir(cache))
    print("1..2")
    print("ok 1 - what nobody uses is gone" if not left & goes else f"not ok 1 - left: {left & goes}")
    print("ok 2 - all else stays" if left >= stays else f"not ok 2 - gone: {stays - left}")
    return 0 if left == stays else 1


if __name__ == "__main__":
    sys.exit(main())
