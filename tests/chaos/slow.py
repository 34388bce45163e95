"""
Thousands of slow clients, and how others are served meanwhile: C{python -m tests.chaos.slow}.

slowhttptest keeps connections open that send a head a line at a time, and others that read an
answer a few bytes at a time. h2load asks at a fixed rate, before and during that.

The balancer has one core for itself and all else the rest, before as well as during that. On those
who is slow gives way to who asks and who answers: it is not they that are measured.
"""

from __future__ import annotations

import argparse
import os
import socket
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
from tests.peers import Peers, free_port, require

BIG = 192 << 10
CLIENTS, RATE = 16, 25
"""Normal clients, and requests a second of each."""

PROGRAMS, CONNECTS = 4, 125
"""Processes for slow connections of a kind, and how many each opens in a second."""

HEADS = ("-H", "-i", "10", "-x", "24")
READS = ("-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32")
"""A line of the head every 10 s; 32 bytes of the answer every 5 s."""

CONNECT_SECONDS = 60.0
"""In which they have to be connected, all of them."""

WARM_UP, LOGGED = 3.0, 2.0
"""Seconds for the one, and until the access log has what was asked."""

ESTABLISHED = "01"
MOST_TIMES = 2.0
LOWEST = 19
"""How nice who is slow is while the others ask."""

MIB = 1 << 20

# The limits on clients that are slow would send most of them away within the measurement.
TEXT = """\
[txbalancer]
access-log = ACCESS
access-log-format = %U %D
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
max-connections = 0
head-timeout = 10min
write-timeout = 10min
[balancer:pool]
members = http://127.0.0.1:{member}
[mount:/]
to = balancer://pool/
"""

# What waits within the member is in memory of this machine, too, and is to be little.
MEMBER = """\
server {{
listen 127.0.0.1:{port} backlog=4096 sndbuf=32k;
send_timeout 10m;
location /big {{ alias {folder}/big; }}
location / {{ return 200 "hello"; }}
}}
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
def slow(
    kind: Sequence[str], url: str, count: int, seconds: float, output: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """
    Keep slow connections for the length of a C{with} block.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent, output.open("wb") as file:
        command = [require("slowhttptest"), *kind, "-u", url, "-l", str(int(seconds))]
        command += ["-c", str(count), "-r", str(CONNECTS)]
        # It looks from time to time whether its target is alive. Once that is answered it polls
        # a file that is closed, and so never rests again; this one never answers.
        command += ["-e", f"127.0.0.1:{silent.getsockname()[1]}", "-p", "100000"]
        running = subprocess.Popen(command, stdout=file, stderr=file, cwd=output.parent)
        try:
            yield running
        finally:
            running.terminate()
            running.wait()


@dataclass(frozen=True, slots=True)
class There:
    """
    Slow clients that are connected.

    @ivar heads: those whose heads are not complete.
    @ivar reads: those for whom something is in the balancer's socket.
    """

    heads: int
    reads: int

    def __str__(self) -> str:
        return f"{self.heads} with a head, {self.reads} with an answer in progress"


def connected(port: int) -> There:
    """
    Count connections of clients that were accepted, while no others ask.
    """
    # Those that wait to be accepted have no file yet, and the number 0 for it.
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    here = [
        row
        for row in rows
        if row[1].endswith(f":{port:04X}") and row[3] == ESTABLISHED and row[9] != "0"
    ]
    reads = sum(int(row[4].partition(":")[0], 16) > 0 for row in here)
    return There(len(here) - reads, reads)


def memory(process: BalancerProcess) -> str:
    """
    Tell how much the balancer has, and the system for all of TCP.
    """
    pages = int(Path("/proc/net/sockstat").read_text().partition("TCP:")[2].split()[9])
    tcp = pages * os.sysconf("SC_PAGE_SIZE")
    return f"{process.rss() / MIB:.0f} MiB, the system's for TCP {tcp / MIB:.0f} MiB"


def own(process: BalancerProcess, start: int) -> str:
    """
    Tell how long normal requests took by the access log, from their head to their answer.

    @param start: bytes of it that are of before.
    """
    lines = process.access.read_bytes()[start:].decode().splitlines()
    times = [int(line.removeprefix("/ ")) / 1e3 for line in lines if line.startswith("/ ")]
    p99 = statistics.quantiles(times, n=100)[98]
    return f"by the access log median {statistics.median(times):.2f} ms, p99 {p99:.2f} ms"


@dataclass(frozen=True, slots=True)
class Core:
    """
    What a process has had of its core, in seconds.

    @ivar waited: while it could have run and others did.
    """

    ran: float
    waited: float

    @classmethod
    def of(cls, pid: int) -> Core:
        """
        Read it for the main thread of a process.
        """
        ran, waited, _ = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
        return cls(int(ran) / 1e9, int(waited) / 1e9)

    def __sub__(self, before: Core) -> Core:
        return Core(self.ran - before.ran, self.waited - before.waited)

    def __str__(self) -> str:
        return f"the balancer ran {self.ran:.2f} s and waited {self.waited:.2f} s for its core"


