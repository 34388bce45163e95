"""
What there is to know of a running service, as values of JSON's types: the one view for the
API, event streams and the command line.

Spans are in seconds, times in seconds since the epoch, sizes in bytes; what is not known
is C{None}. Tables of members are iterators: they may be long, and are read when they are written.
"""

from __future__ import annotations

import os
from collections import defaultdict
from math import inf
from typing import Any, NamedTuple

from txbalancer import __version__
from txbalancer.control.manager.board import Board
from txbalancer.control.manager.words import alarms, condition, summary
from txbalancer.control.passive import of_balancer as of_balancer_passive
from txbalancer.control.passive import of_member as of_member_passive
from txbalancer.control.slices import Steps, of_each
from txbalancer.core import flags
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import find_member
from txbalancer.core.history import STEP, History, outlook
from txbalancer.core.member import Member
from txbalancer.core.meters import Key, Meter, tallied
from txbalancer.core.overrides import (
    Override,
    configured_specs,
    live_spec,
    of_balancer,
    of_configured,
    of_member,
    removed,
    shown_options,
)
from txbalancer.core.performing import most_members
from txbalancer.core.specs import ListenerSpec

Report = dict[str, Any]

_LETTERS = {**flags.LETTERS, **flags.PASSIVE_LETTERS}

_MANY = 100
"""Meters that are summed up in one slice."""


def service_report(board: Board, names: tuple[str, ...] | None = None) -> Steps[Report]:
    """
    Tell about the whole service.

    @param names: the balancers to tell about; C{None} for all.
    """
    facts, spec = board.facts, board.spec
    shown = board.names() if names is None else names
    sums = yield from sum_up(board)
    balancers = []
    for name in shown:
        balancers.append((yield from _balancer(board, name, sums)))
    return {
        "version": __version__,
        "pid": os.getpid(),
        "started": facts.started,
        "uptime": max(0.0, board.wall() - facts.started),
        "process_uptime": max(0.0, board.wall() - facts.process),
        "config": facts.config,
        "state_file": spec.service.state or None,
        "connections": facts.connections(),
        "requests": requests_report(sums.total),
        "last_event": board.journal.last,
        "workers": workers_report(board),
        "listeners": [_listener(board, each, sums) for each in spec.listeners],
        "balancers": balancers,
    }


def workers_report(board: Board) -> list[Report]:
    """
    Tell about the worker processes, if there are any.
    """
    return [
        {
            "number": each.number,
            "pid": each.pid,
            "started": each.started,
            "cpu": each.user + each.system,
            "memory": each.memory,
            "connections": each.connections,
            "in_flight": each.busy,
            "requests": each.requests,
        }
        for each in board.facts.workers()
    ]


def balancers_report(board: Board, names: tuple[str, ...]) -> Steps[list[Report]]:
    """
    Tell about some balancers and their members.

    @raise LookupError: when there is none of such a name.
    """
    sums = yield from sum_up(board)
    found = []
    for name in names:
        found.append((yield from _balancer(board, name, sums)))
    return found


def balancer_report(board: Board, name: str) -> Steps[Report]:
    """
    Tell about a balancer and its members.

    @raise LookupError: when there is none of this name.
    """
    (found,) = yield from balancers_report(board, (name,))
    return found


def member_report(board: Board, balancer: str, member: str) -> Report:
    """
    Tell about a member, with all of its options.

    @raise LookupError: when there is no such balancer or member.
    """
    found = board.balancer(balancer)
    meter = board.telemetry.meters.select(balancer=balancer, member=member)
    live = find_member(found, member)
    report = _member(board, found, live, meter, of_member(found, live))
    return {**report, "options": shown_options(live_spec(live))}


class Sums(NamedTuple):
    """
    What was served, without times.

    @ivar of_member: by names of balancer and member; to be looked at only.
    """

    total: Meter
    of_listener: dict[str, Meter]
    of_balancer: dict[str, Meter]
    of_member: dict[tuple[str, str], Meter]


def sum_up(board: Board) -> Steps[Sums]:
    """
    Sum up what all listeners served.
    """
    sums = Sums(Meter(), defaultdict(Meter), defaultdict(Meter), {})

    def add(item: tuple[Key, Meter]) -> None:
        (listener, balancer, member), meter = item
        for each in (sums.total, sums.of_listener[listener], sums.of_balancer[balancer]):
            each.tally(meter)
        other = sums.of_member.get((balancer, member))
        sums.of_member[balancer, member] = meter if other is None else tallied((other, meter))

    yield from of_each(add, list(board.telemetry.meters.by_key.items()), _MANY)
    return sums


def requests_report(meter: Meter, in_flight: int | None = None) -> Report:
    """
    Tell what was served.

    @param in_flight: how much is being served; C{None} to leave it out.
    """
    classes = {f"{digit}xx": meter.classes[digit] for digit in range(1, 6)}
    return {
        "total": meter.requests,
        "classes": {**classes, "none": meter.classes[0]},
        **({} if in_flight is None else {"in_flight": in_flight}),
        "sticky": meter.sticky,
        "retries": meter.retries,
        "failures": dict(meter.failures),
        "failed_attempts": dict(meter.failed),
        "bytes_in": meter.bytes_in,
        "bytes_out": meter.bytes_out,
        "seconds": meter.seconds,
    }


# -- listeners


def _listener(board: Board, spec: ListenerSpec, sums: Sums) -> Report:
    return {
        "name": spec.name,
        "endpoints": list(spec.endpoint),
        "connections": board.facts.listeners().get(spec.name, 0),
        "requests": requests_report(sums.of_listener[spec.name]),
    }


