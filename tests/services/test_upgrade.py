"""
The process that starts another one in its place, on a reactor in memory.
"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.services.worlds import CONFIGURATION, GET, OK, World
from txbalancer.core.commands import SetMember
from txbalancer.core.flags import DRAIN
from txbalancer.core.succession import PROTOCOL, Frames, frame
from txbalancer.errors import StartError, UpgradeError
from txbalancer.services.former import VARIABLE
from txbalancer.services.runner import Runner
from txbalancer.services.upgrade import Upgrade

PID = 4711
MEMBER = "http://10.0.0.1"


class Line(StringTransport):
    """
    The line to the new process.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: list[int] = []

    def sendFileDescriptor(self, number: int) -> None:
        self.files.append(number)


class Notifier:
    """
    Notes what systemd would be told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name):
        return lambda *words: self.told.append(" ".join((name, *map(str, words))))


class Old:
    """
    A service that is to be replaced, and the new process as far as it is seen from there.
    """

    def __init__(self) -> None:
        self.world = World(CONFIGURATION).start()
        self.service, reactor = self.world.service, self.world.reactor
        self.notifier = Notifier()
        self.killed: list[int] = []
        reactor.spawnProcess = self._spawn
        reactor.adoptStreamConnection = self._adopt
        self.stopped = 0
        reactor.stop = self._stop
        self.upgrade = Upgrade(self.service, self.notifier, Runner())
        self.frames = Frames()

    def _spawn(self, protocol, program, arguments, env, path, childFDs) -> Any:
        self.process, self.environment, self.folder = protocol, env, path
        protocol.kill = lambda: self.killed.append(protocol.pid)
        return SimpleNamespace(pid=PID)

    def _adopt(self, number, family, factory) -> None:
        self.line = Line()
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.line)

    def _stop(self) -> None:
        self.stopped += 1

    def begin(self) -> list[Any]:
        """
        Begin an upgrade; what becomes of it is appended to what is returned.
        """
        results: list[Any] = []
        self.upgrade.begin("alice").addBoth(results.append)
        return results

    def say(self, say: str, **fields: Any) -> list[Any]:
        """
        Say something as the new process does, and return what is answered.
        """
        self.line.clear()
        self.protocol.dataReceived(frame(say, **fields))
        return self.frames.feed(self.line.value())

    def end(self, code: int = 1, said: bytes = b"") -> None:
        """
        End the new process.
        """
        if said:
            self.process.childDataReceived(2, said)
        reason = ProcessTerminated(code) if code else ProcessDone(0)
        self.process.processEnded(Failure(reason))

    def journal(self) -> list[str]:
        """
        Return the events of one kind.
        """
        return [each.text for each in self.service.targets.journal.events if each.kind == "warning"]


@pytest.fixture
def old() -> Old:
    """
    Make one.
    """
    return Old()


def test_the_steps(old: Old) -> None:
    """
    The new process gets sockets, then the state, and when it serves this one takes no more
    clients, tells systemd, and ends; at the end it tells what it has counted meanwhile.
    """
    results = old.begin()
    assert old.environment[VARIABLE] == "3"
    (offer,) = old.say("hello", protocol=PROTOCOL, version="9", pid=PID)
    assert (offer["say"], offer["sockets"], offer["control"]) == (
        "offer",
        [["tcp:80", "web", 1]],
        "",
    )
    assert bytes.fromhex(offer["secret"]) == old.service.targets.secret
    assert old.line.files == [1080]
    (state,) = old.say("state")
    assert set(state["state"]["balancers"]["balancers"]) == {"shop"}
    assert old.service.targets.steering.leaving
    with pytest.raises(StartError, match="taking the place"):
        old.service.leaving.check()
    busy = old.world.client(request=GET)
    member = old.world.accept()
    assert results == []
    old.say("serving")
    assert results == [{"pid": PID, "version": "9", "former": results[0]["former"]}]
    assert old.notifier.told == ["reloading", f"succeeded_by {PID}"]
    assert old.world.reactor.open == {}
    old.world.advance(0.1)
    assert old.stopped == 1
    old.service.stopService()
    member.send(OK)
    assert b"Connection: close" in busy.taken()
    old.line.clear()
    old.world.advance(0.2)
    last = old.frames.feed(old.line.value())[-1]
    meters = last["counts"]["meters"]
    assert [sum(each["classes"]) for each in meters.values()] == [1]
    assert last["connections"] == 0
    assert old.line.disconnecting


def test_one_that_fails_changes_nothing(old: Old) -> None:
    """
    Whoever asked hears why, so do log, journal and systemd; changes are taken again, and so is
    the next upgrade.
    """
    results = old.begin()
    old.say("hello", protocol=PROTOCOL, version="9", pid=PID)
    old.say("state")
    old.end(1, b"conf.ini:1: wrong\n")
    text = "the new process does not start, it ended with exit code 1: conf.ini:1: wrong"
    assert results[0].check(UpgradeError)
    assert results[0].getErrorMessage() == text
    assert old.notifier.told == ["reloading", f"ready upgrade failed: {text}"]
    assert text in old.journal()[-1]
    steering = old.service.targets.steering
    assert not steering.leaving
    assert steering.apply(SetMember("shop", MEMBER, on=DRAIN), "alice")
    assert old.world.client(request=GET)
    assert old.begin() == []


def test_one_that_says_why_it_fails(old: Old) -> None:
    """
    That is the cause, whatever else it prints, and its end is no further news.
    """
    results = old.begin()
    old.say("failed", cause="no such file")
    old.end(1, b"something\n")
    assert results[0].getErrorMessage() == "the new process does not start: no such file"
    assert len(old.journal()) == 1


def test_one_that_does_not_serve_in_time_is_ended(old: Old) -> None:
    """
    After upgrade-timeout it is given up, and what comes from it later means nothing.
    """
    results = old.begin()
    old.world.advance(61)
    assert "did not serve within upgrade-timeout, 60 s" in results[0].getErrorMessage()
    assert old.killed == [PID]
    old.say("serving")
    old.end()
    assert old.stopped == 0
    assert len(old.journal()) == 1


def test_one_at_a_time(old: Old) -> None:
    """
    While one starts, a second one is refused; and for good once it serves.
    """
    old.begin()
    with pytest.raises(UpgradeError, match=f"in progress: process {PID} starts"):
        old.upgrade.begin()
    old.say("serving")
    with pytest.raises(UpgradeError, match="about to end"):
        old.upgrade.begin()


def test_one_that_cannot_be_started(old: Old) -> None:
    """
    The system says why.
    """

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    old.world.reactor.spawnProcess = fail
    (result,) = old.begin()
    assert "cannot be started" in result.getErrorMessage()


def test_nonsense_ends_it(old: Old) -> None:
    """
    What is no message is not waited on.
    """
    old.begin()
    old.protocol.dataReceived(b"\0\0\0\x02[]")
    assert old.killed == [PID]


def test_the_state_is_of_jsons_types(old: Old) -> None:
    """
    Nothing in it depends on this version's classes.
    """
    old.world.client(request=GET)
    state = old.service.inheritance.state()
    assert json.loads(json.dumps(state)) == json.loads(json.dumps(state))


class Held:
    """
    Stands for a listener's datagrams.
    """

    def __init__(self, old: Old) -> None:
        self.taken: list[str] = []
        entrances = old.service.entrances
        entrances.pause = lambda: self.taken.append("pause")
        entrances.resume = lambda: self.taken.append("resume")
        entrances.sessions = lambda: {"u": [[["127.0.0.1", 1], "", "udp://127.0.0.1:9"]]}


def test_sessions_of_datagrams_are_told_last(old: Old) -> None:
    """
    Where the new process asks for them by themselves, datagrams are taken here until then, and
    again if it fails after that.
    """
    held = Held(old)
    results = old.begin()
    (offer,) = old.say("hello", protocol=PROTOCOL, version="9", pid=PID, late=True)
    assert offer["late"]
    (state,) = old.say("state")
    assert (held.taken, "sessions" in state["state"]) == ([], False)
    (told,) = old.say("sessions")
    assert told["sessions"] == {"u": [[["127.0.0.1", 1], "", "udp://127.0.0.1:9"]]}
    assert held.taken == ["pause"]
    old.end()
    assert results[0].check(UpgradeError)
    assert held.taken == ["pause", "resume"]


def test_another_version_gets_them_with_the_state(old: Old) -> None:
    """
    One that does not ask for them.
    """
    held = Held(old)
    old.begin()
    old.say("hello", protocol=PROTOCOL, version="1", pid=PID)
    (state,) = old.say("state")
    assert list(state["state"]["sessions"]) == ["u"]
    assert held.taken == ["pause"]


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_one_that_crashes_at_any_time_changes_nothing(old: Old, steps: int) -> None:
    """
    Before it says anything, with the sockets in its hands, with the state, or with the sessions:
    this process serves on, and takes changes and the next upgrade.
    """
    results = old.begin()
    for say in ("hello", "state", "sessions")[:steps]:
        old.say(say, protocol=PROTOCOL, version="9", pid=PID, late=True)
    old.end(11, b"Traceback (most recent call last):\nImportError: nothing is called new\n")
    assert "ImportError: nothing is called new" in results[0].getErrorMessage()
    assert (old.stopped, old.killed) == (0, [])
    client = old.world.client(request=GET)
    old.world.accept().send(OK)
    assert b"200 OK" in client.taken()
    steering = old.service.targets.steering
    assert steering.apply(SetMember("shop", MEMBER, on=DRAIN), "alice")
    old.begin()
    old.say("hello", protocol=PROTOCOL, version="9", pid=PID)
    assert old.say("state")[0]["say"] == "state"
