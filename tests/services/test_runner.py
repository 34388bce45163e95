"""
What a process does about the pid file and the background, when it takes another one's place.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from txbalancer.services.runner import Runner


def test_the_command_is_that_of_this_process() -> None:
    """
    It can be run again, from where it was run.
    """
    runner = Runner()
    assert runner.command[0] == sys.executable
    assert runner.command[1:] == sys.orig_argv[1:]
    assert runner.folder == os.getcwd()
    assert runner.fault() == ""


def test_an_heir_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    It does not go to the background a second time, logs where it would have there, and has the
    pid file from the moment that it serves until its end, or until another takes it.
    """
    monkeypatch.chdir(tmp_path)
    options = {"pidfile": "x.pid", "nodaemon": 0, "logfile": None}
    runner = Runner(options)
    runner.succeed()
    assert options == {"pidfile": "", "nodaemon": True, "logfile": "twistd.log"}
    assert not Path("x.pid").exists()
    runner.claim()
    assert options["pidfile"] == str(tmp_path / "x.pid")
    assert Path("x.pid").read_text() == str(os.getpid())
    runner.leave()
    assert options["pidfile"] == ""
    assert Path("x.pid").exists()
    assert os.listdir() == ["x.pid"]


def test_what_runs_in_front_stays_there(tmp_path: Path) -> None:
    """
    Its log and an empty pid file stay as they are; other programs have neither.
    """
    options = {"pidfile": "", "nodaemon": 1, "logfile": "-"}
    for runner in (Runner(options), Runner({"x": 1}), Runner(None)):
        runner.succeed()
        runner.claim()
        runner.leave()
    assert options == {"pidfile": "", "nodaemon": 1, "logfile": "-"}


def test_a_pid_file_out_of_reach_is_no_reason_to_fail(tmp_path: Path) -> None:
    """
    As after a change of the user: it stays what it was.
    """
    options = {"pidfile": str(tmp_path / "nowhere" / "x.pid"), "nodaemon": 1, "logfile": "-"}
    runner = Runner(options)
    runner.succeed()
    runner.claim()
    assert options["pidfile"] == ""


def test_within_chroot_there_is_no_program() -> None:
    """
    That says what to do.
    """
    assert "restart it" in Runner({"pidfile": "", "chroot": "/srv"}).fault()
