#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""posternd and postern as a person uses them: what they print, and how they exit. Prints TAP.

    test_commands.py POSTERND POSTERN

POSTERND is the real daemon over a dataplane that only takes notes.
"""
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from harness import Skip, check, run_tests, test

DAEMON, POSTERN = (os.path.abspath(path) for path in sys.argv[1:3])
OK, REFUSED, USAGE, NO_DAEMON = range(4)

HEAD = """
workers = 2;
control { socket = sock; }
log { file = log; format = json; }
certificates { directory = certs; }
port external { device = net_null0; addresses = ["192.0.2.10/24", "2001:db8:0:1::10/64"]; }
port internal { device = net_null1; addresses = ["10.20.0.1/24", "fd20::1/64"]; }
"""
IMAP = "rule imap { protocol = imaps; listen = 192.0.2.10; servers = 10.20.0.2; certificate = mail; }\n"


class Daemon:
    """One posternd with a folder of its own."""

    certificates = None  # made once, copied for each

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="postern-commands-")
        self.config = self.path("postern.conf")
        self.process = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def configure(self, text):
        self.write("postern.conf", text)

    def certify(self):
        if Daemon.certificates is None:
            store = self.path("certs")
            for words in (["ca", "--name", "Test CA"], ["request", "mail", "--cn", "imap.example.test"],
                          ["issue", "mail"]):
                done = subprocess.run([POSTERN, "cert", *words, "--dir", store], capture_output=True,
                                      text=True, check=False)
                check(done.returncode == 0, f"postern cert {words}: {done.stderr}")
            Daemon.certificates = tempfile.mkdtemp(prefix="postern-certs-")
            shutil.copytree(store, Daemon.certificates, dirs_exist_ok=True)
        else:
            shutil.copytree(Daemon.certificates, self.path("certs"))

    def start(self, text=HEAD + IMAP, options=(), before=None, **env):
        if not os.path.isdir(self.path("certs")):
            self.certify()
        if text is not None:
            self.configure(text)
        with open(self.path("stderr"), "wb") as errors:
            self.process = subprocess.Popen([DAEMON, "--config", self.config, *options], stderr=errors,
                                            stdout=errors, stdin=subprocess.DEVNULL, cwd=self.folder,
                                            preexec_fn=before, env={**os.environ, **env})
        end = time.monotonic() + 30
        while self.run("version").returncode != OK:
            check(self.process.poll() is None, "posternd ended: " + self.read("stderr"))
            check(time.monotonic() < end, "posternd doesn't answer")
            time.sleep(0.05)
        return self

    def run(self, *words, at=None, stdin=None):
        return subprocess.run([POSTERN, "-s", at or self.path("sock"), *words], capture_output=True, text=True,
                              check=False, input=stdin, timeout=60)

    def good(self, *words, **more):
        done = self.run(*words, **more)
        check(done.returncode == OK and done.stderr == "", f"postern {words}: {done.returncode}: {done.stderr}")
        return done.stdout

    def json(self, *words, **more):
        return json.loads(self.good("--json", *words, **more))

    def bad(self, status, part, *words, **more):
        done = self.run(*words, **more)
        check(done.returncode == status, f"postern {words}: exit {done.returncode}, not {status}: {done.stderr}")
        check(part in done.stderr, f"postern {words}: {part!r} isn't in {done.stderr!r}")
        check(done.stdout == "", f"postern {words}: printed {done.stdout!r}")

    def end(self, seconds=20):
        return self.process.wait(seconds)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@test
def rules_come_and_go(d):
    """rule add, change, show, disable, enable, remove; what they say and what is there then"""
    d.start()
    check(d.good("rule", "add", "smtp", "protocol=smtps", "listen=192.0.2.10", "servers=10.20.0.2:25,10.20.0.3",
                 "certificate=mail", "allow=198.51.100.0/24,2001:db8::/32") == "rule smtp: added\n", "not told")
    rules = {rule["name"]: rule for rule in d.json("rules")}
    check(rules["smtp"]["servers"] == ["10.20.0.2:25", "10.20.0.3:587"], rules["smtp"])
    check(rules["smtp"]["allow"] == ["198.51.100.0/24", "2001:db8::/32"], rules["smtp"])
    check(rules["smtp"]["differs"] == "added" and "differs" not in rules["imap"], rules)
    table = d.good("rules").splitlines()
    check(table[0].split()[:4] == ["RULE", "STATE", "LISTEN", "SERVERS"], table)
    check("smtp  on     192.0.2.10:465  10.20.0.2:25,10.20.0.3:587" in table[2], table)
    d.good("rule", "change", "smtp", "tls_min=1.3", "enabled=false")
    check("off" in d.good("rules").splitlines()[2], "not off")
    check("tls_min               1.3" in d.good("rule", "show", "smtp"), d.good("rule", "show", "smtp"))
    check(d.good("rule", "enable", "smtp") == "rule smtp: enabled\n", "enable")
    check(d.good("rule", "disable", "smtp", "--now") == "rule smtp: disabled; 0 connections ended\n", "disable")
    check(d.good("rule", "remove", "imap") == "rule imap: removed\n", "remove")
    check("removed" in d.good("rules").splitlines()[-1], "the configuration's rule isn't told as removed")
    check([rule["name"] for rule in d.json("rule", "list")] == ["smtp"], "rule list")


@test
def refusals_are_for_people_and_programs(d):
    """a refused change exits with 1, says where, why and what to do, and changes nothing"""
    d.start()
    before = d.good("rules")
    new = ["rule", "add", "x", "protocol=pop3s", "listen=192.0.2.10", "servers=10.20.0.2"]
    d.bad(REFUSED, "no certificate", *new)
    d.bad(REFUSED, "make or import it", *new, "certificate=nobody")
    d.bad(REFUSED, "the keys here are", *new, "certificate=mail", "colour=red")
    d.bad(REFUSED, "names aren't looked up", *new[:-1], "servers=mail.lan", "certificate=mail")
    d.bad(REFUSED, "rules imap and x both publish 192.0.2.10:993", *new, "certificate=mail", "port=993")
    d.bad(REFUSED, "there is no rule", "rule", "remove", "nobody")
    d.bad(REFUSED, "there is no connection", "kill", "0-99")
    done = d.run("--json", *new)
    check(done.returncode == REFUSED and done.stderr == "", done)
    error = json.loads(done.stdout)["error"]
    check(error["code"] == "invalid" and error["where"] == "rule x" and error["hint"], error)
    check(d.good("rules") == before, "a refused change changed rules")


@test
def wrong_usage(d):
    """wrong words exit with 2 and show the right ones"""
    d.start()
    d.bad(USAGE, "there is no verb", "fly")
    d.bad(USAGE, "rule add NAME KEY=VALUE", "rule")
    d.bad(USAGE, "isn't KEY=VALUE", "rule", "add", "x", "imaps")
    d.bad(USAGE, "given twice", "rule", "add", "x", "port=1", "port=2")
    d.bad(USAGE, "a name and", "rule", "add", "x")
    d.bad(USAGE, "is too much", "stats", "now")
    d.bad(USAGE, "unknown option", "--loud", "version")
    d.bad(USAGE, "there is no file", "cert", "load", "mail", "chain=nowhere.pem")
    done = subprocess.run([POSTERN], capture_output=True, text=True, check=False)
    check(done.returncode == USAGE and "Usage:" in done.stderr, done)


@test
def nobody_there(d):
    """no daemon: exit 3, and what to do"""
    d.certify()
    d.bad(NO_DAEMON, "no posternd runs", "version", at=d.path("nowhere"))
    d.start()
    d.process.kill()
    d.process.wait()
    d.bad(NO_DAEMON, "no posternd listens", "version")
    d.start()  # takes the place of the dead one's socket
    if os.geteuid() == 0 and shutil.which("setpriv"):
        os.chmod(d.folder, 0o755)
        tools = os.path.join(d.folder, "postern")
        shutil.copy(POSTERN, tools)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", tools, "-s",
                               d.path("sock"), "version"], capture_output=True, text=True, check=False)
        check(done.returncode == NO_DAEMON and "only its owner and group" in done.stderr, done)


@test
def every_verb_has_help(d):
    """--help lists every verb, and each has a help of its own, without a daemon"""
    text = d.good("--help", at=d.path("nowhere"))
    verbs = [line.split("  ")[1] for line in text.split("\n\n")[2].splitlines() if line[2] != " "]
    check(len(verbs) >= 25, verbs)
    for verb in verbs:
        words = [word for word in verb.split() if word.islower() and word.isalpha()]
        done = subprocess.run([POSTERN, *words, "--help"], capture_output=True, text=True, check=False)
        check(done.returncode == OK and done.stdout.startswith("Usage: postern"), f"{words}: {done}")


@test
def connections_and_kill(d):
    """connections as a table and as JSON; one ended, then a rule's"""
    d.start(POSTERN_FAKE_CONNECTIONS="5")
    rows = d.json("connections")
    check(len(rows) == 5, rows)
    check(rows[0]["client"] == "203.0.113.9:40000" and rows[0]["server"] == "10.20.0.2:143", rows[0])
    check(d.good("connections").splitlines()[0].split()[:3] == ["ID", "RULE", "CLIENT"], "no heads")
    check(len(d.json("connections", "max=2")) == 2, "max")
    check(len(d.good("connections", "max=2").splitlines()) == 3, "max in the table")
    check(d.json("connections", "rule=nobody") == [], "rule")
    check(d.good("kill", rows[0]["id"]) == "1 ended\n", "kill")
    check(d.good("kill", "rule=imap") == "4 ended\n", "kill rule")
    check(d.json("connections") == [], "they live on")
    time.sleep(0.3)
    lines = [json.loads(line) for line in d.read("log").splitlines()]
    ends = [line["end"] for line in lines if line["kind"] == "connection"]
    check(ends == ["killed"] * 5, ends)