@dataclass(slots=True)
class World:
    """
    A balancer before nginx, with a big document.

    @ivar busy: whether the machine was, with something else, in one of the measurements.
    """

    process: BalancerProcess
    folder: Path
    busy: bool = False

    @classmethod
    def begin(cls, stack: ExitStack, folder: Path) -> World:
        """
        Start it; where there are several cores, the balancer has the first for itself.
        """
        folder.chmod(0o755)
        (folder / "big").write_bytes(os.urandom(BIG))
        first, *others = sorted(os.sched_getaffinity(0))
        if others:
            os.sched_setaffinity(0, others)
        member = free_port()
        text = MEMBER.format(port=member, folder=folder)
        stack.enter_context(Peers()).nginx("location / { return 204; }", text)
        process = BalancerProcess(folder, TEXT.format(member=member))
        stack.callback(process.stop)
        process.start(*(("taskset", "--cpu-list", str(first)) if others else ()))
        say(f"cores      {first} the balancer's, {others or 'the same'} for all else")
        return cls(process, folder)

    @property
    def url(self) -> str:
        """
        The small document's.
        """
        return f"http://127.0.0.1:{self.process.port}/"

    def served(self, name: str, seconds: float) -> Served:
        """
        Ask at a fixed rate for some time, and tell of it.
        """
        start = self.process.access.stat().st_size if self.process.access.exists() else 0
        before = Core.of(self.process.pid)
        found = ask(self.url, seconds, self.folder)
        core = Core.of(self.process.pid) - before
        self.busy |= core.waited > core.ran
        time.sleep(LOGGED)
        say(f"{name:10} {found}")
        say(f"{'':10} {own(self.process, start)}")
        say(f"{'':10} {core}; load of the machine {os.getloadavg()[0]:.1f}")
        say(f"{'':10} memory: {memory(self.process)}")
        return found

    def await_slow(self, count: int) -> There:
        """
        Wait for so many slow connections of each kind; return how many there are.
        """
        deadline = time.monotonic() + CONNECT_SECONDS
        while True:
            there = connected(self.process.port)
            if enough(there, count) or time.monotonic() > deadline:
                return there
            time.sleep(1.0)


def enough(there: There, count: int) -> bool:
    """
    Tell whether there are so many of each kind.
    """
    return min(there.heads, there.reads) >= count


def measure(stack: ExitStack, count: int, seconds: float) -> bool:
    """
    Measure without and with slow clients, and tell.

    @param count: of slow connections of each kind.
    """
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="txb-slow-")))
    world = World.begin(stack, folder)
    ask(world.url, WARM_UP, folder)
    quiet = world.served("quiet", seconds)
    lasts = CONNECT_SECONDS + 2 * seconds + 60
    programs = [
        stack.enter_context(
            slow(kind, url, -(-count // PROGRAMS), lasts, folder / f"{name}{number}.log")
        )
        for kind, url, name in ((HEADS, world.url, "heads"), (READS, f"{world.url}big", "reads"))
        for number in range(PROGRAMS)
    ]
    before = world.await_slow(count)
    for each in programs:
        os.setpriority(os.PRIO_PROCESS, each.pid, LOWEST)
    say(f"slow       {before}")
    during = world.served("during", seconds)
    # None of them comes again that was lost, so that this tells of all the time between.
    after = connected(world.process.port)
    say(f"slow       {after}")
    wrong = []
    if not (enough(before, count) and enough(after, count)):
        wrong.append(f"fewer than {count} slow clients of each kind")
    if world.busy:
        wrong.append("the machine is too busy with other things to tell")
    if during.p99 >= MOST_TIMES * quiet.p99:
        wrong.append(f"over {MOST_TIMES:g}")
    if during.faulty:
        wrong.append("requests failed")
    verdict = f"WRONG: {', '.join(wrong)}" if wrong else "held"
    say(f"verdict    p99 {during.p99 / quiet.p99:.2f} times as long: {verdict}")
    return not wrong


def main(arguments: Sequence[str] | None = None) -> int:
    """
    @return: 0; 1 when normal clients were served more than twice as slowly, not enough slow
        ones were there, or the machine had other things to do.
    """
    options = argparse.ArgumentParser(prog="python -m tests.chaos.slow", description=__doc__)
    options.add_argument("--count", type=int, default=5000, help="of each kind (5000)")
    options.add_argument("--seconds", type=float, default=30.0, help="of each measurement (30)")
    chosen = options.parse_args(arguments)
    with ExitStack() as stack:
        return 0 if measure(stack, chosen.count, chosen.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
