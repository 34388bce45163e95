"""
What a worker takes, and what becomes of its clients: C{python -m bench.spares}.

Memory once it is read in; from the kill of one to the answers of those who were waiting in its
socket, with a spare worker and without one; how evenly connections that are kept come to lie; how
long it takes to decide on one.
"""

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import statistics
import tempfile
import time
import timeit
from collections.abc import Sequence
from pathlib import Path

from bench.orders import Commands, service
from bench.site import free_ports
from txbalancer.workers.spread import Spread
from txbalancer.workers.table import EDITION, OPEN, Table, create_memory

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
WAIT = 0.5
"""Seconds after which a request without an answer is one to the worker that stands still."""
REPORTED = 2.5
"""Seconds within which all workers have told how many connections they have."""
KEPT = 64


def workers(commands: Commands) -> list[dict[str, int]]:
    """
    What the service says of its workers, the spare aside.
    """
    commands.request("GET", "/api/v1/workers")
    with commands.getresponse() as answer:
        found: list[dict[str, int]] = json.loads(answer.read())["workers"]
    return found


def memory(pid: int) -> tuple[float, float]:
    """
    MiB of a process: all that it has in memory, and what of it nobody else has.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(rest.split()[0]) for name, rest in (each.split(":", 1) for each in lines)}
    return sizes["Rss"] / 1024, (sizes["Private_Clean"] + sizes["Private_Dirty"]) / 1024


def answered(clients: Sequence[socket.socket], seconds: float) -> list[socket.socket]:
    """
    Read the answers that come in time and return the clients that got one.
    """
    found, _, _ = select.select(clients, [], [], seconds)
    for each in found:
        each.recv(1 << 16)
    return found


def spares_of(pids: set[int]) -> list[int]:
    """
    The processes that wait to take the place of one of these.
    """
    stat = Path(f"/proc/{next(iter(pids))}/stat").read_text()
    parent = stat[stat.rindex(")") + 2 :].split()[1]
    listings = Path(f"/proc/{parent}/task").glob("*/children")
    children = {int(pid) for each in listings for pid in each.read_text().split()}
    return [each for each in children - pids if b"services.worker" in _command(each)]


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def loss(commands: Commands, port: int, spare: bool = True) -> float | None:
    """
    Kill a worker in whose socket clients wait, and return the seconds until all have an answer.

    @param spare: whether another one waits to take its place.
    @return: C{None} when nobody was waiting there.
    """
    pids = [each["pid"] for each in workers(commands)]
    pid = pids[0]
    os.kill(pid, signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(16):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            made.sendall(REQUEST)
            clients.append(made)
        waiting = clients
        while done := answered(waiting, WAIT):
            waiting = [each for each in waiting if each not in done]
        for each in [] if spare else spares_of(set(pids)):
            os.kill(each, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        if not waiting:
            return None
        while waiting:
            done = answered(waiting, 30.0)
            if not done:
                raise SystemExit("bench.spares: a client got no answer in 30 s")
            waiting = [each for each in waiting if each not in done]
        return time.monotonic() - began


def spread(commands: Commands, port: int) -> int:
    """
    By how many the worker with most of C{KEPT} connections has more than the one with fewest.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(KEPT):
            made = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            made.sendall(REQUEST)
            made.recv(1 << 16)
        time.sleep(REPORTED)
        found = [each["connections"] for each in workers(commands)]
    time.sleep(REPORTED)
    return max(found) - min(found)


def decision(count: int, times: int = 20_000) -> float:
    """
    Microseconds to decide who of so many workers with equally much should have a connection.
    """
    descriptor = create_memory()
    try:
        table = Table(descriptor)
        for number in range(1, count + 1):
            table.use(number)
            table.column(number)[EDITION], table.column(number)[OPEN] = 1, 100
        # The least of several is what others on the machine have not disturbed.
        return min(timeit.repeat(Spread(table, 1).receiver, number=times)) / times * 1e6
    finally:
        os.close(descriptor)


def measure(folder: Path, count: int, times: int) -> None:
    """
    Measure a service with so many workers.
    """
    (port,) = free_ports(1)
    with service(folder / str(count), count, port) as commands:
        sizes = [memory(each["pid"]) for each in workers(commands)]
        whole, own = (statistics.mean(each) for each in zip(*sizes, strict=True))
        print(f"{count} workers: {whole:.0f} MiB each, {own:.0f} of them its own")
        gaps = [spread(commands, port) for _ in range(times)]
        print(f"{count} workers: {KEPT} connections are uneven by {max(gaps)} at most")
        for spare in (True, False):
            losses = []
            for _ in range(times):
                time.sleep(REPORTED)  # The next spare has to be read in.
                seconds = loss(commands, port, spare)
                losses += [] if seconds is None else [seconds]
            told = ", ".join(f"{each:.2f}" for each in sorted(losses))
            without = "" if spare else " without a spare"
            print(f"{count} workers: seconds from a kill{without} to the last answer: {told}")


def main() -> None:
    """
    Measure with two workers and with four.
    """
    made = argparse.ArgumentParser(prog="python -m bench.spares", description=__doc__)
    made.add_argument("--times", type=int, default=5, help="trials of each kind (5)")
    times = made.parse_args().times
    for count in (2, 4, 16):
        print(f"{count} workers: {decision(count):.1f} µs to decide on a connection")
    with tempfile.TemporaryDirectory() as name:
        for count in (2, 4):
            measure(Path(name), count, times)


if __name__ == "__main__":
    main()
