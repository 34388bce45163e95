"""
Changes at run time on live balancers, with all that follows from them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from txbalancer.config.suggest import choose_from
from txbalancer.control.journal import Journal
from txbalancer.control.stream import Streams
from txbalancer.control.telemetry import Telemetry
from txbalancer.core.balancer import Balancer
from txbalancer.core.commands import (
    KEEP,
    AddMember,
    Change,
    Command,
    RemoveMember,
    Revert,
    SetBalancer,
    SetMember,
    perform,
)
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec
from txbalancer.errors import StartError
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.tls.members import client_options

NO_CHANGES = "None"
"""As C{nonce} it forbids every change (APACHE M20)."""

OnChange = Callable[[Change], object]


class Steering:
    """
    The one way by which a running service is changed: by the manager's page and whatever
    else takes orders from people.

    @ivar spec: the configuration in force.
    @ivar registry: what commands may name.
    @ivar journal: where changes are noted; C{telemetry}: what members served;
        C{streams}: the answers that go on for as long as somebody watches.
    @ivar on_checks: called with a balancer's name when health checks in it are other now.
    @ivar on_change: each is called with every change that was made.
    @ivar settled: returns a Deferred that fires once all changes so far would outlive a
        crash, with what went wrong with that, if anything did.
    """

    log = Logger()

    def __init__(
        self, runtime: Runtime, registry: Registry, journal: Journal, telemetry: Telemetry
    ) -> None:
        self.runtime = runtime
        self.journal, self.telemetry = journal, telemetry
        self.streams = Streams(runtime.reactor)
        self.registry = registry
        self.spec = ServiceSpec()
        self.on_checks: Callable[[str], object] = lambda name: None
        self.on_change: list[OnChange] = []
        self.settled: Callable[[], Deferred[str]] = lambda: succeed("")
        self._resources: Mapping[str, BalancerResource] = {}
        self._secrets: dict[str, str] = {}

    def install(self, spec: ServiceSpec, resources: Mapping[str, BalancerResource]) -> None:
        """
        Steer these balancers from now on.
        """
        self.spec = spec
        self._resources = resources
        self._secrets = {name: self._secrets.get(name) or str(uuid.uuid4()) for name in resources}

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
        balancer = self.balancer(command.balancer)
        resource = self._resources[command.balancer]
        self.check(command)
        change, gone = perform(balancer, command, self.runtime.now())
        for member in gone:
            if member.pool is not None:
                member.pool.leave()
        if isinstance(command, AddMember | RemoveMember):
            resource.open_pools()
        if isinstance(command, AddMember | RemoveMember) or _checks_in(change):
            self.on_checks(command.balancer)
        if change:
            self._told(change, who)
            self.runtime.reactor.callLater(0, resource.serve_waiting)
        return change

    def check(self, command: Command) -> None:
        """
        See whether what a command names is there.

        @raise LookupError: for what is not; L{ValueError} for what cannot be used.
        """
        if isinstance(command, SetBalancer) and command.lbmethod is not KEEP:
            _known(command.lbmethod, self.registry.lbmethods, "lbmethod")
        elif isinstance(command, SetMember):
            self._check_probe(command.hcmethod, command.hcexpr)
        elif isinstance(command, AddMember):
            self._check_probe(command.spec.hcmethod, command.spec.hcexpr)
            if command.spec.scheme == "https":
                try:
                    client_options(command.spec)
                except StartError as error:
                    raise ValueError(f"{command.spec.url}: {error}") from error

    def _check_probe(self, method: str | None, expression: str | None) -> None:
        if method not in (None, "none"):
            _known(method, self.registry.probes, "health check")
        if expression:
            self.check_expression(expression)

    def check_expression(self, name: str) -> None:
        """
        @raise LookupError: when no expression of health checks has this name.
        """
        _known(name, {each.name: each for each in self.spec.service.hcexpr}, "expression")

    def _told(self, change: Change, who: str) -> None:
        command = change.command
        changes = ", ".join(
            f"{key} {_shown(change.before[key])} -> {_shown(change.after[key])}"
            for key in change.before
        )
        subject = _subject(command)
        self.log.info(
            "{who} changed {balancer}{member}: {changes}",
            who=who,
            balancer=command.balancer,
            member=f" {subject}" if subject else "",
            changes=changes,
            before=change.before,
            after=change.after,
            audit=True,
        )
        self.journal.note(
            "change",
            changes,
            balancer=command.balancer,
            member=subject,
            who=who,
            details={"before": change.before, "after": change.after},
        )
        for each in self.on_change:
            each(change)


def _known(name: Any, there: Mapping[str, Any], what: str) -> None:
    if name not in there:
        raise LookupError(f"there is no {what} {name!r}{choose_from(name, there)}")


def _checks_in(change: Change) -> bool:
    return any(key.startswith("hc") for key in change.before)


def _subject(command: Command) -> str:
    return command.member if isinstance(command, SetMember | Revert) else ""


def _shown(text: str | None) -> str:
    return "(none)" if text is None else text or "(empty)"
