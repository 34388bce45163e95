"""
A member that answers, but badly, is left out and comes back little by little.
"""

from __future__ import annotations

import threading
from itertools import count

import pytest

from tests.integration.conftest import Starts
from tests.integration.load import Load
from tests.integration.process import until
from tests.integration.scripted import Request, ScriptedMember

pytestmark = pytest.mark.integration


class Sick:
    """
    A member that answers every third request with 500, until it is well.
    """

    def __init__(self) -> None:
        self.well = threading.Event()
        self.failed = 0
        self._numbers = count()
        self._lock = threading.Lock()

    def reply(self, request: Request) -> bool:
        """
        Answer a request.
        """
        with self._lock:
            bad = next(self._numbers) % 3 == 0 and not self.well.is_set()
            self.failed += bad
        if not bad:
            return good("sick")(request)
        while request.left:
            request.read()
        request.connection.sendall(b"HTTP/1.1 500 Sick\r\nContent-Length: 0\r\n\r\n")
        return True


def good(name: str):
    """
    Make what answers as L{Load} wants it.
    """

    def reply(request: Request) -> bool:
        request.answer(f"{request.query['id']} {name}".encode())
        return True

    return reply


def test_a_sick_member_is_ejected_and_comes_back_slowly(balancer: Starts) -> None:
    """
    Clients see no failure but what it answered itself, and it gets little when it is back.
    """
    sick = Sick()
    with ScriptedMember(sick.reply) as one, ScriptedMember(good("b")) as two:
        process = balancer(
            "[balancer:pool]\noutlier-percent = 25\noutlier-requests = 10\noutlier-interval = 1s\n"
            "outlier-time = 1s\nslow-start = 1h\n"
            f"members =\n    {one.url}\n    {two.url}\n\n[mount:/]\nto = balancer://pool/\n"
        )
        with Load(process.port) as load:
            until(lambda: "-> ejected: 3" in process.log(), "it is ejected", 30.0)
            sick.well.set()
            until(lambda: "reinstated: its ejection is over" in process.log(), "it is back", 30.0)
        assert len(load.failures) == sick.failed > 0
        assert all("500 ''" in each for each in load.failures)
        with Load(process.port) as after:
            after.more_from("sick")
        assert after.failures == []
        # A tenth of its factor until the hour is over.
        assert 5 * after.names["sick"] < after.names["b"]
