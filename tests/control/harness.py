# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of a command as a person types it: collected, run one after the other, told as TAP."""
import traceback

TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Skip(Exception):
    """The test has no meaning here."""


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def run_tests(make):
    """Each with what make() gives, which is closed after it. The exit status."""
    print(f"1..{len(TESTS)}", flush=True)
    failed = 0
    for number, function in enumerate(TESTS, 1):
        site = make()
        try:
            function(site)
            print(f"ok {number} - {function.__doc__}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {function.__doc__} # SKIP {reason}", flush=True)
        except Exception:  # whatever it is, the next test runs
            failed += 1
            print(f"not ok {number} - {function.__doc__}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}", flush=True)
        finally:
            site.close()
    return 1 if failed else 0
