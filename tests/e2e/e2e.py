# SPDX-License-Identifier: GPL-3.0-or-later
"""The end-to-end tests' frame: which gateways a test wants, and TAP of what came out.

A test file says

    @e2e.test(shapes=e2e.EVERY, families=(4, 6))
    def messages_arrive(env):
        '''what is expected, in one line: the test's name in TAP'''
        ...
    e2e.main()

and each test is called once for each shape of the gateway and IP version. Tests of
one shape share one posternd; after them it must end by itself, with status 0 and
nothing leaked. The process stands in the clients' namespace.

The lab is the one that tests/e2e/run brought up (POSTERN_E2E_LAB), or one of the
file's own when it is started alone.
"""

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from lab import gateway, netns, process, shell, site, wires  # noqa: E402
from lab.certs import Certificates  # noqa: E402

LAB = "POSTERN_E2E_LAB"
BASIC = ("af_packet/2",)
MATRIX = ("af_packet/1", "af_packet/2", "tap/1", "tap/2")
# On veth DPDK's af_xdp driver knows one queue only (the kernel tells of no "combined" ones):
# two workers share it.
OTHERS = ("packet/2", "af_xdp/1", "af_xdp/2", "memif/2", "one_port/2")
EVERY = MATRIX + OTHERS + ("packet/1",)
FAULTY = ("faulty/2",)
TESTS = []


class Skip(Exception):
    """The test can't run here; its text says why."""


class TooLong(Exception):
    """The test's time is over."""


def test(shapes=BASIC, families=(4,), seconds=60):
    def register(function):
        TESTS.append((function, tuple(shapes), tuple(families), seconds))
        return function
    return register


def of(stats, name):
    for kind in ("drops", "events"):
        if name in stats[kind]:
            return stats[kind][name]
    raise KeyError(f"posternd counts nothing named {name}")


def grown(before, after):
    """The drops and events that two statistics differ by, for people."""
    return " ".join(f"{name}+{value - before[kind][name]}" for kind in ("drops", "events")
                    for name, value in after[kind].items() if value > before[kind][name])


class Env:
    """What a test gets: the lab, the gateway, and the IP version to use."""

    def __init__(self, lab, shape, certificates, settings):
        self.lab, self.shape, self.certificates = lab, shape, certificates
        self.settings = settings
        self.ca = certificates.ca
        self.family = 4
        self.gateway = None

    def start(self):
        rules = gateway.mail_rules()
        rules.update({name + "6": rule for name, rule in gateway.mail_rules(family=6).items()})
        name = f"posternd-{os.path.basename(sys.argv[0])[:-3]}-{self.shape}".replace("/", "-")
        shutil.rmtree(os.path.join(self.lab.folder, name), ignore_errors=True)
        self.gateway = gateway.Gateway(self.lab, self.shape, rules, name, **self.settings)
        self.gateway.start()

    def rule(self, protocol):
        """The rule's name for imap or smtp in the current IP version."""
        return protocol + ("6" if self.family == 6 else "")

    def stats(self):
        return self.gateway.ask("stats")

    def counted(self, name):
        """A drop's or event's number, all workers together."""
        return of(self.stats(), name)

    @contextlib.contextmanager
    def counts(self, name, least=1):
        """Asserts that the counter grows by at least `least` within the block, or soon after."""
        before = self.stats()
        yield
        try:
            eventually(lambda: self.counted(name) >= of(before, name) + least, 5,
                       f"{name} doesn't grow by {least}")
        except AssertionError as problem:
            raise AssertionError(f"{problem}; what grew: {grown(before, self.stats())}") from None

    def open_connections(self):
        return self.gateway.connections()

    @contextlib.contextmanager
    def published(self, name, **rule):
        """A rule for the length of a block."""
        self.gateway.ask("rule.add", name=name, **rule)
        try:
            yield
        finally:
            self.gateway.ask("rule.remove", name=name, now=True)


def eventually(condition, seconds, what):
    """Waits for condition() to be true; fails the test otherwise."""
    try:
        return shell.wait_until(condition, seconds, what, step=0.02)
    except shell.LabError as error:
        raise AssertionError(error.what) from None


def check(condition, text):
    """assert, but also under -O, and with a text that is worth reading."""
    if not condition:
        raise AssertionError(text)


class Plan:
    """Prints TAP as it comes."""

    def __init__(self):
        self.count = self.failed = 0

    def result(self, name, problem=None, skip=None):
        self.count += 1
        self.failed += problem is not None
        print(f"{'not ' if problem else ''}ok {self.count} - {name}"
              + (f" # SKIP {skip}" if skip else ""))
        for line in (problem or "").splitlines():
            print("# " + line)
        sys.stdout.flush()

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def parse_shape(text):
    kind, workers = text.split("/")
    return wires.Shape(kind, int(workers))