@test
def stats_name_everything(d):
    """every counter has a name, and --all shows its meaning"""
    d.start()
    stats, table = d.json("stats"), d.good("stats", "--all")
    for kind in ("drops", "events", "control"):
        for name in stats[kind]:
            check(name in table, f"{name} isn't in the table")
    check(stats["totals"]["connections"] == 0 and len(stats["workers"]) == 2, stats)
    check("frame shorter than its Ethernet header" in table, "no texts")
    check("BUSY TIME" in table and all("busy_us" in w for w in stats["workers"]), "no busy time")
    check("LONGEST TURN" in table and "handshakes" in stats["workers"][0]["longest_turn"], "no longest turn")


@test
def many_changes_at_once(d):
    """rules apply: from a file and from standard input, all or none"""
    d.start()
    swap = [{"verb": "rule.add", "args": {"name": "b", "port": 1993, "listen": "192.0.2.10",
                                          "servers": ["10.20.0.3:143"], "certificate": "mail"}},
            {"verb": "rule.disable", "args": {"name": "imap"}}]
    check(d.good("rules", "apply", d.write("changes", json.dumps(swap))) == "2 changes applied\n", "apply")
    bad = [{"verb": "rule.enable", "args": {"name": "imap"}}, {"verb": "rule.remove", "args": {"name": "x"}}]
    d.bad(REFUSED, "changes[1]", "rules", "apply", "-", stdin=json.dumps(bad))
    check(d.json("rule", "show", "imap")["enabled"] is False, "half of it was done")
    d.bad(USAGE, "changes", "rules", "apply", d.write("changes", "[{]"))


