#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A port with a VLAN id, spoken to by frames made by hand (not every kernel has VLAN devices)."""

import socket
import struct
import time

import e2e
import frames
from e2e import check
from lab import site

VLAN = 7
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4
BROADCAST = b"\xff" * 6


class TaggedWire:
    """Sends tagged frames; what comes is given as (VLAN id or None, EtherType, source, payload)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((frames.DEVICE, 3))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.mac = self.socket.getsockname()[4]

    def send(self, vlan, target, kind, payload):
        tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
        frame = target + self.mac + tag + struct.pack("!H", kind) + payload
        self.socket.send(frame.ljust(64, b"\0"))

    def wait(self, wanted, seconds=3):
        """The first frame that `wanted` accepts, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                data, control, _, _ = self.socket.recvmsg(2000, 100)
            except TimeoutError:
                return None
            vlan = None
            for _, _, auxiliary in control:  # the kernel takes the tag off and tells of it here
                status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", auxiliary)
                vlan = tci & 0xFFF if status & TP_STATUS_VLAN_VALID else None
            frame = (vlan, struct.unpack("!H", data[12:14])[0], data[6:12], data[14:])
            if wanted(frame):
                return frame
        return None


def arp(operation, mac, source, target):
    return (struct.pack("!HHBBH", 1, frames.ETH_IP, 6, 4, operation) + mac
            + socket.inet_aton(source) + bytes(6) + socket.inet_aton(target))


def ask_arp(wire, vlan, seconds=3):
    wire.send(vlan, BROADCAST, frames.ETH_ARP,
              arp(1, wire.mac, site.SECOND_CLIENT[4], site.GATEWAY_WAN[4]))
    return wire.wait(lambda frame: frame[1] == frames.ETH_ARP and frame[3][6:8] == b"\0\2"
                     and frame[3][14:18] == socket.inet_aton(site.GATEWAY_WAN[4]), seconds)


@e2e.test(shapes=("af_packet/2", "tap/1"))
def tagged(env):
    """ARP and ping are answered within the port's VLAN, with its tag"""
    wire = TaggedWire()
    answer = ask_arp(wire, VLAN)
    check(answer and answer[0] == VLAN, f"the ARP answer is {answer}")
    with env.counts("echo_answered"):
        wire.send(VLAN, answer[2], frames.ETH_IP, frames.ipv4(frames.icmp_echo(), protocol=1))
        question = wire.wait(lambda frame: frame[1] == frames.ETH_ARP and frame[3][6:8] == b"\0\1"
                             and frame[3][24:28] == socket.inet_aton(site.SECOND_CLIENT[4]))
        check(question and question[0] == VLAN, f"its own ARP request is {question}")
        wire.send(VLAN, answer[2], frames.ETH_ARP,
                  arp(2, wire.mac, site.SECOND_CLIENT[4], site.GATEWAY_WAN[4]))
        reply = wire.wait(lambda frame: frame[1] == frames.ETH_IP and frame[3][9] == 1
                          and frame[3][20] == 0)
    check(reply and reply[0] == VLAN, f"the answer to the ping is {reply}")


@e2e.test(shapes=("af_packet/2", "tap/1"))
def other_tags(env):
    """frames without the tag, or with another, are dropped and counted"""
    wire = TaggedWire()
    for vlan in (None, 8):
        with env.counts("eth_vlan"):
            check(ask_arp(wire, vlan, 0.5) is None, f"an answer came to VLAN {vlan}")


if __name__ == "__main__":
    e2e.main(vlan=VLAN)
