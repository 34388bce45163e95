"""
Several access logs: who has the line of an exchange.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.task import Clock

from tests.control.records import FakeRequest, finished
from txbalancer.control.accesslog import AccessLog
from txbalancer.control.routedlogs import open_access_logs
from txbalancer.core.outcome import Outcome
from txbalancer.core.request import Peer
from txbalancer.core.specs import Condition, GlobalSpec, LogSpec, ServiceSpec
from txbalancer.errors import StartError


def configured(folder: Path, *logs: LogSpec) -> ServiceSpec:
    """
    Make a configuration with a main log and others.
    """
    return ServiceSpec(
        GlobalSpec(access_log=str(folder / "main"), access_log_format="%U"), logs=logs
    )


def on_listener(name: str, *files: tuple[str, str]) -> LogSpec:
    """
    Make the logs of one listener.
    """
    return LogSpec(name, files, (Condition("listener", "", (name,)),))


def outcome(path: str, listener: str = "web") -> Outcome:
    """
    Make an exchange.
    """
    peer = Peer("192.0.2.7", 40001, listener)
    request = FakeRequest(path=path.encode(), query=None)
    request.peer = peer  # type: ignore[attr-defined]
    return finished(request=cast(Any, request), peer=peer)


def lines(path: Path) -> list[str]:
    """
    Read a log.
    """
    return path.read_text().splitlines()


def test_what_all_logs_lost(tmp_path: Path) -> None:
    """
    Lines that could not be written are summed over all logs.
    """
    logs = open_access_logs(
        configured(tmp_path, on_listener("web", (str(tmp_path / "a"), "%U"))), Clock()
    )
    assert logs.lost == 0
    for number, log in enumerate(logs._every, 1):  # type: ignore[union-attr]
        log.lost = number
    assert logs.lost == 3
    logs.close()


def test_one_log_is_used_directly(tmp_path: Path) -> None:
    """
    Without further logs nothing stands between an exchange and the log.
    """
    log = open_access_logs(configured(tmp_path), Clock())
    assert type(log) is AccessLog
    log.close()


def test_the_first_route_that_accepts_has_the_line(tmp_path: Path) -> None:
    """
    An exchange is in all logs of the first route, else in the main one.
    """
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    spec = configured(
        tmp_path,
        on_listener("web", (one, "1 %U"), (two, "2 %U")),
        LogSpec("late", ((one, "never %U"),), (Condition("listener", "", ("web",)),)),
    )
    log = open_access_logs(spec, Clock())
    log.log(outcome("/a", listener="web"))
    log.log(outcome("/b", listener="other"))
    log.flush()
    log.reopen()
    log.close()
    assert lines(tmp_path / "one") == ["1 /a"]
    assert lines(tmp_path / "two") == ["2 /a"]
    assert lines(tmp_path / "main") == ["/b"]


def test_a_route_to_nowhere(tmp_path: Path) -> None:
    """
    What a log that is off takes is in no other: so checks by a balancer above are left out.
    """
    checks = LogSpec("checks", (("off", "combined"),), (Condition("location", "", ("/up",)),))
    log = open_access_logs(configured(tmp_path, checks), Clock())
    log.log(outcome("/up"))
    log.log(outcome("/"))
    log.close()
    assert lines(tmp_path / "main") == ["/"]
    assert [each.name for each in tmp_path.iterdir()] == ["main"]


def test_what_is_no_request_is_in_the_main_log(tmp_path: Path) -> None:
    """
    Where no head was read there is nothing to choose a log by.
    """
    log = open_access_logs(
        configured(tmp_path, on_listener("web", (str(tmp_path / "x"), "%U"))), Clock()
    )
    log.log(outcome("/a")._replace(request=None))
    log.close()
    assert len(lines(tmp_path / "main")) == 1


def test_a_file_that_two_logs_name_is_opened_once(tmp_path: Path) -> None:
    """
    The lines of two listeners keep their order in a file that they share.
    """
    shared = (str(tmp_path / "shared"), "%U")
    spec = configured(tmp_path, on_listener("a", shared), on_listener("b", shared))
    log = open_access_logs(spec, Clock())
    for number in range(4):
        log.log(outcome(f"/{number}", listener="ab"[number % 2]))
    log.close()
    assert lines(tmp_path / "shared") == ["/0", "/1", "/2", "/3"]


def test_a_log_that_cannot_be_had_leaves_none_open(tmp_path: Path) -> None:
    """
    The start fails with the name of the log, and the others are closed.
    """
    spec = configured(tmp_path, on_listener("a", (str(tmp_path / "no" / "log"), "%U")))
    with pytest.raises(StartError, match="no/log"):
        open_access_logs(spec, Clock())
