"""
What a process has found out about members and clients goes over to the one that takes its place.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.load import ECHO, Load
from tests.integration.process import BalancerProcess, status, until
from tests.integration.test_upgrade import configuration, control
from tests.peers import Peers, free_port

pytestmark = pytest.mark.integration

KNOWN = """\
[limit:slow]
rate = 1/h
burst = 2
[mount:/slow]
to = status:204
limit = slow
[mount:/secret]
to = status:204
require = user alice
auth-file = {users}
[balancer:bad]
outlier-failures = 3
outlier-time = 60s
members =
    http://127.0.0.1:{bad} route=b
    http://127.0.0.1:{good} route=g
[mount:/bad]
to = balancer://bad/
[balancer:broken]
breaker-percent = 50
breaker-requests = 2
breaker-open = 60s
members = http://127.0.0.1:{bad}
[mount:/broken]
to = balancer://broken/
"""
MANY = 60
"""More requests than it takes for every worker to have seen enough."""


def guesses(process: BalancerProcess) -> int:
    """
    Try passwords, another one each time, until none is taken six times in a row; return how many
    were.
    """
    url, taken, row = f"http://127.0.0.1:{process.port}/secret", 0, 0
    while row < 6:
        token = base64.b64encode(f"alice:{secrets.token_hex(6)}".encode())
        answer = ask(url, Authorization=f"Basic {token.decode()}")
        assert answer.status in (401, 429)
        row = row + 1 if answer.status == 429 else 0
        taken += answer.status == 401
    return taken


def seen(process: BalancerProcess, target: str, wanted: int) -> None:
    """
    Ask until an answer has a status six times in a row.
    """
    row = 0
    for _ in range(MANY):
        row = row + 1 if status(process, target) == wanted else 0
        if row == 6:
            return
    pytest.fail(f"{target} is not {wanted} six times in a row")


@pytest.mark.peers
@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_found_goes_over(balancer: Starts, peers: Peers, workers: int) -> None:
    """
    Under load: who is ejected, open breakers, rates and wrong passwords hold for the first
    request; the last change can be undone and checks have their transcripts. No request fails.
    """
    good, bad = peers.nginx(ECHO.replace("NAME", "a")), peers.nginx("return 500;")
    text = configuration(f"http://127.0.0.1:{good.port} route=a", workers)
    process = balancer(text, start=False)
    users = process.folder / "users"
    digest = base64.b64encode(hashlib.sha1(b"right").digest()).decode()
    users.write_text(f"alice:{{SHA}}{digest}\n")
    more = KNOWN.format(users=users, bad=bad.port, good=good.port)
    process.write(text.replace("[mount:/]", more + "[mount:/]"))
    process.start()
    control(process, "POST", "/balancers/shop/members/a/probe")
    control(process, "PATCH", "/balancers/shop/members/a", {"loadfactor": 3})
    seen(process, "/slow", 429)
    seen(process, "/bad", 200)
    seen(process, "/broken", 503)
    guesses(process)
    since = time.monotonic()
    ejected = control(process, "GET", "/balancers/bad/members/b")["passive"]["ejection"]
    assert (ejected["kind"], ejected["times"]) == ("failures", 1)
    with Load(process.port) as load:
        former = process.upgrade()
        firsts = [status(process, target) for target in ("/slow", "/broken", "/bad") * 3]
        assert firsts == [429, 503, 200] * 3
        # One more each six seconds; for who begins anew it would be ten at once.
        assert guesses(process) <= (workers or 1) * (1 + (time.monotonic() - since) / 6)
        load.more(20)
    assert load.failures == []
    after = control(process, "GET", "/balancers/bad/members/b")["passive"]["ejection"]
    assert (after["times"], after["kind"]) == (1, "failures")
    assert after["until"] == pytest.approx(ejected["until"], abs=5.0)
    (probe,) = control(process, "GET", "/balancers/shop/members/a/probes")["probes"]
    assert "> GET" in probe["transcript"] or "* " in probe["transcript"]
    control(process, "POST", "/undo", {})
    assert control(process, "GET", "/balancers/shop/members/a")["loadfactor"] == 1
    assert former.wait(10) == 0
    said = process.log()
    assert "Traceback" not in said
    assert not re.search(r"taken over: \S+: not of a form", said)


class Senders:
    """
    Clients of datagrams that send numbers, each from an address of its own.

    @ivar sent: how many each has sent.
    """

    def __init__(self, port: int, name: str, count: int = 10) -> None:
        self._name = name
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for each in self.sockets:
            each.connect(("127.0.0.1", port))
        self.sent = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    def _send(self) -> None:
        while not self._over.wait(0.05):
            self.sent += 1
            for number, each in enumerate(self.sockets):
                each.send(f"{self._name}{number} {self.sent}".encode())

    def __enter__(self) -> Senders:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for each in self.sockets:
            each.close()


@contextmanager
def takers(count: int) -> Iterator[list[socket.socket]]:
    """
    Bind sockets of members.
    """
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for each in made:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        each.bind(("127.0.0.1", 0))
        each.setblocking(False)
    try:
        yield made
    finally:
        for each in made:
            each.close()


def taken(members: list[socket.socket]) -> dict[str, dict[int, list[int]]]:
    """
    Return what has come: client -> member -> numbers. Ends after a second of silence.
    """
    found: dict[str, dict[int, list[int]]] = {}
    while ready := select.select(members, [], [], 1.0)[0]:
        for each in ready:
            client, number = each.recv(100).decode().split()
            rows = found.setdefault(client, {}).setdefault(members.index(each), [])
            rows.append(int(number))
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_no_datagram_is_lost(balancer: Starts, workers: int) -> None:
    """
    Clients send all the time, some of whom begin while the new process starts: each stays with
    its member, and every datagram arrives once.
    """
    port = free_port()
    with takers(3) as members:
        places = "\n    ".join(f"udp://127.0.0.1:{each.getsockname()[1]}" for each in members)
        process = balancer(
            configuration(workers=workers)
            + f"[listener:u]\nmode = udp\nendpoint = udp:{port}:interface=127.0.0.1\n"
            f"to = balancer://u\n[balancer:u]\nmembers =\n    {places}\n"
        )
        with Senders(port, "old") as old:
            until(lambda: old.sent >= 3, "datagrams are sent")
            process.signal(signal.SIGUSR2)
            with Senders(port, "late") as late:
                former = process.await_heir()
                goal = late.sent + 5
                until(lambda: late.sent >= goal, "some more")
        found = taken(members)
        assert len(found) == 20
        for client, rows in found.items():
            (numbers,) = rows.values()
            sent = old.sent if client.startswith("old") else late.sent
            assert sorted(numbers) == list(range(1, sent + 1))
        assert former.poll() in (None, 0)
        assert "Traceback" not in process.log()
