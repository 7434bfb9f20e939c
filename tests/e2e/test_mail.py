#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes of many messages and of much mail, over every kind of port."""

import contextlib

import e2e
from e2e import check, eventually
from lab import mail

MESSAGES = 500
LARGE = 50 << 20


@contextlib.contextmanager
def empty_inbox(env, user="ben"):
    """A logged-in IMAP connection with an INBOX that is empty before and after."""
    with mail.Imap(env.ca, env.family) as imap:
        imap.enter(user)
        try:
            clear(imap)
            yield imap
        finally:
            clear(imap)


def clear(imap):
    if imap.count():
        imap.must(imap.store("1:*", "+FLAGS", "\\Deleted"))
        imap.must(imap.expunge())


def arrives(imap, count, seconds=30):
    eventually(lambda: imap.count() >= count, seconds, f"{count} messages don't arrive")
    bodies = imap.bodies()
    check(len(bodies) == count, f"{len(bodies)} messages instead of {count}")
    return bodies


def digests(contents):
    return sorted(mail.digest(mail.original(content)) for content in contents)


def by_smtp(env, sent):
    """Sends all by SMTPS, fetches all by IMAPS, and compares."""
    with empty_inbox(env) as imap:
        with mail.Smtp(env.ca, env.family) as smtp:
            smtp.enter()
            for content in sent:
                smtp.carry(content)
        check(digests(arrives(imap, len(sent))) == digests(sent), "messages differ")


@e2e.test(shapes=e2e.MATRIX, families=(4, 6))
def many_messages(env):
    """500 messages sent by SMTPS are fetched by IMAPS byte for byte"""
    by_smtp(env, [mail.message(number, 500 + number * 7) for number in range(MESSAGES)])


@e2e.test(shapes=e2e.MATRIX, families=(4, 6))
def large_message(env):
    """a message of 50 MB sent by SMTPS is fetched by IMAPS byte for byte"""
    by_smtp(env, [mail.message(1, LARGE)])


@e2e.test(shapes=e2e.OTHERS, families=(4, 6))
def mixed_messages(env):
    """100 messages and one of 10 MB sent by SMTPS are fetched by IMAPS byte for byte"""
    by_smtp(env, [mail.message(number, 500 + number * 7) for number in range(100)]
            + [mail.message(1, LARGE // 5)])


@e2e.test(shapes=("af_packet/2", "tap/1"), families=(4, 6))
def mailboxes_by_append(env):
    """500 messages and one of 50 MB put by IMAP APPEND come back byte for byte"""
    sent = [mail.message(number, 300 + number) for number in range(MESSAGES)]
    sent.append(mail.message(2, LARGE))
    with empty_inbox(env) as imap:
        for content in sent:
            imap.put("INBOX", content)
        check(digests(arrives(imap, len(sent))) == digests(sent), "messages differ")


@e2e.test(shapes=e2e.EVERY, families=(4, 6))
def many_clients_at_once(env):
    """40 clients fetch at once over all workers, each its own message"""
    content = mail.message(3, 200000)

    def fetch():
        with mail.Imap(env.ca, env.family) as imap:
            imap.enter("ben")
            imap.count()
            check(imap.bodies() == [content], "another message came")

    with empty_inbox(env) as imap:
        imap.put("INBOX", content)
        with env.counts("tls_handshakes", 40):
            e2e.at_once([fetch] * 40)
    eventually(lambda: len(workers_seen(env)) == env.shape.workers, 5,
               "not every worker had a connection")


def workers_seen(env):
    """The workers that had ended connections: an id begins with its worker's number."""
    return {line["id"].split("-")[0] for line in env.gateway.connections_logged()}


def says(imap, text, seconds=10):
    """Waits for an untagged line of the server's that has the text."""
    imap.sock.settimeout(seconds)
    while True:
        line = imap.readline()
        check(line, "the connection ended")
        if text in line:
            return


@e2e.test(shapes=("af_packet/2",), families=(4, 6))
def idle(env):
    """a client in IDLE (RFC 2177) is told of a new message at once"""
    with empty_inbox(env) as imap:
        imap.send(b"i1 IDLE\r\n")
        says(imap, b"idling")
        with mail.Smtp(env.ca, env.family) as smtp:
            smtp.enter().carry(mail.message(4, 1000))
        says(imap, b"* 1 EXISTS")
        imap.send(b"DONE\r\n")
        says(imap, b"i1 OK")


if __name__ == "__main__":
    e2e.main()
