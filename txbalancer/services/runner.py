"""
How this process was started, and what C{twistd} does around it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from twisted.logger import Logger


class Runner:
    """
    To be made before C{twistd} changes folders.

    @ivar command: the command line, to be run again.
    @ivar folder: where it was run.
    """

    log = Logger()

    def __init__(self, options: MutableMapping[str, Any] | None = None, fault: str = "") -> None:
        """
        @param options: of C{twistd}; C{None} for other programs, which have no pid file.
        @param fault: why the command cannot be run again, if that is so.
        """
        self._fault = fault
        self.command = [sys.executable, *sys.orig_argv[1:]]
        self.folder = os.getcwd()
        self._options = options if options is not None and "pidfile" in options else {}
        self._pidfile = ""

    def succeed(self) -> None:
        """
        Run in place of another process: in the background already, and without its pid file
        for now.
        """
        options = self._options
        if options.get("pidfile"):
            self._pidfile = os.path.abspath(options["pidfile"])
            options["pidfile"] = ""
        if options and not options.get("nodaemon"):
            options["nodaemon"] = True
            options["logfile"] = options.get("logfile") or "twistd.log"

    def fault(self) -> str:
        """
        Say why the command cannot be run again; empty if it can.
        """
        if self._options.get("chroot"):
            return "it runs with --chroot, where no new process can be started: restart it"
        return self._fault

    def claim(self) -> None:
        """
        Have the pid file name this process, and be removed at its end.
        """
        if not self._pidfile:
            return
        fresh = f"{self._pidfile}.new"
        try:
            with open(fresh, "w") as file:
                file.write(str(os.getpid()))
            os.replace(fresh, self._pidfile)
        except OSError as error:
            with suppress(OSError):
                os.unlink(fresh)
            self.log.warn("the pid file names the process of before: {error}", error=str(error))
            return
        self._options["pidfile"] = self._pidfile

    def leave(self) -> None:
        """
        Leave the pid file to another process.
        """
        if self._options:
            self._options["pidfile"] = ""
