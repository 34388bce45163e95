"""
Reports of load by UDP and HTTP, and who gets requests by them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from pathlib import Path

import pytest
from twisted.internet.address import UNIXAddress
from twisted.internet.error import CannotListenError
from zope.interface.verify import verifyObject

from tests.services.worlds import GET, OK, World
from txbalancer.core.registry import Registry
from txbalancer.errors import StartError
from txbalancer.interfaces import IMemberLoad
from txbalancer.services.heartbeat import HeartbeatLoad, Sender
from txbalancer.services.plugins import load_registry
from txbalancer.testing import MemoryTransport

TEXT = """
[txbalancer]
access-log = off
{more}
[listener:web]
endpoint = tcp:80
[balancer:shop]
lbmethod = heartbeat
{balancer}
members =
    http://10.0.0.1
    http://10.0.0.2
[mount:/load]
to = heartbeat:
[mount:/]
to = balancer://shop/
"""


class UDPPort:
    """
    A datagram port in memory.
    """

    def __init__(self, ports: list, number: int, protocol, interface: str) -> None:
        self.ports, self.number, self.protocol, self.interface = ports, number, protocol, interface
        self.groups: list[str] = []
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        protocol.transport = self
        ports.append(self)

    def stopListening(self) -> None:
        self.ports.remove(self)

    def setLoopbackMode(self, on: bool) -> None:
        self.loopback = on

    def joinGroup(self, group: str):
        from twisted.internet.defer import succeed

        self.groups.append(group)
        return succeed(None)

    def write(self, data: bytes, address: tuple[str, int]) -> None:
        self.sent.append((data, address))


class LoadWorld(World):
    """
    A service with lbmethod heartbeat on a reactor with datagrams.
    """

    def __init__(
        self, more: str = "", balancer: str = "", registry: Registry | None = None
    ) -> None:
        super().__init__(TEXT.format(more=more, balancer=balancer), registry=registry)
        self.ports: list[UDPPort] = []
        self.refused: Container[int] = ()
        self.reactor.listenUDP = self.listen
        self.reactor.listenMulticast = self.listen
        self.service.runtime.wall = lambda: 1000.0 + self.reactor.seconds()

    def listen(self, number, protocol, interface="", listenMultiple=False):
        """
        Open a datagram port.
        """
        if number in self.refused:
            raise CannotListenError(interface, number, OSError(98, "Address already in use"))
        return UDPPort(self.ports, number, protocol, interface)

    def hear(self, text: bytes, sender: str) -> None:
        """
        Let a datagram arrive.
        """
        self.ports[0].protocol.datagramReceived(text, (sender, 40000))

    def reached(self) -> str:
        """
        Ask once and return the address of the member that was connected to, if any.
        """
        client = self.client(request=GET)
        openings = self.openings()
        if not openings:
            return client.taken()[9:12].decode()
        (opening,) = openings
        opening.accept().send(OK)
        return str(opening.address[0])


LISTEN = "heartbeat-listen = 239.0.0.1:27999"


def test_A24_members_with_room_get_requests() -> None:
    """
    Reports arrive on the group's port and count within a second.
    """
    world = LoadWorld(LISTEN).start()
    (port,) = world.ports
    assert (port.number, port.groups, port.loopback) == (27999, ["239.0.0.1"], True)
    assert world.reached() == "503"
    world.hear(b"v=1&ready=5&busy=1", "10.0.0.2")
    world.advance(1.0)
    assert world.reached() == "10.0.0.2"
    world.advance(11.0)
    world.openings()
    client = world.client(request=GET)
    assert client.taken().startswith(b"HTTP/1.1 503 ")


def test_one_address_without_a_group() -> None:
    """
    Reports may also come to a plain address.
    """
    world = LoadWorld("heartbeat-listen = 127.0.0.1:27999").start()
    assert (world.ports[0].interface, world.ports[0].groups) == ("127.0.0.1", [])


def test_malformed_reports_change_nothing() -> None:
    """
    A stranger's datagram is told of once a second and not taken.
    """
    world = LoadWorld(LISTEN).start()
    for _ in range(5):
        world.hear(b"hello", "10.0.0.1")
    world.advance(1.0)
    assert [each.room for each in world.members()] == [None, None]


def test_a_busy_port_stops_the_start() -> None:
    """
    The start fails and says which option cannot be served.
    """
    world = LoadWorld(LISTEN)
    world.refused = (27999,)
    with pytest.raises(StartError, match=r"heartbeat-listen 239.0.0.1:27999: .*in use"):
        world.service.privilegedStartService()
    assert world.reactor.open == {}


def test_a_reload_moves_ports(tmp_path: Path) -> None:
    """
    Another address is listened on after a reload; one that cannot be had leaves the old.
    """
    world = LoadWorld(LISTEN).start()
    world.reload(TEXT.format(more="heartbeat-listen = 239.0.0.2:28000", balancer=""))
    assert [(port.number, port.groups) for port in world.ports] == [(28000, ["239.0.0.2"])]
    world.reload(TEXT.format(more="heartbeat-address = 10.0.0.9:1", balancer=""))
    assert [port.number for port in world.ports] == [0]
    world.advance(1.0)
    assert world.ports[0].sent[-1] == (b"v=1&ready=10000&busy=0", ("10.0.0.9", 1))
    world.service.loads.stop()
    assert world.ports == []


def test_A23_our_own_load() -> None:
    """
    Busy are the connections with a request in progress, ready is what else can be served.
    """
    world = LoadWorld("heartbeat-address = 239.0.0.1:27999").start()
    (port,) = world.ports
    assert port.loopback
    world.client()
    world.members()[0].room = 1
    world.service.targets.balancers["shop"].balancer.changed()
    world.client(request=GET)
    world.service.loads._sender.send()
    assert port.sent[-1] == (b"v=1&ready=9998&busy=1", ("239.0.0.1", 27999))


def test_a_network_that_is_away() -> None:
    """
    What cannot be sent is not sent.
    """

    class Away:
        def write(self, data: bytes, address: tuple[str, int]) -> None:
            raise OSError(101, "Network is unreachable")

    sender = Sender("[2001:db8::1]:5", lambda: (1, 0))
    sender.transport = Away()
    sender.send()


def test_A22_a_file_that_others_write(tmp_path: Path) -> None:
    """
    Without a port of its own the file is read when it changed, and its age counts (APACHE X17).
    """
    path = tmp_path / "hb.dat"
    world = LoadWorld(f"heartbeat-storage = {path}").start()
    assert world.reached() == "503"
    path.write_bytes(b"10.0.0.1 &ready=5&busy=1&lastseen=2&port=80\n")
    os.utime(path, (1000.0, 1000.0))
    world.advance(1.0)
    assert world.reached() == "10.0.0.1"
    path.write_bytes(b"10.0.0.2 &ready=5&busy=1&lastseen=0&port=80\n")
    os.utime(path, (1001.0, 1001.0))
    world.advance(1.0)
    assert world.reached() == "10.0.0.2"
    world.advance(15.0)
    assert [each.room for each in world.members()] == [None, None]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_storage_that_is_no_file(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """
    Nothing waits for a pipe, and a folder is no reason to stop.
    """
    make(tmp_path / "hb.dat")
    world = LoadWorld(f"heartbeat-storage = {tmp_path / 'hb.dat'}").start()
    world.advance(2.0)
    assert world.reached() == "503"


def test_A24_the_file_is_written(tmp_path: Path) -> None:
    """
    Where reports arrive they are written down every five seconds, at once and whole.
    """
    path = tmp_path / "hb.dat"
    world = LoadWorld(f"{LISTEN}\nheartbeat-storage = {path}").start()
    world.hear(b"v=1&ready=5&busy=1", "10.0.0.1")
    world.advance(5.0)
    assert path.read_bytes().startswith(b"10.0.0.1 &ready=5&busy=1&lastseen=")
    assert os.listdir(tmp_path) == ["hb.dat"]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """
    The service goes on without its file.
    """
    world = LoadWorld(f"{LISTEN}\nheartbeat-storage = {tmp_path}/no/hb.dat").start()
    world.hear(b"v=1&ready=5&busy=1", "10.0.0.1")
    world.advance(6.0)
    assert world.members()[0].room == 5


def post(body: bytes) -> bytes:
    """
    Make a POST to the heartbeat's mount.
    """
    return b"POST /load HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_A24_reports_by_post() -> None:
    """
    A report by POST counts for the client's address; anything else is refused.
    """
    world = LoadWorld().start()
    answer = world.client(request=post(b"ready=5&busy=1")).taken()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"OK")
    assert world.service.loads.heartbeats.reports.room("192.0.2.1", world.reactor.seconds()) == 5
    assert world.client(request=post(b"ready=5")).taken().startswith(b"HTTP/1.1 400 ")
    get = b"GET /load HTTP/1.1\r\nHost: x\r\n\r\n"
    assert world.client(request=get).taken().startswith(b"HTTP/1.1 405 ")


def test_a_report_over_a_unix_socket_is_nobodys() -> None:
    """
    Who has no address is no member's sender, and is told so.
    """
    address = UNIXAddress(None)
    world = LoadWorld().start()
    factory = world.reactor.open[80]
    client = MemoryTransport(world.reactor, factory.buildProtocol(address), address)
    client.send(post(b"ready=5&busy=1"))
    assert client.taken().startswith(b"HTTP/1.1 403 ")


def test_forms_in_parts_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A form of a MiB in parts would hold up everything for seconds before it is refused.
    """
    monkeypatch.setattr("twisted.web.http._getMultiPartArgs", None)
    body = b"--x\r\n\r\n--x--"
    kind = b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length"
    request = post(body).replace(b"Content-Length", kind)
    answer = LoadWorld().start().client(request=request).taken()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"ready is missing" in answer