# -- balancers


def _balancer(board: Board, name: str, sums: Sums) -> Steps[Report]:
    balancer = board.balancer(name)
    members, configured = balancer.members, configured_specs(balancer)
    tones = yield from of_each(lambda each: condition(each, board.now()).tone, members, _MANY)

    def of_one(member: Member) -> Report:
        meter = sums.of_member.get((name, member.name)) or Meter()
        changed = of_configured(member, configured.get(member.name))
        return _member(board, balancer, member, meter, changed)

    waiting = board.waiting(name)
    return {
        "name": name,
        "summary": summary(tones),
        "options": shown_options(balancer.spec),
        "overrides": _overrides(of_balancer(balancer)),
        "removed": removed(balancer),
        "dismissed": [
            {"url": name, "source": each.source} for name, each in balancer.dismissed.items()
        ],
        "room": max(0, most_members(balancer) - len(members)),
        "discovery": [each.as_json() for each in board.facts.discovery(name)],
        "requests": requests_report(
            sums.of_balancer[name], sum(each.busy for each in members) + waiting
        ),
        "queue": waiting + sum(each.pool.waiting for each in members if each.pool is not None),
        "sources": 0 if balancer.sources is None else balancer.sources.count(board.now()),
        "alarms": alarms(balancer, board.now()),
        "passive": of_balancer_passive(balancer, board.now(), board.wall()),
        "members": map(of_one, members),
    }


def _overrides(found: list[Override]) -> list[Report]:
    return [
        {"option": each.name, "configured": each.configured, "live": each.live} for each in found
    ]


# -- members


def _member(
    board: Board,
    balancer: Balancer,
    member: Member,
    meter: Meter,
    changed: list[Override] | None,
) -> Report:
    name = balancer.spec.name
    history = board.telemetry.history(name, member.name)
    return {
        "url": member.name,
        "route": member.route.decode(),
        "redirect": member.redirect.decode(),
        "loadfactor": member.lbfactor / 100,
        "lbset": member.lbset,
        "status": _status(board, member),
        "elected": member.elected,
        "busy": member.busy,
        "load": balancer.lbstatus(member),
        "to": member.transferred,
        "from": member.read,
        "pool": _pool(member),
        "requests": requests_report(meter, member.busy),
        "times": history.percentiles()._asdict(),
        "rate": history.rate(),
        "history": _history(history),
        "health": _health(board, member),
        "drain": _drain(board, balancer, member, history),
        "temporary": _temporary(board, member),
        "passive": of_member_passive(member, board.now(), board.wall()),
        "overrides": _overrides(changed or []),
        "added": changed is None,
        "source": None if member.origin is None else member.origin.source,
    }


def _wall(board: Board, moment: float) -> float | None:
    """
    Turn a moment of the balancers' clock into one since the epoch.
    """
    return None if moment == -inf else board.wall() - (board.now() - moment)


def _status(board: Board, member: Member) -> Report:
    state = condition(member, board.now())
    return {
        "words": flags.describe(member.flags).strip(),
        "letters": "".join(letter for letter, bit in _LETTERS.items() if member.flags & bit),
        "usable": member.usable,
        "tone": state.tone,
        "text": state.text,
        "cause": member.cause,
        "since": _wall(board, member.since),
    }


def _pool(member: Member) -> Report | None:
    pool = member.pool
    if pool is None:
        return None
    idle, connecting = pool.at_rest, pool.connecting
    return {
        "idle": idle,
        "busy": max(0, pool.open - idle - connecting),
        "connecting": connecting,
        "limit": member.spec.max or None,
        "waiting": pool.waiting,
    }


def _history(history: History) -> Report:
    return {
        "step": STEP,
        "requests": list(history.requests),
        "errors": list(history.errors),
        "median": list(history.median),
        "slow": list(history.slow),
    }


def _health(board: Board, member: Member) -> Report:
    spec, health, probe = member.spec, member.health, member.probe
    sums = spec.hccounting == "sums"
    last = None
    if probe is not None:
        last = {
            "passed": probe.passed,
            "text": probe.text,
            "seconds": probe.duration,
            "when": _wall(board, member.probed),
        }
    return {
        "method": spec.hcmethod,
        "interval": spec.hcinterval,
        "up": health.up,
        "passes": health.passes if sums else max(health.run, 0),
        "fails": health.fails if sums else max(-health.run, 0),
        "last": last,
    }


def drain_report(history: History, member: Member, sessions: bool, now: float) -> Report:
    """
    Tell what sessions a member still has, and when it would be empty.

    @param sessions: whether its balancer has any.
    """
    lasted = now - member.since if member.flags & flags.DRAIN else 0.0
    found = outlook(history, member.busy, sessions, lasted)
    return {
        "busy": found.busy,
        "sticky": found.sticky,
        "sticky_before": found.before,
        "quiet": found.quiet,
        "done": found.done,
        "left": found.left,
        "early": found.early,
    }


def _drain(board: Board, balancer: Balancer, member: Member, history: History) -> Report | None:
    if not member.flags & flags.DRAIN:
        return None
    found = drain_report(history, member, balancer.sticky, board.now())
    return {"since": _wall(board, member.since), **found}


def _temporary(board: Board, member: Member) -> Report | None:
    found = member.temporary
    if found is None:
        return None
    return {"until": _wall(board, found.until), "loadfactor": found.loadfactor / 100}
