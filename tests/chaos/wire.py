"""
A network that loses and delays packets, as a process.

    python -m tests.chaos.wire PID OWN_ADDRESS ADDRESS_THERE

Two TUN devices, one here and one in the network namespace of process PID, and between them each
packet goes through this loop: no module of the kernel (C{sch_netem}) is needed. Lines of JSON on
standard input set how it treats packets, see L{Weather}, and each is answered with how many were
lost or late before; the end of that input ends it.
"""

from __future__ import annotations

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
MOST_WAITING = 10_000
"""Packets that wait at most, as in a router; more are lost."""

MOST_AT_ONCE = 64
MTU = "9000"
"""Bytes of a packet: large ones, and long queues, so that a busy machine loses none by itself."""


@dataclass(frozen=True, slots=True)
class Weather:
    """
    @ivar loss: share of packets that are lost, 0 to 1.
    @ivar delay: seconds that each takes, each way; C{jitter}: up to so many more.
    """

    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0


class Wire:
    """
    Carries packets between two devices.
    """

    def __init__(self, near: int, far: int, seed: int) -> None:
        self.weather = Weather()
        self._ends = {near: far, far: near}
        self._random = random.Random(seed)
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._count = self._troubled = 0

    def take(self, end: int) -> None:
        """
        Take the packets that have come in at an end.
        """
        with suppress(BlockingIOError):
            for _ in range(MOST_AT_ONCE):
                self._take(end, os.read(end, 65536))

    def _take(self, end: int, packet: bytes) -> None:
        if self._random.random() < self.weather.loss or len(self._waiting) >= MOST_WAITING:
            self._troubled += 1
            return
        self._troubled += self.weather.delay > 0
        late = self.weather.delay + self._random.random() * self.weather.jitter
        self._count += 1
        due = time.monotonic() + late
        heapq.heappush(self._waiting, (due, self._count, self._ends[end], packet))

    def deliver(self) -> float | None:
        """
        Hand out what is due; return the seconds until the next is, if there is one.
        """
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, end, packet = heapq.heappop(self._waiting)
            with suppress(OSError):
                os.write(end, packet)
        return self._waiting[0][0] - now if self._waiting else None

    def run(self) -> None:
        """
        Carry packets until standard input ends.
        """
        orders = sys.stdin.fileno()
        while True:
            ready, _, _ = select.select([orders, *self._ends], [], [], self.deliver())
            for end in ready:
                if end != orders:
                    self.take(end)
                elif line := os.read(orders, 4096):
                    self.weather = replace(Weather(), **json.loads(line))
                    print(self._troubled, flush=True)
                    self._troubled = 0
                else:
                    return


def tun(name: str) -> int:
    """
    Make a device.

    @raise OSError: the system has none, or does not allow it.
    """
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def call(*command: str) -> None:
    """
    Run a command of iproute2 or util-linux.
    """
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def lay(inside: str, own: str, there: str) -> Wire:
    """
    Connect the namespace of a process.

    @param own: the address here; C{there}: the one in the namespace.
    """
    near, far = f"txn{os.getpid()}", f"txf{os.getpid()}"
    wire = Wire(tun(near), tun(far), int(inside))
    within = ("nsenter", "-t", inside, "-n")
    call("ip", "link", "set", far, "netns", inside)
    for prefix, name, address, peer in (((), near, own, there), (within, far, there, own)):
        call(*prefix, "ip", "addr", "add", address, "peer", peer, "dev", name)
        queue = ("mtu", MTU, "txqueuelen", str(MOST_WAITING))
        call(*prefix, "ip", "link", "set", name, "up", *queue)
    call(*within, "ip", "link", "set", "lo", "up")
    return wire


if __name__ == "__main__":
    laid = lay(*sys.argv[1:4])
    print("laid", flush=True)
    laid.run()