def test_too_many_senders() -> None:
    """
    Who comes after the last place is told so.
    """
    world = LoadWorld("heartbeat-maxservers = 10").start()
    for number in range(10):
        world.service.loads.heartbeats.reports.take(f"10.0.1.{number}", object())
    answer = world.client(request=post(b"ready=5&busy=1")).taken()
    assert answer.startswith(b"HTTP/1.1 503 ")


class FixedLoad:
    """
    A plugin that knows the room of members from somewhere else.
    """

    name = "fixed"

    def __init__(self) -> None:
        self.broken = False

    def room(self, member, now: float) -> int:
        if self.broken:
            raise KeyError(member.url)
        return 3 if member.host == "10.0.0.2" else 0


def test_loads_of_a_plugin() -> None:
    """
    Another source of loads is named by memberload; its faults do not end the looking.
    """
    plugin = FixedLoad()
    verifyObject(IMemberLoad, plugin, tentative=True)
    verifyObject(IMemberLoad, HeartbeatLoad(1))
    known = load_registry()
    registry = Registry(known.lbmethods, known.sticky, known.probes, {"fixed": plugin})
    world = LoadWorld(balancer="memberload = fixed", registry=registry).start()
    assert world.reached() == "10.0.0.2"
    plugin.broken = True
    world.advance(3.0)
    plugin.broken = False
    assert [each.room for each in world.members()] == [0, 3]


