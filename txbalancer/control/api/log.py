"""
The access log while it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from txbalancer.control.api.call import STREAM, Answer, Call, Operation, Route
from txbalancer.control.api.events import too_many
from txbalancer.control.api.finding import find_balancer
from txbalancer.control.api.shapes import Fields, span, text
from txbalancer.control.stream import LineStream
from txbalancer.core import values
from txbalancer.core.outcome import Outcome

LINES = "application/x-ndjson"

MOST_WATCHERS = 20
"""Of the log at once: each of them looks at every exchange of the service."""

_STATUS = re.compile(r"[0-5]xx|[1-5]\d\d", re.ASCII | re.IGNORECASE)

Test = Callable[[Outcome], bool]


def statuses(words: str) -> tuple[frozenset[int], frozenset[int]]:
    """
    Read statuses and classes of them, such as C{404,5xx}; C{0xx} is no status at all.

    @return: the classes and the statuses.
    @raise ValueError: saying what is allowed.
    """
    found = values.words(words)
    wrong = [each for each in found if not _STATUS.fullmatch(each)]
    if wrong or not found:
        raise ValueError(f"{words!r} must be statuses such as 404, or classes such as 5xx")
    classes = frozenset(int(each[0]) for each in found if each[-1] in "xX")
    return classes, frozenset(int(each) for each in found if each[-1] not in "xX")


def log(call: Call) -> Any:
    """
    Pass on the lines of exchanges as they end.
    """
    wanted = _wanted(call)
    if call.head:
        return Answer(None)
    full = len(call.board.tap.watchers) >= MOST_WATCHERS
    if full or not call.board.streams.room(call.request):
        raise too_many()
    stream = LineStream(call.request, call.board.streams)
    stream.on_end(call.board.tap.open(wanted, stream))
    return STREAM


def _wanted(call: Call) -> Test:
    tests = list(_tests(call))
    return lambda outcome: all(test(outcome) for test in tests)


def _tests(call: Call) -> Any:
    query = call.query
    if "balancer" in query:
        name = find_balancer(call.board, call.names, query["balancer"]).spec.name
        yield lambda outcome: outcome.balancer == name
    elif not call.access.whole():
        names = call.names
        yield lambda outcome: outcome.balancer in names
    if "member" in query:
        yield _of_member(query["member"])
    if "status" in query:
        classes, exact = query["status"]
        yield lambda outcome: outcome.status // 100 in classes or outcome.status in exact
    if "path" in query:
        start = query["path"].encode("utf-8", "replace")
        yield lambda outcome: outcome.request is not None and outcome.request.path.startswith(start)
    if "slower" in query:
        least = query["slower"]
        yield lambda outcome: outcome.duration >= least


def _of_member(name: str) -> Test:
    """
    Test for a member by its URL, its route or HOST:PORT.
    """
    place = f"://{name.lower()}"

    def test(outcome: Outcome) -> bool:
        if not outcome.member:
            return False
        if name in (outcome.member, outcome.route):
            return True
        return outcome.member.endswith(place) or f"{place}/" in outcome.member

    return test


ROUTES = (
    Route(
        "/log",
        {
            "GET": Operation(
                "watchLog",
                "Lines of the access log, one JSON object each, for as long as somebody reads.",
                log,
                "LogLine",
                'A line {"lost": N} stands for N lines that the reader was too slow for; empty'
                " lines are signs of life.",
                query=Fields(
                    {
                        "balancer": text("balancer-name", str).described("Of this balancer."),
                        "member": text("member-name", str).described(
                            "Of this member: its URL, route or HOST:PORT."
                        ),
                        "status": text("statuses", statuses, ["5xx", "404,5xx"]).described(
                            "With these statuses or classes of them."
                        ),
                        "path": text("path-prefix", str, ["/shop/"]).described(
                            "With a path that begins so."
                        ),
                        "slower": span(0.0, 86400.0, values.duration()).described(
                            "That took this long or longer."
                        ),
                    }
                ),
                media=(LINES,),
                problems=(503,),
            )
        },
    ),
)
