"""
What the service answers when it is no success.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.control.cli.services import Service
from txbalancer.control.cli.client import Client, path
from txbalancer.control.cli.exits import Fault
from txbalancer.control.cli.ways import Sockets

PROBLEM = "application/problem+json"


def failing(service: Service, status: int, media: str, body: Any = b"") -> tuple[int, str, str]:
    """
    Let the service answer in some way, and return what the command makes of it.
    """
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    service.canned["GET", "/"] = status, media, data
    with pytest.raises(Fault) as caught:
        Client(Sockets((str(service.path),))).get("/")
    return caught.value.exit_code, caught.value.message, caught.value.remedy


def test_paths() -> None:
    """
    A name is one part of a path, whatever is in it.
    """
    assert path("members", "http://a/b?c") == "/members/http%3A%2F%2Fa%2Fb%3Fc"


@pytest.mark.parametrize(
    ("status", "code"), [(400, 1), (403, 1), (404, 4), (409, 1), (412, 6), (503, 1)]
)
def test_problems(service: Service, status: int, code: int) -> None:
    """
    A problem is told in the service's words, with the exit code for it.
    """
    problem = {"title": "No", "detail": "it may not be", "remedy": "do otherwise"}
    found = failing(service, status, PROBLEM, problem)
    assert found[:2] == (code, "it may not be")
    assert found[2] == ("do otherwise" if status != 412 else found[2])


def test_problems_without_details(service: Service) -> None:
    """
    At least the title or the status is told.
    """
    assert failing(service, 500, PROBLEM, {"title": "Broken"}) == (1, "Broken", "")
    assert failing(service, 500, PROBLEM, {}) == (1, "status 500", "")


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (404, 3, "answers with 404, not as txbalancer"),
        (502, 3, "answers with 502, not as txbalancer"),
        (403, 1, "you may not come in"),
        (401, 1, "a user and password are needed"),
    ],
)
def test_answers_of_others(service: Service, status: int, code: int, text: str) -> None:
    """
    What answers, but not as the API, is no service; whoever is not let in is told so.
    """
    found = failing(service, status, "text/html", b"<p>")
    assert found[0] == code
    assert text in found[1]
    assert found[2]


def test_a_wrong_password(service: Service) -> None:
    """
    A password that was sent and refused is told from one that is missing.
    """
    way = Sockets((str(service.path),))
    way.headers["Authorization"] = "Basic YTpi"
    service.canned["GET", "/"] = 401, "", b""
    with pytest.raises(Fault, match="this user and password are refused"):
        Client(way).get("/")


def test_what_is_no_json(service: Service) -> None:
    """
    An answer that cannot be read is not taken for one.
    """
    assert failing(service, 200, "text/html", b"<p>")[:2] == (
        3,
        "the answer is no JSON: is it txbalancer that answers?",
    )


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"'])
def test_json_that_is_no_object(service: Service, body: bytes) -> None:
    """
    Nothing that the API answers is anything else.
    """
    found = failing(service, 200, "application/json", body)
    assert found[:2] == (3, "the answer is no JSON object: is it txbalancer that answers?")


def test_json_that_never_ends(service: Service) -> None:
    """
    What is nested too deeply to be read is no answer, either.
    """
    found = failing(service, 200, "application/json", b"[" * 100_000)
    assert found[:2] == (3, "the answer is no JSON: is it txbalancer that answers?")


def test_another_place(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A redirect is not followed, for a password might go with it; where it leads to is told.
    """
    found = Client(Sockets(("/a",)))._stranger(302, "https://lb.test/bm/")
    assert found.remedy.startswith("It sends elsewhere, to https://lb.test/bm/")


def test_a_service_that_ends_meanwhile(service: Service) -> None:
    """
    A connection that breaks before the answer is there ends with code 3.
    """

    def broken(method: str, target: str) -> None:
        raise ConnectionError

    service.meanwhile = broken
    found = service.run("status")
    assert found.exit_code == 3
    assert "broke off before its answer was complete" in found.stderr


def test_nothing_is_no_answer(service: Service) -> None:
    """
    Something that answers everything with nothing is not the service.
    """
    assert failing(service, 204, "", b"")[0] == 3


class Cut:
    """
    A connection whose answer breaks off.
    """

    def __init__(self, *lines: bytes) -> None:
        self.status, self._lines = 200, [*lines]

    def request(self, *_: object) -> None:
        """
        Take it.
        """

    def getresponse(self) -> Cut:
        """
        Begin with the answer.
        """
        return self

    def getheader(self, name: str) -> str:
        """
        Say of everything that it is JSON.
        """
        return "application/json"

    def read(self, most: int) -> bytes:
        """
        Break off.
        """
        raise ConnectionResetError

    def readline(self, most: int) -> bytes:
        """
        Return a line, then raise what is last.
        """
        if not self._lines:
            raise TimeoutError
        if self._lines[0] == b"cut":
            raise ConnectionResetError
        return self._lines.pop(0)

    def close(self) -> None:
        """
        End it.
        """

    def __enter__(self) -> Cut:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def cut(*lines: bytes) -> Client:
    """
    Return the client of a service that breaks off after some lines.
    """
    way = Sockets(("/a",))
    way.connect = lambda timeout: Cut(*lines)  # type: ignore[assignment,method-assign]
    return Client(way)


def test_answers_that_break_off() -> None:
    """
    Half an answer is none; a stream that breaks off is over, one that falls silent is told.
    """
    with pytest.raises(Fault, match="broke off before its answer was complete"):
        cut().get("/")
    assert list(cut(b"{}\n", b"\n", b"cut").lines("/log")) == [None, {}, None]
    with pytest.raises(Fault, match="/a fell silent") as caught:
        list(cut(b"{}\n").lines("/log"))
    assert caught.value.exit_code == 3


def test_a_request_that_is_not_taken() -> None:
    """
    A service that goes away before it has the whole request is told as such.
    """

    def refuse(timeout: float) -> None:
        raise BrokenPipeError

    way = Sockets(("/a",))
    way.connect = refuse  # type: ignore[assignment,method-assign]
    with pytest.raises(Fault, match="broke off"):
        Client(way).get("/")


def test_a_service_that_is_stuck(service: Service) -> None:
    """
    One that does not answer in time is told as such.
    """
    import threading

    go_on = threading.Event()
    service.meanwhile = lambda method, target: go_on.wait(5)
    try:
        with pytest.raises(Fault, match="does not answer") as caught:
            Client(Sockets((str(service.path),)), 0.05).get("/")
    finally:
        go_on.set()
    assert caught.value.exit_code == 3
