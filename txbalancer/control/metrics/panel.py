"""
What a panel of a dashboard for Grafana is, and the queries that many have.
"""

from __future__ import annotations

from dataclasses import dataclass

STAT, GRAPH, TABLE = "stat", "timeseries", "table"

SERVICE = '{job=~"$job",instance=~"$instance"}'
BALANCER = SERVICE.replace("}", ',balancer=~"$balancer"}')
MEMBER = BALANCER.replace("}", ',member=~"$member"}')


@dataclass(frozen=True, slots=True)
class Panel:
    """
    @ivar queries: (expression, name of its lines) of each.
    @ivar unit: Grafana's word for the unit of values.
    @ivar help: what it tells, for people.
    @ivar width: of 24 columns.
    @ivar kind: L{STAT}, L{GRAPH} or L{TABLE}.
    @ivar stacked: whether lines are put upon each other.
    """

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    help: str = ""
    width: int = 8
    kind: str = GRAPH
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """
    Panels under one heading.
    """

    title: str
    panels: tuple[Panel, ...]


def matching(labels: str, more: str) -> str:
    """
    Return matchers with one more.
    """
    return labels.replace("}", f",{more}}}")


def rate(name: str, labels: str, by: str) -> str:
    """
    Return the sum of a counter's rates by some labels.
    """
    return f"sum by ({by}) (rate({name}{labels}[$__rate_interval]))"


def quantile(part: float, name: str, labels: str, by: str) -> str:
    """
    Return a quantile of a histogram by some labels.
    """
    buckets = f"rate({name}_bucket{labels}[$__rate_interval])"
    return f"histogram_quantile({part:g}, sum by ({by}, le) ({buckets}))"


def quantiles(name: str, labels: str, by: str, legend: str) -> tuple[tuple[str, str], ...]:
    """
    Return the queries of the quantiles that people look at.
    """
    return tuple(
        (quantile(part, name, labels, by), f"{legend} p{part * 100:.0f}")
        for part in (0.5, 0.95, 0.99)
    )
