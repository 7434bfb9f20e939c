# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes posternd's configuration text (libucl) from Python values."""

import json


def value(item):
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, (list, tuple)):
        return "[" + ", ".join(value(each) for each in item) + "]"
    if isinstance(item, (int, float)):
        return str(item)
    return json.dumps(item)


def section(head, items):
    """One block, such as `rule imap { … }`; items that are None are left out."""
    lines = [f"    {key} = {value(item)};" for key, item in items.items() if item is not None]
    return head + " {\n" + "\n".join(lines) + "\n}\n"
