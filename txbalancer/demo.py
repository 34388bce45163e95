"""
C{python -m txbalancer.demo}: three members, a balancer before them, and what to try.

The balancer is the real one: an INI file is written and loaded as C{twistd} would.
"""

from __future__ import annotations

import argparse
import secrets
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogBeginner
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site
from zope.interface import provider

from txbalancer.config import load
from txbalancer.config.render import render
from txbalancer.core.access import Require
from txbalancer.core.specs import (
    BalancerSpec,
    GlobalSpec,
    ListenerSpec,
    MemberSpec,
    MountSpec,
    ServiceSpec,
    ToBalancer,
    ToManager,
    ToMetrics,
)
from txbalancer.services.plugins import load_registry
from txbalancer.services.runner import Runner
from txbalancer.services.service import BalancerService
from txbalancer.tap import Process, StartFailed

HOST = "127.0.0.1"
FAVOURITE = 8080
DELAYS = {"red": 0.0, "green": 0.0, "blue": 0.2}
"""Each member's name, which is its route too, and the seconds it takes to answer."""

LINE = "%m %U%q -> %{BALANCER_WORKER_ROUTE}e answered %>s in %{ms}T ms"

TEXT = """\

txbalancer is up: three members behind one address.

  Open   {url}                   each request goes to the next member
  Open   {url}sticky/            a cookie keeps you with the member you met first
  Open   {url}balancer-manager   see the members, drain or disable one

  Open   {url}metrics            what was counted and measured, for Prometheus

  Try    curl -i {url}hello
  Try    {command} status --watch -c {path}

Below, one line for each request says which member answered it; "blue" takes {slow:g} s.
The configuration is in {path}
Stop with Ctrl-C.
"""


class MemberPage(Resource):
    """
    A member's web site: says who answers, and what arrived of the request.
    """

    isLeaf = True

    def __init__(self, reactor: Any, name: str, delay: float) -> None:
        super().__init__()
        self._reactor, self._name, self._delay = reactor, name, delay

    def render(self, request: Request) -> Any:
        """
        Answer any path, C{/health} at once and the others after the member's delay.
        """
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        if request.path == b"/health":
            return b"well\n"
        later = deferLater(self._reactor, self._delay, self._answer, request)
        # A client that leaves cancels the wait.
        request.notifyFinish().addErrback(lambda _: later.cancel())
        later.addErrback(lambda _: None)
        return NOT_DONE_YET

    def _answer(self, request: Request) -> None:
        lines = [f"member {self._name} answers {request.method.decode()} {request.uri.decode()}"]
        lines += [
            f"  {name.decode()}: {value.decode('latin-1')}"
            for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        ]
        request.write(("\n".join(lines) + "\n").encode())
        request.finish()


def start_members(reactor: Any) -> dict[str, str]:
    """
    Start the members on free ports.

    @return: name -> URL.
    """
    urls = {}
    for name, delay in DELAYS.items():
        site = Site(MemberPage(reactor, name, delay))
        site.noisy = False
        port = reactor.listenTCP(0, site, interface=HOST)
        urls[name] = f"http://{HOST}:{port.getHost().port}"
    return urls


def free_port(favourite: int = FAVOURITE) -> int:
    """
    Return a port that nothing listens on, the favourite one if possible.
    """
    for port in (favourite, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise StartFailed(f"no port of {HOST} is free")


def configuration(port: int, urls: dict[str, str], control: str = "off") -> ServiceSpec:
    """
    Make the demo's configuration.

    @param control: where the socket for commands is.
    """
    members = tuple(
        MemberSpec(url, route=name, hcmethod="get", hcuri="/health", hcinterval=2.0)
        for name, url in urls.items()
    )
    return ServiceSpec(
        GlobalSpec(access_log_format=LINE, graceful_timeout=2.0, control=control),
        (ListenerSpec("web", (f"tcp:{port}:interface={HOST}",)),),
        (
            BalancerSpec("turns", members),
            BalancerSpec(
                "sticky",
                members,
                stickycookie="ROUTEID",
                stickycookie_secret=(secrets.token_hex(16),),
            ),
        ),
        (
            MountSpec(
                "/balancer-manager",
                "/balancer-manager",
                ToManager(),
                require=(Require("local"),),
                reverse=False,
            ),
            MountSpec(
                "/metrics", "/metrics", ToMetrics(), require=(Require("local"),), reverse=False
            ),
            MountSpec("/sticky", "/sticky", ToBalancer("sticky")),
            MountSpec("/", "/", ToBalancer("turns", "/")),
        ),
    )


def _command() -> str:
    """
    Return how the C{txbalancer} command is called from here.
    """
    program = Path(sys.prefix, "bin", "txbalancer")
    if not program.exists():
        return "txbalancer"
    here = Path.cwd()
    return str(program.relative_to(here) if program.is_relative_to(here) else program)


@provider(ILogObserver)
def _tell(event: Any) -> None:
    """
    Show what a visitor of the demo should know of the log.
    """
    if event["log_level"] >= LogLevel.warn:
        print(formatEvent(event), flush=True)


@inlineCallbacks
def _ask_once(reactor: Any, url: str, failed: list[str]) -> Any:
    """
    Send one request through the balancer, show the answer, and stop.
    """
    import treq

    try:
        response = yield treq.get(url, persistent=False, timeout=10)
        print((yield response.text()), end="")
        if response.code != 200:
            failed.append(f"status {response.code}")
    except Exception as error:
        # Whatever it is, the demo does not work here, and this is how to find out.
        failed.append(str(error) or type(error).__name__)
    reactor.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the demo until Ctrl-C.

    @return: exit status.
    """
    parser = argparse.ArgumentParser("txbalancer.demo", description=__doc__)
    parser.add_argument("--port", type=int, help=f"listen here; else on {FAVOURITE} if it is free")
    parser.add_argument("--once", action="store_true", help="send one request, then stop")
    options = parser.parse_args(arguments)

    from twisted.internet import reactor

    globalLogBeginner.beginLoggingTo([_tell], redirectStandardIO=False)
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="txbalancer-demo-") as folder:
        path = Path(folder, "demo.ini")
        port = options.port or free_port()
        control = str(Path(folder, "control.sock"))
        path.write_text(render(configuration(port, start_members(reactor), control)))
        registry = load_registry()
        balancer = BalancerService(load(str(path), registry).spec, str(path), reactor, registry)
        process = Process(balancer, Runner(fault="a demonstration has members that end with it"))
        process.privilegedStartService()
        process.startService()
        reactor.addSystemEventTrigger("before", "shutdown", process.stopService)
        url = f"http://{HOST}:{port}/"
        slow = max(DELAYS.values())
        print(TEXT.format(url=url, path=path, slow=slow, command=_command()), flush=True)
        if options.once:
            reactor.callWhenRunning(_ask_once, reactor, url + "hello", failed)
        reactor.run()
    print(f"failed: {failed[0]}" if failed else "Stopped.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
