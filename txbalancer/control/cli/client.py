"""
Asks a running service: JSON by HTTP, over its unix socket or the mount of its manager.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from txbalancer.control.cli.exits import CHANGED, REFUSED, UNKNOWN, UNREACHED, Fault

PATIENCE = 30.0
"""Seconds that an answer may take."""

SILENCE = 60.0
"""Seconds without a sign of life after which a stream counts as broken."""

MOST_BYTES = 64 * 1024**2
_ACCEPT = "application/json, application/x-ndjson"
PROBLEM = "application/problem+json"
_CODES = {404: UNKNOWN, 412: CHANGED}
_REMEDIES = {412: "Look at it again, then repeat the command; `txbalancer events` shows who."}


class Way(Protocol):
    """
    How a service is reached.

    @ivar shown: its address, for people.
    @ivar base: what the paths of the API have before them.
    @ivar headers: what each request has.
    """

    shown: str
    base: str
    headers: dict[str, str]

    def connect(self, timeout: float) -> HTTPConnection:
        """
        Open a connection.

        @raise OSError: nobody answers.
        """

    def lost(self, error: Exception) -> Fault:
        """
        Say that nobody answers, and what to do about it.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """
    @ivar value: what was said, of JSON's types.
    @ivar etag: stands for the state of what was asked for; empty when there is none.
    """

    value: Any
    etag: str = ""


def path(*parts: str) -> str:
    """
    Join names to a path, each as one part of it.
    """
    return "".join(f"/{quote(part, safe='')}" for part in parts)


class Client:
    """
    One service.
    """

    __slots__ = ("_patience", "_way")

    def __init__(self, way: Way, patience: float = PATIENCE) -> None:
        self._way = way
        self._patience = patience

    @property
    def shown(self) -> str:
        """
        Where the service is, for people.
        """
        return self._way.shown

    def get(self, target: str, query: Mapping[str, Any] | None = None) -> Answer:
        """
        Ask for something.

        @param target: a path below the API's own, as of L{path}.
        @raise Fault: nobody answers, or not with what was asked for.
        """
        return self._whole("GET", _with(target, query), None, "", self._patience)

    def wait(self, target: str, query: Mapping[str, Any], seconds: float) -> Answer:
        """
        Ask for something that takes C{seconds} to come, or less.
        """
        return self._whole("GET", _with(target, query), None, "", seconds + self._patience)

    def send(
        self,
        method: str,
        target: str,
        value: Any = None,
        etag: str = "",
        remedies: Mapping[int, str] | None = None,
        seconds: float = 0.0,
    ) -> Answer:
        """
        Change something.

        @param etag: of the state that the change is for; empty for any.
        @param seconds: how long the change may take.
        @param remedies: status -> what to do about it here, where the API speaks to programs.
        @raise Fault: with L{CHANGED} when that is no longer the state.
        """
        return self._whole(method, target, value, etag, seconds + self._patience, remedies)

    def lines(self, target: str, query: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """
        Follow a stream of JSON lines until it ends; C{None} is a sign of life, the first that
        it has begun.
        """
        connection = self._open("GET", _with(target, query), None, "", SILENCE)
        with closing(connection), self._answer(connection) as answer:
            self._check(answer, answer.read(MOST_BYTES) if answer.status >= 300 else b"", {})
            yield None
            while line := self._line(answer):
                yield _json(line) if line.strip() else None

    # -- one exchange

    def _whole(
        self,
        method: str,
        target: str,
        value: Any,
        etag: str,
        patience: float,
        remedies: Mapping[int, str] | None = None,
    ) -> Answer:
        connection = self._open(method, target, value, etag, patience)
        with closing(connection), self._answer(connection) as answer:
            try:
                body = answer.read(MOST_BYTES)
            except (OSError, HTTPException) as error:
                raise self._way.lost(error) from error
        self._check(answer, body, remedies or {})
        empty = method != "GET" and not body.strip()
        return Answer(None if empty else _json(body), answer.getheader("ETag") or "")

    def _open(
        self, method: str, target: str, value: Any, etag: str, timeout: float
    ) -> HTTPConnection:
        headers = {"Accept": _ACCEPT, "Connection": "close", **self._way.headers}
        body = None
        if method != "GET":
            headers["Content-Type"] = "application/json"
            body = json.dumps({} if value is None else value).encode()
        if etag:
            headers["If-Match"] = etag
        try:
            connection = self._way.connect(timeout)
            connection.request(method, f"{self._way.base}{target}", body, headers)
        except (OSError, HTTPException) as error:
            raise self._way.lost(error) from error
        return connection

    def _answer(self, connection: HTTPConnection) -> HTTPResponse:
        try:
            return connection.getresponse()
        except (OSError, HTTPException) as error:
            raise self._way.lost(error) from error

    def _line(self, answer: HTTPResponse) -> bytes:
        try:
            return answer.readline(MOST_BYTES)
        except TimeoutError as error:
            raise Fault(f"{self.shown} fell silent", UNREACHED) from error
        except (OSError, HTTPException):
            return b""

    # -- what is no success

    def _check(self, answer: HTTPResponse, body: bytes, remedies: Mapping[int, str]) -> None:
        status = answer.status
        if status < 300:
            return
        if status == 401:
            raise self._unauthorized()
        if PROBLEM not in (answer.getheader("Content-Type") or ""):
            raise self._stranger(status, answer.getheader("Location"))
        told = _json(body)
        detail = told.get("detail") or told.get("title") or f"status {status}"
        remedy = remedies.get(status) or _REMEDIES.get(status) or told.get("remedy") or ""
        raise Fault(str(detail), _CODES.get(status, REFUSED), str(remedy))

    def _unauthorized(self) -> Fault:
        if "Authorization" in self._way.headers:
            return Fault(f"{self.shown}: this user and password are refused")
        return Fault(f"{self.shown}: a user and password are needed", remedy="Add --user NAME.")

    def _stranger(self, status: int, location: str | None) -> Fault:
        if location is not None:
            remedy = f"It sends elsewhere, to {location}: is that the manager's address?"
        elif status == 403:
            return Fault(f"{self.shown}: you may not come in", remedy="See `require` of its mount.")
        else:
            remedy = "--url is the address of the manager, such as https://host/balancer-manager."
        return Fault(f"{self.shown} answers with {status}, not as txbalancer", UNREACHED, remedy)


def _with(target: str, query: Mapping[str, Any] | None) -> str:
    given = {name: value for name, value in (query or {}).items() if value not in (None, "", ())}
    return f"{target}?{urlencode(given, doseq=True)}" if given else target


def _json(body: bytes) -> Any:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Fault("the answer is no JSON: is it txbalancer that answers?", UNREACHED) from error
    if not isinstance(found, dict):
        raise Fault("the answer is no JSON object: is it txbalancer that answers?", UNREACHED)
    return found


class UnixConnection(HTTPConnection):
    """
    HTTP over a unix socket.
    """

    def __init__(self, where: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._where = where

    def connect(self) -> None:
        """
        Open the socket.

        @raise OSError: also for a path that is too long for one.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._where)
        except OSError:
            self.sock.close()
            raise
