"""
The manager as a resource of C{twisted.web}.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import (
    BAD_REQUEST,
    INTERNAL_SERVER_ERROR,
    NOT_ALLOWED,
    REQUEST_ENTITY_TOO_LARGE,
    Request,
)
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from txbalancer.control.manager.asking import MOST_BODY, Asked, asked
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.orders import find_member, read_orders
from txbalancer.control.manager.view import choices, switches, view_balancer
from txbalancer.control.manager.xml import write_xml
from txbalancer.control.pages import fill, guard, own_path, style_sheet
from txbalancer.core import flags
from txbalancer.core.commands import AddMember, Change
from txbalancer.core.overrides import live_spec
from txbalancer.core.specs import sticky_names

METHODS = "GET, HEAD, POST, OPTIONS"

Messages = list[tuple[str, str]]
"""Tone, C{good} or C{bad}, and text."""


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

    def render(self, request: Request) -> bytes | int:
        """
        Answer a request (APACHE M1).
        """
        if request.method == b"OPTIONS":
            request.setHeader("Allow", METHODS)
            return b""
        if request.method not in (b"GET", b"HEAD", b"POST"):
            return self._plain(request, NOT_ALLOWED, f"Use one of {METHODS} here.")
        style = style_sheet(request)
        if style is not None:
            return style
        body = None
        if request.method == b"POST":
            assert request.content is not None
            body = request.content.read()
        if body is not None and len(body) > MOST_BODY:
            text = f"A form of {len(body)} bytes: {MOST_BODY} are allowed."
            return self._plain(request, REQUEST_ENTITY_TOO_LARGE, text)
        return self._answer(request, _asked(request, body), posted=body is not None)

    def _plain(self, request: Request, status: int, text: str) -> bytes:
        guard(request, "text/plain; charset=utf-8")
        request.setResponseCode(status)
        request.setHeader("Allow", METHODS)
        return f"{text}\n".encode()

    def _answer(self, request: Request, found: Asked, posted: bool) -> bytes | int:
        messages: Messages = []
        if found.refused:
            self.log.warn(
                "balancer-manager: fields of a request of {client} are ignored: {why}",
                client=_client(request),
                why=found.refused,
            )
            messages.append(("bad", f"Nothing was changed or chosen: {found.refused}."))
        name = self._selected(found.fields)
        if posted and name:
            changes, faults = self._change(request, name, found.fields)
            messages += [("good", _told(each)) for each in changes]
            messages += [("bad", each) for each in faults]
            if any(changes):
                self._finish_later(request, found.fields, messages)
                return NOT_DONE_YET
            if not faults:
                messages.append(("good", "Nothing to change: all is so already."))
        elif posted and not found.refused:
            messages.append(("bad", "Nothing was changed: the form names no balancer (b=NAME)."))
        return self._page(request, found.fields, messages)

    def _finish_later(
        self, request: Request, fields: Mapping[str, str], messages: Messages
    ) -> None:
        """
        Answer once the change is on the disk, so that it is not said too early.
        """
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)

        def settled(fault: str) -> None:
            if fault:
                messages.append(("bad", f"This will not outlive a restart: {fault}."))
            if not gone:
                request.write(self._page(request, fields, messages))
                request.finish()

        def failed(reason: Failure) -> None:
            self.log.failure("the page was not made", reason)
            if not gone:
                request.setResponseCode(INTERNAL_SERVER_ERROR)
                request.finish()

        waiting: Deferred[str] = self._board.settled()
        waiting.addCallback(settled)
        waiting.addErrback(failed)

    # -- changes

    def _shown(self) -> tuple[str, ...]:
        there = self._board.names()
        return tuple(each for each in self._names if each in there) if self._names else there

    def _selected(self, fields: Mapping[str, str]) -> str:
        name = fields.get("b", "").lower().removeprefix("balancer://").rstrip("/")
        return name if name in self._shown() else ""

    def _change(
        self, request: Request, name: str, fields: Mapping[str, str]
    ) -> tuple[list[Change], list[str]]:
        """
        Do what a form asks for, all of it or nothing.
        """
        board, changes = self._board, []
        balancer = board.balancer(name)
        member = find_member(balancer, fields["w"]) if "w" in fields else None
        if not board.permits(name, fields.get("nonce", "")):
            return [], [self._not_permitted(name)]
        if "w" in fields and member is None:
            return [], [f"Nothing was changed: {name} has no member {fields['w']}."]
        orders = read_orders(board, balancer, member, fields)
        if orders.faults:
            request.setResponseCode(orders.status)
            return [], [f"Nothing was changed. {each}" for each in orders.faults]
        for command in orders.commands:
            try:
                changes.append(board.apply(command, _client(request)))
            except (LookupError, ValueError) as error:
                if isinstance(command, AddMember):
                    request.setResponseCode(BAD_REQUEST)
                return changes, [str(error)]
        return changes, []

    def _not_permitted(self, name: str) -> str:
        if self._board.nonce(name) == "None":
            return "Nothing was changed: nonce = None in the configuration forbids it."
        return (
            "Nothing was changed: the form is not of this run of the service (another nonce)."
            " Here is a new one."
        )

    # -- pages

    def _page(self, request: Request, fields: Mapping[str, str], messages: Messages) -> bytes:
        board = self._board
        if fields.get("xml"):
            guard(request, "text/xml; charset=utf-8")
            return write_xml(board, self._shown())
        guard(request, "text/html; charset=utf-8")
        selected, path = self._selected(fields), own_path(request)
        # The chosen one comes first: scripts look for a member in the first tables.
        names = sorted(self._shown(), key=lambda each: each != selected)
        views = [view_balancer(board, each, path) for each in names]
        values = {
            "host": request.getRequestHostname().decode("latin-1"),
            "path": path,
            "messages": messages,
            # What somebody typed is not to be typed again for a fault in a part of it.
            "typed": fields if any(tone == "bad" for tone, _ in messages) else {},
            "balancers": views,
            "selected": selected,
            "member": None,
            "persisted": bool(board.spec.service.state),
            **choices(board),
        }
        if selected:
            spec = views[0].balancer.spec
            values["options"] = spec
            values["sticky"] = sticky_names.show(spec.stickysession) if spec.stickysession else ""
            values["room"] = views[0].room
            member = find_member(views[0].balancer, fields.get("w", ""))
            if member is not None:
                values["member"] = next(each for each in views[0].members if each.member is member)
                values["spec"] = live_spec(member)
                values["switches"] = switches(member)
                values["failed"] = bool(member.flags & flags.IN_ERROR)
        return fill("manager.html", **values)


def _asked(request: Request, body: bytes | None) -> Asked:
    def header(name: str) -> str:
        return " ".join(request.requestHeaders.getRawHeaders(name, []))

    query = request.uri.partition(b"?")[2]
    return asked(
        query, body, header("content-type"), header("host"), header("referer"), header("origin")
    )


def _client(request: Request) -> str:
    """
    Say who asks: the address, and the user where mounts ask for one.
    """
    address = getattr(request.getClientAddress(), "host", "") or "a local socket"
    user = getattr(getattr(request.channel, "head", None), "user", b"")
    return f"{user.decode('utf-8', 'replace')} at {address}" if user else str(address)


def _told(change: Change) -> str:
    parts = [
        f"{name} {_shown(change.before[name])} → {_shown(change.after[name])}"
        for name in change.before
    ]
    return f"Changed: {', '.join(parts)}." if parts else "Nothing to change: all is so already."


def _shown(text: str | None) -> str:
    return "none" if text is None else text or "empty"
