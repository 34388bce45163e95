"""
What the samples say: medians, ratios, and whether the bars are met. Pure.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

Samples = Mapping[str, Sequence[Mapping[str, float]]]
"""For each subject one mapping of figures per round."""

OWN_NAME = "txbalancer"
BASE_NAME = "base"


def median(samples: Samples, subject: str, figure: str) -> float | None:
    """
    The median of a figure over the rounds; C{None} without samples.
    """
    found = [sample[figure] for sample in samples.get(subject, ()) if figure in sample]
    return statistics.median(found) if found else None


def ratio(samples: Samples, subject: str, other: str, figure: str) -> float | None:
    """
    The median of the ratios of both in each round, which drift between rounds cannot touch; of
    the CPU time of subjects that were loaded beside another one, what they showed themselves.
    """
    if figure.endswith(".cpu"):
        found = median(samples, subject, figure.removesuffix("cpu") + "more")
        if found is not None:
            return found
    ratios = [
        mine[figure] / theirs[figure]
        for mine, theirs in zip(samples.get(subject, ()), samples.get(other, ()), strict=False)
        if theirs.get(figure) and figure in mine
    ]
    return statistics.median(ratios) if ratios else None


def errors(samples: Samples, subject: str) -> int:
    """
    Failed requests of all rounds.
    """
    return round(
        sum(
            value
            for sample in samples.get(subject, ())
            for figure, value in sample.items()
            if figure.endswith(".errors")
        )
    )


WIRE_BARS = (
    ("CPU per request under TLS / HAProxy's", "tls.cpu", "haproxy", 2.5),
    ("CPU per TLS handshake / HAProxy's", "handshake.cpu", "haproxy", 1.3),
    ("CPU per GB under TLS / HAProxy's", "tlsbig.cpu", "haproxy", 1.6),
    ("CPU per HTTP/2 request / Apache's", "h2.cpu", "apache", 1.5),
    ("CPU per GB through TCP / HAProxy's", "tcpbig.cpu", "haproxy", 0.85),
)
"""Text, figure, whom it is compared with, and the limit."""


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A demand on a figure: at most C{limit}.

    @ivar value: C{None} when it was not measured.
    """

    text: str
    value: float | None
    limit: float

    @property
    def verdict(self) -> str:
        """
        C{PASS}, C{MISS} or C{-}.
        """
        if self.value is None:
            return "-"
        return "PASS" if self.value <= self.limit else "MISS"


def bars(proxies: Samples, scale: Samples, wire: Samples = MappingProxyType({})) -> list[Bar]:
    """
    All demands.
    """

    def against(peer: str, figure: str) -> float | None:
        return ratio(proxies, OWN_NAME, peer, figure)

    found = [
        Bar("CPU per 12-header request / Apache's", against("apache", "headers.cpu"), 0.75),
        Bar("CPU per 12-header request / HAProxy's", against("haproxy", "headers.cpu"), 2.2),
        Bar("CPU per GB of body / Apache's", against("apache", "big.cpu"), 1.0),
        Bar("CPU per GB of body / HAProxy's", against("haproxy", "big.cpu"), 1.0),
        Bar("KiB per idle connection", median(proxies, OWN_NAME, "idle.kib"), 4.0),
    ]
    for text, figure, peer, limit in WIRE_BARS:
        found.append(Bar(text, ratio(wire, OWN_NAME, peer, figure), limit))
    for case, title in (("members", "many members"), ("mounts", "many mounts")):
        for kind, what in (("plain", "request"), ("headers", "12-header request")):
            value = ratio(scale, case, BASE_NAME, f"{kind}.cpu")
            found.append(Bar(f"CPU per {what}, {title} / 2 members, 1 mount", value, 1.15))
    for kind, what in (("plain", "request"), ("headers", "12-header request")):
        value = ratio(scale, "watched", BASE_NAME, f"{kind}.cpu")
        found.append(Bar(f"CPU per {what}, watched / not watched", value, 1.05))
    for kind, what in (("plain", "request"), ("headers", "12-header request")):
        value = ratio(scale, "worker", BASE_NAME, f"{kind}.cpu")
        found.append(Bar(f"CPU per {what}, 1 worker / none", value, 1.1))
        gained = median(scale, "workers", f"{kind}.gain")
        share = None if gained is None else 1.0 / gained
        found.append(Bar(f"CPU of the busiest process per {what}, 2 workers / 1", share, 1 / 1.8))
    return found
