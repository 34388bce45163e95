"""
Apache and txbalancer side by side: the same file, the same requests, the same members.
"""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from tests.differential.client import Answer, Client
from tests.differential.members import OK, PATIENCE, TAG, Members, Received, Script
from tests.integration.process import environment, twistd
from tests.peers import APACHE_MODULES, Peer, Peers, free_port

ADDRESSES = {"apache": "127.0.0.2", "txbalancer": "127.0.0.3"}
MEMBERS = 6

# What the file needs of Apache; its first lines, so that both sides read them.
MODULES = (
    "proxy",
    "proxy_http",
    "proxy_ajp",
    "proxy_fcgi",
    "proxy_balancer",
    "lbmethod_byrequests",
    "lbmethod_bytraffic",
    "lbmethod_bybusyness",
    "slotmem_shm",
    "headers",
    "remoteip",
    "env",
    "alias",
    "proxy_hcheck",
    "authn_core",
    "authn_file",
    "authz_host",
    "authz_user",
    "auth_basic",
)


@dataclass(frozen=True, slots=True)
class Site:
    """
    A virtual host of the file: C{NAME.test}.

    @ivar lines: its directives. In them C{{0}} to C{{5}} are the members as HOST:PORT, C{{x}} one
        that refuses, and C{{n}} is the site's name, for balancers of its own.
    @ivar alone: whether it has a port of its own, and so gets requests without a Host.
    """

    name: str
    lines: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """
    All that one request came to: at members, and at the client.
    """

    received: tuple[Received, ...]
    answer: Answer


@dataclass(slots=True)
class Waiting:
    """
    A request under way.
    """

    client: Client
    method: bytes
    tag: bytes


@dataclass(slots=True)
class Side:
    """
    One of the two programs, as seen by its clients.

    @ivar name: C{apache} or C{txbalancer}.
    """

    name: str
    ports: dict[str, int]
    members: Members
    _clients: list[Client] = field(default_factory=list)

    def connect(self, site: str) -> Client:
        """
        Open a connection to a site.
        """
        client = Client((ADDRESSES[self.name], self.ports[site]))
        self._clients.append(client)
        return client

    def close(self) -> None:
        """
        Close all connections.
        """
        for client in self._clients:
            client.socket.close()

    def send(self, site: str, raw: bytes, script: Script = OK, on: Client | None = None) -> Waiting:
        """
        Send a request and return at once; its head gets the tag as its last line.
        """
        tag = self.members.expect(script)
        client = on or self.connect(site)
        head, end, body = raw.partition(b"\r\n\r\n")
        head = head.replace(b"HOST", b"%s.test" % site.encode())
        client.send(head + b"\r\n" + TAG + b": " + tag + end + body)
        return Waiting(client, raw.partition(b" ")[0], tag)

    def read(self, waiting: Waiting, close: bool = True) -> Seen:
        """
        Read the answer to a request.
        """
        answer = waiting.client.answer(waiting.method)
        if not answer.stays and answer.status != 101:
            # Apache settles some things, as failonstatus, between the answer and the end.
            waiting.client.rest()
        if close:
            waiting.client.socket.close()
        return Seen(tuple(self.members.received(waiting.tag)), answer)

    def ask(self, site: str, raw: bytes, script: Script = OK, on: Client | None = None) -> Seen:
        """
        Send a request, on a connection of its own or a given one, and read its answer.
        """
        return self.read(self.send(site, raw, script, on), close=on is None)

    def sequence(self, site: str, requests: Sequence[tuple[bytes, Script]]) -> list[Seen]:
        """
        Send requests one after another, on one connection as long as it stays.
        """
        found = []
        client = self.connect(site)
        for raw, script in requests:
            found.append(self.ask(site, raw, script, client))
            if not found[-1].answer.stays:
                client.socket.close()
                client = self.connect(site)
        client.socket.close()
        return found


Play = Callable[[Side], list[Seen]]


