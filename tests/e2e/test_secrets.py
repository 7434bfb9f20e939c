#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must stay secret: looked for in posternd's memory when it should be gone, and in all that it writes."""

import base64
import hashlib
import hmac
import os
import re
import socket
import ssl
import subprocess
import tempfile

import e2e
import peers
from e2e import check, eventually
from lab import control, gateway, mail, memory, netns, shell, site

SECURE = 9995
KEYS = {"ec": "p256", "p384": "p384", "rsa": "rsa3072"}
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
SHOWN = (["certs"], ["cert", "list"], ["rules"], ["connections"], ["stats"], ["tickets"], ["version"])


def host(name):
    return f"{name}.secret.example"


# --- what is secret -------------------------------------------------------------------


def numbers(der):
    """The INTEGERs and OCTET STRINGs in it that are long enough to be of a key."""
    found, at = [], 0
    while at < len(der):
        tag, count = der[at], der[at + 1]
        at += 2
        if count & 0x80:
            size = count & 0x7F
            count = int.from_bytes(der[at:at + size], "big")
            at += size
        if tag == 0x30:
            found += numbers(der[at:at + count])
        elif tag in (2, 4) and count >= 16:
            found.append(der[at:at + count].lstrip(b"\0"))
        at += count
    return found


def of_key(path, passphrase=""):
    """{what: bytes} of a private key's numbers."""
    text = shell.run(["openssl", "pkey", "-in", path, "-traditional", "-passin", "pass:" + passphrase]).stdout
    found = numbers(base64.b64decode("".join(text.splitlines()[1:-1])))
    # RFC 5915: the private number first; RFC 8017 A.1.2: n, then d, p, q, dP, dQ, qInv (e is short)
    named = {"d": found[0]} if len(found) < 7 else dict(zip(("d", "p", "q", "dp", "dq", "qinv"), found[1:]))
    return {f"{os.path.basename(path)} {name}": number for name, number in named.items()}


def expand(secret, label, count, name):
    """HKDF-Expand-Label of at most one hash's bytes, RFC 8446 7.1"""
    text = b"tls13 " + label
    return hmac.new(secret, count.to_bytes(2, "big") + bytes([len(text)]) + text + b"\0\1", name).digest()[:count]


def key_block(master, server_random, client_random, cipher):
    """The two keys of TLS 1.2's key block, RFC 5246 6.3"""
    name, size = ("sha384", 32) if "256" in cipher.split("-")[-2] or "CHACHA" in cipher else ("sha256", 16)
    if "CHACHA" in cipher:
        name = "sha256"
    seed, block = b"key expansion" + server_random + client_random, b""
    part = seed
    while len(block) < 2 * size:
        part = hmac.new(master, part, name).digest()
        block += hmac.new(master, part + seed, name).digest()
    return block[:size], block[size:2 * size]


def of_session(lines, server_random, cipher):
    """(what an open session needs, what it needs no more) out of its lines of the key log"""
    needed, spent = {}, {}
    for label, client_random, secret in (line.split() for line in lines):
        name, secret = f"{label} {client_random[:6]}", bytes.fromhex(secret)
        if label == "CLIENT_RANDOM":
            spent[name] = secret
            for key in key_block(secret, server_random, bytes.fromhex(client_random), cipher):
                needed[f"{name} key {len(needed)}"] = key
            continue
        traffic = label.endswith("TRAFFIC_SECRET_0")
        (needed if traffic else spent)[name] = secret
        if label != "EXPORTER_SECRET":
            size = 32 if "256_GCM" in cipher or "CHACHA" in cipher else 16
            keys = needed if traffic else spent
            keys[name + " key"] = expand(secret, b"key", size, "sha384" if len(secret) == 48 else "sha256")
    return needed, spent


# --- where it is looked for -----------------------------------------------------------


