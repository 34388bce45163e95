"""
The data path of one worker, as a service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from txbalancer.core.commands import RemoveMember
from txbalancer.core.passive.breaker import Part
from txbalancer.core.snapshot import restore
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.state import read
from txbalancer.proxy.resource import BalancerResource
from txbalancer.services.counting import OfWorker
from txbalancer.services.inside import Inside
from txbalancer.services.parts import own_part
from txbalancer.services.plugins import load_registry
from txbalancer.services.seen import SeenLines
from txbalancer.services.service import BalancerService
from txbalancer.services.shares import Name, Shares
from txbalancer.services.sockets import Socket
from txbalancer.services.ties import Ties
from txbalancer.workers.orders import Noted, Seen, Setup, Warned, command_of
from txbalancer.workers.rates import RateMemory
from txbalancer.workers.reports import Report, Reporter
from txbalancer.workers.table import Table
from txbalancer.workers.word import Word

Tell = Callable[..., Deferred[Any]]


class WorkerService(BalancerService):
    """
    The data path alone.

    @ivar given: sockets of the supervisor's that no listener has taken yet.
    @ivar on_lines: called when lines of the access log should be written, by L{flush}.
    @ivar ties: what is told of members, and heard.
    """

    log = Logger()

    def __init__(
        self,
        setup: Setup,
        place: int,
        given: list[Socket],
        reactor: Any,
        tell: Tell,
        table: Table,
        number: int,
        memories: Mapping[str, RateMemory],
    ) -> None:
        """
        @param place: the own one among the workers, from 1 on.
        @param tell: sends a command to the supervisor.
        @param table: what all workers see; C{number}: the own column.
        @param memories: of rates, by limit; others may come.
        """
        inside = Inside(setup.folder, setup.secret)
        self._shares = Shares(reactor, table, number, setup.workers, self._want)
        self._shares.learn(setup.outset.rows)
        registry = self._shares.registry(load_registry())
        spec = own_part(setup.spec.unpack(), setup.workers)
        counting = OfWorker(self._shares, table, number, memories)
        super().__init__(spec, "", reactor, registry, inside=inside, counting=counting)
        inside.registry = self.registry
        self.given = given
        self.on_lines: Callable[[], object] = self.flush
        self._outset, self._part = setup.outset, Part(place, setup.workers)
        self._sessions = setup.sessions
        self._tell = tell
        self.ties = Ties(self.runtime, self._find, self._note)
        self.targets.on_flip, self.targets.on_alarm = self.ties.flipped, self.ties.alarmed
        self.ties.on_guess = self.targets.guards.learn
        self.targets.guards.on_wrong = self.ties.guessed
        self._seen_lines = SeenLines(reactor, lambda lines: tell(Seen, lines=lines))
        self.overload.on_warning = lambda text: tell(Warned, text=text)
        # The supervisor looks at the same files.
        self.certificates.tells = False
        self.logs.due = lambda: self.on_lines()
        self._reporter = Reporter(
            self.telemetry.meters,
            self.targets.resources,
            self.listeners.views,
            lambda: self.logs.access.lost,
            self.targets.pages.sources.limits,
            self.targets.pages.sources.room,
        )

    def _note(self, word: Word) -> Deferred[Word | None]:
        """
        Tell the supervisor what has changed here, and return what has come of it.
        """
        return self._tell(Noted, word=word).addCallback(lambda said: said and said["word"])

    def _want(self, balancer: str, member: str) -> None:
        self.ties.want(balancer, member)

    def _find(self, name: str) -> BalancerResource | None:
        return self.targets.balancers.get(name)

    # -- life

    def _open(self) -> None:
        """
        Be as the supervisor is, then accept.
        """
        outset = self._outset
        self._divide()
        for name, state in outset.states.items():
            resource = self.targets.balancers[name]
            restore(resource.balancer, read(state), outset.now, self.runtime.now())
            for member in resource.balancer.members:
                # Others had these; they are in the sums.
                member.elected = member.transferred = member.read = 0
                member.base //= self._part.of
                member.temporary = None
            resource.open_pools()
        self.ties.heed(outset.word)
        self.targets.guards.owe(outset.guesses)
        self.watch(outset.filters)
        super()._open()
        if self._sessions is None:
            self.listeners.pause()
        else:
            self.listeners.expect(self._sessions)
        self._share()

    def _share(self) -> None:
        """
        Have all count what balancers and listeners count.
        """
        for each in self.targets.balancers.values():
            self.ties.share(each.balancer)
        self._shares.apply(self.targets.resources(), self.listeners)

    def _divide(self) -> None:
        """
        Have all make the trials of circuit breakers together.
        """
        for each in self.targets.resources():
            each.balancer.divide_trials(self._part)

    def adopt(self, setup: Setup, place: int) -> None:
        """
        Put another configuration in force.

        @param place: as at the start; it stays the same.
        @raise BalancerError: when it cannot be had; nothing has changed then.
        """
        self._shares.adopt(setup.workers, setup.outset.rows)
        self.reload(own_part(setup.spec.unpack(), setup.workers))
        self._part = Part(place, setup.workers)
        self._divide()
        self._share()

    def _tell_start(self) -> None:
        """
        Say nothing: the supervisor does.
        """

    def sockets(self) -> list[Socket]:
        """
        Return what the supervisor has opened.
        """
        given, self.given = self.given, []
        return given

    def _begin_duties(self) -> None:
        """
        Check and ask nobody: the supervisor does.
        """

    def _ask_sources(self, spec: ServiceSpec) -> None:
        """
        Ask none.
        """

    def _apply_checks(self, before: Iterable[str] = ()) -> None:
        """
        Check nobody.
        """

    def _close(self) -> None:
        self.ties.stop()
        self._shares.stop()
        self._seen_lines.stop()
        super()._close()

    # -- what is told and what is heard

    def order(self, order: Any, rows: Mapping[Name, int]) -> None:
        """
        Carry out an order of somebody, which the supervisor has found good.

        @param rows: of the table, those that it brings about.
        """
        self._shares.learn(rows)
        command = command_of(order)
        self.targets.steering.carry_out(command)
        resource = self._find(command.balancer)
        if isinstance(command, RemoveMember):
            self._shares.forget(command.balancer, command.member)
        elif rows and resource is not None:
            self._shares.apply([resource], ())

    def watch(self, filters: Any) -> None:
        """
        Pass on those lines of the access log that somebody wants to see.
        """
        self.targets.steering.tap.follow(filters, self._seen_lines.taker)

    def flush(self) -> None:
        """
        Write the lines of the access log that there are.
        """
        self.logs.access.flush()

    def report(self, whole: bool = False) -> Report:
        """
        Return what was done since the last report.

        @param whole: leave nothing out for now.
        """
        self._shares.tell()
        return self._reporter.report(self.runtime.now(), whole)
