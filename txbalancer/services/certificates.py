"""
Looking after files of certificates: what is new is taken, what ends soon is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel

from txbalancer.core.schemes import is_secure
from txbalancer.core.specs import ListenerSpec, MemberSpec
from txbalancer.core.values import counted
from txbalancer.errors import StartError
from txbalancer.net.offload import Offload
from txbalancer.proxy.pool import MemberPool
from txbalancer.proxy.runtime import Runtime
from txbalancer.services.targets import Targets
from txbalancer.tls.certificates import Certificate
from txbalancer.tls.listeners import ListenerTLS
from txbalancer.tls.members import MemberTLS, client_options
from txbalancer.tls.renewal import Renewal, Seen, Settling, files_of
from txbalancer.tls.stamps import stamps

DAYS = (30, 7, 0)
"""Days before its end at which a certificate is warned of; at 0 it has ended."""


class Listener(Protocol):
    """
    Whose certificates are looked after; see L{ListenerService<ports.ListenerService>}.
    """

    spec: ListenerSpec

    @property
    def tls(self) -> ListenerTLS | None:
        """
        How clients are spoken to under TLS, if they are.
        """
        ...

    def renew(self, tls: ListenerTLS) -> None:
        """
        Take other certificates.
        """
        ...

    def not_renewed(self) -> None:
        """
        Count certificates on the disk that could not be taken.
        """
        ...


class CertificateWatch:
    """
    Looks at files every so often, in a thread, and acts in the reactor's.

    @ivar tells: whether it tells what it does; somebody else may look at the same files.
    """

    log = Logger()

    def __init__(
        self, runtime: Runtime, targets: Targets, listeners: Callable[[], Iterable[Listener]]
    ) -> None:
        """
        @param targets: whose members' files are looked at, too.
        """
        reactor = runtime.reactor
        self.tells = True
        self._wall, self._journal = runtime.wall, targets.journal
        self._listeners, self._targets = listeners, targets
        self._renewals: dict[str, Renewal] = {}
        self._offload = Offload(reactor, most=1, queue=0)
        self._told: dict[Certificate, int] = {}
        self._seen: Seen = {}
        self._settling: Settling[dict[MemberSpec, MemberTLS | StartError]] = Settling()
        self._loop = LoopingCall(self.look)
        self._loop.clock = reactor

    def start(self, interval: float) -> None:
        """
        Look every C{interval} seconds from now on, or not any more at 0.
        """
        self.stop()
        self._seen = stamps(self._paths(self._members()))
        self._tell_ends()
        if interval:
            self._loop.start(interval, now=False)

    def stop(self) -> None:
        """
        Look no more.
        """
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        """
        Look once; what takes long does so in a thread.
        """
        found = [(each, tls) for each in self._listeners() if (tls := each.tls) is not None]
        names = {each.spec.name for each, _ in found}
        for name in self._renewals.keys() - names:
            del self._renewals[name]
        work = [
            (listener, tls, self._renewals.setdefault(listener.spec.name, Renewal()))
            for listener, tls in found
        ]
        members = self._members()

        def done(results: Any) -> None:
            if results is not None:
                self._act(*results)

        self._offload.submit(
            lambda: (
                [(listener, tls, renewal.look(tls)) for listener, tls, renewal in work],
                self._look_at_members(members),
            ),
            done,
        )

    def _act(
        self,
        listeners: list[tuple[Listener, ListenerTLS, ListenerTLS | StartError | None]],
        members: tuple[Seen, dict[MemberSpec, MemberTLS | StartError]] | None,
    ) -> None:
        for listener, before, found in listeners:
            if found is None or listener.tls is not before:
                # A reload was faster.
                continue
            if isinstance(found, StartError):
                listener.not_renewed()
                self._refuse(str(found))
            else:
                listener.renew(found)
                self._tell_renewed(listener.spec.name, before, found)
        if members is not None:
            self._seen, made = members
            self._take(made)
        self._tell_ends()

    def _tell_renewed(self, name: str, before: ListenerTLS, after: ListenerTLS) -> None:
        new = [each for each in after.certificates if each not in before.certificates]
        shown = ", ".join(each.path for each in new[:3]) + (" …" if len(new) > 3 else "")
        what = f"{counted(len(new), 'certificate')} ({shown})" if new else "certificates or keys"
        text = f"listener {name}: {what} taken from the disk"
        self._tell("reload", text, {"files": [each.path for each in new]})

    def _refuse(self, fault: str) -> None:
        text = f"what was there before stays: {fault}"
        self._tell("warning", text, {"errors": [fault]}, LogLevel.error)

    def _tell(
        self, kind: str, text: str, details: dict[str, Any], level: Any = LogLevel.info
    ) -> None:
        if self.tells:
            self._journal.note(kind, text, details=details)
            self.log.emit(level, "{text}", text=text)

    # -- members

    def _pools(self) -> list[MemberPool]:
        return [
            member.pool
            for resource in self._targets.resources()
            for member in resource.balancer.members
            if member.pool is not None
        ]

    def _members(self) -> list[MemberSpec]:
        return list({each.spec for each in self._pools() if is_secure(each.spec.scheme)})

    @staticmethod
    def _paths(members: Iterable[MemberSpec]) -> set[str]:
        return {path for each in members for path in files_of(each)}

    def _look_at_members(
        self, members: list[MemberSpec]
    ) -> tuple[Seen, dict[MemberSpec, MemberTLS | StartError]] | None:
        now = stamps(self._paths(members))
        if now.keys() != self._seen.keys() and all(
            now[path] == was for path, was in self._seen.items() if path in now
        ):
            # Members came or went, and were given what is there.
            self._seen = now

        def load() -> dict[MemberSpec, MemberTLS | StartError]:
            return {each: _options(each) for each in members if files_of(each)}

        made = self._settling.look(self._seen, now, load)
        return None if made is None or isinstance(made, StartError) else (now, made)

    def _take(self, made: dict[MemberSpec, MemberTLS | StartError]) -> None:
        faults = set()
        for pool in self._pools():
            found = made.get(pool.spec)
            if isinstance(found, StartError):
                faults.add(str(found))
            elif found is not None:
                pool.tls = found
        for fault in sorted(faults):
            self._refuse(fault)
        taken = sum(not isinstance(each, StartError) for each in made.values())
        if taken:
            text = f"files of TLS read again for {counted(taken, 'member')}"
            self._tell("reload", text, {})

    # -- ends

    def _tell_ends(self) -> None:
        """
        Warn of certificates that end soon, once for each step.
        """
        now = self._wall()
        there = {
            certificate: each.spec.name
            for each in self._listeners()
            if each.tls is not None
            for certificate in each.tls.certificates
        }
        self._told = {each: step for each, step in self._told.items() if each in there}
        for certificate, name in there.items():
            left = certificate.days_left(now)
            step = min((days for days in DAYS if left <= days), default=None)
            if step is None or self._told.get(certificate) == step:
                continue
            self._told[certificate] = step
            when = "has ended" if left <= 0 else f"ends in {counted(max(1, int(left)), 'day')}"
            text = f"listener {name}: {certificate.path} {when}"
            self._tell("warning", text, {"days": round(left, 1)}, LogLevel.warn)


def _options(member: MemberSpec) -> MemberTLS | StartError:
    try:
        return client_options(member)
    except StartError as error:
        return StartError(f"{member.url}: {error}")
