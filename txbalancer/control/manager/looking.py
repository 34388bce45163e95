"""
Finds out what is other on a page than when it was looked at before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.cells import Cell, traffic_cells
from txbalancer.control.manager.happened import recent_events
from txbalancer.control.manager.sparks import Scale
from txbalancer.control.manager.view import BalancerView, MemberView, Traffic, view_balancer
from txbalancer.control.slices import BATCH, Steps
from txbalancer.control.stream import compact
from txbalancer.core.history import History
from txbalancer.core.member import Member

State = dict[str, Any]

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
    @ivar of: the samples and the scale that they show.
    """

    of: tuple[int, Scale]
    cells: Sequence[Cell]


_NOTHING = b"{}"


class Looking:
    """
    Remembers what was found last.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._views: dict[str, BalancerView] = {}
        self._heads: State = {}
        self._graphs: dict[tuple[str, str], _Graphs] = {}
        self._turn = 0

    @property
    def members(self) -> int:
        """
        Count them.
        """
        return sum(len(each.members) for each in self._views.values())

    def look(self, names: Callable[[], tuple[str, ...]], whole: bool) -> Steps[Look]:
        """
        Look at balancers.

        @param names: returns theirs.
        @param whole: whether everything is wanted too, for somebody new.
        """
        board, shown = self._board, names()
        self._turn += 1
        views: dict[str, BalancerView] = {}
        graphs: dict[tuple[str, str], _Graphs] = {}
        everything: dict[str, bytes] = {}
        news: dict[str, bytes] = {}
        for name in shown:
            view = yield from view_balancer(board, name, traffic=self._traffic(name, graphs))
            views[name] = view
            if whole:
                everything[name] = yield from _told(view, None)
            told = yield from _told(view, self._views.get(name))
            if told != _NOTHING:
                news[name] = told
        heads = {
            # Another start means other nonces.
            "run": board.facts.started,
            "shape": [
                [each.name, each.columns, [m.member.name for m in each.members]]
                for each in views.values()
            ],
            "events": recent_events(board, shown),
        }
        other = difference(self._heads, heads)
        self._views, self._heads, self._graphs = views, heads, graphs
        found = _object(other, {"balancers": _object({}, news)} if news else {})
        return Look(
            _object(heads, {"balancers": _object({}, everything)}) if whole else b"",
            b"" if found == _NOTHING else found,
        )

    def _traffic(self, name: str, graphs: dict[tuple[str, str], _Graphs]) -> Traffic:
        """
        Make cells of traffic anew for those members only that have another sample, and of many
        members for a fifth of them.

        @param graphs: where what was made is kept.
        """
        few, turn = self.members <= _FEW, self._turn % _TURNS

        def cells(member: Member, history: History, scale: Scale) -> Sequence[Cell]:
            key, of = (name, member.name), (history.steps, scale)
            kept = self._graphs.get(key)
            if kept is None or (kept.of != of and (few or member.index % _TURNS == turn)):
                kept = _Graphs(of, tuple(traffic_cells(history, scale)))
            graphs[key] = kept
            return kept.cells

        return cells


def _told(view: BalancerView, old: BalancerView | None) -> Steps[bytes]:
    """
    Write down what is other about a balancer; everything where C{old} is C{None}.
    """
    known: dict[str, MemberView] = {}
    if old is not None and old.columns == view.columns:
        known = {each.member.name: each for each in old.members}
    pieces: list[bytes] = []
    for start in range(0, len(view.members), BATCH):
        if start:
            yield
        news: State = {}
        for each in view.members[start : start + BATCH]:
            found = _of_member(each, known.get(each.member.name))
            if found:
                news[each.member.name] = found
        if news:
            pieces.append(compact(news)[1:-1])
    head = difference({} if old is None else _head(old), _head(view))
    return _object(head, {"members": b"{%b}" % b",".join(pieces)} if pieces else {})


def _head(view: BalancerView) -> State:
    return {
        "summary": view.summary,
        "traffic": view.traffic,
        "out": [[each.condition.tone, each.member.name] for each in view.out],
        "more": view.more,
        "cells": {each.name: _cell(each, None) for each in view.cells},
        "undo": list(view.undoing) if view.undoing else [],
    }


def _of_member(view: MemberView, old: MemberView | None) -> State:
    found: State = {}
    if old is None or view.condition.tone != old.condition.tone:
        found["tone"] = view.condition.tone
    if old is None or view.draining != old.draining:
        found["drain"] = list(view.draining or ())
    before = view.cells if old is None else old.cells
    cells = {
        cell.name: _cell(cell, None if old is None else was)
        for cell, was in zip(view.cells, before, strict=True)
        if old is None or cell != was
    }
    if cells:
        found["cells"] = cells
    return found


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


def _object(values: State, written: Mapping[str, bytes]) -> bytes:
    """
    Write an object down.

    @param written: values that are written already.
    """
    pieces = [b"%b:%b" % (compact(name), value) for name, value in written.items()]
    if values:
        pieces.append(compact(values)[1:-1])
    return b"{%b}" % b",".join(pieces)
