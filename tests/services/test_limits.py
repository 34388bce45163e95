"""
Limits of connections: refused before anything is done for them, and shown.
"""

from __future__ import annotations

import json

import pytest
from twisted.internet.address import IPv4Address, IPv6Address

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.testing import MemoryTransport

ADMIN = """
[listener:admin]
endpoint = tcp:81:interface=127.0.0.1
reserved = on
"""


def world_with(service: str = "", listener: str = "", more: str = "") -> World:
    """
    Start a service with limits.
    """
    text = CONFIGURATION.replace("[listener:web]", f"{service}\n[listener:web]\n{listener}")
    if "mode = tcp" in listener:
        text = of_streams(text)
    return World(text.replace("[balancer:shop]", f"{more}[balancer:shop]")).start()


def of_streams(text: str) -> str:
    """
    Make a configuration one for connections.
    """
    text = text.replace("http://10.0.0.1", "tcp://10.0.0.1:1").replace("    http://10.0.0.2\n", "")
    return text.replace("[mount:/]\nto = balancer://shop/\n", "")


def connect(world: World, host: str = "192.0.2.1", port: int = 80) -> MemoryTransport | None:
    """
    Connect a client; C{None} when it is refused.
    """
    kind = IPv6Address if ":" in host else IPv4Address
    address = kind("TCP", host, 40000)
    protocol = world.reactor.open[port].buildProtocol(address)
    return None if protocol is None else MemoryTransport(world.reactor, protocol, address)


def refused(world: World) -> dict[str, int]:
    """
    Return what the listener refused, by cause.
    """
    return dict(world.service.listeners["web"].site.refused)


def test_more_connections_of_one_client_are_closed() -> None:
    """
    Others are served, and once one is closed the client may come again.
    """
    world = world_with(listener="connections-per-client = 2")
    first = connect(world)
    assert first is not None
    assert connect(world) is not None
    assert connect(world) is None
    assert connect(world, "192.0.2.2") is not None
    assert refused(world) == {"connections-per-client": 1}
    first.end()
    assert connect(world) is not None


def test_addresses_of_one_network_are_one_client() -> None:
    """
    Of IPv6 the 64 bits of the network count.
    """
    world = world_with(listener="connections-per-client = 1")
    assert connect(world, "2001:db8::1") is not None
    assert connect(world, "2001:db8::2") is None
    assert connect(world, "2001:db8:0:1::1") is not None


def test_exempt_clients_may_have_any_number() -> None:
    """
    Such as a proxy in front of all.
    """
    world = world_with(listener="connections-per-client = 1\nexempt-clients = 192.0.2.0/24")
    assert all(connect(world) is not None for _ in range(5))


def test_a_reload_counts_what_is_there() -> None:
    """
    A limit that is new holds for connections that came before, and goes with the next one.
    """
    world = world_with()
    connect(world)
    limited = CONFIGURATION.replace("tcp:80", "tcp:80\nconnections-per-client = 1")
    world.reload(limited)
    assert connect(world) is None
    world.reload(CONFIGURATION)
    assert connect(world) is not None
    world.reload(limited)
    assert connect(world) is None


def test_the_service_as_a_whole_has_a_limit() -> None:
    """
    What is over it is closed, but not on a reserved listener, whose connections do not count.
    """
    world = world_with("max-connections = 2", more=ADMIN)
    connect(world, port=81)
    first = connect(world)
    assert first is not None
    assert connect(world) is not None
    assert connect(world) is None
    assert refused(world) == {"max-connections": 1}
    admin = connect(world, port=81)
    assert admin is not None
    admin.send(GET)
    world.accept().send(OK)
    assert admin.taken().startswith(b"HTTP/1.1 200")
    first.end()
    assert connect(world) is not None


def test_new_connections_may_have_a_rate() -> None:
    """
    Over it they are closed, by client, also where nothing is known but bytes.
    """
    limit = "[limit:new]\nrate = 1/s\nburst = 2\n"
    world = world_with(listener="limit = new\nmode = tcp\nto = balancer://shop", more=limit)
    assert [connect(world) is not None for _ in range(3)] == [True, True, False]
    assert refused(world) == {"limit": 1}
    assert connect(world, "192.0.2.2") is not None
    world.advance(1)
    assert connect(world) is not None


