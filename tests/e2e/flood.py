#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A flood of forged frames from wan to the gateway's external port.

  flood.py KIND --to MAC [--count N] [--rate PER_SECOND] [--port N] [--seed N]

KIND: syn    SYNs to the IMAPS port from random addresses and ports, options as Linux sends
      ack    ACKs to it that acknowledge nothing that was ever sent
      junk   in turn: null, xmas, SYN with FIN, land
      rst    RSTs with random sequence numbers, in the name of the client's --port

Runs in the clients' namespace, on its eth0, and stops by itself after COUNT frames.
"""

import argparse
import random
import socket
import struct
import sys
import time

DEVICE, PORT = "eth0", 993
GATEWAY = socket.inet_aton("192.0.2.10")
CLIENT = socket.inet_aton("192.0.2.1")
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
MOST, BATCH = 1000000, 50
OPTIONS = bytes.fromhex("020405b40402080a")  # MSS 1460, SACK, timestamps; then time, scale
OPTIONS_END = bytes.fromhex("0000000001030307")


def fold(total):
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def words(data):
    return sum(struct.unpack(f"!{len(data) // 2}H", data))


def packet(source, source_port, flags, seq, ack=0, options=b""):
    segment = struct.pack("!HHIIBBHHH", source_port, PORT, seq, ack, (5 + len(options) // 4) << 4,
                          flags, 64240, 0, 0) + options
    ends = source + GATEWAY
    tcp_sum = ~fold(words(segment) + words(ends) + 6 + len(segment)) & 0xFFFF
    length = 20 + len(segment)
    ip_sum = ~fold(0x4500 + length + 0x4000 + 0x4006 + words(ends)) & 0xFFFF
    return (struct.pack("!HHHHHH", 0x4500, length, 0, 0x4000, 0x4006, ip_sum) + ends
            + segment[:16] + struct.pack("!H", tcp_sum) + segment[18:])


def stranger(source):
    """An address that may be true and isn't the lab's."""
    return struct.pack("!I", source.randrange(0x0B000000, 0x7E000000))


def syn(source, number):
    options = OPTIONS + struct.pack("!I", number) + OPTIONS_END
    return packet(stranger(source), source.randrange(1024, 65536), SYN, source.getrandbits(32),
                  options=options)


def ack(source, number):
    """Every other one with data, as if a handshake's last ACK had been lost."""
    return packet(stranger(source), source.randrange(1024, 65536), ACK, source.getrandbits(32),
                  source.getrandbits(32)) if number % 2 else packet(
                      CLIENT, source.randrange(1024, 65536), ACK | PSH, source.getrandbits(32),
                      source.getrandbits(32))


def junk(source, number):
    flags = (0, FIN | PSH | URG, SYN | FIN, SYN)[number % 4]
    address = GATEWAY if number % 4 == 3 else stranger(source)
    return packet(address, source.randrange(1024, 65536), flags, source.getrandbits(32))


def rst(port):
    return lambda source, number: packet(CLIENT, port, RST, source.getrandbits(32))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["syn", "ack", "junk", "rst"])
    parser.add_argument("--to", required=True, help="the gateway's MAC address")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rate", type=int, default=20000)
    parser.add_argument("--port", type=int, help="rst: the client's port")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if not 0 < args.count <= MOST or args.rate <= 0:
        sys.exit(f"between 1 and {MOST} frames, at a rate above 0")
    make = {"syn": syn, "ack": ack, "junk": junk, "rst": rst(args.port)}[args.kind]
    source = random.Random(args.seed)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((DEVICE, 0))
        header = bytes.fromhex(args.to.replace(":", "")) + wire.getsockname()[4] + b"\x08\x00"
        began = time.monotonic()
        for number in range(args.count):
            wire.send((header + make(source, number)).ljust(60, b"\0"))
            if number % BATCH == 0:
                time.sleep(max(0, number / args.rate - (time.monotonic() - began)))
        print(f"{args.count} frames in {time.monotonic() - began:.2f} s")


if __name__ == "__main__":
    main()
