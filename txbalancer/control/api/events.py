"""
What happened, and what happens while somebody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from txbalancer.control.api.call import STREAM, Answer, Call, Operation, Route
from txbalancer.control.api.problem import Problem
from txbalancer.control.api.shapes import Fields, number, whole
from txbalancer.control.stream import EventStream
from txbalancer.core.events import Event

LONGEST_WAIT = 60.0
EVENT_STREAM = "text/event-stream"
_MOST_NUMBER = 2**53


def events(call: Call) -> Any:
    """
    Tell what happened, at once, when something does, or for as long as somebody listens.
    """
    if call.media == EVENT_STREAM:
        return _stream(call)
    after = _after(call, call.query.get("after", 0))
    wait = call.query.get("wait", 0.0)
    found = _since(call, after)
    if found or not wait or call.head:
        return _answer(call, found)
    if not call.board.streams.room(call.request):
        raise too_many()
    return _Waiting(call, wait).done


def too_many() -> Problem:
    """
    Say that nobody more can wait.
    """
    return Problem(
        503, "too many streams are open", "close some, or try again", headers={"Retry-After": "30"}
    )


def _after(call: Call, number: int) -> int:
    # Numbers begin anew with each process: who knows a later one knew another process.
    return 0 if number > call.board.journal.last else number


def _seen(call: Call) -> Callable[[Event], bool]:
    names = call.names
    every = call.access.whole()
    return lambda event: event.balancer in names or (not event.balancer and every)


def _since(call: Call, number: int) -> list[Event]:
    return [each for each in call.board.journal.since(number) if _seen(call)(each)]


def _answer(call: Call, found: list[Event]) -> Answer:
    journal = call.board.journal
    return Answer(
        {
            "events": [each.as_json() for each in found],
            "last": journal.last,
            "started": call.board.facts.started,
        }
    )


class _Waiting:
    """
    A request that is answered when something happens, or when its time is over.
    """

    def __init__(self, call: Call, wait: float) -> None:
        self.done: Deferred[Answer] = Deferred()
        self._call, self._seen = call, _seen(call)
        self._end = call.board.journal.listen(self._heard)
        self._timer = call.board.streams.clock.callLater(wait, self._finish, [])
        call.board.streams.add(self, call.request)
        call.request.notifyFinish().addErrback(lambda _: self._leave())

    def _heard(self, event: Event) -> None:
        if self._seen(event):
            self._finish([event])

    def end(self) -> None:
        """
        Answer at once, for the service stops.
        """
        self._finish([])

    def _leave(self) -> None:
        self._end()
        self._call.board.streams.discard(self)
        if self._timer.active():
            self._timer.cancel()

    def _finish(self, found: list[Event]) -> None:
        self._leave()
        if not self.done.called:
            self.done.callback(_answer(self._call, found))


def _stream(call: Call) -> Any:
    journal, streams = call.board.journal, call.board.streams
    if call.head:
        return Answer(None)
    if not streams.room(call.request):
        raise too_many()
    known = call.header("Last-Event-ID")
    start = journal.last
    if known is not None and known.isascii() and known.isdigit() and len(known) < 16:
        start = _after(call, int(known))
    elif "after" in call.query:
        start = _after(call, call.query["after"])
    stream, seen = EventStream(call.request, streams), _seen(call)

    def send(event: Event) -> None:
        if seen(event):
            stream.send(event.kind, event.as_json(), event.number)

    for each in journal.since(start):
        send(each)
    stream.on_end(journal.listen(send))
    return STREAM


ROUTES = (
    Route(
        "/events",
        {
            "GET": Operation(
                "listEvents",
                "What happened, the oldest first.",
                events,
                "Events",
                "With wait it is answered when something happens; as text/event-stream it goes"
                " on, from now or from after, or from Last-Event-ID.",
                query=Fields(
                    {
                        "after": whole(0, _MOST_NUMBER).described("The last number known."),
                        "wait": number(0, LONGEST_WAIT).described(
                            "Seconds to wait for something to happen."
                        ),
                    }
                ),
                media=("application/json", EVENT_STREAM),
                problems=(503,),
            )
        },
    ),
)
