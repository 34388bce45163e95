"""
Members that sources know: asked for, compared with what there is, added and removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from math import inf
from random import Random
from typing import Any

from twisted.logger import Logger

from txbalancer.control.discovered import SourceView
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import AddMember, RemoveMember, RenewMember
from txbalancer.core.discovery import Follow, Following, Wanted, merged
from txbalancer.core.registry import Registry
from txbalancer.core.specs import BalancerSpec, MemberSpec, ServiceSpec, SourceSpec
from txbalancer.core.values import counted
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.sourcewatch import SourceWatch
from txbalancer.services.steering import Steering

AT_ONCE = 10
"""Commands that are carried out before traffic has its turn: each looks at all members."""

FEW = 20
"""Changes at a time that log and journal tell one by one."""


class Discovery:
    """
    The sources of all balancers.
    """

    def __init__(self, runtime: Runtime, steering: Steering, registry: Registry) -> None:
        self._runtime, self._steering, self._registry = runtime, steering, registry
        self._followed: dict[str, Followed] = {}
        self.random = Random()

    def use(self, spec: ServiceSpec) -> None:
        """
        Ask the sources of a configuration, which is in force already, from now on. Those that
        were asked before with the same options are asked on.
        """
        wanted = {each.name: each for each in spec.balancers}
        for name in self._followed.keys() - wanted.keys():
            self._followed.pop(name).stop()
        for name, each in wanted.items():
            if each.discover and name not in self._followed:
                self._followed[name] = Followed(
                    self._runtime, self._steering, self._registry, name, self.random
                )
            if name in self._followed:
                self._followed[name].use(each)

    def stop(self) -> None:
        """
        Ask nobody any more; the members stay.
        """
        for each in self._followed.values():
            each.stop()
        self._followed.clear()

    def views(self) -> Iterator[SourceView]:
        """
        Return how all sources do.
        """
        for each in self._followed.values():
            yield from each.views()

    def views_of(self, name: str) -> list[SourceView]:
        """
        Return how the sources of one balancer do.
        """
        found = self._followed.get(name)
        return list(found.views()) if found is not None else []


class Followed:
    """
    One balancer and its sources.
    """

    log = Logger()

    def __init__(
        self,
        runtime: Runtime,
        steering: Steering,
        registry: Registry,
        name: str,
        random: Random,
    ) -> None:
        self._runtime, self._steering, self._registry = runtime, steering, registry
        self._name, self._random = name, random
        self._watches: dict[str, SourceWatch] = {}
        self._graces: dict[str, float] = {}
        self._following = Following()
        self._queue: list[Follow] = []
        self._calls: dict[Any, Any] = {}
        self._told: Counter[type[Any]] = Counter()
        self._again = False

    # -- life

    def use(self, spec: BalancerSpec) -> None:
        """
        Ask the sources that a configuration names.
        """
        before, self._watches = self._watches, {}
        fresh = []
        for each in spec.discover:
            self._graces[each.place] = each.grace
            watch = before.pop(each.place, None)
            if watch is None or watch.spec != each:
                watch = self._watch(each, watch)
                fresh.append(watch)
            self._watches[each.place] = watch
        for gone in before.values():
            gone.stop()
        known = {each.origin.source for each in self._balancer.members if each.origin is not None}
        known.update(self._watches)
        self._graces = {place: each for place, each in self._graces.items() if place in known}
        for watch in fresh:
            watch.start()
        self._follow()

    def _watch(self, spec: SourceSpec, before: SourceWatch | None) -> SourceWatch:
        watch = SourceWatch(
            self._runtime,
            self._name,
            spec,
            self._registry,
            self._steering.journal,
            partial(self._vet, spec.place),
            self._follow,
            self._random,
        )
        if before is not None:
            before.stop()
        # Also those of a former process: until the source answers, they are the last good ones.
        for member in self._balancer.members:
            if member.origin is not None and member.origin.source == spec.place:
                watch.roster.know(member.origin.spec)
        for each in self._balancer.dismissed.values():
            if each.source == spec.place:
                watch.roster.know(each.spec)
        return watch

    def stop(self) -> None:
        """
        Ask nobody any more.
        """
        for watch in self._watches.values():
            watch.stop()
        self._queue.clear()
        for call in self._calls.values():
            if call.active():
                call.cancel()

    def views(self) -> Iterator[SourceView]:
        """
        Return how the sources do.
        """
        members = self._balancer.members
        known = Counter(each.origin.source for each in members if each.origin is not None)
        for place, watch in self._watches.items():
            yield watch.view(known[place])

    # -- what follows

    @property
    def _balancer(self) -> Balancer:
        return self._steering.balancer(self._name)

    def _vet(self, source: str, spec: MemberSpec) -> None:
        self._steering.check(AddMember(self._name, spec, source))

    def _wanted(self) -> Wanted:
        rosters = [(place, each.roster.specs) for place, each in self._watches.items()]
        return Wanted(merged(rosters), self._graces)

    def _follow(self) -> None:
        """
        Do what follows from what sources say now; with much of it, a part after the other.
        """
        if self._queue:
            self._again = True
            return
        wanted = self._wanted()
        commands = self._following.commands(self._balancer, wanted, self._runtime.now())
        self._queue = commands
        self._told.clear()
        if commands:
            self._carry_out(len(commands) <= FEW)
        else:
            self._wait(wanted)

    def _carry_out(self, one_by_one: bool) -> None:
        part, self._queue = self._queue[:AT_ONCE], self._queue[AT_ONCE:]
        try:
            faults = self._steering.carry_out_all(self._name, part, _who, one_by_one)
        except Exception:
            # Such as a file of TLS that is gone since it was tried: the others go on.
            self.log.failure("{balancer}: members were not taken", balancer=self._name)
            faults = []
        for _, fault in faults:
            self.log.warn("{balancer}: {fault}", balancer=self._name, fault=fault)
        self._told.update(type(each) for each in part)
        if self._queue:
            self._call(self._carry_out, 0.0, one_by_one)
            return
        if not one_by_one:
            self._sum_up()
        if self._again:
            self._again = False
            self._follow()
        else:
            self._wait(self._wanted())

    def _wait(self, wanted: Wanted) -> None:
        """
        Come back when somebody who leaves is to be removed.
        """
        end = self._following.next_end(self._balancer, wanted)
        if end < inf:
            self._call(self._follow, max(0.0, end - self._runtime.now()))

    def _call(self, what: Any, delay: float, *arguments: Any) -> None:
        before = self._calls.get(what)
        if before is not None and before.active():
            before.cancel()
        self._calls[what] = self._runtime.reactor.callLater(delay, what, *arguments)

    def _sum_up(self) -> None:
        words = {AddMember: "added", RenewMember: "changed", RemoveMember: "removed"}
        found = [
            f"{counted(self._told[kind], 'member')} {word}"
            for kind, word in words.items()
            if self._told[kind]
        ]
        text = ", ".join(found)
        self.log.info("{balancer}: discovery: {text}", balancer=self._name, text=text, audit=True)
        self._steering.journal.note("discovery", text, balancer=self._name, who="discovery")


def _who(command: Follow) -> str:
    """
    Name who is behind a change, for log and journal.
    """
    return f"discovery {command.source}"
