"""
Finds out what is other on a page than when it was looked at before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.cells import Cell, traffic_cells
from txbalancer.control.manager.happened import RecentEvents
from txbalancer.control.manager.limits import limit_rows
from txbalancer.control.manager.processes import worker_rows
from txbalancer.control.manager.sparks import Scale
from txbalancer.control.manager.view import BalancerView, MemberView, Traffic, view_balancer
from txbalancer.control.slices import BATCH, Steps
from txbalancer.control.stream import compact
from txbalancer.core.history import History
from txbalancer.core.member import Member

State = dict[str, Any]

Pieces = list[bytes]
"""JSON that is joined at the very end: copies of megabytes take their time."""

_FEW = 200
"""Members whose graphs are all drawn in one look; of more it is each time another fifth."""

_TURNS = 5


class Look(NamedTuple):
    """
    What was found, as JSON.

    @ivar everything: empty unless it was asked for.
    @ivar news: what is other; empty when nothing is.
    """

    everything: bytes
    news: bytes


class _Graphs(NamedTuple):
    """
    What is drawn of a member.

    @ivar of: the samples and the scale that they show.
    """

    of: tuple[int, Scale]
    cells: Sequence[Cell]


class _Row:
    """
    What is known of a member.

    It is brought up to date in its place: garbage collection looks at all containers that are
    new, and of thousands of members those would be many.
    """

    __slots__ = ("_draining", "_graphs", "_texts", "_tone", "_tones")

    def __init__(self, view: MemberView) -> None:
        self._tone, self._draining = view.condition.tone, view.draining
        self._texts = [each.text for each in view.cells]
        self._tones = [each.tone for each in view.cells]
        self._graphs = [each.graph for each in view.cells]

    def news(self, view: MemberView) -> State:
        """
        Return what is other now, and remember it.
        """
        found: State = {}
        if view.condition.tone != self._tone:
            found["tone"] = self._tone = view.condition.tone
        if view.draining != self._draining:
            self._draining = view.draining
            found["drain"] = list(view.draining or ())
        texts, tones, graphs = self._texts, self._tones, self._graphs
        cells: State = {}
        for place, (name, text, _, tone, graph) in enumerate(view.cells):
            was = graphs[place]
            if text == texts[place] and tone == tones[place] and graph is was:
                continue
            old = Cell(name, texts[place], "", tones[place], was)
            news = _cell(view.cells[place], old)
            if news:
                cells[name] = news
            texts[place], tones[place], graphs[place] = text, tone, graph
        if cells:
            found["cells"] = cells
        return found


class _Told(NamedTuple):
    """
    What is known of a balancer.
    """

    head: State
    columns: Sequence[str]
    rows: dict[str, _Row]
    graphs: dict[str, _Graphs]


class Looking:
    """
    Remembers what was found last.

    A look that failed leaves some of it behind: who was told of the one before it needs
    everything.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._events = RecentEvents(board)
        self._told: dict[str, _Told] = {}
        self._heads: State = {}
        self._turn = 0

    @property
    def members(self) -> int:
        """
        Count them.
        """
        return sum(len(each.rows) for each in self._told.values())

    def look(self, names: Callable[[], tuple[str, ...]], whole: bool) -> Steps[Look]:
        """
        Look at balancers.

        @param names: returns theirs.
        @param whole: whether everything is wanted too, for somebody new.
        """
        board, shown = self._board, names()
        self._turn += 1
        shape: list[Any] = []
        everything: dict[str, Pieces] = {}
        news: dict[str, Pieces] = {}
        for name in shown:
            view = yield from view_balancer(board, name, traffic=self._traffic(name))
            shape.append([name, view.columns, [each.name for each in view.members]])
            everything[name], other = yield from self._balancer(view, whole)
            if other:
                news[name] = other
        self._told = {name: self._told[name] for name in shown}
        heads = {
            # Another start means other nonces.
            "run": board.facts.started,
            "shape": shape,
            "events": self._events.look(shown),
            "limits": limit_rows(board),
            "workers": worker_rows(board),
        }
        other = _object(difference(self._heads, heads), balancers=_tables(news))
        self._heads = heads
        whole_page = _object(heads, balancers=_tables(everything)) if whole else ()
        return Look(b"".join(whole_page), b"".join(other))

    def _balancer(self, view: BalancerView, whole: bool) -> Steps[tuple[Pieces, Pieces]]:
        """
        Write down everything about a balancer, if that is wanted, and what is other about it.
        """
        told = self._told[view.name]
        if told.columns != view.columns:
            told = _Told({}, view.columns, {}, told.graphs)
        written: list[bytes] = []
        news: list[bytes] = []
        for start in range(0, len(view.members), BATCH):
            if start:
                yield
            rows = [view.row(each) for each in view.members[start : start + BATCH]]
            if whole:
                written.append(_written({each.member.name: _everything(each) for each in rows}))
            news.append(_written(_news(rows, told.rows, first=not self._heads)))
        _forget(told, view.members)
        head = _head(view)
        other = difference(told.head, head)
        self._told[view.name] = told._replace(head=head)
        everything = _object(head, members=_joined(written)) if whole else []
        return everything, _object(other, members=_joined(news))

    def _traffic(self, name: str) -> Traffic:
        """
        Make cells of traffic anew for those members only that have another sample, and of many
        members for a fifth of them.
        """
        few, turn = self.members <= _FEW, self._turn % _TURNS
        graphs = self._told.setdefault(name, _Told({}, (), {}, {})).graphs

        def cells(member: Member, history: History, scale: Scale) -> Sequence[Cell]:
            of, kept = (history.steps, scale), graphs.get(member.name)
            if kept is None or (kept.of != of and (few or member.index % _TURNS == turn)):
                kept = graphs[member.name] = _Graphs(of, tuple(traffic_cells(history, scale)))
            return kept.cells

        return cells


