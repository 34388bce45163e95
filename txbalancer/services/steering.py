"""
Changes at run time on live balancers, with all that follows from them.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from hmac import compare_digest
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, succeed

from txbalancer.config.suggest import choose_from
from txbalancer.control.facts import Facts
from txbalancer.control.journal import Journal
from txbalancer.control.slices import Slices
from txbalancer.control.stream import Streams
from txbalancer.control.tap import Tap
from txbalancer.control.telemetry import Telemetry
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import (
    AddMember,
    Change,
    Command,
    PutBack,
    RemoveMember,
    RenewMember,
    SetMember,
    find_member,
)
from txbalancer.core.events import Event
from txbalancer.core.health import ProbeResult
from txbalancer.core.member import Temporary
from txbalancer.core.past import Done, Past
from txbalancer.core.performing import perform
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.undo import inverse
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.absent import no_file, no_probe, no_upgrade
from txbalancer.services.expiry import Expiry
from txbalancer.services.telling import Telling
from txbalancer.services.vetting import check_command

NO_CHANGES = "None"
"""As C{nonce} it forbids every change (APACHE M20)."""

Given = TypeVar("Given", bound=Command)

_COMINGS = AddMember | RenewMember | RemoveMember | PutBack
"""Commands after which pools and health checks have to be looked at."""


class Steering:
    """
    The one way by which a running service is changed: by the manager's page and whatever
    else takes orders from people.

    @ivar spec: the configuration in force.
    @ivar registry: what commands may name.
    @ivar journal: where changes are noted; C{telemetry}: what members served;
        C{streams}: the answers that go on for as long as somebody watches; C{slices}: the
        work for those who look that takes long.
    @ivar on_checks: called with a balancer's name when health checks in it are other now.
    @ivar on_change: each is called with every change that was made.
    @ivar settled: returns a Deferred that fires once all changes so far would outlive a
        crash, with what went wrong with that, if anything did.
    @ivar reload_file: reads the configuration again for somebody, and returns what changed.
    @ivar probe_now: asks a member whether it is well, by balancer and member.
    @ivar upgrade: lets a new process take the place of this one, for somebody; C{former}: says
        how the one is whose place this one took.
    @ivar leaving: whether changes are for another process, which is about to serve.
    @ivar facts: what is known of the service as a whole.
    """

    def __init__(
        self, runtime: Runtime, registry: Registry, journal: Journal, telemetry: Telemetry
    ) -> None:
        self.runtime = runtime
        self.journal, self.telemetry = journal, telemetry
        self.streams, self.tap = Streams(runtime.reactor), Tap()
        self.slices = Slices(runtime.reactor)
        self.registry = registry
        self.spec = ServiceSpec()
        self.on_checks: Callable[[str], object] = lambda name: None
        self._telling = Telling(journal)
        self.on_change = self._telling.on_change
        self.settled: Callable[[], Deferred[str]] = lambda: succeed("")
        self.reload_file: Callable[[str], list[str]] = no_file
        self.probe_now: Callable[[str, str], Deferred[ProbeResult]] = no_probe
        self.upgrade: Callable[[str], Deferred[dict[str, Any]]] = no_upgrade
        self.former: Callable[[], dict[str, Any] | None] = lambda: None
        self.leaving = False
        self.facts = Facts(self.wall())
        self._past = Past()
        self._expiry = Expiry(runtime, self._back)
        self._resources: Mapping[str, BalancerResource] = {}
        self._secrets: dict[str, str] = {}

    def install(self, spec: ServiceSpec, resources: Mapping[str, BalancerResource]) -> None:
        """
        Steer these balancers from now on. What was changed before can be undone where the
        configuration of the balancer is the same.
        """
        before = {each.name: each for each in self.spec.balancers}
        after = {each.name: each for each in spec.balancers}
        self._past.keep(lambda name: name in after and before.get(name) == after[name])
        # Files of users are read anew with a reload, even where their names stay.
        if spec.mounts != self.spec.mounts or any(each.auth_file for each in spec.mounts):
            self.streams.judge_anew()
        self.spec = spec
        self._resources = resources
        self._secrets = {name: self._secrets.get(name) or str(uuid.uuid4()) for name in resources}
        self.follow_temporaries()

    # -- what there is

    def now(self) -> float:
        """
        Return the time of the balancers' clock.
        """
        return self.runtime.now()

    def wall(self) -> float:
        """
        Return seconds since the epoch.
        """
        return self.runtime.wall()

    def names(self) -> tuple[str, ...]:
        """
        Return the names of all balancers, in the order of the configuration.
        """
        return tuple(self._resources)

    def resource(self, name: str) -> BalancerResource:
        """
        Return the part of a balancer that moves bytes.

        @raise KeyError: when there is none.
        """
        return self._resources[name]

    def waiting(self, name: str) -> int:
        """
        Return how many exchanges wait for any member of a balancer.

        @raise KeyError: when there is none.
        """
        return self._resources[name].waiting

    def balancer(self, name: str) -> Balancer:
        """
        Return a balancer by its name.

        @raise LookupError: when there is none.
        """
        try:
            return self._resources[name].balancer
        except KeyError:
            raise LookupError(
                f"there is no balancer {name}{choose_from(name, self._resources)}"
            ) from None

    def nonce(self, name: str) -> str:
        """
        Return what a form has to bring for a change; C{None} in letters forbids all.

        @raise LookupError: when there is no such balancer.
        """
        return self.balancer(name).spec.nonce or self._secrets[name]

    def permits(self, name: str, nonce: str) -> bool:
        """
        Tell whether a form with this nonce may change a balancer (APACHE M20).
        """
        right = self.nonce(name)
        return right != NO_CHANGES and compare_digest(right.encode(), nonce.encode())

    def secret(self, name: str) -> str:
        """
        Return the random nonce of a balancer, for where none is configured.
        """
        return self._secrets[name]

    def set_secret(self, name: str, secret: str) -> None:
        """
        Go on with the random nonce of a former process.
        """
        self._secrets[name] = secret

    # -- changes

    def apply(self, command: Command, who: str) -> Change:
        """
        Carry out a command.

        It is in force when this returns: the next request is elected by it.

        @param who: for the log, such as C{192.0.2.7} or C{alice at 192.0.2.7}.
        @return: what is other now; false when all was so already.
        @raise LookupError: for something that is not there.
        @raise ValueError: for something that cannot be; nothing has changed then.
        """
        undo = inverse(self.balancer(command.balancer), command)
        with self.journal.consequences():
            change = self.carry_out(command)
            if change:
                self._past.add(self._telling.told(change, who), undo)
        return change

    def carry_out_all(
        self, name: str, commands: Iterable[Given], who: Callable[[Given], str], told: bool
    ) -> list[tuple[Given, str]]:
        """
        Carry out commands for a balancer that nobody gave by hand, nor can undo.

        @param who: names who is behind a command, for the log.
        @param told: whether log and journal get a line for each.
        @return: those that could not be carried out, and why.
        """
        with self.journal.consequences():
            return self._carry_out_all(name, commands, who, told)

    def _carry_out_all(
        self, name: str, commands: Iterable[Given], who: Callable[[Given], str], told: bool
    ) -> list[tuple[Given, str]]:
        done: list[tuple[Change, str]] = []
        faults: list[tuple[Given, str]] = []
        for command in commands:
            by = who(command)
            try:
                done.append((self._carry_out(command), by))
            except (LookupError, ValueError) as error:
                faults.append((command, str(error)))
        self._follow_up(name, [change for change, _ in done])
        for change, by in done:
            if isinstance(change.command, RemoveMember):
                self._past.gone(name, change.command.member)
            if change and told:
                self._telling.told(change, by)
            elif change:
                self._telling.pass_on(change, by)
        return faults

    def undo(self, who: str, balancer: str = "") -> Change:
        """
        Take back the last change that somebody made and that is not undone yet; the one
        before it comes next.

        @param balancer: whose; empty for the last one of all.
        @return: what is other now; false when it was so already, by whatever came since.
        @raise LookupError: for a balancer that is not there.
        @raise ValueError: when there is nothing to undo, or it cannot be undone.
        """
        if balancer:
            self.balancer(balancer)
        done = self._past.last(balancer)
        with self.journal.consequences():
            try:
                change = self.carry_out(done.undo)
            except (LookupError, ValueError) as error:
                raise ValueError(f"{done.event.text!r} cannot be undone: {error}") from error
            self._past.forget(done)
            if change:
                self._telling.told(change, who, "undone: ", {"undoes": done.event.number})
        return change

    @property
    def past(self) -> deque[Done]:
        """
        The changes that can be undone, the oldest first.
        """
        return self._past.changes

    def remember(self, event: Event, undo: Command) -> None:
        """
        Let a change be undone that another process has made.
        """
        self._past.add(event, undo)

    def temporary(self, balancer: str, member: str) -> Temporary | None:
        """
        Tell until when a member's load factor holds, in seconds since the epoch, and which
        one comes back; C{None} when it holds for good.

        @raise LookupError: for what is not there.
        """
        found = find_member(self.balancer(balancer), member).temporary
        if found is None:
            return None
        return found._replace(until=self.wall() + found.until - self.now())

    def probe(self, balancer: str, member: str, who: str) -> Deferred[ProbeResult]:
        """
        Ask a member now whether it is well.

        @return: what was found; fails with L{ValueError} when it cannot be asked after all.
        @raise LookupError: for what is not there.
        """
        find_member(self.balancer(balancer), member)
        asking = self.probe_now(balancer, member)

        def told(result: ProbeResult) -> ProbeResult:
            verdict = "passed" if result.passed else "failed"
            self.journal.note(
                "probe",
                f"asked now, it {verdict}: {result.text}",
                balancer=balancer,
                member=member,
                who=who,
                details={"passed": result.passed, "seconds": result.duration},
            )
            return result

        return asking.addCallback(told)

    def reload(self, who: str = "") -> list[str]:
        """
        Have the configuration file read again and put in force.

        @return: what changed, a line each.
        @raise BalancerError: when it has a fault; nothing has changed then.
        """
        return self.reload_file(who)

    def follow_temporaries(self) -> None:
        """
        Have load factors end in time that hold for some time only.
        """
        self._expiry.follow(each.balancer for each in self._resources.values())

    def stop(self) -> None:
        """
        Change nothing more by itself.
        """
        self._expiry.stop()

    def _back(self, balancer: Balancer, member: str, temporary: Temporary) -> None:
        """
        Let the former load factor come back.
        """
        name = balancer.spec.name
        change = self.carry_out(SetMember(name, member, loadfactor=temporary.loadfactor))
        for each in (change.before, change.after):
            each.pop("lasting")  # that it is over is said already
        self._past.expired(name, member)
        self._telling.told(change, "", "temporary load factor ended: ")

    def carry_out(self, command: Command) -> Change:
        """
        Carry out a command as L{apply} does, and tell nobody.
        """
        change = self._carry_out(command)
        self._follow_up(command.balancer, (change,))
        return change

    def _carry_out(self, command: Command) -> Change:
        balancer = self.balancer(command.balancer)
        self.check(command)
        change, gone = perform(balancer, command, self.runtime.now())
        for member in gone:
            if member.pool is not None:
                member.pool.leave()
        return change

    def _follow_up(self, name: str, changes: Sequence[Change]) -> None:
        resource = self._resources[name]
        coming = any(isinstance(each.command, _COMINGS) for each in changes)
        if coming:
            resource.open_pools()
        if coming or any(map(_checks_in, changes)):
            self.on_checks(name)
        if coming or any("lasting" in each.before for each in changes):
            self.follow_temporaries()
        if any(changes):
            self.runtime.reactor.callLater(0, resource.serve_waiting)

    def check(self, command: Command) -> None:
        """
        See whether what a command names is there.

        @raise LookupError: for what is not; L{ValueError} for what cannot be used.
        """
        check_command(command, self.registry, self.spec)


def _checks_in(change: Change) -> bool:
    return any(key.startswith("hc") for key in change.before)
