"""
Series are written anew where they say something else.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.control.metrics.pages import CONFIGURATION, fetch
from tests.services.worlds import World
from txbalancer.control.metrics import scrape
from txbalancer.control.metrics.families import COUNTER, GAUGE, HISTOGRAM, Family, Group
from txbalancer.control.metrics.of_process import process_registry
from txbalancer.control.metrics.series import Series
from txbalancer.core.meters import Histogram

GROUP = Group(
    "thing",
    ("name",),
    (
        Family("number", GAUGE, "A number", lambda thing: thing.number),
        Family("causes", COUNTER, "Numbers", lambda thing: thing.causes, "cause"),
        Family("span_seconds", HISTOGRAM, "Spans", lambda thing: thing.spans),
    ),
)


class Thing:
    """
    What goes on to change.
    """

    def __init__(self) -> None:
        self.number = 0
        self.causes: dict[str, int] = {}
        self.spans = Histogram()

    def change(self, what: str, value: int) -> None:
        """
        Be another than before.
        """
        if what == "number":
            self.number = value
        elif what == "span":
            self.spans.add(value / 10)
        else:
            self.causes[what] = self.causes.get(what, 0) + value


@given(st.lists(st.tuples(st.sampled_from(["number", "span", "a", "b"]), st.integers(0, 5))))
def test_it_is_what_it_would_be_anew(changes: list[Any]) -> None:
    """
    Whatever changes in the thing itself is seen, and nothing else is written again.
    """
    thing, kept = Thing(), Series(GROUP, ("x",))
    before = list(kept.read(thing))
    for what, value in changes:
        thing.change(what, value)
        now = list(kept.read(thing))
        assert now == list(Series(GROUP, ("x",)).read(thing))
        assert [a is b for a, b in zip(before, now, strict=True)] == [
            a == b for a, b in zip(before, now, strict=True)
        ]
        before = now


def test_only_so_many_are_kept(monkeypatch) -> None:
    """
    What is kept for the next page is bounded; the page has everything.
    """
    world = World(CONFIGURATION).start()
    usual = fetch(world)[1]
    monkeypatch.setattr(scrape, "MOST_KEPT", 3)
    pages = [fetch(world)[1] for _ in range(2)]
    lines = [{line.rpartition(" ")[0] for line in page.splitlines()} for page in (usual, *pages)]
    assert lines[0] == lines[1] == lines[2]
    found = scrape.Scrape(world.service.targets.pages.sources, process_registry(), False)
    for _ in found.steps():
        pass
    assert len(found.known) == 3
