"""
What forms ask for, done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.orders import find_member, read_orders
from txbalancer.control.manager.view import last_change
from txbalancer.control.manager.visits import Visit, Visits
from txbalancer.control.manager.words import found
from txbalancer.core.commands import AddMember, Change
from txbalancer.core.health import ProbeResult
from txbalancer.proxy.throttle import Guesses

Messages = list[tuple[str, str]]
"""Tone, C{good}, C{watch} or C{bad}, and text."""


class Done(NamedTuple):
    """
    What became of a form.

    @ivar status: of the answer, if it is not 200.
    @ivar later: fires with further messages; C{None} when there will be none.
    """

    messages: Messages
    status: int = 0
    later: Deferred[Messages] | None = None


def _refused(text: str, status: int = 0) -> Done:
    return Done([("bad", f"Nothing was changed: {text}")], status)


class Changes:
    """
    Carries out the forms of those who may.
    """

    log = Logger()

    def __init__(self, board: Board, visits: Visits) -> None:
        self._board, self._visits = board, visits
        self._guesses = Guesses()

    def change(self, visit: Visit, name: str, fields: Mapping[str, str]) -> Done:
        """
        Do what a form asks for, all of it or nothing.

        @param name: of the balancer that it is for.
        """
        refused = self._forbids(visit, name, fields.get("nonce", ""))
        if refused is not None:
            return refused
        balancer = self._board.balancer(name)
        member = find_member(balancer, fields["w"]) if "w" in fields else None
        if "w" in fields and member is None:
            return _refused(f"{name} has no member {fields['w']}.")
        if fields.get("b_undo"):
            return self._undo(visit, name, fields["b_undo"].strip())
        if fields.get("w_probe"):
            if member is None:
                return _refused("w_probe: name a member (w=URL).")
            return self._probe(visit, name, member.name)
        orders = read_orders(self._board, balancer, member, fields)
        if orders.faults:
            faults = [("bad", f"Nothing was changed. {each}") for each in orders.faults]
            return Done(faults, orders.status)
        changes: list[Change] = []
        for command in orders.commands:
            try:
                changes.append(self._board.apply(command, visit.who))
            except (LookupError, ValueError) as error:
                status = 400 if isinstance(command, AddMember) else 0
                return self._done(changes, [str(error)], status)
        return self._done(changes)

    def _forbids(self, visit: Visit, name: str, nonce: str) -> Done | None:
        if not visit.operates:
            return _refused("you may look at this page, but not change anything.", 403)
        if self._board.leaving:
            return _refused("a new process is taking over. Repeat it in a moment.", 503)
        now = self._board.now()
        wait = self._guesses.wait(visit.client, now)
        if wait:
            return _refused(f"too many wrong nonces came from you. Wait {wait:.0f} s.", 429)
        if self._visits.permits(visit, name, nonce):
            return None
        if self._board.nonce(name) == "None":
            return _refused("nonce = None in the configuration forbids it.")
        self._guesses.wrong(visit.client, nonce.encode(), now)
        return _refused(
            "the form is not of this run of the service or not of your session (another nonce)."
            " Here is a new one; your browser has to accept this page's cookie."
        )

    def _undo(self, visit: Visit, name: str, number: str) -> Done:
        done = last_change(self._board, name)
        if done is None:
            return _refused("there is nothing to undo.")
        if number not in ("last", str(done.event.number)):
            return _refused(f"something else was changed since: {done.event.text}. Look again.")
        try:
            return self._done([self._board.undo(visit.who, name)])
        except (LookupError, ValueError) as error:
            return _refused(f"{error}.")

    def _probe(self, visit: Visit, name: str, member: str) -> Done:
        try:
            waiting = self._board.probe(name, member, visit.who)
        except (LookupError, ValueError) as error:
            return Done([("bad", f"{member} was not checked: {error}.")])

        def checked(result: ProbeResult) -> Messages:
            words = "well" if result.passed else "not well"
            text = f"{member} is {words}: {found(result)}."
            return [("good" if result.passed else "bad", text)]

        def failed(reason: Failure) -> Messages:
            if not reason.check(LookupError, ValueError):
                self.log.failure("a check by hand", reason)
            return [("bad", f"{member} was not checked: {reason.getErrorMessage()}.")]

        return Done([], later=waiting.addCallbacks(checked, failed))

    def _done(self, changes: list[Change], faults: Sequence[str] = (), status: int = 0) -> Done:
        messages: Messages = [("good", told(each)) for each in changes]
        messages += [("watch", f"{each.warning}.") for each in changes if each.warning]
        messages += [("bad", each) for each in faults]
        if not messages:
            messages.append(("good", "Nothing to change: all is so already."))
        return Done(messages, status, self._settled() if any(changes) else None)

    def _settled(self) -> Deferred[Messages]:
        # What is not on the disk yet is not said to be changed.
        def settled(fault: str) -> Messages:
            return [("bad", f"This will not outlive a restart: {fault}.")] if fault else []

        waiting: Deferred[str] = self._board.settled()
        return waiting.addCallback(settled)


def told(change: Change) -> str:
    """
    Say what was changed.
    """
    parts = [
        f"{name} {_shown(change.before[name])} → {_shown(change.after[name])}"
        for name in change.before
    ]
    return f"Changed: {', '.join(parts)}." if parts else "Nothing to change: all is so already."


def _shown(text: str | None) -> str:
    return "none" if text is None else text or "empty"