@test
def exported_rules_are_a_configuration(d):
    """rules --export prints what --check-config takes"""
    d.start()
    d.good("rule", "add", "v6", "port=77", "listen=2001:db8:0:1::10", "servers=[fd20::2]:77", "certificate=mail",
           "deny=2001:db8:bad::/48", "idle_timeout=90s")
    d.configure(HEAD + d.good("rules", "--export"))
    done = subprocess.run([DAEMON, "--check-config", d.config], capture_output=True, text=True, check=False)
    check(done.returncode == 0 and "2 ports, 2 rules" in done.stdout, done)
    d.good("reload")
    check(all("differs" not in rule for rule in d.json("rules")), d.json("rules"))


@test
def check_config_says_what_is_wrong(d):
    """--check-config: 0, or 1 with file, line and reason"""
    d.certify()
    for text, part in ((HEAD + "workrs = 2;", "postern.conf:8: workrs: unknown key"),
                       (HEAD + "limits { buffer = 64 kilo; }", "limits: buffer: \"64 kilo\" isn't a size"),
                       (HEAD + IMAP.replace("mail", "nobody"), "certificate nobody"),
                       ("workers = {", "postern.conf:1:")):
        d.configure(text)
        done = subprocess.run([DAEMON, "--check-config", d.config], capture_output=True, text=True, check=False)
        check(done.returncode == 1 and part in done.stderr, done)
    done = subprocess.run([DAEMON, "--check-config", d.path("nowhere")], capture_output=True, text=True, check=False)
    check(done.returncode == 1 and "can't be opened" in done.stderr, done)
    done = subprocess.run([DAEMON, "--nonsense"], capture_output=True, text=True, check=False)
    check(done.returncode == 2, done)


