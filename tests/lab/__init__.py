# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole site on one machine, for ./quickstart and the end-to-end tests.

Three network namespaces: `wan` (clients), `gw` (posternd alone) and `lan` (a
real Dovecot and a real Postfix). Everything the lab writes lies in one folder,
everything it runs lives in its namespaces, so taking it down needs no memory of
how it was brought up.

    site = Site("lab", "/run/postern-lab")
    site.up()
    gateway = Gateway(site, Shape("af_packet", workers=2), rules=[...])
    gateway.start()
    ...
    gateway.stop()
    site.down()
"""