def in_memory(secrets):
    """Needles: a part of the middle, as a byte string and as the library's numbers, lowest byte first."""
    needles = {}
    for name, secret in secrets.items():
        part = secret[len(secret) // 2 - 8:len(secret) // 2 + 8]
        needles[name] = part
        needles[name + " reversed"] = part[::-1]
    return needles


def held(env, secrets):
    """Those of the secrets that posternd's memory holds now, with where."""
    return memory.search(env.gateway.process.pid, in_memory(secrets))


def gone(env, secrets, when):
    """Waits until none is held: what a worker frees, it frees in its next turns."""
    left = {}

    def none():
        left.clear()
        left.update(held(env, secrets))
        return not left
    try:
        eventually(none, 5, "")
    except AssertionError:
        raise AssertionError(f"{when}, memory still holds " + "; ".join(
            f"{name} in {', '.join(str(each) for each in where)}" for name, where in left.items())) from None


def in_text(secrets):
    """Needles for files: raw, hexadecimal with and without colons, and Base64 however it is aligned."""
    needles = {}
    for name, secret in secrets.items():
        part = secret[len(secret) // 2 - 8:len(secret) // 2 + 8]
        needles[name] = part
        needles[name + " in hexadecimal"] = part.hex().encode()
        needles[name + " with colons"] = part.hex(":").encode()
        for at in range(3):
            needles[f"{name} in Base64, {at}"] = base64.b64encode(secret[at:])[4:24]
    return needles


def written(env):
    """All that posternd said and wrote, by where."""
    texts = {}
    for folder, _, files in os.walk(env.gateway.folder):
        for path in (os.path.join(folder, file) for file in files):
            if os.path.isfile(path):  # not the socket
                with open(path, "rb") as file:
                    texts[path] = file.read()
    for words in SHOWN:
        for more in ([], ["--json"]):
            done = env.gateway.command(*words, *more, check=False)
            texts[" ".join(words + more)] = (done.stdout + done.stderr).encode()
    texts["metrics"] = netns.run(env.lab.gw, ["curl", "-sSf", f"http://{gateway.METRICS}/metrics"]).stdout.encode()
    return texts


def not_written(env, secrets):
    texts = written(env)
    check(all(any(end in name and text for name, text in texts.items())
              for end in ("connections.log", "metrics", "certs --json")), f"nothing in some of {list(texts)}")
    for where, text in texts.items():
        folded = text.lower()
        for name, needle in in_text(secrets).items():
            check(needle not in (folded if "hex" in name or "colons" in name else text), f"{where} holds {name}")


# --- what is done meanwhile -----------------------------------------------------------


class Session:
    """An open TLS connection whose secrets are known."""

    def __init__(self, env, version, name):
        with tempfile.NamedTemporaryFile("r", encoding="ascii") as log:
            context = mail.tls_context(env.ca)
            context.maximum_version = version
            context.keylog_filename = log.name
            self.peer = peers.HalfClosable(env, SECURE, context, host(name))
            self.peer.sendall(b"hello")
            check(self.peer.recv(5) == b"hello", "no echo")
            lines = [line for line in log if not line.startswith("#")]
        self.needed, self.spent = of_session(lines, self.peer.heard[11:43], self.peer.tls.cipher()[0])
        check(len(self.needed) >= 2, f"the key log has only {self.needed}")

    def close(self):
        self.peer.close()


def make(env):
    for name, key in KEYS.items():
        env.certificates.make(name, [host(name)], key)


def key_numbers(env):
    found = {}
    for name in KEYS:
        found.update(of_key(os.path.join(env.gateway.store, name + ".key")))
    return found


def publish(env):
    return env.published("secret", listen=site.GATEWAY_WAN[4], port=SECURE, servers=[f"{site.SERVER[4]}:7000"],
                         certificate=list(KEYS), client_certificate="optional", client_ca=env.ca)


def forget(env):
    for name in KEYS:
        env.gateway.command("cert", "remove", name)


def refused(env, **args):
    try:
        env.gateway.ask("cert.load", **args)
    except control.Refused as refusal:
        return str(refusal)
    raise AssertionError(f"{args} is accepted")


def locked(env, where):
    """The pages that hold a secret are locked, or posternd said why not."""
    with open(env.gateway.errors, encoding="utf-8") as errors, open(env.gateway.log, encoding="utf-8") as log:
        if "memory can't be locked" in errors.read() + log.read():
            return
    for region in where:
        check("lo" in region.flags, f"{region} isn't locked")


def plain(env):
    """AddressSanitizer keeps what was freed, and locks nothing."""
    with open(f"/proc/{env.gateway.process.pid}/maps", encoding="utf-8", errors="replace") as maps:
        if "libasan" in maps.read() or b"__asan_init" in open(f"/proc/{env.gateway.process.pid}/exe", "rb").read():
            raise e2e.Skip("AddressSanitizer has its own ways with memory")


@e2e.test()
def private_keys(env):
    """a private key is in locked memory while it is used, and gone when it was replaced, removed or refused"""
    plain(env)
    make(env)
    first = key_numbers(env)
    gone(env, first, "before they were read")
    with peers.Server(env.lab, peers.echo), publish(env):
        sessions = [Session(env, version, name) for version in VERSIONS for name in KEYS]
        found = held(env, first)
        for name in first:
            where = found.get(name, []) + found.get(name + " reversed", [])
            check(where, f"{name} isn't found where it must be: the search is blind")
            locked(env, where)
        make(env)
        for name in KEYS:
            env.gateway.command("cert", "load", name)
        for each in sessions:
            each.close()
        gone(env, first, "with the last connection that used them ended")
        check(held(env, key_numbers(env)), "the new keys aren't found")
    forget(env)
    gone(env, key_numbers(env), "with the certificates removed")
    with tempfile.TemporaryDirectory() as folder:
        chain, key = (os.path.join(env.gateway.store, "ec." + end) for end in ("pem", "key"))
        for name in KEYS:
            other = os.path.join(folder, name)
            shell.run(["openssl", "genpkey", "-out", other, "-algorithm"] + (
                ["RSA"] if name == "rsa" else ["EC", "-pkeyopt", f"ec_paramgen_curve:{KEYS[name].upper().replace('P', 'P-')}"]))
            check("does not belong" in refused(env, name="ec", chain=chain, key=other), "another reason")
            gone(env, of_key(other), "with a key refused that isn't the certificate's")
        text = open(key, encoding="ascii").read()
        shell.write(os.path.join(folder, "cut"), text[:len(text) // 2 + 30])
        os.chmod(os.path.join(folder, "cut"), 0o600)
        refused(env, name="ec", chain=chain, key=os.path.join(folder, "cut"))
        gone(env, of_key(key), "with a key's file that is cut")


@e2e.test()
def sessions_end(env):
    """of an open session memory holds what it needs and not what it needs no more; of an ended one nothing"""
    plain(env)
    with peers.Server(env.lab, peers.echo), publish(env):
        sessions = [Session(env, version, name) for version in VERSIONS for name in KEYS]
        needed = {name: secret for each in sessions for name, secret in each.needed.items()}
        spent = {name: secret for each in sessions for name, secret in each.spent.items()}
        gone(env, spent, "with the handshakes done")
        found = held(env, needed)
        for each in sessions:
            check(any(name in found for name in each.needed), f"none of {list(each.needed)} is found: the search is blind")
        locked(env, [region for where in found.values() for region in where])
        for each in sessions:
            each.close()
        eventually(lambda: not env.open_connections(), 10, "connections stay open")
        gone(env, {**needed, **spent}, "with the sessions ended")
        with tempfile.TemporaryDirectory() as folder:
            gone(env, resumed(env, folder), "with sessions resumed and ended")
    not_written(env, {**needed, **spent, **key_numbers(env)})
    forget(env)


def resumed(env, folder):
    """The secrets by which sessions of either version were resumed."""
    secrets = {}
    for version in ("-tls1_2", "-tls1_3"):
        file = os.path.join(folder, version)
        for option in ("-sess_out", "-sess_in"):
            said = netns.run(env.lab.wan, ["openssl", "s_client", "-connect", f"{site.GATEWAY_WAN[4]}:993", "-servername",
                                           site.IMAP_NAME, "-ign_eof", version, option, file], input="a logout\r\n",
                                          timeout=20).stdout
        check("Reused, TLS" in said, f"{version} isn't resumed: {said[-500:]}")
        told = shell.run(["openssl", "sess_id", "-in", file, "-noout", "-text"]).stdout
        secret = re.search(r"(?:Master-Key|Resumption PSK): ([0-9A-F]+)", told)
        secrets["resumption " + version] = bytes.fromhex(secret[1])
    return secrets


def of_ticket_file(path):
    with open(path, encoding="ascii") as file:
        keys = [line.split() for line in file if line.strip() and not line.startswith("#")]
    return {f"key from {moment} of {path}": bytes.fromhex(key) for moment, key in keys}


@e2e.test()
def ticket_keys(env):
    """ticket keys from a file are in locked memory while they are used, gone when others are, and are never shown"""
    plain(env)
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, name) for name in ("first", "second")]
        secrets = {}
        for file in files:
            env.gateway.command("tickets", "roll", file)
            secrets[file] = of_ticket_file(file)
        for file, before in ((files[0], None), (files[1], files[0])):
            env.gateway.tickets = {"keys": file}
            shell.write(env.gateway.config, env.gateway.configuration())
            env.gateway.command("reload")
            found = held(env, secrets[file])
            check(set(secrets[file]) <= set(found), f"not all keys of {file} are found: the search is blind")
            locked(env, [region for where in found.values() for region in where])
            if before:
                gone(env, secrets[before], "with other keys read")
        shell.write(files[0], open(files[1], encoding="ascii").read()[:-20])
        env.gateway.tickets = {"keys": files[0]}
        shell.write(env.gateway.config, env.gateway.configuration())
        env.gateway.command("reload", check=False)
        not_written(env, {name: key for file in files for name, key in secrets[file].items()})
        env.gateway.tickets = {}
        shell.write(env.gateway.config, env.gateway.configuration())
        env.gateway.command("reload")
        gone(env, secrets[files[1]], "with keys of its own")


@e2e.test()
def passphrases(env):
    """the passphrase of an encrypted key, right or wrong, is gone when the key was read or refused, and is never shown"""
    plain(env)
    env.certificates.make("ec", [host("ec")])
    key = os.path.join(env.gateway.store, "ec.key")
    right, wrong = (os.urandom(24).hex() for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "passphrases")
        shell.run(["openssl", "pkcs8", "-topk8", "-v2", "aes256", "-in", key, "-out", file + ".key", "-passout", "pass:" + right])
        os.rename(file + ".key", key)
        number = of_key(key, right)
        env.gateway.passphrase_file = file
        shell.write(env.gateway.config, env.gateway.configuration())
        env.gateway.command("reload")
        secrets = {"right": right.encode(), "wrong": wrong.encode()}
        for text in (wrong, f"{wrong}\n{right}"):
            shell.write(file, text)
            os.chmod(file, 0o600)
            if text == wrong:
                check("passphrase is wrong" in refused(env, name="ec"), "another reason")
                gone(env, number, "with a wrong passphrase")
            else:
                env.gateway.ask("cert.load", name="ec")
                check(held(env, number), "the key isn't found: the search is blind")
            gone(env, secrets, "with the key read")
        not_written(env, {**secrets, **number})
        env.gateway.command("cert", "remove", "ec")
        gone(env, number, "with the certificate removed")
    env.gateway.passphrase_file = None


@e2e.test()
def no_core(env):
    """no core file may be written, and what holds a key can be read by its owner alone"""
    def allowed(pid):
        with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
            return not re.search(r"^Max core file size +0 +0 ", limits.read(), re.M)

    check(not allowed(env.gateway.process.pid), "core files of posternd are allowed")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as silent:
        silent.bind(os.path.join(folder, "socket"))
        silent.listen()
        with subprocess.Popen([gateway.program("postern"), "-s", os.path.join(folder, "socket"), "version"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as command:
            silent.accept()[0].recv(1)
            check(not allowed(command.pid), "core files of postern are allowed")
            command.kill()
    for folder, _, files in os.walk(env.gateway.store):
        for file in files:
            path = os.path.join(folder, file)
            if "PRIVATE KEY" in open(path, encoding="latin-1").read():
                check(os.stat(path).st_mode & 0o777 == 0o600, f"{path} has the mode {os.stat(path).st_mode:o}")


if __name__ == "__main__":
    e2e.main(options=["--verbose"], megabytes=64, limits={"connections": 100})
