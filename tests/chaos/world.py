"""
What a run consists of: a balancer, members, a network, a small disk for the log.
"""

from __future__ import annotations

import contextlib
import os
import signal
import ssl
import time
import urllib.request
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.chaos.clients.base import Client, Target
from tests.chaos.clients.h1 import Http, Https
from tests.chaos.clients.h2 import Http2
from tests.chaos.clients.tunnels import Chat, Echo
from tests.chaos.processes import has_ended, tree
from tests.chaos.programs import MemberProgram, Network, Program
from tests.chaos.sheet import Sheet
from tests.integration.control import Control
from tests.integration.process import BalancerProcess

ASKS = 50
"""Times that the API is asked at most, a tenth of a second one after the other."""

CROWD: tuple[tuple[type[Client], int], ...] = (
    (Http, 6), (Https, 3), (Http2, 2), (Chat, 3), (Echo, 3),
)  # fmt: skip

GRACEFUL = 8
"""Seconds for what is in progress in a process that leaves: more than most attempts take."""

BEGIN_SECONDS = UPGRADE_SECONDS = 150.0
"""For a new process to serve, on a machine that has much else to do."""

STORM_MOST = 40
"""Connections of the listener for storms."""

RATE = 20
"""Requests a second and at once, where they are limited."""

HEAD = """\
[txbalancer]
{more}
access-log = ACCESS
access-log-format = json
graceful-timeout = {graceful}s
upgrade-timeout = {upgrade:g}s
state = {folder}/state.json
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
max-connections = {most}
[listener:tls]
endpoint = tcp:{tls}:interface=127.0.0.1
tls-certificate = {certificate}
tls-key = {key}
[listener:db]
endpoint = tcp:{db}:interface=127.0.0.1
mode = tcp
to = balancer://echo
[listener:storm]
endpoint = tcp:{storm}:interface=127.0.0.1
max-connections = {storm_most}
keepalive-timeout = 1min
[listener:admin]
endpoint = tcp:{admin}:interface=127.0.0.1
reserved = on
[mount:/metrics]
listener = admin
to = metrics:
[mount:/chat]
to = balancer://chat/
[mount:/]
to = balancer://pool/
"""

LIMITED = """\
limit = chaos
[limit:chaos]
rate = {rate}/s
burst = {rate}
key = all
"""

BALANCER = """\
[balancer:{name}]
lbmethod = {method}
member.connectiontimeout = 1s
member.timeout = {timeout}
member.retry = 300ms
member.hcinterval = 800ms
member.hctimeout = 800ms
{options}
members =
"""
OPTIONS = {
    "pool": "member.ttl = 1s\nstickycookie = ROUTE\nmember.hcmethod = get\nmember.hcuri = /health",
    "chat": "member.ttl = 1s\nmember.hcmethod = tcp",
    "echo": "member.hcmethod = tcp",
}
TIMEOUTS = {"pool": "3s", "chat": "3s", "echo": "1min"}
"""A member that is well has to answer in time on a busy machine, too."""


@dataclass
class Shape:
    """
    What a reload may change.

    @ivar extra: whether there is one more member, which nobody answers for.
    @ivar limited: whether requests are limited to L{RATE}.
    """

    methods: dict[str, str] = field(default_factory=dict)
    factors: dict[str, int] = field(default_factory=dict)
    extra: bool = False
    most: int = 10_000
    limited: bool = False