def _forget(told: _Told, members: Sequence[Member]) -> None:
    """
    Give up the rows of members that are gone.
    """
    if len(told.rows) > len(members):
        for gone in told.rows.keys() - {each.name for each in members}:
            del told.rows[gone]
            told.graphs.pop(gone, None)


def _news(rows: Sequence[MemberView], known: dict[str, _Row], first: bool) -> State:
    """
    Return what is other about rows, which are known from now on.

    @param first: whether nobody was told of anything yet, so that there is nobody for news.
    """
    found: State = {}
    for each in rows:
        name = each.member.name
        row = known.get(name)
        if row is None:
            known[name], other = _Row(each), {} if first else _everything(each)
        else:
            other = row.news(each)
        if other:
            found[name] = other
    return found


def _written(values: State) -> bytes:
    """
    Write down what is in an object, without its braces.
    """
    return compact(values)[1:-1]


def _joined(objects: Sequence[bytes]) -> Pieces:
    """
    Return one object with all that is in others.
    """
    pieces: Pieces = []
    for each in filter(None, objects):
        pieces += (b"," if pieces else b"{", each)
    return [*pieces, b"}"] if pieces else []


def _tables(written: Mapping[str, Pieces]) -> Pieces:
    """
    Return an object of others by their names.
    """
    pieces: Pieces = []
    for name, its in written.items():
        pieces += (b"," if pieces else b"{", compact(name), b":", *its)
    return [*pieces, b"}"] if pieces else []


def _object(values: State, **written: Pieces) -> Pieces:
    """
    Return an object, or nothing when there is nothing in it.

    @param written: values that are written already; those that are empty are left out.
    """
    more = {name: its for name, its in written.items() if its}
    if not values:
        return _tables(more)
    pieces = _tables(more)[:-1] or [b"{"]
    return [*pieces, b"," if more else b"", _written(values), b"}"]


def _head(view: BalancerView) -> State:
    return {
        "summary": view.summary,
        "traffic": view.traffic,
        "alarms": list(view.alarms),
        "out": list(map(list, view.out)),
        "more": view.more,
        "discovery": " · ".join(view.discovery),
        "cells": {each.name: _cell(each, None) for each in view.cells},
        "undo": list(view.undoing) if view.undoing else [],
    }


def _everything(view: MemberView) -> State:
    return {
        "tone": view.condition.tone,
        "drain": list(view.draining or ()),
        "cells": {each.name: _cell(each, None) for each in view.cells},
    }


def _cell(cell: Cell, old: Cell | None) -> State:
    found: State = {}
    if old is None or cell.text != old.text:
        found["text"] = cell.text
    if old is None or cell.tone != old.tone:
        found["tone"] = cell.tone
    graph, drawn = cell.graph, None if old is None else old.graph
    if graph is not None:
        if drawn is None or graph.paths != drawn.paths:
            found["paths"] = [d for _, d in graph.paths]
        if drawn is None or graph.label != drawn.label:
            found["label"] = graph.label
    return found


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> State:
    """
    Return what is other in C{new}, table in table; what is not in it stays as it is.
    """
    found: State = {}
    for key, value in new.items():
        before = old.get(key)
        if value == before:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            found[key] = difference(before, value)
        else:
            found[key] = value
    return found
