"""
The access log while it is written.
"""

from __future__ import annotations

import re
from typing import Any

from txbalancer.control.api.call import STREAM, Answer, Call, Operation, Route
from txbalancer.control.api.events import too_many
from txbalancer.control.api.finding import find_balancer
from txbalancer.control.api.shapes import Fields, span, text
from txbalancer.control.stream import LineStream
from txbalancer.control.tap import LineFilter
from txbalancer.core import values

LINES = "application/x-ndjson"

MOST_WATCHERS = 20
"""Of the log at once: each of them looks at every exchange of the service."""

_STATUS = re.compile(r"[0-5]xx|[1-5]\d\d", re.ASCII | re.IGNORECASE)


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


def _wanted(call: Call) -> LineFilter:
    query = call.query
    balancers = None if call.access.whole() else tuple(call.names)
    if "balancer" in query:
        balancers = (find_balancer(call.board, call.names, query["balancer"]).spec.name,)
    return LineFilter(
        balancers,
        query.get("member", ""),
        query.get("status"),
        query.get("path", "").encode("utf-8", "replace"),
        query.get("slower", 0.0),
    )


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
