"""
Another configuration in force: without a dropped request, or not at all.
"""

from __future__ import annotations

import pytest
from twisted.logger import LogLevel, capturedLogs

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.core import flags
from txbalancer.errors import BalancerError, ConfigErrors, StartError

ONE_LESS = CONFIGURATION.replace("    http://10.0.0.2\n", "")
OTHER_PORT = CONFIGURATION.replace("tcp:80", "tcp:81")


def exchange(world: World, port: int = 80) -> tuple:
    """
    Begin an exchange; returns both ends.
    """
    client = world.client(port, GET)
    return client, world.accept()


def test_the_same_configuration_changes_nothing() -> None:
    """
    No line, and balancers, pools and ports are the same objects.
    """
    world = World().start()
    before = world.service.targets.balancers["shop"], world.reactor.open[80]
    assert world.reload(CONFIGURATION) == []
    assert (world.service.targets.balancers["shop"], world.reactor.open[80]) == before


def test_live_state_is_kept() -> None:
    """
    Counts, errors, connections and exchanges in progress of members that stay are untouched.
    """
    world = World().start()
    client, member = exchange(world)
    shop = world.service.targets.balancers["shop"].balancer
    shop.force_error(shop.members[1], "test", 0.0)
    lines = world.reload(CONFIGURATION.replace("http://10.0.0.1", "http://10.0.0.1 loadfactor=3"))
    assert any("loadfactor" in line for line in lines)
    one, two = world.members()
    assert (one.busy, one.elected, one.pool.open) == (1, 1, 1)
    assert one.lbfactor == 300
    assert two.flags & flags.IN_ERROR
    member.send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200")
    assert one.busy == 0


def test_a_removed_member_drains() -> None:
    """
    What a removed member has in progress ends well; its idle connections are closed; it gets
    no other request.
    """
    world = World().start()
    client, busy = exchange(world)
    _, other = exchange(world)
    other.send(OK)
    _, idle = exchange(world)
    idle.send(OK)
    gone = next(each for each in world.members() if each.busy)
    staying = "http://10.0.0.2" if gone.name.endswith("1") else "http://10.0.0.1"
    world.reload(CONFIGURATION.replace(f"    {gone.name}\n", ""))
    assert [each.name for each in world.members()] == [staying]
    world.advance(0)
    assert (idle.ended, other.ended, gone.pool.open) == ("closed", "", 1)
    busy.send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200")
    world.advance(0)
    assert busy.ended == "closed"
    assert (gone.busy, gone.pool.open) == (0, 0)


def test_an_added_member_takes_part() -> None:
    """
    A new member is elected as the others are.
    """
    world = World(ONE_LESS).start()
    world.reload(CONFIGURATION)
    for _ in range(2):
        exchange(world)
    assert [each.busy for each in world.members()] == [1, 1]


def test_balancers_and_mounts_come_and_go() -> None:
    """
    New requests see the new mounts, old exchanges end at their old balancer.
    """
    world = World().start()
    client, member = exchange(world)
    world.reload(
        "[txbalancer]\naccess-log = off\n[listener:web]\nendpoint = tcp:80\n"
        "[mount:/]\nto = status:410\n"
    )
    assert world.client(request=GET).taken().startswith(b"HTTP/1.1 410")
    member.send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200")
    world.advance(0)
    assert member.ended == "closed"
    assert world.service.targets.balancers == {}


def test_a_lone_member_of_a_mount_is_kept() -> None:
    """
    C{to = http://…} keeps its connections over a reload, and lets them go with the mount.
    """
    text = "[txbalancer]\naccess-log = off\n[listener:web]\nendpoint = tcp:80\n"
    mount = "[mount:/]\nto = http://10.0.0.9/base/\n"
    world = World(text + mount).start()
    _, member = exchange(world)
    assert member.taken().startswith(b"GET /base/ HTTP/1.1\r\nHost: 10.0.0.9\r\n")
    member.send(OK)
    world.reload(text + mount + "[mount:/late]\nto = status:404\n")
    client = world.client(request=GET)
    assert world.openings() == []
    member.send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200")
    world.reload(text + "[mount:/]\nto = status:404\n")
    world.advance(0)
    assert member.ended == "closed"


def test_listeners_come_and_go() -> None:
    """
    A new endpoint is opened, the old one closed; what came in by it is answered, then closed.
    """
    world = World().start()
    client, member = exchange(world)
    idle = world.client()
    world.reload(OTHER_PORT.replace("listener:web", "listener:other"))
    assert list(world.reactor.open) == [81]
    world.advance(0)
    assert idle.ended == "closed"
    member.send(OK)
    assert b"\r\nConnection: close\r\n" in client.taken()
    exchange(world, 81)
    stopping = world.service.stopService()
    world.advance(11)
    assert stopping.called


