"""
The measurements: one proxy at a time, from a fresh start, on a core of its own.
"""

import contextlib
import functools
import operator
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.clients import answers, held, sticky_requests, still_open, verify
from bench.load import Load, Wrk, request
from bench.procs import Child, core_seconds, reaped_seconds
from bench.proxies import Proxy
from bench.site import (
    BenchError,
    Member,
    Site,
    many_members,
    two_members,
)

Sample = dict[str, float]
"""Figures of one proxy in one round, by name: C{plain.cpu} (µs), C{big.cpu} (s/GB), ..."""

SETTLE = 0.3
BASELINE_IDLE = 300
"""Connections opened before idle ones are counted: they pay for what is made once, like threads."""

TRIES = 4
DISTURBED = 5.0
"""Per cent of a core taken by other programs, from which on a load is repeated."""

SCALE_INTERVAL = 30
"""Seconds between probes of a member where the effect of many members is measured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """
    How much to measure.
    """

    rounds: int = 5
    seconds: float = 3.0
    connections: int = 64
    idle: int = 2000
    crowd: int = 10_000
    members: int = 1000
    mounts: int = 10_000


@dataclass(slots=True)
class Bench:
    """
    The place of a run: folder, cores, members; a context manager sets it up and clears it away.

    @ivar say: takes a line for the user.
    @ivar out: proxies that failed, and why; they are left out of further rounds.
    @ivar verified: proxies whose features were seen to work.
    @ivar foreign: for each load the per cent of a core that other programs took.
    @ivar members: the running members.
    """

    settings: Settings
    say: Callable[[str], None]
    folder: Path
    proxy_core: int
    load_core: int
    member_ports: tuple[int, int]
    port: int
    wrk: Wrk
    out: dict[str, str] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)
    foreign: list[float] = field(default_factory=list)
    members: list[Child] = field(default_factory=list)

    def site(self, name: str, count: int = 2, mounts: int = 0, scale: bool = False) -> Site:
        """
        The job for a proxy; in a fresh folder.
        """
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        folder.chmod(0o755)
        ports = self.member_ports
        found = two_members(ports) if count == 2 else many_members(ports, count)
        clients = 1024 + max(self.settings.idle, self.settings.crowd if scale else 0)
        site = Site(
            self.port, found, folder, clients=clients, mounts=mounts, root=os.geteuid() == 0
        )
        if not scale:
            return site
        return Site(
            self.port, found, folder, clients, mounts, interval=SCALE_INTERVAL, root=site.root
        )

    @contextlib.contextmanager
    def running(self, proxy: Proxy, site: Site) -> Iterator[Child]:
        """
        The proxy, ready for requests; ended and its logs removed afterwards.
        """
        program = proxy.find()
        if program is None:
            raise BenchError(f"{proxy.program} is not installed")
        config = proxy.write(site)
        child = Child(
            proxy.name,
            proxy.command(program, config, site),
            self.proxy_core,
            site.folder,
            proxy.environment(site),
            output=site.log(proxy.name) if proxy.name == "haproxy" else None,
        )
        try:
            with child:
                child.wait_ready(functools.partial(answers, site.port))
                yield child
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)

    def drive(self, child: Child, run: Callable[[], Load]) -> tuple[Load, float]:
        """
        Load the proxy; again when other programs got in its way, and then the quietest counts.

        @param run: loads it once, with programs on this process' core.
        @return: what the clients saw, and the CPU seconds that the proxy took.
        """
        tries: list[tuple[float, Load, float]] = []
        while len(tries) < TRIES and (not tries or tries[-1][0] > DISTURBED):
            tries.append(self.drive_once(child, run))
        foreign, load, cpu = min(tries, key=operator.itemgetter(0))
        self.foreign.append(foreign)
        return load, cpu

    def drive_once(self, child: Child, run: Callable[[], Load]) -> tuple[float, Load, float]:
        """
        Load the proxy once.

        @return: the per cent of a core that other programs took, what the clients saw, and the
            CPU seconds of the proxy.
        """
        start, cpu, before = time.monotonic(), child.cpu(), self.foreign_seconds(child)
        load = run()
        cpu, elapsed = child.cpu() - cpu, time.monotonic() - start
        most = max(map(operator.sub, self.foreign_seconds(child), before))
        return most / elapsed * 100, load, cpu

    def foreign_seconds(self, child: Child) -> tuple[float, float]:
        """
        What other programs took so far on the proxy's core, and on that of the load.
        """
        own = time.process_time() + reaped_seconds() + sum(each.cpu() for each in self.members)
        return core_seconds(self.proxy_core) - child.cpu(), core_seconds(self.load_core) - own

    def small(
        self, child: Child, kind: str, requests: Sequence[str], port: int = 0, scheme: str = "http"
    ) -> Sample:
        """
        Figures for small answers; C{kind} starts their names.

        @param port: if not that of plain HTTP.
        """
        return self.counted(
            child,
            kind,
            lambda: self.wrk.run(
                port or self.port,
                requests,
                self.settings.seconds,
                self.settings.connections,
                scheme,
            ),
        )

    def counted(self, child: Child, kind: str, run: Callable[[], Load]) -> Sample:
        """
        Figures for a load of many small things.
        """
        load, cpu = self.drive(child, run)
        if not load.requests:
            raise BenchError(f"{child.name} answered no {kind} request:\n{child.tail()}")
        return {
            f"{kind}.rps": load.requests / load.seconds,
            f"{kind}.p99": load.p99,
            f"{kind}.cpu": cpu / load.requests * 1e6,
            f"{kind}.busy": cpu / load.seconds * 100,
            f"{kind}.errors": load.errors,
        }

    def big(self, child: Child, kind: str = "big", port: int = 0, scheme: str = "http") -> Sample:
        """
        Figures for the big body, four downloads at once.
        """
        texts = [request("/big")]
        load, cpu = self.drive(
            child,
            lambda: self.wrk.run(port or self.port, texts, self.settings.seconds, 4, scheme),
        )
        if load.size < 1e6:
            raise BenchError(f"{child.name} sent no body:\n{child.tail()}")
        return {
            f"{kind}.mbps": load.size / load.seconds / 1e6,
            f"{kind}.cpu": cpu / (load.size / 1e9),
            f"{kind}.errors": load.errors,
        }

    def idle(self, child: Child) -> Sample:
        """
        Memory per idle connection.
        """
        with held(self.port, BASELINE_IDLE):
            time.sleep(SETTLE)
            before = child.memory()
            with held(self.port, self.settings.idle) as clients:
                time.sleep(SETTLE)
                grown = child.memory() - before
                found = still_open(clients)
        if found < len(clients):
            raise BenchError(f"{child.name} closed {len(clients) - found} idle connections")
        time.sleep(SETTLE)
        return {"idle.kib": grown / self.settings.idle / 1024}

    def session(self, proxy: Proxy) -> Sample:
        """
        All figures of one proxy in one round, from a fresh start.
        """
        site = self.site(proxy.name)
        cookies = {proxy.cookie(member): member for member in site.members}
        plain, sticky = [request("/")], sticky_requests(list(cookies), ["/"])
        with self.running(proxy, site) as child:
            if proxy.name not in self.verified:
                self.verify(proxy, site, cookies)
            # Before any load: what busy connections gave back would hide what idle ones take.
            found = self.idle(child)
            self.wrk.run(self.port, [*plain, *sticky], 1, self.settings.connections)
            found |= self.small(child, "plain", plain)
            found |= self.small(child, "headers", sticky)
            found["memory"] = child.memory() / 1024**2
            found |= self.big(child)
            self.see_log(proxy, site, found)
        return found

    def verify(self, proxy: Proxy, site: Site, cookies: dict[str, Member]) -> None:
        """
        See once that stickiness, balancing and health checks are on.
        """
        # The first probes are over, so that a proxy that starts with all members down is judged
        # by its features and not by its start.
        probed = self.wait_for_probe(site) if proxy.probes else True
        verify(self.port, cookies)
        if not probed:
            raise BenchError(f"{proxy.name}: no health check seen in {2 * site.interval} s")
        self.verified.add(proxy.name)

    def wait_for_probe(self, site: Site) -> bool:
        """
        Whether the members' log of health checks grows.
        """
        log = self.folder / "health.log"
        before, end = log.stat().st_size, time.monotonic() + 2 * site.interval
        while log.stat().st_size == before:
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True

    def see_log(self, proxy: Proxy, site: Site, sample: Sample) -> None:
        """
        See that the access log was on: at least 20 bytes for each request of the last load.
        """
        requests = self.settings.seconds * sample["headers.rps"]
        if site.log(proxy.name).stat().st_size < 20 * requests:
            raise BenchError(f"{proxy.name} did not write its access log")

    def rest(self, child: Child, seconds: float = 1.0) -> float:
        """
        Per cent of a core that the proxy takes without requests: probes and sweeps.
        """
        before = child.cpu()
        time.sleep(seconds)
        return (child.cpu() - before) / seconds * 100

    def wait_quiet(self, child: Child) -> None:
        """
        Wait, not for long, until the work after a start is over.
        """
        for _ in range(20):
            if self.rest(child, 0.5) < 15:
                return
