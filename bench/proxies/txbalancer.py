"""
txbalancer itself, from the checkout that this package is in.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.proxies.base import Proxy, which
from bench.site import COOKIE, IDLE_TIMEOUT, MANAGER, METRICS, Site, Wire

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """\
[txbalancer]
access-log = {log}
access-log-format = {format}
workers = {workers}

[listener:web]
endpoint = tcp:{port}:interface=127.0.0.1:backlog=1024
keepalive-timeout = {idle}s
max-connections = 0

[balancer:bench]
lbmethod = byrequests
stickysession = {cookie}
members =
{members}
{mounts}
[mount:/]
to = balancer://bench/
{wire}"""

WIRE = """
[listener:tls]
endpoint = tcp:{tls}:interface=127.0.0.1:backlog=1024
tls-certificate = {pem}
keepalive-timeout = {idle}s
max-connections = 0

[listener:raw]
endpoint = tcp:{tcp}:interface=127.0.0.1:backlog=1024
mode = tcp
to = balancer://raw
max-connections = 0

[balancer:raw]
members =
{members}
"""

PAGES = f"""
[mount:{METRICS}]
to = metrics:

[mount:{MANAGER}]
to = manager:
"""


def mount_path(number: int) -> str:
    """
    The path of a mount before the last one.
    """
    return f"/app{number:05d}"


def mounts(count: int) -> Iterator[str]:
    """
    The sections of the mounts before the last one.
    """
    for number in range(count):
        yield f"\n[mount:{mount_path(number)}]\nto = balancer://bench\n"


def render(site: Site) -> str:
    """
    A complete INI file.
    """
    return CONFIG.format(
        wire=wired(site, site.wire) if site.wire else "",
        log=site.log("txbalancer"),
        port=site.port,
        idle=IDLE_TIMEOUT,
        cookie=COOKIE,
        members="\n".join(
            f"    http://{member.address} route={member.route} "
            f"hcmethod=GET hcuri=/health hcinterval={site.interval}"
            for member in site.members
        ),
        mounts=(PAGES if site.watched else "") + "".join(mounts(site.mounts)),
        format="json" if site.watched else "combined",
        workers=site.workers,
    )


def wired(site: Site, wire: Wire) -> str:
    """
    The sections of TLS and TCP.
    """
    members = "\n".join(f"    tcp://{each.address}" for each in site.members)
    return WIRE.format(tls=wire.tls, tcp=wire.tcp, pem=wire.pem, idle=IDLE_TIMEOUT, members=members)


def command(program: str, config: Path, site: Site) -> list[str]:
    """
    In the foreground, on the epoll reactor.
    """
    return [program, "-n", "--pidfile=", "--reactor=epoll", "txbalancer", "-c", str(config)]


def environment(site: Site) -> Mapping[str, str]:
    """
    The checkout goes before an installed copy.
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


@dataclass(frozen=True, slots=True)
class Twistd(Proxy):
    """
    The C{twistd} beside the running interpreter goes before one in PATH.
    """

    def find(self) -> str | None:
        """
        The path of twistd, or C{None}.
        """
        beside = Path(sys.executable).parent / self.program
        return str(beside) if beside.exists() else which(self.program)


PROXY = Twistd(
    name="txbalancer",
    title="txbalancer",
    program="twistd",
    render=render,
    command=command,
    version=("--version",),
    note="one process, epoll reactor, byrequests; log lines written in batches.",
    environment=environment,
)
