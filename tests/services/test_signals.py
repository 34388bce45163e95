"""
What signals do to the process.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, globalLogPublisher

from txbalancer.errors import ConfigError, ConfigErrors, UpgradeError
from txbalancer.services.signals import Signals

NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Reactor:
    """
    Notes when it is stopped.
    """

    def __init__(self) -> None:
        self.stopped = 0
        self.started: list = []

    def __str__(self) -> str:
        return "the reactor"

    def callFromThread(self, function) -> None:
        function()

    def callWhenRunning(self, function) -> None:
        self.started.append(function)

    def stop(self) -> None:
        self.stopped += 1


class Service:
    """
    Notes what it is asked to do; a reload may fail.
    """

    def __init__(self) -> None:
        self.reactor = Reactor()
        self.calls: list[str] = []
        self.error: Exception | None = None
        self.beginning = SimpleNamespace(former=None, reopen_logs=lambda: None)
        self.leaving = SimpleNamespace(done=False)
        self.slow: Deferred[None] | None = None

    def __str__(self) -> str:
        return "the service"

    def settled(self) -> Deferred[None]:
        return self.slow or succeed(None)

    def well(self) -> bool:
        return True

    def cut(self) -> None:
        self.calls.append("cut")

    def reopen_logs(self) -> None:
        self.calls.append("reopen")

    def reload_file(self) -> list[str]:
        self.calls.append("reload")
        if self.error is not None:
            raise self.error
        return ["member x added"]


class Notifier:
    """
    Notes what systemd would be told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name):
        return lambda *words: self.told.append(" ".join((name, *map(str, words))))


class Upgrade:
    """
    Fails as it is told, or goes on for ever.
    """

    def __init__(self) -> None:
        self.begun = self.taken = 0
        self.refusal = ""
        self.waiting: Deferred[None] = Deferred()

    def begin(self) -> Deferred[None]:
        if self.refusal:
            raise UpgradeError(self.refusal)
        self.begun += 1
        return self.waiting

    def take_over(self) -> None:
        self.taken += 1


@pytest.fixture(scope="module", autouse=True)
def running() -> None:
    """
    Have pytest's reactor run before any of these tests: when it begins, it takes the signals.
    """
    pytest_twisted.blockon(deferLater(reactor, 0.0))  # type: ignore[arg-type]


@pytest.fixture
def service() -> Iterator[Service]:
    """
    Return a service with its signals installed; the old handlers come back afterwards.
    """
    before = {number: signal.getsignal(number) for number in NUMBERS}
    rotations: list[int] = []
    signal.signal(signal.SIGUSR1, lambda number, frame: rotations.append(number))
    found = Service()
    found.rotations = rotations
    found.notifier = Notifier()
    found.upgrade = Upgrade()
    signals = Signals(found, found.notifier, found.upgrade)
    signals.startService()
    for start in found.reactor.started:
        start()
    ready, watchdog = found.notifier.told
    assert (ready, watchdog.split(" <")[0]) == ("ready", "start_watchdog the reactor")
    found.notifier.told.remove(watchdog)
    yield found
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def told() -> Iterator[list[dict]]:
    """
    Collect log events.
    """
    events: list[dict] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_gracefully_and_at_once(service, number) -> None:
    """
    The first signal stops the reactor, which waits for exchanges; the second cuts them.
    """
    assert service.notifier.told == ["ready"]
    os.kill(os.getpid(), number)
    assert (service.reactor.stopped, service.calls) == (1, [])
    os.kill(os.getpid(), number)
    assert (service.reactor.stopped, service.calls) == (1, ["cut"])
    assert service.notifier.told == ["ready", "stopping"]


def test_reloading(service, told) -> None:
    """
    SIGHUP reloads, says what changed, and is ready again.
    """
    os.kill(os.getpid(), signal.SIGHUP)
    assert service.calls == ["reload"]
    assert service.notifier.told == ["ready", "reloading", "ready"]
    assert [event["change"] for event in told if "change" in event] == ["member x added"]


def test_a_reload_is_done_when_all_have_it(service, told) -> None:
    """
    Where several processes serve, a reload is done, and the service ready, once all have it.
    """
    service.slow = Deferred()
    os.kill(os.getpid(), signal.SIGHUP)
    assert service.notifier.told == ["ready", "reloading"]
    assert not [event for event in told if "change" in event]
    service.slow.callback(None)
    assert service.notifier.told == ["ready", "reloading", "ready"]
    assert [event["change"] for event in told if "change" in event] == ["member x added"]


def test_a_faulty_file_is_reported_and_nothing_else(service, told) -> None:
    """
    Of a refused reload the first fault is the status, and the service goes on; it logs them itself.
    """
    faults = [ConfigError("conf.ini", line, "listener:web", "key", "wrong") for line in (3, 1)]
    service.error = ConfigErrors(faults)
    os.kill(os.getpid(), signal.SIGHUP)
    assert not [event for event in told if event["log_level"] is LogLevel.error]
    assert service.notifier.told[-2:] == [
        "status reload refused: conf.ini:1: [listener:web] key: wrong",
        "ready",
    ]


def test_a_bug_in_a_reload_does_not_end_the_service(service, told) -> None:
    """
    Whatever goes wrong is logged as what it is.
    """
    service.error = ZeroDivisionError()
    os.kill(os.getpid(), signal.SIGHUP)
    assert [event["log_failure"].type for event in told if "log_failure" in event] == [
        ZeroDivisionError
    ]
    assert service.notifier.told[-1] == "ready"


def test_reopening_logs(service) -> None:
    """
    SIGUSR1 reopens the access log, and twistd's own handler rotates its log too.
    """
    os.kill(os.getpid(), signal.SIGUSR1)
    assert service.calls == ["reopen"]
    assert service.rotations == [signal.SIGUSR1]


def test_upgrading(service, told) -> None:
    """
    SIGUSR2 begins an upgrade; one that fails has said so already, one that cannot begin says so.
    """
    os.kill(os.getpid(), signal.SIGUSR2)
    assert service.upgrade.begun == 1
    service.upgrade.waiting.errback(UpgradeError("it does not start"))
    service.upgrade.refusal = "an upgrade is in progress"
    os.kill(os.getpid(), signal.SIGUSR2)
    assert [event["error"] for event in told if event["log_level"] is LogLevel.error] == [
        "an upgrade is in progress"
    ]


def test_a_process_that_left_its_place_is_cut_by_the_first_signal(service) -> None:
    """
    It is stopping already, though nobody has sent a signal.
    """
    service.leaving.done = True
    os.kill(os.getpid(), signal.SIGTERM)
    assert (service.reactor.stopped, service.calls) == (0, ["cut"])


def test_a_process_that_takes_a_place_says_so_itself_to_nobody() -> None:
    """
    systemd hears of it from the process of before.
    """
    found, notifier, upgrade = Service(), Notifier(), Upgrade()
    found.beginning.former = object()
    Signals(found, notifier, upgrade)._serving(None)
    assert upgrade.taken == 1
    assert [each.split()[0] for each in notifier.told] == ["start_watchdog"]
