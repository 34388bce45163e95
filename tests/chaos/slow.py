"""
Thousands of slow clients, and how others are served meanwhile: C{python -m tests.chaos.slow}.

slowhttptest keeps connections open that send a head a line at a time, and others that read an
answer a few bytes at a time. h2load asks at a fixed rate, before and during that.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.__main__ import say
from tests.integration.process import BalancerProcess
from tests.peers import Peers, require

BIG = 1 << 20
CLIENTS, RATE = 16, 25
"""Normal clients, and requests a second of each."""

CONNECTS = 500
"""Slow connections that are opened in a second."""

HEADS = ("-H", "-i", "10", "-x", "24", "-p", "3")
READS = ("-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-p", "3")
"""A line of the head every 10 s; 32 bytes of the answer every 5 s."""

CONNECT_SECONDS = 120.0
"""In which they have to be connected, all of them."""

ESTABLISHED = "01"
MOST_TIMES = 2.0

TEXT = """\
[txbalancer]
access-log = off
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
max-connections = 0
head-timeout = 10min
[balancer:pool]
members = {url}
[mount:/]
to = balancer://pool/
"""


@dataclass(frozen=True, slots=True)
class Served:
    """
    How normal clients were served: seconds for one request.
    """

    count: int
    faulty: int
    median: float
    p99: float

    def __str__(self) -> str:
        return (
            f"{self.count} requests, {self.faulty} failed,"
            f" median {self.median * 1e3:.2f} ms, p99 {self.p99 * 1e3:.2f} ms"
        )


def summed(log: str) -> Served:
    """
    Read what h2load wrote: when each request began, its status, and its microseconds.
    """
    rows = [line.split("\t") for line in log.splitlines()]
    times = [int(row[2]) / 1e6 for row in rows if row[1] == "200"]
    p99 = statistics.quantiles(times, n=100)[98]
    return Served(len(rows), len(rows) - len(times), statistics.median(times), p99)


def ask(url: str, seconds: float, folder: Path) -> Served:
    """
    Ask at a fixed rate for some time.
    """
    log = folder / "h2load.log"
    # It is appended to.
    log.unlink(missing_ok=True)
    command = [require("h2load"), "--h1", f"--clients={CLIENTS}", f"--rps={RATE}"]
    command += [f"--duration={seconds:g}", f"--log-file={log}", url]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=seconds + 60)
    return summed(log.read_text())


@contextmanager
def slow(kind: Sequence[str], url: str, count: int, seconds: float, output: Path) -> Iterator[None]:
    """
    Keep slow connections for the length of a C{with} block.
    """
    command = [require("slowhttptest"), *kind, "-c", str(count), "-r", str(CONNECTS)]
    command += ["-l", str(int(seconds)), "-u", url]
    with output.open("wb") as file:
        running = subprocess.Popen(command, stdout=file, stderr=file, cwd=output.parent)
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def connections(port: int) -> int:
    """
    Return how many connections of clients are established.
    """
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED for row in rows)


def started(stack: ExitStack, folder: Path) -> BalancerProcess:
    """
    Start a balancer before nginx, with a big document.
    """
    folder.chmod(0o755)
    (folder / "big").write_bytes(os.urandom(BIG))
    member = stack.enter_context(Peers()).nginx(
        f'location /big {{ alias {folder}/big; }} location / {{ return 200 "hello"; }}'
    )
    process = BalancerProcess(folder, TEXT.format(url=member.url))
    stack.callback(process.stop)
    return process.start()


def await_slow(port: int, count: int) -> int:
    """
    Wait for so many connections; return how many there are.
    """
    deadline = time.monotonic() + CONNECT_SECONDS
    while (there := connections(port)) < count and time.monotonic() < deadline:
        time.sleep(0.5)
    return there


def measure(stack: ExitStack, count: int, seconds: float) -> bool:
    """
    Measure without and with slow clients, and tell.

    @param count: of slow connections of each kind.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="txb-slow-")))
    process = started(stack, folder)
    url = f"http://127.0.0.1:{process.port}/"
    ask(url, 3.0, folder)
    quiet = ask(url, seconds, folder)
    say(f"quiet      {quiet}; {process.rss() / 2**20:.1f} MiB")
    lasts = CONNECT_SECONDS + 2 * seconds
    for kind, path, name in ((HEADS, "", "heads"), (READS, "big", "reads")):
        stack.enter_context(slow(kind, url + path, count, lasts, folder / f"{name}.log"))
    before = await_slow(process.port, 2 * count)
    during = ask(url, seconds, folder)
    after = connections(process.port)
    say(f"during     {during}; {process.rss() / 2**20:.1f} MiB")
    say(f"slow       {before} connections at the beginning of that, {after} at its end")
    times = during.p99 / quiet.p99
    held = times < MOST_TIMES and not during.faulty and min(before, after) >= 2 * count
    say(f"verdict    p99 {times:.2f} times as long: {'held' if held else 'WRONG'}")
    return held


def main(arguments: Sequence[str] | None = None) -> int:
    """
    @return: 0; 1 when normal clients were served more than twice as slowly.
    """
    options = argparse.ArgumentParser(prog="python -m tests.chaos.slow", description=__doc__)
    options.add_argument("--count", type=int, default=5000, help="of each kind (5000)")
    options.add_argument("--seconds", type=float, default=20.0, help="of each measurement (20)")
    chosen = options.parse_args(arguments)
    with ExitStack() as stack:
        return 0 if measure(stack, chosen.count, chosen.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
