"""
Whatever ends an exchange in whatever phase: nothing is left behind, one outcome is told.
"""

from __future__ import annotations

import pytest

from tests.proxy.rigs import CHUNKED, GET, POST, SWITCH, UPGRADE, check_rest, make_rig
from txbalancer.testing import MemoryRig, MemoryTransport

pytestmark = pytest.mark.usefixtures("ends")


class Scene:
    """
    An exchange in some phase, with its two ends.

    @ivar member: the member's end, C{None} while there is none.
    @ivar began: the requests that were read.
    """

    def __init__(self, request: bytes, accept: bool = True, **options: str) -> None:
        self.rig: MemoryRig = make_rig(1, **options)
        self.began: list[object] = []
        site, begin = self.rig.site, self.rig.site.begin
        site.begin = lambda channel, head: (self.began.append(head), begin(channel, head))
        self.client: MemoryTransport = self.rig.client()
        self.client.send(request)
        self.member: MemoryTransport | None = self.rig.accept() if accept else None


def connecting() -> Scene:
    return Scene(GET, accept=False)


def queued() -> Scene:
    scene = Scene(GET, member="max=1")
    scene.client = scene.rig.client()
    scene.client.send(GET)
    return scene


def waiting_for_any() -> Scene:
    return Scene(GET, accept=False, member="status=+D", balancer="timeout = 20")


def asked() -> Scene:
    return Scene(GET)


def head_began() -> Scene:
    scene = Scene(GET)
    scene.member.send(b"HTTP/1.1 200 OK\r\nConte")
    return scene


def interim_came() -> Scene:
    scene = Scene(GET)
    scene.member.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    return scene


def sized_answer() -> Scene:
    scene = Scene(GET)
    scene.member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")
    return scene


def chunked_answer() -> Scene:
    scene = Scene(GET)
    scene.member.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbe")
    return scene


def endless_answer() -> Scene:
    scene = Scene(GET)
    scene.member.send(b"HTTP/1.1 200 OK\r\n\r\nbegun")
    return scene


def sending_body() -> Scene:
    return Scene(POST + b"begun")


def sending_chunks() -> Scene:
    return Scene(CHUNKED + b"5\r\nbe")


def connecting_with_body() -> Scene:
    return Scene(POST + b"begun", accept=False)


def body_stuck() -> Scene:
    scene = Scene(POST.replace(b"10", b"1000000"))
    scene.member.room = 0
    scene.client.send(b"x" * 100_000)
    return scene


def expecting() -> Scene:
    return Scene(POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))


def early_answer_began() -> Scene:
    scene = sending_body()
    scene.member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")
    return scene


def early_answer_over() -> Scene:
    scene = sending_body()
    scene.member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return scene


def client_reads_nothing() -> Scene:
    scene = Scene(GET)
    scene.client.room = 0
    scene.member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 100_000)
    return scene


def answer_over_but_unread() -> Scene:
    scene = Scene(GET)
    scene.client.room = 0
    scene.member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000)
    return scene


def endless_unread() -> Scene:
    scene = Scene(GET)
    scene.client.room = 0
    scene.member.send(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000)
    return scene


def tunnel() -> Scene:
    scene = Scene(UPGRADE)
    scene.member.send(SWITCH)
    return scene


def tunnel_stuck() -> Scene:
    scene = tunnel()
    scene.client.room = scene.member.room = 0
    scene.client.send(b"x" * 100_000)
    scene.member.send(b"x" * 100_000)
    return scene


def answered() -> Scene:
    scene = Scene(GET)
    scene.member.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return scene


def client_resets(scene: Scene) -> None:
    scene.client.reset()


def client_ends(scene: Scene) -> None:
    scene.client.end()


def client_babbles(scene: Scene) -> None:
    scene.client.send(b"\x00" * 70_000)


def member_resets(scene: Scene) -> None:
    if scene.member is not None:
        scene.member.reset()


def member_ends(scene: Scene) -> None:
    if scene.member is not None:
        scene.member.end()


def member_babbles(scene: Scene) -> None:
    if scene.member is not None:
        scene.member.send(b"garbage\n" * 20_000)


def everybody_sleeps(scene: Scene) -> None:
    scene.rig.advance(30)


def service_drains(scene: Scene) -> None:
    scene.rig.site.drain()


def service_cuts(scene: Scene) -> None:
    for channel in list(scene.rig.site.channels):
        channel.cut()


def connection_fails(scene: Scene) -> None:
    for opening in scene.rig.openings():
        opening.fail()


def connection_is_late(scene: Scene) -> None:
    scene.client.reset()
    for opening in scene.rig.openings():
        opening.accept()


PHASES = [
    connecting,
    queued,
    waiting_for_any,
    asked,
    head_began,
    interim_came,
    sized_answer,
    chunked_answer,
    endless_answer,
    sending_body,
    sending_chunks,
    connecting_with_body,
    body_stuck,
    expecting,
    early_answer_began,
    early_answer_over,
    client_reads_nothing,
    answer_over_but_unread,
    endless_unread,
    tunnel,
    tunnel_stuck,
    answered,
]
ENDINGS = [
    client_resets,
    client_ends,
    client_babbles,
    member_resets,
    member_ends,
    member_babbles,
    everybody_sleeps,
    service_drains,
    service_cuts,
    connection_fails,
    connection_is_late,
]


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("phase", PHASES, ids=lambda each: each.__name__)
def test_nothing_is_left_behind(phase, ending) -> None:
    """
    After any ending in any phase, and once the deadlines of all who are silent have
    passed, no member is busy, no pool has lost count, and each request has one outcome.
    """
    scene = phase()
    rig = scene.rig
    ending(scene)
    rig.advance(70)
    for opening in rig.openings():
        opening.fail()
    rig.advance(4000)
    check_rest(rig)
    assert not rig.site.channels
    told = [outcome.request for outcome in rig.outcomes]
    assert len(told) == len({id(head) for head in told})
    unread = [head for head in told if not any(head is each for each in scene.began)]
    assert len(told) == len(scene.began) + len(unread)
    assert all(head.method == b"-" for head in unread)
