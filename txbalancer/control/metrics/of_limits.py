"""
The families of limits.
"""

from __future__ import annotations

from txbalancer.control.metrics.families import COUNTER, GAUGE, Family, Group

LIMITS = Group(
    "limit",
    ("of", "option"),
    (
        Family(
            "txbalancer_limit_used",
            GAUGE,
            "How much of a limit is used: of those per client by the one that uses most, of rate"
            " limits the keys that are remembered",
            lambda view: view.used,
        ),
        Family(
            "txbalancer_limit_most",
            GAUGE,
            "How much of it there may be",
            lambda view: view.most,
        ),
        Family(
            "txbalancer_limit_waiting",
            GAUGE,
            "Requests, or connections, that wait for room",
            lambda view: view.waiting,
        ),
        Family(
            "txbalancer_limit_passed",
            COUNTER,
            "Requests, or connections, that a rate limit let through",
            lambda view: 0 if view.dry_run else view.passed,
        ),
        Family(
            "txbalancer_limit_refused",
            COUNTER,
            "Requests, or connections, that a limit did not let through",
            lambda view: 0 if view.dry_run else view.refused,
        ),
        Family(
            "txbalancer_limit_dry_run",
            COUNTER,
            "Requests, or connections, that a rate limit with dry-run would have let through, or"
            " refused",
            lambda view: {
                "passed": view.passed * view.dry_run,
                "refused": view.refused * view.dry_run,
            },
            "result",
        ),
    ),
)