def attempt(plan, name, function, seconds, explain=lambda: ""):
    """Runs one test within its time; True when it passed or was skipped."""
    def over(*_):
        raise TooLong(f"not done after {seconds} s")

    signal.signal(signal.SIGALRM, over)
    signal.alarm(seconds)
    began = time.monotonic()
    try:
        function()
    except Skip as skip:
        signal.alarm(0)
        plan.result(name, skip=str(skip))
        return True
    except Exception:  # pylint: disable=broad-except
        signal.alarm(0)
        text = traceback.format_exc().strip()
        plan.result(name, problem="\n".join(text.splitlines()[-14:]) + "\n" + explain())
        return False
    finally:
        signal.alarm(0)
    plan.result(f"{name} ({time.monotonic() - began:.1f} s)")
    return True


def nothing_left(env):
    """With all clients gone no connection, buffer or TLS memory may be held."""
    eventually(lambda: not env.open_connections(), 10, "connections stay open after all tests")


def ends_cleanly(env):
    status = env.gateway.stop()
    check(status == 0, f"posternd ended with {status}")


def run_shape(plan, env, tests):
    """All tests of one shape against one posternd, which is started again if it dies."""
    def words():
        return "posternd's last words:\n" + shell.tail_of_file(env.gateway.errors, 15)

    shape = str(env.shape)
    reason = cannot(env.shape)
    if reason:
        for function, _, families, _ in tests:
            for family in families:
                plan.result(title(shape, function, family), skip=reason)
        return
    env.lab.wire(env.shape)
    if not attempt(plan, f"{shape}: posternd starts", env.start, 60, words):
        for function, _, families, _ in tests:
            for family in families:
                plan.result(title(shape, function, family), problem="posternd didn't start")
        if env.gateway:
            env.gateway.kill()
        return
    for function, _, families, seconds in tests:
        for env.family in families:
            name = title(shape, function, env.family)
            attempt(plan, name, lambda f=function: f(env), seconds, words)
            if not env.gateway.alive():
                plan.result(f"{shape}: posternd lives on after that",
                            problem=f"it ended with {env.gateway.process.returncode}\n" + words())
                env.start()
    attempt(plan, f"{shape}: nothing is left open", lambda: nothing_left(env), 20, words)
    attempt(plan, f"{shape}: posternd ends when asked", lambda: ends_cleanly(env), 20, words)


def cannot(shape):
    """Why this kind of port can't be tried on this machine, or None."""
    if shape.kind == "memif" and not shutil.which("dpdk-testpmd"):
        return "no dpdk-testpmd (Debian's package dpdk-dev) to stand at memif's other end"
    return None


def title(shape, function, family):
    return f"{shape} IPv{family}: {function.__doc__.splitlines()[0]}"


def own_lab():
    """A lab for this process only: (site, its folder), or None when run brought one up."""
    given = os.environ.get(LAB)
    if given:
        ident, folder = given.split(":", 1)
        return site.Site(ident, folder), False
    site.sweep()
    return site.temporary(), True


def make_certificates(lab):
    certificates = Certificates(os.path.join(lab.folder, "certs"))
    certificates.make_authority()
    certificates.make("mail", [site.IMAP_NAME, site.SMTP_NAME])
    return certificates


def main(**settings):
    """Runs the file's tests and exits. settings: of lab.gateway.Gateway."""
    if "--list" in sys.argv:
        for function, shapes, families, _ in TESTS:
            for shape in shapes:
                for family in families:
                    print(title(shape, function, family))
        sys.exit(0)
    reason = None if os.environ.get(LAB) else site.missing()
    if reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    lab, own = own_lab()
    plan = Plan()
    try:
        if own:
            lab.up(wires.Shape())
            certificates = make_certificates(lab)
        else:
            certificates = Certificates(os.path.join(lab.folder, "certs"))
        netns.enter(lab.wan)
        wanted = os.environ.get("POSTERN_E2E_SHAPES")
        for text in EVERY + FAULTY:
            tests = [each for each in TESTS if text in each[1]]
            if tests and (not wanted or text in wanted.split()):
                env = Env(lab, parse_shape(text), certificates, settings)
                try:
                    run_shape(plan, env, tests)
                finally:
                    if env.gateway:
                        env.gateway.kill()
    except shell.LabError as error:
        plan.result("the lab works", problem=str(error))
    finally:
        if own:
            lab.down()
    status = plan.end()
    sys.stdout.flush()
    os._exit(status)  # threads of broken tests may still wait for a peer


def at_once(functions, seconds=60):
    """Runs functions in threads of their own; raises the first exception of theirs."""
    problems = []

    def guarded(function):
        try:
            function()
        except BaseException as problem:  # pylint: disable=broad-except
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(each,), daemon=True) for each in functions]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0, end - time.monotonic()))
        check(not thread.is_alive(), f"a thread is still busy after {seconds} s")
    if problems:
        raise problems[0]


def resident_kb(env):
    return process.resident_kb(env.gateway.process.pid)