@dataclass
class World:
    """
    @ivar members: by name.
    @ivar network: what is between here and the members of L{FAR}; C{None} = they are here, too.
    @ivar disk: the folder of the log, a small disk of its own; C{None} = it is none.
    @ivar workers: the option of that name; 0 = one process.
    @ivar greed: takes all pipes, once it is started.
    @ivar prefix: a command that runs the balancer.
    @ivar pid: the balancer's, or of the process that has the others as workers.
    """

    folder: Path
    process: BalancerProcess
    members: dict[str, MemberProgram]
    network: Network | None
    disk: Path | None
    workers: int
    ports: dict[str, int]
    context: ssl.SSLContext
    values: dict[str, str]
    greed: Program
    shape: Shape = field(default_factory=Shape)
    prefix: tuple[str, ...] = ()
    pid: int = 0

    def begin(self) -> None:
        """
        Start the balancer.

        @raise RuntimeError: it ends at once, or does not come to serve.
        """
        # What a former process said does not count.
        while self.process.told(0.01):
            pass
        self.process.launch(*self.prefix)
        self.pid = self.process.pid
        over = time.monotonic() + BEGIN_SECONDS
        while not self.process.told(0.2).startswith(b"READY=1"):
            if not self.lives() or time.monotonic() > over:
                raise RuntimeError(f"the balancer did not start: {self.process.log()[-3000:]}")

    def signal(self, number: signal.Signals) -> None:
        """
        Send the balancer a signal.
        """
        os.kill(self.pid, number)

    def lives(self) -> bool:
        """
        Tell whether the balancer does.
        """
        if self.process.process is not None:
            self.process.process.poll()
        # Of a process that took over, whoever has it as a child now may never ask how it ended.
        return not has_ended(self.pid)

    def end(self) -> None:
        """
        Kill the balancer if it still lives, also one that took over, or was about to.
        """
        for pid in tree(self.pid) if self.pid else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def text(self, shape: Shape) -> str:
        """
        Write a configuration.
        """
        more = f"workers = {self.workers}" if self.workers else ""
        values = {"graceful": GRACEFUL, "upgrade": UPGRADE_SECONDS, "storm_most": STORM_MOST}
        written = HEAD.format(more=more, most=shape.most, **values, **self.values)
        if shape.limited:
            written += LIMITED.format(rate=RATE)
        for name, options in OPTIONS.items():
            written += BALANCER.format(
                name=name,
                method=shape.methods.get(name, "byrequests"),
                timeout=TIMEOUTS[name],
                options=options,
            )
            for number, each in enumerate(self.members.values(), 1):
                factor = shape.factors.get(each.name, 1)
                written += f"    {each.urls[name]} route=r{number} loadfactor={factor}\n"
            if shape.extra and name == "pool":
                written += "    http://127.0.0.1:9 status=+D\n"
        return written

    def clients(self, sheet: Sheet, seed: int) -> list[Client]:
        """
        Make the load.
        """
        web, db = Target(self.process.port), Target(self.ports["db"])
        tls, h2 = Target(self.ports["tls"], self.context), Target(self.ports["tls"], self._h2())
        targets = {Http: web, Https: tls, Http2: h2, Chat: web, Echo: db}
        kinds = [kind for kind, count in CROWD for _ in range(count)]
        return [kind(number, targets[kind], sheet, seed) for number, kind in enumerate(kinds)]

    def _h2(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.values["authority"])
        context.set_alpn_protocols(["h2"])
        return context

    def ask(self, method: str, target: str, body: Any = None) -> Any:
        """
        Ask the API, again where it has no descriptor left for one who asks.
        """
        for left in reversed(range(ASKS)):
            with contextlib.closing(Control(self.process.folder / "control.sock")) as control:
                try:
                    return control.ask(method, target, body)
                except (OSError, HTTPException):
                    if not left:
                        raise
            time.sleep(0.1)

    def troubles(self, name: str) -> int:
        """
        Return how often attempts at a member, and its checks, have failed so far.
        """
        urls = self.members[name].urls
        found = self.ask("GET", "/balancers")["balancers"]
        members = [each for one in found for each in one["members"] if each["url"] in urls.values()]
        attempts = sum(sum(each["requests"]["failed_attempts"].values()) for each in members)
        return attempts + sum(not each["status"]["usable"] for each in members)

    def sample(self, name: str, label: str = "") -> float:
        """
        Return the sum of all samples in /metrics of that name, with a label.
        """
        url = f"http://127.0.0.1:{self.ports['admin']}/metrics"
        with urllib.request.urlopen(url, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        found = [line for line in lines if line.startswith(f"txbalancer_{name}")]
        found = [line for line in found if label in line]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def log_size(self) -> int:
        """
        Return where the log of the balancer ends.
        """
        return (self.folder / "output.log").stat().st_size

    def put_in_use(self) -> None:
        """
        Have no member drained or disabled.
        """
        for each in self.ask("GET", "/balancers")["balancers"]:
            for member in each["members"]:
                path = f"/balancers/{each['name']}/members/{quote(member['url'], safe='')}"
                for word, letter in (("drain", "N"), ("disabled", "D")):
                    if letter in member["status"]["letters"]:
                        self.ask("PATCH", path, {word: False})

    def letters(self, name: str) -> list[str]:
        """
        Return the status of a member in all balancers, by Apache's letters.
        """
        urls = self.members[name].urls.values()
        found = self.ask("GET", "/balancers")["balancers"]
        members = [each for one in found for each in one["members"] if each["url"] in urls]
        return [each["status"]["letters"] for each in members]

    def usable(self, name: str) -> bool:
        """
        Tell whether a member may have requests in all balancers, as the balancer sees it.
        """
        found = self.ask("GET", "/balancers")["balancers"]
        urls = self.members[name].urls
        return all(
            any(
                member["url"] == urls[each["name"]] and member["status"]["usable"]
                for member in each["members"]
            )
            for each in found
        )