def test_limits_change_in_place() -> None:
    """
    Other options of a listener hold at once, on the same port.
    """
    world = World().start()
    factory = world.reactor.open[80]
    world.reload(CONFIGURATION.replace("tcp:80", "tcp:80\nmax-url = 64"))
    assert world.reactor.open[80] is factory
    long = GET.replace(b"/ ", b"/%b " % (b"a" * 99))
    assert world.client(request=long).taken().startswith(b"HTTP/1.1 414")


def test_the_log_may_move(tmp_path) -> None:
    """
    Another log is opened before the old one is closed.
    """
    old, new = tmp_path / "old.log", tmp_path / "new.log"
    world = World(CONFIGURATION.replace("= off", f"= {old}")).start()
    _, member = exchange(world)
    member.send(OK)
    world.reload(CONFIGURATION.replace("= off", f"= {new}"))
    assert old.read_text().count("GET") == 1
    _, member = exchange(world)
    member.send(OK)
    world.advance(1)
    assert new.read_text().count("GET") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tcp:80", "tcp:80\n    tcp:99"),
        (
            "[mount:/]",
            "[listener:a]\nendpoint = tcp:88\n[listener:b]\nendpoint = tcp:99\n[mount:/]",
        ),
        ("tcp:80", "tcp:80\ntls-certificate = /dev/null"),
        ("http://10.0.0.2", "https://10.0.0.2 sslproxycacertificatefile=/dev/null"),
        ("= off", "= /none/access.log"),
        ("[mount:/]", "[mount:/x]\nto = https://a/ sslproxycacertificatefile=/dev/null\n[mount:/]"),
    ],
)
def test_a_reload_that_fails_changes_nothing(old, new) -> None:
    """
    A port, certificate, authority or log that is not to be had: all is as before, nothing
    new stays open.
    """
    world = World().start()
    world.reactor.busy.add(99)
    client, member = exchange(world)
    targets = world.service.targets
    before = world.service.spec, [targets.table(each) for each in world.service.spec.listeners]
    members = world.members()
    specs = [each.spec for each in members]
    text = CONFIGURATION.replace(old, new).replace("http://10.0.0.1", "http://10.0.0.1 lbset=1")
    with pytest.raises(StartError):
        world.reload(text)
    tables = [targets.table(each) for each in world.service.spec.listeners]
    assert (world.service.spec, tables) == before
    assert [each.spec for each in world.members()] == specs
    assert world.members() == members
    assert list(world.reactor.open) == [80]
    member.send(OK)
    assert client.taken().startswith(b"HTTP/1.1 200")
    assert world.reload(CONFIGURATION) == []


def test_files_are_read_again(tmp_path) -> None:
    """
    reload_file reads the file anew; a faulty one raises and logs every fault, and changes nothing.
    """
    path = tmp_path / "conf.ini"
    path.write_text(ONE_LESS)
    world = World(CONFIGURATION, str(path)).start()
    assert any("10.0.0.2" in line for line in world.service.reload_file())
    assert len(world.members()) == 1
    path.write_text(CONFIGURATION.replace("members", "membres").replace("tcp:80", "tcp:x"))
    with pytest.raises(ConfigErrors) as caught, capturedLogs() as told:
        world.service.reload_file()
    assert len(caught.value.errors) >= 2
    (event,) = [each for each in told if each["log_level"] is LogLevel.error]
    assert event["error"] == str(caught.value)
    path.unlink()
    with pytest.raises(BalancerError):
        world.service.reload_file()
    assert len(world.members()) == 1


def test_a_changed_file_of_authorities_is_used(tmp_path) -> None:
    """
    A reload reads the files behind the options again, where the option is the same.
    """
    from tests.integration.certificates import Authority

    path = tmp_path / "ca.pem"
    first, second = Authority(tmp_path, "First"), Authority(tmp_path, "Second")
    path.write_bytes(first.file.read_bytes())
    text = CONFIGURATION.replace(
        "http://10.0.0.2", f"https://10.0.0.2 sslproxycacertificatefile={path}"
    )
    world = World(text).start()
    before = world.members()[1].pool.tls
    path.write_bytes(second.file.read_bytes())
    world.reload(text)
    assert world.members()[1].pool.tls is not before
