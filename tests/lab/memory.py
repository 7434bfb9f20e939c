# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process holds in memory: where given bytes lie, and what the kernel promises of the pages."""

import os
import re

from . import shell
from .gateway import build_folder


class Region:
    """A mapping that can be written to: where it lies, its name, its flags ("lo": locked)."""

    def __init__(self, begin, end, name):
        self.begin, self.end, self.name = begin, end, name
        self.flags = set()

    def __str__(self):
        return f"{self.begin:x}-{self.end:x} {self.name or 'anonymous'} {' '.join(sorted(self.flags))}"


def regions(pid):
    found, last = [], None
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \S+ *(.*)", line)
            if head:
                last = Region(int(head[1], 16), int(head[2], 16), head[4])
                if head[3].startswith("rw"):
                    found.append(last)
            elif line.startswith("VmFlags:"):
                last.flags = set(line.split()[1:])
    return found


def search(pid, needles):
    """{name: regions} of those of the needles ({name: bytes}) that lie in what the process could write to."""
    names = list(needles)
    program = os.path.join(build_folder(), "tests", "memory", "memory-search")
    out = shell.run([program, str(pid)], input="".join(needles[name].hex() + "\n" for name in names),
                    do="build it with `.ci/build --tests`").stdout
    places = [line.split() for line in out.splitlines()]
    mapped = regions(pid) if places else []
    found = {}
    for number, address in places:
        where = [region for region in mapped if region.begin <= int(address, 16) < region.end]
        found.setdefault(names[int(number)], []).extend(where)
    return found