class World:
    """
    Both sides with a file of sites.
    """

    def __init__(
        self,
        peers: Peers,
        members: Members,
        sites: Sequence[Site],
        top: str = "",
        passwords: str = "",
    ) -> None:
        """
        @param top: directives for the main part of the file.
        @param passwords: an htpasswd file, C{{passwords}} in sites.
        """
        file = peers.folder() / "passwords"
        file.write_text(passwords)
        sites = [
            replace(each, lines=each.lines.replace("{passwords}", str(file))) for each in sites
        ]
        ports = _ports(sites)
        self.members = members
        self.peers = [
            start(peers, render(sites, ports, members, ADDRESSES[name], top))
            for name, start in (("apache", apache), ("txbalancer", ours))
        ]
        self._ports = ports
        for place in itertools.product(ADDRESSES.values(), set(ports.values())):
            _await(place)

    def play(self, play: Play) -> tuple[list[Seen], list[Seen]]:
        """
        Do the same at Apache, then at txbalancer.
        """
        apache, ours = (self._play(play, name) for name in ADDRESSES)
        return apache, ours

    def at_once(self, plays: Sequence[Play]) -> list[tuple[list[Seen], list[Seen]]]:
        """
        Do much of the same at both sides at the same time, for what consists of waiting.
        """
        with ThreadPoolExecutor(2 * len(plays)) as pool:
            found = [[pool.submit(self._play, play, name) for name in ADDRESSES] for play in plays]
            return [(apache.result(), ours.result()) for apache, ours in found]

    def _play(self, play: Play, name: str) -> list[Seen]:
        side = Side(name, self._ports, self.members)
        try:
            return play(side)
        finally:
            side.close()


def render(
    sites: Sequence[Site], ports: dict[str, int], members: Members, address: str, top: str
) -> str:
    """
    Write the file that both sides read; only the address to listen on differs.
    """
    names = places(members)
    lines = [f"LoadModule {each}_module {APACHE_MODULES}/mod_{each}.so" for each in MODULES]
    lines += [f"Listen {address}:{port}" for port in sorted(set(ports.values()))]
    lines.append(top)
    for site in sites:
        lines += [f"<VirtualHost {address}:{ports[site.name]}>", f"ServerName {site.name}.test"]
        lines += [_filled(site.lines, {**names, "n": site.name}), "</VirtualHost>", ""]
    return "\n".join(lines)


def places(members: Members) -> dict[str, str]:
    """
    Return what to put in for C{{0}}, C{{x}} and the like.
    """
    found = {str(index): f"127.0.0.1:{port}" for index, port in enumerate(members.ports)}
    return {**found, "x": f"127.0.0.1:{members.refusing}"}


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def _await(place: tuple[str, int]) -> None:
    """
    Wait until a port is open: a program's first one is not its last.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(place, PATIENCE).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"nobody listens at {place}"
            time.sleep(0.01)
        else:
            return


def _ports(sites: Sequence[Site]) -> dict[str, int]:
    """
    Give each site its port, free at both addresses.
    """

    def port() -> int:
        return free_port(*ADDRESSES.values())

    shared = port()
    return {site.name: port() if site.alone else shared for site in sites}


def apache(peers: Peers, text: str) -> Peer:
    """
    Start Apache: one process with threads.
    """
    return peers.apache2(f"ThreadLimit 256\nThreadsPerChild 128\nMaxRequestWorkers 128\n{text}")


def ours(peers: Peers, text: str) -> Peer:
    """
    Start txbalancer as an administrator does.
    """
    folder, ready = peers.folder(), free_port()
    (folder / "httpd.conf").write_text(f"Listen 127.0.0.1:{ready}\nServerName 127.0.0.1\n{text}")
    command = twistd("--nodaemon", "--pidfile=", "txbalancer", "-c", "httpd.conf")
    return peers.start("txbalancer", command, ready, folder, environment())
