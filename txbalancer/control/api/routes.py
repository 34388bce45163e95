"""
Every path of the API.
"""

from __future__ import annotations

from txbalancer.config.suggest import did_you_mean
from txbalancer.control.api import balancers, events, limits, log, members, service
from txbalancer.control.api.call import Answer, Call, Operation, Route
from txbalancer.control.api.openapi import describe
from txbalancer.control.api.problem import Problem


def described(call: Call) -> Answer:
    """
    Describe the API.
    """
    path = call.request.uri.partition(b"?")[0].decode("latin-1")
    base = "/" + path.rpartition("/")[0].lstrip("/")
    return Answer(describe(call.board, call.names, ROUTES, base))


ROUTES: tuple[Route, ...] = (
    *service.ROUTES,
    *balancers.ROUTES,
    *members.ROUTES,
    *events.ROUTES,
    *log.ROUTES,
    *limits.ROUTES,
    Route(
        "/openapi.json",
        {
            "GET": Operation(
                "getDescription", "This description, in OpenAPI 3.1.", described, "Description"
            )
        },
    ),
)


def find_route(segments: tuple[str, ...]) -> tuple[Route, dict[str, str]]:
    """
    Find what a path leads to; a slash at its end does not matter.

    @return: the route, and what its names stand for.
    @raise Problem: 404, with what may have been meant.
    """
    if segments and not segments[-1]:
        segments = segments[:-1]
    for route in ROUTES:
        found = route.match(segments)
        if found is not None and all(found.values()):
            return route, found
    path = "/" + "/".join(segments)
    hint = did_you_mean(path, [each.template for each in ROUTES])
    raise Problem(404, f"there is no {path[:100]} in the API{hint}", "openapi.json lists all paths")
