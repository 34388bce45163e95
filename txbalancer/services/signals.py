"""
Signals of a process that is a balancer: stop, reload, reopen logs.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

from txbalancer.core.values import counted
from txbalancer.errors import BalancerError, UpgradeError
from txbalancer.services.notify import Notifier
from txbalancer.services.service import BalancerService
from txbalancer.services.upgrade import Upgrade


class Signals(Service):
    """
    Installs its handlers at the start, and those that the reactor replaces once more when that
    runs: a signal that comes in between would end the process on the spot.

    SIGTERM and SIGINT stop gracefully, a second one at once, and the process exits with 0;
    SIGHUP reloads the configuration; SIGUSR1 reopens the logs, twistd's own included; SIGUSR2
    lets a new process take the place of this one.
    """

    log = Logger()

    def __init__(self, service: BalancerService, notifier: Notifier, upgrade: Upgrade) -> None:
        self._service = service
        self._notifier = notifier
        self._upgrade = upgrade
        self._reactor = service.reactor
        self._stopping = False

    def startService(self) -> None:
        """
        Take the signals over, and report that all is up once the reactor runs.
        """
        super().startService()
        rotate = signal.getsignal(signal.SIGUSR1)
        self._handle(signal.SIGHUP, self.reload)
        self._handle(signal.SIGUSR1, lambda: self.reopen(rotate))
        self._handle(signal.SIGUSR2, self.upgrade)
        self._handle_stops()
        self._reactor.callWhenRunning(self._running)

    def _running(self) -> None:
        self._handle_stops()
        self._service.settled().addCallback(self._serving)

    def _serving(self, _: None) -> None:
        if self._stopping:
            return
        if self._service.beginning.former is None:
            self._notifier.ready()
        else:
            # The process of before tells systemd, which listens to that one only until then.
            self._upgrade.take_over()
        self._notifier.start_watchdog(self._reactor, self._service.well)

    def _handle_stops(self) -> None:
        self._handle(signal.SIGTERM, self.stop)
        self._handle(signal.SIGINT, self.stop)

    def _handle(self, number: int, action: Callable[[], Any]) -> None:
        signal.signal(number, lambda *_: self._reactor.callFromThread(action))

    def stop(self) -> None:
        """
        Stop gracefully; when stopping already, at once.
        """
        if self._stopping or self._service.leaving.done:
            self.log.warn("stopping at once: asked a second time")
            self._service.cut()
            return
        self._stopping = True
        self._notifier.stopping()
        self._reactor.stop()

    def reload(self) -> None:
        """
        Read the configuration again; a faulty one changes nothing and is reported.
        """
        self._notifier.reloading()
        try:
            changes = self._service.reload_file()
        except BalancerError as error:
            self._notifier.status(f"reload refused: {str(error).splitlines()[0]}")
        except Exception:
            # Whatever it is, the service goes on with what it has.
            self.log.failure("reload failed")
        else:
            self._service.settled().addCallback(lambda _: self._reloaded(changes))
            return
        self._notifier.ready()

    def _reloaded(self, changes: list[str]) -> None:
        for change in changes:
            self.log.info("reload: {change}", change=change)
        self.log.info("reload done: {count}", count=counted(len(changes), "change"))
        self._notifier.ready()

    def upgrade(self) -> None:
        """
        Let a new process take the place of this one; the log says if that fails.
        """
        try:
            self._upgrade.begin().addErrback(lambda reason: reason.trap(UpgradeError) and None)
        except UpgradeError as error:
            self.log.error("no upgrade: {error}", error=str(error))

    def reopen(self, rotate: Any) -> None:
        """
        Reopen all logs and let twistd rotate its own.
        """
        self._service.reopen_logs()
        self._service.beginning.reopen_logs()
        if callable(rotate):
            rotate(signal.SIGUSR1, None)
