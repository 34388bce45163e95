"""
What changes on the page while somebody watches it, as Server-Sent Events.

All watchers of a page share what is worked out once a second; without one nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.http import Request
from twisted.web.server import NOT_DONE_YET

from txbalancer.control.manager.board import Board
from txbalancer.control.manager.cells import Cell
from txbalancer.control.manager.happened import recent_events
from txbalancer.control.manager.view import BalancerView, view_balancer
from txbalancer.control.stream import EventStream

PERIOD = 1.0
"""Seconds between two events."""

State = dict[str, Any]


class Live:
    """
    The watchers of one page.
    """

    log = Logger()

    def __init__(self, board: Board, names: Callable[[], tuple[str, ...]]) -> None:
        """
        @param names: returns the balancers that the page shows.
        """
        self._board, self._names = board, names
        self._watchers: list[EventStream] = []
        self._state: State = {}
        self._loop = LoopingCall(self._tick)
        self._loop.clock = board.streams.clock
        self._stepped = False

    def watch(self, request: Request) -> int | bytes:
        """
        Begin to tell somebody: first all there is, then what is other each second.
        """
        if not self._board.streams.room(request):
            return b"Too many are watching already.\n"
        stream = EventStream(request, self._board.streams)
        if not self._watchers:
            self._begin()
        self._watchers.append(stream)
        stream.on_end(lambda: self._leave(stream))
        stream.send("all", self._state)
        return NOT_DONE_YET

    def _begin(self) -> None:
        self._state = self._look(True)
        self._stepped = False
        self._board.telemetry.on_step.append(self._step)
        self._loop.start(PERIOD, now=False).addErrback(
            lambda reason: self.log.failure("pages are not brought up to date", reason)
        )

    def _leave(self, stream: EventStream) -> None:
        self._watchers.remove(stream)
        if not self._watchers:
            self._loop.stop()
            self._board.telemetry.on_step.remove(self._step)
            self._state = {}

    def _step(self) -> None:
        # Graphs are of samples, and there is a new one.
        self._stepped = True

    def _tick(self) -> None:
        graphs, self._stepped = self._stepped, False
        try:
            found = self._look(graphs)
        except Exception:
            # The next second is another try: a loop whose call fails would end for good.
            self.log.failure("what is on a page cannot be told")
            return
        news = _difference(self._state, found)
        self._state = _merged(self._state, found)
        if news:
            for each in list(self._watchers):
                each.send("some", news)

    def _look(self, graphs: bool) -> State:
        board, names = self._board, self._names()
        views = [view_balancer(board, name, graphs=graphs) for name in names]
        return {
            # Another start means other nonces.
            "run": board.facts.started,
            "balancers": {each.name: _of_balancer(each, graphs) for each in views},
            "shape": [
                [each.name, each.columns, [m.member.name for m in each.members]] for each in views
            ],
            "events": recent_events(board, names),
        }


def _shape(view: BalancerView) -> list[Any]:
    """
    Tell what tables there are: where they are others the page is fetched anew.
    """
    return [view.name, view.columns, [each.member.name for each in view.members]]


def _of_balancer(view: BalancerView, graphs: bool) -> State:
    return {
        "summary": view.summary,
        "traffic": view.traffic,
        "out": [[each.condition.tone, each.member.name] for each in view.out],
        "more": view.more,
        "cells": _cells(view.cells, graphs),
        "undo": list(view.undoing) if view.undoing else [],
        "members": {
            each.member.name: {
                "tone": each.condition.tone,
                "drain": list(each.draining or ()),
                "cells": _cells(each.cells, graphs),
            }
            for each in view.members
        },
    }


def _cells(cells: Iterable[Cell], graphs: bool) -> State:
    return {cell.name: _cell(cell, graphs) for cell in cells}


def _cell(cell: Cell, graphs: bool) -> State:
    found: State = {"text": cell.text, "tone": cell.tone}
    if graphs and cell.graph is not None:
        found["paths"] = [d for _, d in cell.graph.paths]
        found["label"] = cell.graph.label
    return found


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> State:
    """
    Return what is other in C{new}, table in table; what is not in it stays as it is.
    """
    found: State = {}
    for key, value in new.items():
        before = old.get(key)
        if value == before:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            inner = _difference(before, value)
            if inner:
                found[key] = inner
        else:
            found[key] = value
    return found


def _merged(old: State, new: State) -> State:
    """
    Return C{new}, with the graphs of C{old} where it has none.
    """
    return {
        key: _merged(old[key], value)
        if isinstance(value, dict) and isinstance(old.get(key), dict)
        else value
        for key, value in new.items()
    } | {key: old[key] for key in ("paths", "label") if key in old and key not in new}
