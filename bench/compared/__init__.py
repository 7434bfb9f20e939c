# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./bench/compare is made of: gateways side by side, on one core each.

    network     two veths between three namespaces, and memif's sockets
    subjects    what a subject is; the peers' and postern's are in peers.py and postern.py
    machine     what the machine is, and what of it is changed for a run and given back
    meter       CPU time and memory of a gateway, sampled while the load runs
    load        postern-bench's command lines and results
    plan        which subject runs which workload on which path, and in what order
    table       medians, spreads and ratios
"""
