"""
Telling systemd how the service is: sd_notify, and the watchdog.

Source: sd_notify(3) and sd_watchdog_enabled(3). Without systemd nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger


class Notifier:
    """
    Sends the state of the service to whoever started it.
    """

    log = Logger()

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        monotonic: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """
        @param environment: where C{NOTIFY_SOCKET} and the like are looked for.
        @param monotonic: C{CLOCK_MONOTONIC} in nanoseconds.
        """
        self._environment = environment
        self._monotonic = monotonic

    def ready(self, status: str = "") -> bool:
        """
        Tell that the service serves, also after a reload.

        @return: whether anybody was told.
        """
        return self._send("READY=1", _status(status))

    def reloading(self) -> bool:
        """
        Tell that a reload began; L{ready} must follow, whatever came of it.
        """
        return self._send("RELOADING=1", f"MONOTONIC_USEC={self._monotonic() // 1000}")

    def stopping(self, status: str = "") -> bool:
        """
        Tell that the service finishes what is in progress.
        """
        return self._send("STOPPING=1", _status(status))

    def succeeded_by(self, pid: int) -> bool:
        """
        Tell that another process is the service now. From this one nothing more is sent.
        """
        told = self._send("READY=1", f"MAINPID={pid}")
        self._environment = {}
        return told

    def status(self, text: str) -> bool:
        """
        Set the line that C{systemctl status} shows.
        """
        return self._send(_status(text))

    def start_watchdog(self, clock: Any, well: Callable[[], bool]) -> None:
        """
        Give a sign of life twice in C{WatchdogSec}, when the unit has one for this process, for
        as long as its reactor turns and it is well.
        """
        span = self._environment.get("WATCHDOG_USEC", "")
        process = self._environment.get("WATCHDOG_PID", "") or str(os.getpid())
        if not span.isdecimal() or int(span) == 0 or process != str(os.getpid()):
            return
        signs = LoopingCall(lambda: well() and self._send("WATCHDOG=1"))
        signs.clock = clock
        signs.start(int(span) / 2e6)

    def _send(self, *lines: str) -> bool:
        address = self._environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return False
        message = "\n".join(filter(None, lines)).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                # @ stands for the zero byte of the abstract name space.
                sender.connect("\0" + address[1:] if address[0] == "@" else address)
                sender.send(message)
        except OSError as error:
            self.log.warn("systemd was not told {lines}: {error}", lines=lines, error=str(error))
            return False
        return True


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}" if text else ""
