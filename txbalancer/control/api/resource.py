"""
The API as a resource of C{twisted.web}.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from txbalancer.control.api import body, media, tags
from txbalancer.control.api.call import STREAM, Access, Answer, Call, Operation
from txbalancer.control.api.problem import CONTENT_TYPE, Problem
from txbalancer.control.api.query import read_query
from txbalancer.control.api.routes import find_route
from txbalancer.control.api.writing import write_json
from txbalancer.control.manager.board import Board
from txbalancer.control.pages import guard
from txbalancer.control.rights import Role
from txbalancer.control.slices import Steps, at_once

VERSION = "v1"


class Api(Resource):
    """
    Everything below C{api}.
    """

    isLeaf = True
    log = Logger()

    def __init__(self, board: Board, access: Access) -> None:
        super().__init__()
        self._board, self._access = board, access

    def render(self, request: Request) -> bytes | int:
        """
        Answer a request.
        """
        try:
            found = self._run(request)
        except Problem as problem:
            return self._tell(request, problem)
        if found is STREAM:
            return NOT_DONE_YET
        if isinstance(found, Deferred):
            self._later(request, found)
            return NOT_DONE_YET
        return self._write(request, found)

    def _run(self, request: Request) -> Any:
        segments = tuple(
            each.decode("utf-8", "replace") for each in getattr(request, "postpath", ())
        )
        if segments[:1] != (VERSION,):
            raise Problem(404, f"there is no API {VERSION} here", f"it is at …/api/{VERSION}/")
        route, params = find_route(segments[1:])
        operations = route.operations
        method = request.method.decode("latin-1")
        allowed = _allowed(tuple(operations))
        if method == "OPTIONS":
            return Answer(None, 204, {"Allow": allowed})
        operation = operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise Problem(
                405, f"{method} is not allowed here", f"use {allowed}", headers={"Allow": allowed}
            )
        call = Call(self._board, self._access, request, params)
        self._check(call, operation)
        found = operation.run(call)
        if isinstance(found, Generator):
            found = self._board.slices.run(found)
        if operation.tagged and not operation.changes:
            if isinstance(found, Deferred):
                return found.addCallback(lambda answer: _if_changed(call, answer))
            return _if_changed(call, found)
        return found

    # -- what may be

    def _check(self, call: Call, operation: Operation) -> None:
        """
        See whether a request may be carried out, and read it.
        """
        request = call.request
        chosen = media.choose(call.header("Accept"), operation.media)
        if chosen is None:
            types = " or ".join(operation.media)
            raise Problem(406, f"this is only there as {types}", f"send Accept: {types}")
        call.media = chosen
        if operation.changes:
            self._check_right(call, operation)
        call.query = read_query(operation.query, request.uri.partition(b"?")[2])
        if operation.fields is not None:
            assert request.content is not None
            data = request.content.read(body.MOST + 1)
            if data or call.access.typed:
                body.check_type(call.header("Content-Type") or "")
            call.body = body.read_fields(operation.fields(self._board), data)

    def _check_right(self, call: Call, operation: Operation) -> None:
        access, request = call.access, call.request
        if call.board.leaving:
            raise Problem(
                503,
                "a new process is taking over, nothing was changed here",
                "repeat it in a moment",
                headers={"Retry-After": "1"},
            )
        fault = access.distrust(request)
        if fault:
            raise Problem(403, f"nothing was changed: {fault}")
        if access.role(request) is not Role.OPERATE:
            challenge = access.challenge(request)
            if challenge is not None:
                line = {"WWW-Authenticate": challenge.decode("utf-8")}
                raise Problem(401, "a user and a password are needed for changes", headers=line)
            raise Problem(
                403, "you may look, but not change anything", "operate = in the mount says who may"
            )
        if operation.whole and not access.whole():
            raise Problem(
                403,
                "only some balancers are steered from here, and this is for the whole service",
                "use a manager for all balancers, or the socket of the commands",
            )

    # -- answers

    def _later(self, request: Request, waiting: Deferred[Answer]) -> None:
        gone: list[object] = []
        run = self._board.slices.run

        def write(answer: Answer) -> Deferred[bytes]:
            return run(self._written(request, answer)) if not gone else succeed(b"")

        def leave(reason: Failure) -> None:
            gone.append(reason)
            if request.method in (b"GET", b"HEAD"):
                waiting.cancel()  # a change is carried out, whoever waits for it

        def failed(reason: Failure) -> bytes:
            if gone:
                return b""
            problem = reason.value
            if not isinstance(problem, Problem):
                self.log.failure("{uri}: the API failed", reason, uri=request.uri)
                problem = Problem(500, "this failed; the log says why")
            return self._tell(request, problem)

        def finish(data: bytes) -> None:
            if not gone:
                request.write(data)
                request.finish()

        request.notifyFinish().addErrback(leave)
        waiting.addCallback(write).addErrback(failed).addCallback(finish).addErrback(
            lambda reason: self.log.failure("no answer could be given", reason)
        )

    def _tell(self, request: Request, problem: Problem) -> bytes:
        answer = Answer(problem.as_json(), problem.status, problem.headers)
        return self._write(request, answer, CONTENT_TYPE)

    def _write(
        self, request: Request, answer: Answer, content_type: str = "application/json"
    ) -> bytes:
        return at_once(self._written(request, answer, content_type))

    def _written(
        self, request: Request, answer: Answer, content_type: str = "application/json"
    ) -> Steps[bytes]:
        guard(request, content_type)
        request.setResponseCode(answer.status)
        for name, value in answer.headers.items():
            request.responseHeaders.setRawHeaders(name, [value])
        if "ETag" in answer.headers:
            # May be kept, but has to be asked for again, which If-None-Match makes cheap.
            request.responseHeaders.setRawHeaders("Cache-Control", ["no-cache, private"])
        if answer.value is None:
            request.responseHeaders.removeHeader("Content-Type")
            return b""
        data = (yield from write_json(answer.value)) + b"\n"
        request.setHeader("Content-Length", str(len(data)))
        return data


def _allowed(methods: tuple[str, ...]) -> str:
    more = ("HEAD", "OPTIONS") if "GET" in methods else ("OPTIONS",)
    return ", ".join((*methods, *more))


def _if_changed(call: Call, answer: Answer) -> Answer:
    tag = answer.headers.get("ETag", "")
    if tag and tags.unchanged(call.header("If-None-Match"), tag):
        return Answer(None, 304, {"ETag": tag})
    return answer
