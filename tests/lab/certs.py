# SPDX-License-Identifier: GPL-3.0-or-later
"""A CA and certificates, made by the operator's own tool, `postern cert`."""

import os

from . import shell
from .gateway import program


class Certificates:
    """A store's folder, with a CA of its own in it that signs for it."""

    def __init__(self, store):
        self.store = store
        self.ca = os.path.join(store, "ca", "ca.pem")

    def _cert(self, verb, *arguments):
        shell.run([program("postern"), "cert", verb, *arguments, "--dir", self.store])

    def make_authority(self):
        self._cert("ca", "--name", "Lab CA", "--org", "Example Lab")

    def make(self, name, host_names, key="p256"):
        """A new key and certificate of that name, over one that is there."""
        self._cert("request", name, "--cn", host_names[0], "--alt", ",".join(host_names),
                   "--org", "Example Lab", "--key", key, "--force")
        self._cert("issue", name)
