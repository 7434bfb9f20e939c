# SPDX-License-Identifier: GPL-3.0-or-later
"""posternd's control socket from Python: one JSON object a line, each way."""

import json
import socket


class Refused(Exception):
    """posternd answered with an error: its code, where, and message."""

    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('where')}: {error.get('message')}")
        self.code, self.where = error.get("code"), error.get("where")
        self.message = error.get("message")


class Control:
    """One connection to the socket. Not for several threads at once."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)  # without a time limit: with one, a full backlog is an error
        self.socket.settimeout(timeout)
        self.file = self.socket.makefile("rb")
        self.last = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def ask(self, verb, **args):
        """The result; raises Refused when posternd says no."""
        line = self.line(verb, **args)
        return self.result(line, self.last)

    def line(self, verb, **args):
        """The answer as it came, for who has no time now to read it."""
        self.last += 1
        request = {"id": self.last, "verb": verb, "args": args}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        line = self.file.readline()
        if not line:
            raise ConnectionError("posternd closed the control connection")
        return line

    @staticmethod
    def result(line, ident=None):
        """What such an answer says; ident: the question's number, where that is to be checked."""
        answer = json.loads(line)
        if ident is not None and answer.get("id") != ident:
            raise ValueError(f"asked {ident}, answered {answer!r}")
        if not answer.get("ok"):
            raise Refused(answer.get("error") or {})
        return answer.get("result")
