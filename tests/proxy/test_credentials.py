"""
Users and passwords of a file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from tests.threads import Threads
from txbalancer.core import crypts, htpasswd
from txbalancer.errors import StartError
from txbalancer.net.offload import Offload
from txbalancer.proxy import credentials
from txbalancer.proxy.credentials import Credentials

SHA = crypts.sha1(b"secret", "")


class Case:
    """
    A file with bob, whose password is C{secret}.
    """

    def __init__(self, path: Path, **limits: int) -> None:
        self.path, self.writes = path, 0
        self.write(f"bob:{SHA}\n")
        self.clock = Clock()
        self.threads = Threads()
        offload = Offload(None, in_thread=self.threads.run, **limits)
        self.credentials = Credentials(str(path), offload, self.clock.seconds, b"s")
        self.answers: list[Any] = []

    def write(self, text: str) -> None:
        self.path.write_text(text)
        # Whatever the clock of the file system: each writing is another file.
        self.writes += 1
        os.utime(self.path, ns=(0, self.writes))

    def check(self, user: str = "bob", password: bytes = b"secret") -> Any:
        return self.credentials.check(user, password, self.answers.append)


@pytest.fixture
def case(tmp_path) -> Case:
    """
    Return a file that two can be verified by at a time, while two wait.
    """
    return Case(tmp_path / "users", most=2, queue=2)


def test_right_passwords_are_remembered(case) -> None:
    """
    What was right once is right at once; what was wrong is verified anew.
    """
    case.check()
    case.check(password=b"wrong")
    assert case.answers == []
    case.threads.finish(2)
    assert case.answers == [True, False]
    case.check()
    assert case.answers == [True, False, True]
    case.check(password=b"wrong")
    assert len(case.threads.working) == 1


def test_the_same_credentials_are_verified_once(case) -> None:
    """
    Requests of one browser that come together wait for one try.
    """
    case.check()
    case.check()
    assert len(case.threads.working) == 1
    case.threads.finish()
    assert case.answers == [True, True]


def test_no_user_takes_as_long_as_a_wrong_password(case, monkeypatch) -> None:
    """
    For a user who is not in the file the dearest hash of it is computed, for nothing.
    """
    tried = []
    monkeypatch.setattr(htpasswd, "verify", lambda *pair: tried.append(pair) or True)
    apr1 = crypts.apr1(b"x", "$apr1$salt$")
    case.write(f"bob:{SHA}\neve:{apr1}\n")
    case.clock.advance(1)
    case.check("nobody")
    case.threads.finish()
    assert tried == [(apr1, b"secret")]
    assert case.answers == [False]


def test_an_empty_file_lets_nobody_in(case) -> None:
    """
    There may be no users at all.
    """
    case.write("# none yet\n")
    case.clock.advance(1)
    case.check()
    case.threads.finish()
    assert case.answers == [False]


def test_too_many_tries_get_no_answer(case) -> None:
    """
    Two are verified, two wait, the fifth is told so; afterwards there is room again.
    """
    for number in range(5):
        case.check(password=b"%d" % number)
    assert case.answers == [None]
    case.threads.finish(4)
    assert case.answers == [None, False, False, False, False]
    case.check()
    case.threads.finish()
    assert case.answers[-1] is True


def test_what_nobody_waits_for_is_not_begun(case) -> None:
    """
    A try whose askers all left is taken back while it waits, and ignored when it runs.
    """
    attempts = [case.check(password=b"%d" % number) for number in range(4)]
    case.check(password=b"3")
    done = case.answers.append
    case.credentials.forget(attempts[3], done)
    case.credentials.forget(attempts[2], done)
    case.credentials.forget(attempts[0], done)
    case.threads.finish(3)
    assert not case.threads.working
    assert case.answers == [False, False]
    case.credentials.forget(attempts[3], done)


def test_a_changed_file_is_read_anew(case) -> None:
    """
    Looked at once a second at most; what was verified by the old one counts no more.
    """
    case.check()
    case.threads.finish()
    case.write(f"bob:{crypts.sha1(b'other', '')}\n")
    case.clock.advance(0.9)
    case.check()
    assert case.answers == [True, True]
    case.clock.advance(0.2)
    with capturedLogs() as logged:
        case.check()
    case.threads.finish()
    assert case.answers == [True, True, False]
    assert [each["log_format"] for each in logged] == ["{path}: read anew, {count} users"]


def test_a_try_by_the_old_file_is_not_remembered(case) -> None:
    """
    A password that was right by a file that has changed meanwhile is verified again.
    """
    case.check()
    case.write(f"bob:{crypts.sha1(b'other', '')}\n")
    case.clock.advance(1)
    case.check()
    case.threads.finish(2)
    assert case.answers == [True, False]
    case.check()
    case.threads.finish()
    assert case.answers == [True, False, False]


@pytest.mark.parametrize("fault", ["bob:secret\n", None])
def test_a_faulty_change_leaves_the_old_in_force(case, fault) -> None:
    """
    A file that cannot be used, or is gone, is told of once, and its users stay.
    """
    if fault is None:
        case.path.unlink()
    else:
        case.write(fault)
    with capturedLogs() as logged:
        for _ in range(3):
            case.clock.advance(1)
            case.check()
    case.threads.finish()
    assert case.answers == [True, True, True]
    (event,) = logged
    assert event["log_format"] == "{error}; the users read before stay in force"
    case.write(f"eve:{SHA}\n")
    case.clock.advance(1)
    case.check("eve")
    case.threads.finish()
    assert case.answers[-1] is True


def test_a_faulty_file_is_refused_at_the_start(tmp_path) -> None:
    """
    Every bad line is named; a file that is not there is named too.
    """
    path = tmp_path / "users"
    path.write_text(f"bob:{SHA}\n\neve:plain\nmallory\n")
    with pytest.raises(StartError) as caught:
        Credentials(str(path), Offload(None), Clock().seconds, b"s")
    first, second = str(caught.value).split("; ")
    assert first.startswith(f"{path}:3: user 'eve' has a password in the clear")
    assert second == f"{path}:4: is not of the form USER:HASH"
    with pytest.raises(StartError, match="No such file"):
        Credentials(f"{path}-", Offload(None), Clock().seconds, b"s")


def test_another_file_altogether_is_told_in_short(tmp_path) -> None:
    """
    Of very many bad lines only the first are told.
    """
    path = tmp_path / "users"
    path.write_text("x\n" * 1000)
    with pytest.raises(StartError) as caught:
        Credentials(str(path), Offload(None), Clock().seconds, b"s")
    *told, last = str(caught.value).split("; ")
    assert told == [f"{path}:{line}: is not of the form USER:HASH" for line in (1, 2, 3)]
    assert last == "and 997 lines more: is it a file of htpasswd's?"


def test_remembered_credentials_are_bounded(case, monkeypatch) -> None:
    """
    The oldest of very many is forgotten, and verified again.
    """
    monkeypatch.setattr(credentials, "_MOST", 2)
    case.write("".join(f"{user}:{SHA}\n" for user in "abc"))
    case.clock.advance(1)
    for user in "abc":
        case.check(user)
        case.threads.finish()
    case.check("c")
    assert not case.threads.working
    case.check("a")
    assert len(case.threads.working) == 1
