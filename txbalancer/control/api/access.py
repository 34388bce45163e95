"""
Who comes by a mount, and what is believed of it.
"""

from __future__ import annotations

from twisted.web.http import Request

from txbalancer.control import rights
from txbalancer.control.manager.asking import same_origin
from txbalancer.control.manager.board import Board
from txbalancer.control.rebinding import strange_name
from txbalancer.control.rights import Role
from txbalancer.control.said import header


class MountAccess:
    """
    The rights of a manager's mount: C{require} has let in who comes here, C{operate} tells who
    may change something.
    """

    typed = True

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        """
        @param names: the balancers it is for; empty for all.
        """
        self._names = names

    def names(self, board: Board) -> tuple[str, ...]:
        """
        Return the balancers that may be seen.
        """
        there = board.names()
        return tuple(each for each in self._names if each in there) if self._names else there

    def whole(self) -> bool:
        """
        Tell whether that is everything.
        """
        return not self._names

    def role(self, request: Request) -> Role:
        """
        Return what the sender may do.
        """
        return rights.role_of(request)

    def challenge(self, request: Request) -> bytes | None:
        """
        Return C{WWW-Authenticate} for a sender whom a log-in might give more rights.
        """
        return rights.asks_for_login(request)

    def who(self, request: Request) -> str:
        """
        Say who sends a request.
        """
        return rights.who(request)

    def distrust(self, request: Request) -> str:
        """
        Say why a change may be the wish of somebody else's page.

        Browsers cannot send JSON to another site without asking first, which is refused; what
        they say of the page that a request comes from is looked at all the same.
        """
        origin = header(request, "origin") or ""
        site = (header(request, "sec-fetch-site") or "").lower()
        if origin and not same_origin(header(request, "host") or "", origin):
            return f"the request comes from a page of {origin}"
        if site not in ("", "same-origin", "none"):
            return f"the request comes from a page of another site ({site})"
        return strange_name(request)
