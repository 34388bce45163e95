"""
The manager as a resource of C{twisted.web}.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import (
    INTERNAL_SERVER_ERROR,
    NOT_ALLOWED,
    REQUEST_ENTITY_TOO_LARGE,
    SEE_OTHER,
    UNAUTHORIZED,
    Request,
)
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from txbalancer.control.manager.asking import MOST_BODY, READING, Asked, asked
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.changing import Changes, Messages
from txbalancer.control.manager.live import Live
from txbalancer.control.manager.page import Wanted, write_page
from txbalancer.control.manager.visits import Visit, Visits
from txbalancer.control.manager.xml import write_xml
from txbalancer.control.pages import asset, fill, guard, own_path, prepare
from txbalancer.control.rebinding import strange_name
from txbalancer.control.rights import asks_for_login
from txbalancer.control.said import header

METHODS = "GET, HEAD, POST, OPTIONS"


class Manager(Resource):
    """
    Shows balancers, and changes them for forms that come from its own pages.
    """

    isLeaf = True
    log = Logger()

    def __init__(self, board: Board, names: tuple[str, ...] = ()) -> None:
        """
        @param names: the balancers it is for; empty for all.
        """
        super().__init__()
        self._board = board
        self._names = names
        self._visits = Visits(board)
        self._changes = Changes(board, self._visits)
        self._live = Live(board, self._shown)
        prepare()

    def render(self, request: Request) -> bytes | int:
        """
        Answer a request (APACHE M1).
        """
        if request.method == b"OPTIONS":
            request.setHeader("Allow", METHODS)
            return b""
        if request.method not in (b"GET", b"HEAD", b"POST"):
            return _plain(request, NOT_ALLOWED, f"Use one of {METHODS} here.")
        found = asset(request)
        if found is not None:
            return found
        body = None
        if request.method == b"POST":
            assert request.content is not None
            body = request.content.read()
        if body is not None and len(body) > MOST_BODY:
            text = f"A form of {len(body)} bytes: {MOST_BODY} are allowed."
            return _plain(request, REQUEST_ENTITY_TOO_LARGE, text)
        return self._answer(request, _asked(request, body), posted=body is not None)

    def _answer(self, request: Request, found: Asked, posted: bool) -> bytes | int:
        visit = self._visits.receive(request)
        messages: Messages = []
        if found.refused:
            self.log.warn(
                "balancer-manager: fields of a request of {client} are ignored: {why}",
                client=visit.who,
                why=found.refused,
            )
            messages.append(("bad", f"Nothing was changed or chosen: {found.refused}."))
        if found.fields.get("live") and request.method == b"GET":
            return self._live.watch(request)
        if found.fields.get("login"):
            return _log_in(request)
        name = self._selected(found.fields)
        if _changes(request, found, posted):
            if not visit.operates and asks_for_login(request):
                return _log_in(request)
            if name:
                done = self._changes.change(visit, name, found.fields)
                messages += done.messages
                if done.status:
                    request.setResponseCode(done.status)
                if done.later is not None:
                    # It is known later how it ended, and nothing is said too early. Who does
                    # not wait for the answer ends nothing but the answer.
                    told: Deferred[Messages] = Deferred()
                    done.later.chainDeferred(told)
                    page = told.addCallback(
                        lambda more: self._page(request, visit, found.fields, [*messages, *more])
                    )
                    return self._finish(request, page)
            elif not found.refused:
                messages.append(
                    ("bad", "Nothing was changed: the form names no balancer (b=NAME).")
                )
        return self._finish(request, self._page(request, visit, found.fields, messages))

    def _finish(self, request: Request, page: Deferred[bytes]) -> int:
        """
        Answer with a page once it is there.
        """
        gone: list[object] = []

        def leave(reason: Failure) -> None:
            gone.append(reason)
            page.cancel()

        def ended(data: bytes) -> None:
            if not gone:
                request.setHeader("Content-Length", str(len(data)))
                request.write(data)
                request.finish()

        def failed(reason: Failure) -> None:
            if not gone:
                self.log.failure("the page was not made", reason)
                request.setResponseCode(INTERNAL_SERVER_ERROR)
                request.finish()

        request.notifyFinish().addErrback(leave)
        page.addCallback(ended).addErrback(failed)
        return NOT_DONE_YET

    def _shown(self) -> tuple[str, ...]:
        there = self._board.names()
        return tuple(each for each in self._names if each in there) if self._names else there

    def _selected(self, fields: Mapping[str, str]) -> str:
        name = fields.get("b", "").lower().removeprefix("balancer://").rstrip("/")
        return name if name in self._shown() else ""

    def _page(
        self, request: Request, visit: Visit, fields: Mapping[str, str], messages: Messages
    ) -> Deferred[bytes]:
        run = self._board.slices.run
        if fields.get("xml"):
            guard(request, "text/xml; charset=utf-8")
            nonce = partial(self._visits.nonce, visit)
            return run(write_xml(self._board, self._shown(), nonce))
        guard(request, "text/html; charset=utf-8", script=True)
        wanted = Wanted(
            host=request.getRequestHostname().decode("latin-1"),
            path=own_path(request),
            names=self._shown(),
            selected=self._selected(fields),
            fields=fields,
            messages=messages,
            login=not visit.operates and asks_for_login(request) is not None,
        )
        return run(write_page(self._board, self._visits, visit, wanted))


def _changes(request: Request, found: Asked, posted: bool) -> bool:
    """
    Tell whether a request is to change something: a HEAD never is, a GET may be with fields
    that are not for reading, which get here only where C{legacyget} lets them.
    """
    return posted or (request.method == b"GET" and not set(found.fields) <= set(READING))


def _plain(request: Request, status: int, text: str) -> bytes:
    guard(request, "text/plain; charset=utf-8")
    request.setResponseCode(status)
    request.setHeader("Allow", METHODS)
    return f"{text}\n".encode()


def _log_in(request: Request) -> bytes:
    """
    Ask for a password where one helps, and lead who has given it to the page.
    """
    challenge = asks_for_login(request)
    guard(request, "text/html; charset=utf-8")
    if challenge is None:
        request.setResponseCode(SEE_OTHER)
        request.setHeader("Location", own_path(request))
        return b""
    request.setResponseCode(UNAUTHORIZED)
    request.responseHeaders.setRawHeaders("WWW-Authenticate", [challenge])
    return fill("login.html", path=own_path(request))


def _asked(request: Request, body: bytes | None) -> Asked:
    def said(name: str) -> str:
        return header(request, name) or ""

    spec = getattr(getattr(request, "mount", None), "spec", None)
    found = asked(
        request.uri.partition(b"?")[2],
        body,
        said("content-type"),
        said("host"),
        said("referer"),
        said("origin"),
        legacy=spec is not None and spec.legacyget,
    )
    fault = strange_name(request) if found.fields else ""
    return Asked({}, fault) if fault else found
