"""
Limits: what they are, and how much of them is used.
"""

from __future__ import annotations

from txbalancer.control.api.call import Answer, Call, Operation, Route


def shown(call: Call) -> Answer:
    """
    Tell about every limit that is set.
    """
    return Answer({"limits": [each.as_json() for each in call.board.facts.limits()]})


ROUTES = (
    Route(
        "/limits",
        {
            "GET": Operation(
                "listLimits",
                "Every limit that is set, and its use.",
                shown,
                "Limits",
                "used is, of limits per client, of the one that uses most, and of rate limits the"
                " keys that are remembered; rate is how often each may come, and spent how much of"
                " burst the key has used that came most. refused counts what would have been, where"
                " dry_run is true.",
                whole=True,
            )
        },
    ),
)
