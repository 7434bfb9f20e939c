# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA and certificates, made by the operator's own tool, `postern cert`."""

import os

from . import shell
from .gateway import program


class Certificates:
    """A store's folder, and beside it (never in it) the CA that signs for it."""

    def __init__(self, store):
        self.store = store
        self.authority = store + "-ca"
        self.ca = os.path.join(self.authority, "ca.pem")

    def _cert(self, verb, *arguments):
        return shell.run([program("postern"), "cert", verb, *arguments])
