"""
Several access logs: which one has the line of an exchange.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from txbalancer.control.accesslog import AccessLog, Due, NoAccessLog, open_access_log
from txbalancer.core.conditions import compile_condition
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Request
from txbalancer.core.specs import ServiceSpec

Log = AccessLog[Outcome] | NoAccessLog
Route = tuple[tuple[Callable[[Request], bool], ...], tuple[Log, ...]]


def open_access_logs(spec: ServiceSpec, clock: Any, due: Due | None = None) -> Log | RoutedLogs:
    """
    Open every access log of a configuration.

    Files of the same name and format are opened once.

    @param due: see L{AccessLog}.
    @raise StartError: when one of them cannot be had; none is open then.
    """
    opened: dict[tuple[str, str], Log] = {}
    marks = any(each.dry_run for each in spec.limits)

    def opening(where: str, text: str) -> Log:
        if (where, text) not in opened:
            opened[where, text] = open_access_log(where, text, clock, due, marks)
        return opened[where, text]

    try:
        main = opening(spec.service.access_log, spec.service.access_log_format)
        if not spec.logs:
            return main
        routes = [
            (
                tuple(map(compile_condition, each.conditions)),
                tuple(opening(where, text) for where, text in each.files),
            )
            for each in spec.logs
        ]
    except Exception:
        for log in opened.values():
            log.close()
        raise
    return RoutedLogs(routes, main, list(opened.values()))


class RoutedLogs:
    """
    Gives each exchange to the logs of the first route that accepts its request.
    """

    def __init__(self, routes: list[Route], main: Log, every: list[Log]) -> None:
        """
        @param main: has what no route accepts, and what never became a request.
        @param every: all logs, each once.
        """
        self._routes = routes
        self._main = main
        self._every = every

    @property
    def lost(self) -> int:
        """
        How many lines could not be written.
        """
        return sum(log.lost for log in self._every)

    def log(self, outcome: Outcome) -> None:
        """
        Add the line of a finished exchange where it belongs.
        """
        request = outcome.request
        if request is not None:
            for predicates, logs in self._routes:
                if all(holds(request) for holds in predicates):
                    for log in logs:
                        log.log(outcome)
                    return
        self._main.log(outcome)

    def flush(self) -> None:
        """
        Write all lines.
        """
        for log in self._every:
            log.flush()

    def reopen(self) -> None:
        """
        Open every destination anew, after log rotation.
        """
        for log in self._every:
            log.reopen()

    def close(self) -> None:
        """
        Write what is held and let every destination go.
        """
        for log in self._every:
            log.close()
