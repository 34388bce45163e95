"""
All logs of a service beside that of twistd: opened together, or not at all.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from txbalancer.control.accesslog import Due, NoAccessLog
from txbalancer.control.errorlog import ErrorLog, open_error_log
from txbalancer.control.eventlog import EventLog, open_event_log
from txbalancer.control.journal import Journal
from txbalancer.control.routedlogs import Log, RoutedLogs, open_access_logs
from txbalancer.core.specs import ServiceSpec


class Logs:
    """
    The access logs, the error log and the event log.

    What a configuration changes is opened by L{prepare}, and used from L{publish} on; what it
    leaves as it was stays open.

    @ivar access: where finished exchanges go.
    @ivar due: called when its lines should be written by whoever does that; C{None} where it
        does so by itself. To be set before L{prepare}.
    """

    log = Logger()

    def __init__(self, clock: Any, journal: Journal) -> None:
        """
        @param journal: has the events.
        """
        self._clock = clock
        self._journal = journal
        self.access: Log | RoutedLogs = NoAccessLog()
        self.due: Due | None = None
        self._error: ErrorLog | None = None
        self._events: EventLog | None = None
        self._spec: ServiceSpec | None = None
        self._fresh: dict[str, Any] = {}
        self._next: ServiceSpec | None = None

    def prepare(self, spec: ServiceSpec) -> None:
        """
        Open what a configuration needs and the one in use did not have.

        @raise StartError: one of them cannot be had; none of them is open then.
        """
        self._next = spec
        keys = {} if self._spec is None else _keys(self._spec)
        openers: dict[str, Any] = {
            "error": lambda: open_error_log(spec.service.error_log, spec.service.log_level),
            "access": lambda: open_access_logs(spec, self._clock, self.due),
            "events": lambda: open_event_log(spec.service.event_log, self._journal, self._clock),
        }
        try:
            for name, key in _keys(spec).items():
                if keys.get(name) != key:
                    self._fresh[name] = openers[name]()
        except Exception:
            self.abandon()
            raise

    def abandon(self) -> None:
        """
        Close what was prepared.
        """
        while self._fresh:
            _close(self._fresh.popitem()[1])
        self._next = None

    def publish(self) -> None:
        """
        Use what was prepared instead of what it replaces.
        """
        fresh, self._fresh = self._fresh, {}
        self._spec = self._next
        before: list[Any] = []
        if "access" in fresh:
            before.append(self.access)
            self.access = fresh["access"]
        if "events" in fresh:
            before.append(self._events)
            self._events = fresh["events"]
            if self._events is not None:
                self._events.follow()
        if "error" in fresh:
            before.append(self._error)
            self._error = fresh["error"]
        for each in before:
            _close(each)

    def reopen(self) -> None:
        """
        Open every destination anew, after log rotation.
        """
        for each in (self.access, self._events, self._error):
            if each is not None:
                each.reopen()

    def close(self) -> None:
        """
        Write what is held, and nothing more.
        """
        for each in (self.access, self._events, self._error):
            _close(each)
        self.access, self._events, self._error = NoAccessLog(), None, None
        self._spec = None


def _keys(spec: ServiceSpec) -> dict[str, Any]:
    """
    Return what each log depends on; the error log comes first, to tell of the others.
    """
    service = spec.service
    return {
        "error": (service.error_log, service.log_level),
        "access": (
            service.access_log,
            service.access_log_format,
            spec.logs,
            any(each.dry_run for each in spec.limits),
        ),
        "events": service.event_log,
    }


def _close(log: Any) -> None:
    if log is not None:
        log.close()