@test
def start_fails_cleanly(d):
    """a start that fails exits with 1, says why on standard error, and leaves no socket"""
    d.certify()
    for text, part in ((HEAD.replace("file = log", "file = \"/nowhere/log\"") + IMAP, "the log can't be opened"),
                       (HEAD.replace("socket = sock", "socket = \"/proc/nowhere/sock\"") + IMAP, "can't be made"),
                       (HEAD + "rule x { }", "no listen address")):
        d.configure(text)
        done = subprocess.run([DAEMON, "--config", d.config], capture_output=True, text=True, check=False, timeout=60)
        check(done.returncode == 1 and part in done.stderr, done)
        check(not os.path.exists(d.path("sock")), "a socket is left")
    d.start()
    done = subprocess.run([DAEMON, "--config", d.config], capture_output=True, text=True, check=False, timeout=60)
    check(done.returncode == 1 and "another posternd answers" in done.stderr, done)
    d.good("version")


@test
def a_hangup_at_the_start(d):
    """SIGHUP while posternd starts doesn't end it: a reload right after a start is no mistake"""
    d.certify()
    d.configure(HEAD + IMAP)
    with open(d.path("stderr"), "wb") as errors:
        d.process = subprocess.Popen([DAEMON, "--config", d.config], stderr=errors, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not os.path.exists(d.path("log")) or "starts with" not in d.read("log"):
        check(time.monotonic() < end, "no first line in the log")
        time.sleep(0.002)
    d.process.send_signal(signal.SIGHUP)
    while d.run("version").returncode != OK:
        check(d.process.poll() is None, f"posternd ended with {d.process.poll()}")
        check(time.monotonic() < end, "posternd doesn't answer")
        time.sleep(0.05)


@test
def reload_by_signal_and_by_verb(d):
    """SIGHUP and reload: rules and the log file; a wrong file changes nothing"""
    d.start()
    d.configure(HEAD + IMAP + IMAP.replace("imap ", "two ").replace("192.0.2.10", "192.0.2.10:1993") +
                "limits { connections = 5; }")
    said = d.good("reload")
    check("1 rules added" in said and "limits changed too, which needs a restart" in said, said)
    d.configure(HEAD + "rule broken {")
    d.bad(REFUSED, "never ends", "reload")
    os.rename(d.path("log"), d.path("log.1"))
    d.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while not os.path.exists(d.path("log")) or "nothing was changed" not in d.read("log"):
        check(time.monotonic() < end, "the log isn't opened anew")
        time.sleep(0.02)
    check(len(d.json("rules")) == 2, "SIGHUP with a wrong file changed rules")
    os.rename(d.path("log"), d.path("log.2"))
    d.good("log", "rotate")
    check(os.path.exists(d.path("log")), "log rotate")


@test
def changes_outlive_a_restart_with_a_rules_file(d):
    """with rules_file a change is there again after a kill -9"""
    d.write("rules.conf", IMAP)
    d.start(HEAD + "rules_file = rules.conf;\n")
    d.good("rule", "change", "imap", "servers=10.20.0.7")
    d.good("rule", "add", "pop", "protocol=pop3s", "listen=192.0.2.10", "servers=10.20.0.2", "certificate=mail")
    d.process.kill()
    d.process.wait()
    d.start(None)
    rules = {rule["name"]: rule for rule in d.json("rules")}
    check(rules["imap"]["servers"] == ["10.20.0.7:143"] and "pop" in rules, rules)
    check(all("differs" not in rule for rule in rules.values()), rules)


@test
def a_reload_leaves_the_rules_file_as_it_is(d):
    """one's own comments in rules_file survive a reload; a change writes the file anew"""
    text = "# the staff's mailboxes\n" + IMAP
    d.write("rules.conf", text)
    d.start(HEAD + "rules_file = rules.conf;\n")
    d.good("reload")
    check(open(d.path("rules.conf"), encoding="utf-8").read() == text, "it was rewritten")
    d.bad(REFUSED, "port = 994, but listen = 192.0.2.10:993", "rule", "change", "imap",
          "listen=192.0.2.10:993", "port=994")
    d.good("rule", "change", "imap", "servers=10.20.0.7")
    check("10.20.0.7" in open(d.path("rules.conf"), encoding="utf-8").read(), "it wasn't rewritten")


@test
def certificates(d):
    """cert list and load: a renewed certificate, and a wrong one that is refused"""
    d.start()
    row = d.json("cert", "list")[0]
    check(row["names"] == ["imap.example.test"] and row["rules"] == ["imap"], row)
    check("mail" in d.good("cert", "list").splitlines()[1], "no table")
    before = row["fingerprint"]
    for words in (["request", "mail", "--cn", "new.example.test", "--force"], ["issue", "mail"]):
        done = subprocess.run([POSTERN, "cert", *words, "--dir", d.path("certs")], capture_output=True, text=True,
                              check=False)
        check(done.returncode == 0, done.stderr)
    check("new.example.test" in d.good("cert", "load", "mail"), "load")
    check(d.json("cert", "list")[0]["fingerprint"] != before, "the same certificate")
    d.write("certs/mail.key", "rubbish")
    d.bad(REFUSED, "certificate mail", "cert", "load", "mail")
    check(d.json("cert", "list")[0]["names"] == ["new.example.test"], "a refused load changed something")


@test
def ticket_keys_are_shared(d):
    """a file of ticket keys: rolled, used, shown by names and ages, and never the keys"""
    d.bad(USAGE, "--every", "tickets", "roll", d.path("tickets"), "--every", "5s")
    first = d.good("tickets", "roll", d.path("tickets"), "--every", "1h")
    again = d.good("tickets", "roll", d.path("tickets"), "--every", "1h")
    check(first == again, "a second roll isn't the same")
    left = [d.path("tickets" + end) for end in (".tmp-killed", ".tmp-writes", ".backup", "s.tmp-others")]
    for path in left:
        open(path, "w", encoding="utf-8").close()
        os.utime(path, (1, 1) if "writes" not in path else None)
    d.good("tickets", "roll", d.path("tickets"), "--every", "1h")
    check([os.path.exists(path) for path in left] == [False, True, True, True], "what a killed one left stays, or too much goes")
    check(os.stat(d.path("tickets")).st_mode & 0o777 == 0o600, "others may read it")
    keys = [line.split()[1] for line in d.read("tickets").splitlines() if not line.startswith("#")]
    check(len(keys) == 2 and all(len(key) == 64 for key in keys), keys)
    d.start(HEAD + IMAP + "tickets { keys = tickets; lifetime = 3h; }\n", options=["--verbose"])
    shown = d.json("tickets")
    check([key["state"] for key in shown["keys"]] == ["next", "current"], shown)
    check(shown["lifetime"] == 10800 and shown["file"] == d.path("tickets"), shown)
    check(all(key["id"] in first for key in shown["keys"]), f"{shown} but {first}")
    table = d.good("tickets")
    check(re.search(r"next +\S+Z +in (59m|1h)", table) and "A ticket serves for 3h." in table, table)
    open(d.path("tickets"), "a", encoding="utf-8").write("0123\n")
    d.bad(REFUSED, "line 5", "reload")
    d.bad(REFUSED, "line 5", "tickets", "roll", d.path("tickets"))
    told = first + table + json.dumps(shown) + d.read("log") + d.read("stderr")
    check(not any(key[at:at + 16] in told for key in keys for at in range(0, 48, 2)), "a key is told")


@test
def drain_and_stop(d):
    """drain, undrain, stop; SIGTERM stops too; both exit with 0 and remove the socket"""
    d.start()
    check("draining" in d.good("drain", "--over", "5min"), "drain")
    check("draining" in d.good("version"), "version doesn't say so")
    check("accepted" in d.good("undrain"), "undrain")
    d.bad(REFUSED, "isn't a time", "drain", "--over=soon")
    d.bad(REFUSED, "out of range: from 1ms to 7d", "drain", "--over=0")  # else it meant: never
    check(d.good("stop") == "posternd stops\n", "stop")
    check(d.end() == 0, "exit status")
    check(not os.path.exists(d.path("sock")), "the socket is left")
    d.start()
    d.process.send_signal(signal.SIGTERM)
    check(d.end() == 0, "exit status after SIGTERM")
    check("stopped" in d.read("log"), d.read("log"))


def not_sanitized(why):
    with open(DAEMON, "rb") as file:
        if b"__asan_init" in file.read():
            raise Skip(why)


@test
def memory_doesnt_grow(d):
    """3000 changes over the socket leave the daemon as large as 300 did"""
    not_sanitized("a sanitizer keeps freed memory")
    d.start()
    with_changes(d, 300)
    before = resident_kb(d)
    with_changes(d, 3000)
    grown = resident_kb(d) - before
    check(grown < 4096, f"it grew by {grown} KB")


def with_changes(d, n):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(d.path("sock"))
        answers = s.makefile("rb")
        for i in range(n):
            verb = ("rule.add", "rule.change", "rule.remove")[i % 3]
            args = {"name": "churn"}
            if verb != "rule.remove":
                args.update(port=5000 + i % 7, listen="192.0.2.10", servers=["10.20.0.2:143"], certificate="mail")
            s.sendall(json.dumps({"id": i, "verb": verb, "args": args}).encode() + b"\n")
            answer = json.loads(answers.readline())
            check(answer["ok"], answer)


def status_kb(d, field):
    with open(f"/proc/{d.process.pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith(field)).split()[1])


def resident_kb(d):
    return status_kb(d, "VmRSS")


def dump_all():
    """What a system does that keeps core files; in the child."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def dumps(d, options):
    """Does posternd leave a core dump when it dies?"""
    d.start(options=options, before=dump_all)
    d.process.send_signal(signal.SIGSEGV)
    _, status = os.waitpid(d.process.pid, 0)
    d.process = None
    check(os.WIFSIGNALED(status), status)
    os.unlink(d.path("sock"))
    return os.WCOREDUMP(status)


@test
def no_core_dumps(d):
    """posternd leaves no core dump unless it is told to, and says so when it is"""
    not_sanitized("a sanitizer reports a SIGSEGV itself and ends in good order")
    check(not dumps(d, ()), "a core dump was written")
    check("core" not in d.read("log"), d.read("log"))
    with subprocess.Popen(["sh", "-c", "kill -SEGV $$"], cwd=d.folder, preexec_fn=dump_all) as shell:
        _, status = os.waitpid(shell.pid, 0)
        shell.returncode = 0
    check(dumps(d, ["--core-dumps"]) == os.WCOREDUMP(status), "--core-dumps isn't as the system has it")
    check("a core file holds private keys" in d.read("log"), d.read("log"))


@test
def memory_is_locked(d):
    """what posternd holds in memory isn't swapped, or the log says that it may be"""
    not_sanitized("a sanitizer has mlockall do nothing")
    d.start()
    told = "memory can't be locked" in d.read("log")
    check(told == (status_kb(d, "VmLck") == 0), f"{status_kb(d, 'VmLck')} KB are locked")
    if os.geteuid() == 0 and resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] == resource.RLIM_INFINITY:
        check(not told, d.read("log"))


@test
def the_key_log_is_no_accident(d):
    """secrets go to a file only when --debug-key-log says so, one that is its owner's, with a warning"""
    d.start(SSLKEYLOGFILE=d.path("environment"))
    check(not os.path.exists(d.path("environment")), "the environment alone does it")
    check("DEBUGGING" not in d.read("log"), d.read("log"))
    d.process.terminate()
    d.end()
    d.start(options=["--debug-key-log", d.path("keys")])
    check(os.stat(d.path("keys")).st_mode & 0o777 == 0o600, "others may read it")
    check('"warning"' in d.read("log") and "DEBUGGING: the secrets of every TLS session" in d.read("log"),
          d.read("log"))
    d.process.terminate()
    d.end()
    os.chmod(d.path("keys"), 0o644)
    os.symlink(d.path("keys"), d.path("link"))
    for name, part in (("keys", "its owner's alone"), ("link", "link")):
        done = subprocess.run([DAEMON, "--config", d.config, "--debug-key-log", d.path(name)], timeout=60,
                              capture_output=True, text=True, check=False)
        check(done.returncode == REFUSED and part in done.stderr, done)


def main():
    failed = run_tests(Daemon)
    if Daemon.certificates:
        shutil.rmtree(Daemon.certificates)
    return failed


if __name__ == "__main__":
    sys.exit(main())