def test_a_dry_run_lets_all_in() -> None:
    """
    It counts what it would have refused.
    """
    limit = "[limit:new]\nrate = 1/s\nburst = 1\ndry-run = on\n"
    world = world_with(listener="limit = new", more=limit)
    assert all(connect(world) is not None for _ in range(3))
    assert world.service.limits.limiters["new"].refused == 2
    assert refused(world) == {}


def test_without_limits_there_is_no_door() -> None:
    """
    What is off is not there.
    """
    world = world_with()
    listener = world.service.listeners["web"]
    assert listener._factory is listener.site


def test_streams_wait_for_a_balancers_max_requests() -> None:
    """
    Connections through a listener of mode tcp are what it counts; over its queue they are closed.
    """
    text = CONFIGURATION.replace("tcp:80", "tcp:80\nmode = tcp\nto = balancer://shop")
    text = text.replace("[balancer:shop]", "[balancer:shop]\nmax-requests = 1\nqueue = 1\n")
    world = World(of_streams(text)).start()
    first = connect(world)
    member = world.accept()
    second, third = connect(world), connect(world)
    assert first is not None
    assert second is not None
    assert third is not None
    assert third.ended
    second.send(b"early")
    assert world.openings() == []
    first.send(b"one")
    assert member.taken() == b"one"
    first.end()
    member.end()
    world.advance(0.1)
    assert world.accept().taken() == b"early"
    assert world.service.counters.failures["queue-full"] == 1


@pytest.mark.parametrize("path", ["/api/v1/limits", "/metrics", "/"])
def test_limits_and_their_use_are_shown(path) -> None:
    """
    In the API, to Prometheus and on the manager's page.
    """
    world = world_with(
        "max-connections = 50",
        "max-requests = 9\nconnections-per-client = 7\nrequests-per-client = 5\n",
        "[limit:api]\nrate = 5/s\nburst = 20\n[mount:/admin]\nto = manager:\nlimit = api\n"
        "[mount:/metrics]\nto = metrics:\n",
    )
    base = "/metrics" if path == "/metrics" else f"/admin{path}"
    client = world.client(request=GET.replace(b"GET / ", f"GET {base} ".encode()))
    world.advance(1)
    answer = client.taken().decode()
    assert answer.startswith("HTTP/1.1 200")
    body = answer.partition("\r\n\r\n")[2]
    if path == "/api/v1/limits":
        found = {(each["of"], each["option"]): each for each in json.loads(body)["limits"]}
        assert found["service", "max-connections"]["used"] == 1
        assert found["listener web", "max-requests"]["most"] == 9
        rate = found["limit api", "rate"]
        assert rate["passed"] == 1
        assert (rate["rate"], rate["burst"], rate["spent"]) == ("5/s", 20, 1)
    elif path == "/metrics":
        assert 'txbalancer_limit_most{of="listener web",option="max-requests"} 9' in body
        assert 'txbalancer_limit_used{of="listener web",option="connections-per-client"} 1' in body
    else:
        assert "<h2>Limits</h2>" in body
        assert "requests-per-client" in body


def test_one_rate_for_all() -> None:
    """
    With key = all a listener and a mount that name one limit have one rate together, as they have
    with key = client for one client: connections and requests add up.
    """
    for key, other in (("all", "192.0.2.2"), ("client", "192.0.2.1")):
        few = f"[limit:few]\nrate = 1/h\nburst = 3\nkey = {key}\n"
        text = CONFIGURATION.replace("[listener:web]", f"{few}[listener:web]\nlimit = few")
        world = World(f"{text}limit = few\n").start()
        client = connect(world)
        assert client is not None
        client.send(GET)
        world.accept().send(OK)
        assert client.taken().startswith(b"HTTP/1.1 200")
        assert connect(world, other) is not None
        assert connect(world, other) is None
        client.send(GET)
        assert client.taken().startswith(b"HTTP/1.1 429")
        assert len(world.service.limits.limiters["few"].table) == 1
