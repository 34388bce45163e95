"""
The families of sources of members.
"""

from __future__ import annotations

from txbalancer.control.metrics.families import COUNTER, GAUGE, Family, Group

SOURCES = Group(
    "source",
    ("balancer", "source"),
    (
        Family(
            "txbalancer_source_members",
            GAUGE,
            "Members that are there because the source knows them, or did until lately",
            lambda view: view.members,
        ),
        Family(
            "txbalancer_source_successful",
            GAUGE,
            "0 while the source fails, so that its members are those of its last good answer",
            lambda view: int(not view.fault),
        ),
        Family(
            "txbalancer_source_last_success_timestamp_seconds",
            GAUGE,
            "When the source last answered, since the epoch; 0 for never",
            lambda view: view.last or 0,
        ),
        Family(
            "txbalancer_source_looks",
            COUNTER,
            "Times that the source was asked, by result",
            lambda view: {"failed": view.failures, "passed": view.looks - view.failures},
            "result",
        ),
    ),
)
