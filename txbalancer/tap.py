"""
C{twistd txbalancer -c FILE}.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from twisted.application.service import IService, MultiService
from twisted.python import usage

from txbalancer import __version__
from txbalancer.config import load
from txbalancer.control.checks import CHECKS
from txbalancer.errors import ConfigErrors, StartError
from txbalancer.net.dispatch import dispatch_directly
from txbalancer.services.former import find_former
from txbalancer.services.memory import settle
from txbalancer.services.notify import Notifier
from txbalancer.services.plugins import load_registry
from txbalancer.services.runner import Runner
from txbalancer.services.service import BalancerService
from txbalancer.services.signals import Signals
from txbalancer.services.supervisor import Supervisor
from txbalancer.services.takeover import Beginning, Takeover
from txbalancer.services.upgrade import Upgrade


class Options(usage.Options):
    """
    The command line behind C{twistd txbalancer}.
    """

    longdesc = """\
A reverse proxy and load balancer in the manner of Apache's mod_proxy_balancer.

Signals: TERM and INT stop gracefully (a second one at once), HUP reloads FILE
without dropping a request, USR1 reopens the logs, USR2 lets a new process with
this command line take over. Check FILE before with: txbalancer check -c FILE"""

    optParameters: ClassVar = [["config", "c", None, "The configuration file to serve."]]

    optFlags: ClassVar = [
        ["lenient", None, "Leave out, with a warning, what of Apache's syntax is not carried over."]
    ]

    def opt_define(self, name: str) -> None:
        """
        Define NAME for <IfDefine> in Apache's syntax; may be given more than once.
        """
        self.setdefault("defines", []).append(name)

    opt_D = opt_define

    def opt_version(self) -> None:
        """
        Print the version of txbalancer and exit.
        """
        print(f"txbalancer {__version__}")
        sys.exit(0)

    def postOptions(self) -> None:
        """
        Read the configuration; its faults are printed all at once.
        """
        path = self["config"]
        self["runner"] = runner = Runner(getattr(self, "parent", None))
        former = find_former(os.environ)
        self["beginning"] = Beginning() if former is None else Takeover(former)
        if former is not None:
            runner.succeed()
        if path is None:
            raise usage.UsageError("-c FILE is needed: the configuration file to serve")
        self["registry"] = load_registry()
        self["load"] = partial(
            load, lenient=bool(self["lenient"]), defines=tuple(self.get("defines", ()))
        )
        try:
            self["loaded"] = self["load"](path, self["registry"], CHECKS)
        except ConfigErrors as errors:
            print(errors, file=sys.stderr)
            sys.exit(1)


class StartFailed(Exception, SystemExit):
    """
    Ends C{twistd} or C{twist} with one line rather than a traceback.

    As an L{Exception} it lets twistd remove its pid file and tell a waiting parent process;
    as a L{SystemExit} it then leaves with its message and status 1.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = f"txbalancer: {text}"


@contextmanager
def _in_one_line(beginning: Beginning) -> Iterator[None]:
    """
    Turn what cannot be had into L{StartFailed}; whose place this process was to take hears of
    everything.
    """
    try:
        yield
    except StartError as error:
        beginning.fail(str(error))
        raise StartFailed(str(error)) from None
    except Exception as error:
        beginning.fail(f"{type(error).__name__}: {error}")
        raise


class Process(MultiService):
    """
    The balancer and what goes with being a process of its own.
    """

    def __init__(self, balancer: BalancerService, runner: Runner) -> None:
        super().__init__()
        self._balancer = balancer
        notifier = Notifier()
        upgrade = Upgrade(balancer, notifier, runner)
        balancer.setServiceParent(self)
        Signals(balancer, notifier, upgrade).setServiceParent(self)

    def privilegedStartService(self) -> None:
        """
        Open ports and logs; what is not to be had ends the process.
        """
        with _in_one_line(self._balancer.beginning):
            super().privilegedStartService()

    def startService(self) -> None:
        """
        Begin to serve. The process is ours: its loop and its garbage collection are tuned.
        """
        with _in_one_line(self._balancer.beginning):
            # Twisted's other runner, C{twist}, opens nothing before this.
            super().startService()
        dispatch_directly(self._balancer.reactor)
        settle(self._balancer.reactor)


def makeService(options: Any) -> IService:
    """
    Build the service that C{twistd} runs.
    """
    loaded, beginning = options["loaded"], options["beginning"]
    for warning in loaded.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    make = Supervisor if loaded.spec.service.workers else BalancerService
    balancer = make(
        loaded.spec,
        options["config"],
        registry=options["registry"],
        load=options["load"],
        environment=os.environ,
        beginning=beginning,
    )
    return Process(balancer, options["runner"])
