"""
Members fail, come and go under load, and no client notices.
"""

from __future__ import annotations

import random
import select
import signal
import time

import pytest

from tests.integration.conftest import Starts
from tests.integration.load import ECHO, Load
from tests.integration.process import BalancerProcess, until
from tests.integration.scripted import Request, ScriptedMember
from tests.peers import Peer, Peers

pytestmark = [pytest.mark.integration, pytest.mark.peers]

NAMES = ("web1", "web2", "web3")


def echo(peers: Peers, name: str) -> Peer:
    """
    Start a member that repeats the request's id and says its name.
    """
    reply = ECHO.replace("NAME", name)
    return peers.nginx(f"client_max_body_size 0;\nlocation / {{ {reply} }}")


def configuration(members: list[str], more: str = "", path: str = "/") -> str:
    """
    Write a balancer of these member lines, mounted at a path.
    """
    lines = "\n".join(f"    {each}" for each in members)
    return f"[balancer:pool]\n{more}\nmembers =\n{lines}\n\n[mount:{path}]\nto = balancer://pool/\n"


@pytest.fixture
def members(peers: Peers) -> list[Peer]:
    """
    Start three members.
    """
    return [echo(peers, name) for name in NAMES]


def tried(process: BalancerProcess, reason: str) -> int:
    """
    Count the attempts that ended for this reason.
    """
    return sum(why == reason for each in process.records() for why in reasons(each))


def reasons(record: dict[str, list[dict[str, str]]]) -> list[str]:
    """
    Return the reasons of a request's failed attempts.
    """
    return [each["reason"] for each in record["tried"]]


def test_killed_member_is_not_noticed(balancer: Starts, members: list[Peer]) -> None:
    """
    A member that crashes costs no request, and it has its share again once it is back.
    """
    process = balancer(configuration([f"{each.url} retry=1 maxfails=1" for each in members]))
    with Load(process.port) as load:
        assert set(load.names) == set(NAMES)
        members[0].kill()
        load.more(400)
        before = load.names["web1"]
        load.more(200)
        assert load.names["web1"] == before
        members[0].start()
        load.more_from("web1")
    assert load.failures == []
    assert process.log().count("-> in error") >= 1


def test_silent_member_is_left_within_its_timeout(balancer: Starts, members: list[Peer]) -> None:
    """
    A member that accepts and never answers costs its timeout, and no request.
    """
    process = balancer(configuration([f"{each.url} timeout=0.5 retry=60" for each in members]))
    with Load(process.port) as load:
        members[1].signal(signal.SIGSTOP)
        until(lambda: "-> in error" in process.log(), "the silent member is put out")
        load.more(400)
    assert load.failures == []
    assert tried(process, "response-timeout") >= 1
    assert max(each["duration"] for each in process.records()) < 2.0


def test_idle_connections_that_close_at_random(balancer: Starts) -> None:
    """
    A connection may close just as a request is sent on it: that request goes elsewhere,
    and no member is blamed.
    """
    chance = random.Random(20240)
    lost = []

    def reply(request: Request) -> bool:
        request.answer(f"{request.query['id']} any".encode())
        if chance.random() < 0.7:
            return True
        # What arrives meanwhile is never answered, as when a keep-alive timeout strikes.
        time.sleep(chance.uniform(0.0, 0.004))
        lost.extend(select.select([request.connection], [], [], 0)[0])
        return False

    with ScriptedMember(reply) as one, ScriptedMember(reply) as two:
        process = balancer(configuration([one.url, two.url]))
        with Load(process.port) as load:
            load.run(2.0)
            load.more(400)
    assert load.failures == []
    assert len(lost) > 20
    assert "in error" not in process.log()


def test_rolling_restart(balancer: Starts, members: list[Peer]) -> None:
    """
    All members are restarted, one after the other, and no request is lost.
    """
    process = balancer(configuration([f"{each.url} retry=200ms" for each in members]))
    with Load(process.port) as load:
        for name, member in zip(NAMES, members, strict=True):
            member.stop()
            load.more(200)
            member.start()
            load.more_from(name)
    assert load.failures == []


def test_reloads_under_load(balancer: Starts, members: list[Peer]) -> None:
    """
    Twenty reloads, which add, change and remove members, mounts and options, lose no request.
    """
    first, second, third = (each.url for each in members)
    texts = [
        configuration([first, f"{second} loadfactor=3"], "lbmethod = bybusyness"),
        "[balancer:other]\nmembers = "
        + f"{first}\n[mount:/other]\nto = balancer://other/\n"
        + configuration([f"{second} loadfactor=9", third], "stickycookie = R")
        + "[mount:/unused]\nto = status:404\n",
    ]
    process = balancer(texts[1])
    with Load(process.port) as load:
        for number in range(20):
            assert "reload done" in process.reload(texts[number % 2])
            load.more(30)
    assert load.failures == []
    assert set(load.names) == set(NAMES)


def test_drain_keeps_sessions_and_takes_no_new_ones(balancer: Starts, members: list[Peer]) -> None:
    """
    After a reload with C{status=+N} a member serves its sessions, and nobody else.
    """
    routes = [f"{each.url} route={name}" for each, name in zip(members, NAMES, strict=True)]
    sticky = "stickysession = SID"
    process = balancer(configuration(routes, sticky))
    # Sessions count as load (APACHE A10): while they are on web1, others may all go elsewhere.
    with Load(process.port) as alone:
        until(lambda: set(alone.names) == set(NAMES), "every member has its share")
    sessions = Load(process.port, cookie=lambda number: f"SID={number}.web1")
    with sessions, Load(process.port) as others:
        process.reload(configuration([f"{routes[0]} status=+N", *routes[1:]], sticky))
        # What was elected before the reload may still come in: at most one each.
        others.more(20)
        before = others.names["web1"]
        others.more(300)
        sessions.more(100)
        assert others.names["web1"] == before
    assert alone.failures + sessions.failures + others.failures == []
    assert set(sessions.names) == {"web1"}
