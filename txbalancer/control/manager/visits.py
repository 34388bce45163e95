"""
Who asks, and what secret a form of theirs has to bring.

A browser has a session: a random cookie, and for each balancer a nonce that is made of it,
so that nothing is kept here. A program without the cookie goes on with the balancer's own
nonce, as with Apache (APACHE M20).
"""

from __future__ import annotations

import hmac
import re
import secrets
from hmac import compare_digest
from typing import NamedTuple
from urllib.parse import quote

from twisted.web.http import Request

from txbalancer.control.manager.board import Board
from txbalancer.control.rights import Role, role_of, visitor_of, who
from txbalancer.control.said import header

COOKIE = b"txbalancer-manager"

_KEY = secrets.token_bytes(32)
"""New in every process, the same across reloads."""

_SESSION = re.compile(rb"[0-9a-f]{32}\Z")
_NO_CHANGES = "None"


class Visit(NamedTuple):
    """
    @ivar role: what may be done.
    @ivar who: for the audit.
    @ivar client: the address, for the bound on guesses.
    @ivar session: what is in the cookie; empty for a program.
    @ivar user: who logged in.
    """

    role: Role
    who: str
    client: str
    session: str
    user: str

    @property
    def operates(self) -> bool:
        """
        Whether forms are shown and taken.
        """
        return self.role >= Role.OPERATE


class Visits:
    """
    Tells visitors apart. A session ends with the process, for the secret is the process's.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def receive(self, request: Request) -> Visit:
        """
        Look who asks; a browser that has no session yet is given one with the answer.
        """
        visitor = visitor_of(request)
        visit = Visit(role_of(request), who(request), visitor.client, "", visitor.user or "")
        if not visit.operates:
            return visit
        sent = request.getCookie(COOKIE)
        if sent is not None and _SESSION.match(sent):
            return visit._replace(session=sent.decode())
        if not _is_browser(request):
            return visit
        session = secrets.token_hex(16)
        request.addCookie(
            COOKIE,
            session.encode(),
            path=_mount_path(request),
            secure=request.isSecure(),
            httpOnly=True,
            sameSite=b"strict",
        )
        return visit._replace(session=session)

    def nonce(self, visit: Visit, name: str) -> str:
        """
        Return what a form for a balancer has to bring; empty for who may not change it.
        """
        if not visit.operates:
            return ""
        plain = self._board.nonce(name)
        if not visit.session or plain == _NO_CHANGES:
            return plain
        text = "\0".join((visit.session, visit.user, name, plain))
        return hmac.digest(_KEY, text.encode(), "sha256").hex()[:32]

    def permits(self, visit: Visit, name: str, nonce: str) -> bool:
        """
        Tell whether a form with this nonce may change a balancer.
        """
        if not visit.session:
            return visit.operates and self._board.permits(name, nonce)
        right = self.nonce(visit, name)
        return right not in ("", _NO_CHANGES) and compare_digest(right.encode(), nonce.encode())


def _is_browser(request: Request) -> bool:
    # Programs that know Apache's page ask for anything, or do not say.
    return "text/html" in (header(request, "accept") or "")


def _mount_path(request: Request) -> bytes:
    places: tuple[list[bytes], list[bytes]] = getattr(request, "places", ([], []))
    return b"/" + b"/".join(quote(each, "!$'()*,:=@").encode() for each in places[0])
