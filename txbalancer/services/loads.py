"""
How much room members have, for C{lbmethod = heartbeat}.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from txbalancer.core.loads import Reports, read_file
from txbalancer.core.specs import GlobalSpec
from txbalancer.errors import StartError
from txbalancer.proxy.resource import BalancerResource
from txbalancer.proxy.runtime import Runtime
from txbalancer.proxy.throttle import Throttle
from txbalancer.services.former import HEARTBEAT
from txbalancer.services.heartbeat import HeartbeatLoad, Load, Monitor, Sender
from txbalancer.services.sockets import Offered

INTERVAL = 1.0
"""Seconds between two looks at what members have to say, and between two reports of ours."""

FLUSH = 5
"""Turns between two writes of the storage file (APACHE A24)."""
_MOST_READ = 2 * 1024**2
"""Bytes of the file, which is read beside the traffic: some 40000 senders."""


def _without_waiting(path: str, how: int) -> int:
    # A pipe that nobody writes to would keep everything waiting.
    return os.open(path, how | os.O_NONBLOCK)


class MemberLoads:
    """
    Asks once a second how much room members have, for the balancers that want to know.

    @ivar heartbeats: the built-in source of loads.
    @ivar given: returns the file number of a socket that another process has opened, by its
        name; -1 for none.
    @ivar on_rooms: called with the resource of a balancer whose members have other room now.
    """

    log = Logger()

    def __init__(self, runtime: Runtime, loads: Mapping[str, Any], own: Load) -> None:
        """
        @param loads: L{IMemberLoad<txbalancer.interfaces.IMemberLoad>} plugins by name.
        @param own: this service's load, for C{heartbeat-address}.
        """
        self._reactor = runtime.reactor
        # Looked up each time: tests replace the clocks.
        self._now: Callable[[], float] = lambda: runtime.now()
        self._wall: Callable[[], float] = lambda: runtime.wall()
        self._own = own
        self._loads = loads
        self._spec = GlobalSpec()
        self._hearing: Any = None
        self._sending: Any = None
        self.given: Callable[[str], int] = lambda endpoint: -1
        self._sender: Sender | None = None
        self._loop: LoopingCall | None = None
        self._turns = 0
        self._read_stamp: Any = None
        self._balancers: Callable[[], Iterable[BalancerResource]] = tuple
        self._throttle = Throttle()
        self.on_rooms: Callable[[BalancerResource], object] = lambda resource: None
        self.heartbeats = HeartbeatLoad(self._spec.heartbeat_maxservers)

    def configure(self, spec: GlobalSpec) -> None:
        """
        Listen and send as a configuration says, from now on.

        @raise StartError: when a port cannot be had; nothing has changed then.
        """
        before = self._spec
        monitored = spec.heartbeat_listen == before.heartbeat_listen
        sent = spec.heartbeat_address == before.heartbeat_address
        # The former ones are closed last: they could not be had again at once.
        hearing = self._hearing if monitored else self._hear(spec.heartbeat_listen)
        try:
            if not sent:
                self._send(spec.heartbeat_address)
        except StartError:
            if not monitored:
                _close(hearing)
            raise
        if not monitored:
            _close(self._hearing)
            self._hearing = hearing
        if spec.heartbeat_maxservers != before.heartbeat_maxservers:
            # 0 means the file only, of which the size is its writer's business.
            self.heartbeats.reports = Reports(spec.heartbeat_maxservers or 1_000_000)
        self._spec = spec

    def _hear(self, address: str) -> Any:
        if not address:
            return None
        number = self.given(f"{HEARTBEAT}{address}")
        return Monitor(self.heartbeats, address, self._now).listen(self._reactor, number)

    def _send(self, address: str) -> None:
        sender = Sender(address, self._own) if address else None
        port = None if sender is None else sender.listen(self._reactor)
        _close(self._sending)
        self._sender, self._sending = sender, port

    def offered(self) -> list[Offered]:
        """
        Return the open socket for heartbeats, if there is one.
        """
        address = self._spec.heartbeat_listen
        return [Offered(f"{HEARTBEAT}{address}", "", [self._hearing.fileno()])] if address else []

    def start(self, balancers: Callable[[], Iterable[BalancerResource]]) -> None:
        """
        Begin to ask, at once and then every second.

        @param balancers: returns those that are live.
        """
        self._balancers = balancers
        self._loop = LoopingCall(self._turn)
        self._loop.clock = self._reactor
        self._loop.start(INTERVAL)

    def stop(self) -> None:
        """
        Ask and listen no more.
        """
        if self._loop is not None and self._loop.running:
            self._loop.stop()
        _close(self._hearing)
        _close(self._sending)
        self._hearing = self._sending = None

    def _turn(self) -> None:
        try:
            self._look()
        except Exception:
            # A fault must not end the loop.
            self._tell_fault()

    def _tell_fault(self) -> None:
        more = self._throttle.permit(self._now())
        if more is not None:
            self.log.failure("the load of members could not be read{more}", more=more)

    def _look(self) -> None:
        now = self._now()
        self._turns += 1
        if self._spec.heartbeat_storage:
            self._store(now)
        self.heartbeats.reports.forget(now)
        if self._sender is not None:
            self._sender.send()
        for resource in self._balancers():
            spec = resource.balancer.spec
            if spec.lbmethod == "heartbeat":
                source = self._loads.get(spec.memberload, self.heartbeats)
                try:
                    self._ask(resource, source, now)
                except Exception:
                    # A plugin's fault is not that of balancers after it.
                    self._tell_fault()

    def _ask(self, resource: BalancerResource, source: Any, now: float) -> None:
        changed = False
        for member in resource.balancer.members:
            room = source.room(member.spec, now)
            if room != member.room:
                member.room, changed = room, True
        if changed:
            resource.balancer.changed()
            resource.serve_waiting()
            self.on_rooms(resource)

    def _store(self, now: float) -> None:
        """
        Write the storage file where reports arrive here; read it where they arrive elsewhere.
        """
        path = self._spec.heartbeat_storage
        if self._spec.heartbeat_listen:
            if self._turns % FLUSH == 0:
                self._write(path, self.heartbeats.reports.write(now))
            return
        try:
            with open(path, "rb", opener=_without_waiting) as file:
                status = os.fstat(file.fileno())
                stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
                if stamp == self._read_stamp:
                    return
                data = file.read(_MOST_READ) or b""
        except OSError as error:
            self._complain(path, "cannot be read", error)
            return
        self._read_stamp = stamp
        age = self._wall() - status.st_mtime
        self.heartbeats.reports.replace(read_file(data, now, age))

    def _write(self, path: str, data: bytes) -> None:
        fresh = f"{path}.new"
        try:
            with open(fresh, "wb") as file:
                file.write(data)
            os.replace(fresh, path)
        except OSError as error:
            self._complain(path, "cannot be written", error)

    def _complain(self, path: str, what: str, error: OSError) -> None:
        more = self._throttle.permit(self._now())
        if more is not None:
            self.log.warn(
                "heartbeat-storage {path}: {what}: {error}{more}",
                path=path,
                what=what,
                error=error.strerror or str(error),
                more=more,
            )


def _close(port: Any) -> None:
    if port is not None:
        port.stopListening()