def test_a_plugins_fault_is_not_that_of_other_balancers() -> None:
    """
    Loads of balancers after one whose plugin fails are asked for nevertheless.
    """
    plugin = FixedLoad()
    plugin.broken = True
    known = load_registry()
    registry = Registry(known.lbmethods, known.sticky, known.probes, {"fixed": plugin})
    world = LoadWorld(
        more=LISTEN,
        balancer="memberload = fixed\nmembers = http://10.0.0.8\n"
        "[balancer:other]\nlbmethod = heartbeat",
        registry=registry,
    ).start()
    world.hear(b"v=1&ready=5&busy=1", "10.0.0.2")
    world.advance(1.5)
    other = world.service.targets.balancers["other"].balancer
    assert [each.room for each in other.members] == [None, 5]


@pytest.mark.parametrize("refused", [(28000,), (0,)])
def test_a_refused_reload_forgets_no_reports(refused: tuple[int, ...]) -> None:
    """
    When a port cannot be had, what members have told stays, and so does the port of before.
    """
    world = LoadWorld(LISTEN).start()
    world.hear(b"v=1&ready=5&busy=1", "10.0.0.1")
    before = world.service.loads.heartbeats.reports, world.ports.copy()
    world.refused = refused
    more = "heartbeat-listen = 239.0.0.2:28000\nheartbeat-maxservers = 77\n"
    more += "heartbeat-address = 10.0.0.9:1"
    text = TEXT.format(more=more, balancer="")
    with pytest.raises(StartError):
        world.reload(text)
    assert (world.service.loads.heartbeats.reports, world.ports) == before
    world.refused = ()
    world.reload(text)
    assert [port.number for port in world.ports] == [28000, 0]
