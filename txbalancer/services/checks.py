"""
The health checks of all balancers: who is checked, and who hears the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from twisted.internet.defer import Deferred

from txbalancer.core.hcexpr import Expression, parse
from txbalancer.core.health import ProbeResult
from txbalancer.core.specs import GlobalSpec, MemberSpec
from txbalancer.probes import tcp
from txbalancer.services.member_check import MemberCheck
from txbalancer.services.slots import Slots

OnResult = Callable[[str, str, ProbeResult], None]
Wanted = Callable[[str, str], bool]


class HealthChecks:
    """
    Runs the checks of all balancers, each member's in a loop of its own.

    The first check of a member comes within a tenth of its interval, for an early
    verdict; those that follow are spread over the whole interval.

    @ivar expressions: by name, what C{hcexpr} of members refers to.
    @ivar slots: how many checks may be in progress at once (C{hctpsize}).
    """

    def __init__(
        self,
        reactor: Any,
        probes: Mapping[str, Any],
        on_result: OnResult,
        *,
        on_sight: OnResult = lambda balancer, member, result: None,
        wanted: Wanted = lambda balancer, member: True,
        random: Random | None = None,
    ) -> None:
        """
        @param probes: L{IProbe<txbalancer.interfaces.IProbe>} by the word for C{hcmethod}.
        @param on_result: called with balancer, member and result of each check.
        @param on_sight: called likewise with what L{now} found where it does not count.
        @param wanted: asked with balancer and member before each check; stopped members
            are not checked (APACHE C11).
        """
        self.reactor = reactor
        self.on_result, self.on_sight = on_result, on_sight
        self.wanted = wanted
        self.random = random if random is not None else Random()
        self.slots = Slots()
        self.expressions: dict[str, Expression] = {}
        self._probes = probes
        self._checks: dict[tuple[str, str], MemberCheck] = {}
        self._unchecked: dict[tuple[str, str], MemberCheck] = {}

    def configure(self, service: GlobalSpec) -> None:
        """
        Use these expressions and this bound from now on, for checks in progress too.

        @raise ValueError: for an expression that cannot be read.
        """
        self.expressions = {each.name: parse(each.text) for each in service.hcexpr}
        self.slots.resize(service.hctpsize)

    def set_members(self, balancer: str, members: Iterable[MemberSpec]) -> None:
        """
        Check these members of a balancer and no others of it; those without C{hcmethod}
        only when somebody asks for it.

        Members that stay keep their rhythm unless method or interval changed; all
        else, such as C{hcuri}, counts from their next check on.
        """
        members = list(members)
        self._know(balancer, [each for each in members if each.hcmethod.lower() == "none"])
        listed = {each.url: each for each in members if each.hcmethod.lower() != "none"}
        gone = [key for key in self._checks if key[0] == balancer and key[1] not in listed]
        for key in gone:
            self._checks.pop(key).stop()
        for name, member in listed.items():
            check = self._checks.get((balancer, name))
            if check is not None and check.keeps_rhythm(member):
                check.member = member
                continue
            if check is not None:
                check.stop()
            probe = self._probes[member.hcmethod.lower()]
            check = self._checks[balancer, name] = MemberCheck(self, probe, balancer, member)
            check.start()

    def _know(self, balancer: str, members: list[MemberSpec]) -> None:
        """
        Keep at hand those members of a balancer that are not checked.
        """
        listed = {(balancer, each.url): each for each in members}
        for key in [each for each in self._unchecked if each[0] == balancer]:
            if key not in listed:
                self._unchecked.pop(key).stop()
        for key, member in listed.items():
            check = self._unchecked.get(key)
            if check is None:
                check = MemberCheck(self, tcp.factory, balancer, member, counts=False)
                self._unchecked[key] = check
            check.member = member

    def now(self, balancer: str, member: str) -> Deferred[ProbeResult]:
        """
        Ask a member at once, whatever its state; never twice at a time.

        The result counts as that of any check, except that of a member that is stopped or has
        no C{hcmethod}: a connection to that is tried.

        @return: fires with the result, within the time that a check of it has; fails with
            L{ValueError} when the check is changed or ends before.
        @raise LookupError: there is no such member.
        """
        key = (balancer, member)
        check = self._checks.get(key) or self._unchecked.get(key)
        if check is None:
            raise LookupError(f"{balancer} has no member {member}")
        return check.now()

    def stop(self) -> None:
        """
        Stop all checks; those in progress are cancelled and nobody hears of them.
        """
        for checks in (self._checks, self._unchecked):
            while checks:
                checks.popitem()[1].stop()
