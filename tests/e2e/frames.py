# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames made by hand, right or wrong, sent from wan to the gateway's external port."""

import re
import socket
import struct

from e2e import check
from lab import shell, site

DEVICE = "eth0"
ETH_IP, ETH_ARP, ETH_IP6 = 0x0800, 0x0806, 0x86DD
SYN, ACK, FIN, RST = 2, 16, 1, 4


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    """The bytes of an address of either version."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def ipv4(payload, protocol=6, source=site.SECOND_CLIENT[4], target=site.GATEWAY_WAN[4], **wrong):
    """wrong: version, header_words, length, fragment, sum_xor, options."""
    options = wrong.get("options", b"")
    words = wrong.get("header_words", 5 + len(options) // 4)
    length = wrong.get("length", 20 + len(options) + len(payload))
    header = struct.pack("!BBHHHBBH4s4s", (wrong.get("version", 4) << 4) | words, 0, length, 7,
                         wrong.get("fragment", 0x4000), 64, protocol, 0, socket.inet_aton(source),
                         socket.inet_aton(target)) + options
    right = checksum(header) ^ wrong.get("sum_xor", 0)
    return header[:10] + struct.pack("!H", right) + header[12:] + payload


def ipv6(payload, protocol=6, source=site.SECOND_CLIENT[6], target=site.GATEWAY_WAN[6], **wrong):
    """wrong: version, length."""
    return struct.pack("!IHBB16s16s", wrong.get("version", 6) << 28,
                       wrong.get("length", len(payload)), protocol, 64,
                       socket.inet_pton(socket.AF_INET6, source),
                       socket.inet_pton(socket.AF_INET6, target)) + payload


def tcp(flags=SYN, port=993, source_port=40000, seq=1000, ack=0, options=b"", data=b"",
        source=site.SECOND_CLIENT[4], target=site.GATEWAY_WAN[4], **wrong):
    """wrong: header_words, sum_xor."""
    words = wrong.get("header_words", 5 + len(options) // 4)
    segment = struct.pack("!HHIIBBHHH", source_port, port, seq, ack, words << 4, flags, 65535, 0,
                          0) + options + data
    pseudo = packed(source) + packed(target) + struct.pack("!HH", 6, len(segment))
    right = checksum(pseudo + segment) ^ wrong.get("sum_xor", 0)
    return segment[:16] + struct.pack("!H", right) + segment[18:]


def icmp_echo(number=1, data=b"ping from the lab", **wrong):
    message = struct.pack("!BBHHH", wrong.get("type", 8), 0, 0, 77, number) + data
    right = checksum(message) ^ wrong.get("sum_xor", 0)
    return message[:2] + struct.pack("!H", right) + message[4:]


class Wire:
    """Raw frames on wan's side of the external link."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((DEVICE, 0))
        self.mac = self.socket.getsockname()[4]
        self.gateway_mac = self._learn()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @staticmethod
    def _learn():
        """The gateway's MAC address, as the kernel learned it by ARP."""
        socket.create_connection((site.GATEWAY_WAN[4], 993), 5).close()
        text = shell.run(["ip", "neigh", "show", site.GATEWAY_WAN[4]]).stdout
        found = re.search(r"lladdr ([0-9a-f:]{17})", text)
        check(found, f"no ARP entry for the gateway: {text!r}")
        return mac_bytes(found[1])

    def send(self, kind, payload, pad=True):
        frame = self.gateway_mac + self.mac + struct.pack("!H", kind) + payload
        self.socket.send(frame.ljust(60, b"\0") if pad else frame)
