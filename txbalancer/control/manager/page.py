"""
The page itself: what its templates are filled with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from txbalancer.control.manager import forms
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.changing import Messages
from txbalancer.control.manager.happened import recent_events
from txbalancer.control.manager.limits import HEADINGS, limit_rows
from txbalancer.control.manager.orders import find_member
from txbalancer.control.manager.processes import worker_rows
from txbalancer.control.manager.sparks import HEIGHT, POINTS
from txbalancer.control.manager.view import view_balancer
from txbalancer.control.manager.visits import Visit, Visits
from txbalancer.control.pages import fill_slowly
from txbalancer.control.slices import Steps


class Wanted(NamedTuple):
    """
    @ivar names: all balancers of the page; C{selected} that with a form, empty for none.
    @ivar fields: of the request.
    @ivar login: whether a password could make an operator of the visitor.
    """

    host: str
    path: str
    names: tuple[str, ...]
    selected: str
    fields: Mapping[str, str]
    messages: Messages
    login: bool


def write_page(board: Board, visits: Visits, visit: Visit, wanted: Wanted) -> Steps[bytes]:
    """
    Write the page for a visitor.
    """
    selected = wanted.selected
    # The chosen one comes first: scripts look for a member in the first tables.
    names = sorted(wanted.names, key=lambda each: each != selected)
    views = []
    for name in names:
        # Links with a secret are for scripts; a browser's would be in its history.
        bare, nonce = bool(visit.session), visits.nonce(visit, name)
        views.append((yield from view_balancer(board, name, wanted.path, nonce, bare)))
    faulty = any(tone == "bad" for tone, _ in wanted.messages)
    values = {
        "host": wanted.host,
        "path": wanted.path,
        "messages": wanted.messages,
        # What somebody typed is not to be typed again for a fault in a part of it.
        "typed": wanted.fields if faulty else {},
        "balancers": views,
        "selected": selected,
        "member": None,
        "operates": visit.operates,
        "login": wanted.login,
        "events": recent_events(board, wanted.names),
        "limits": limit_rows(board),
        "limit_headings": HEADINGS,
        "workers": worker_rows(board),
        "points": POINTS,
        "height": HEIGHT,
        "persisted": bool(board.spec.service.state),
        **forms.choices(board),
    }
    if selected:
        values.update(forms.of_balancer(views[0]))
        member = find_member(views[0].balancer, wanted.fields.get("w", ""))
        if member is not None:
            values.update(forms.of_member(views[0].row(member)))
    return (yield from fill_slowly("manager.html", **values))
