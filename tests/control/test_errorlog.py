"""
The error log.
"""

from __future__ import annotations

import sys
import warnings
from io import StringIO
from pathlib import Path

import pytest
from twisted.logger import LogBeginner, Logger, LogPublisher
from twisted.python.failure import Failure

from txbalancer.control.errorlog import open_error_log
from txbalancer.control.logsinks import NullSink
from txbalancer.errors import StartError


def test_messages_from_the_level_on(tmp_path: Path) -> None:
    """
    Messages of less weight than log-level are left out; a line says when, how bad and what.
    """
    publisher = LogPublisher()
    log = open_error_log(str(tmp_path / "error.log"), "warn", publisher)
    assert log is not None
    logger = Logger("x", observer=publisher)
    logger.info("started")
    logger.info("admin changed shop", audit=True)
    logger.warn("{member} is down", member="http://m1")
    logger.error("bad\nnews")
    log.close()
    logger.error("after the end")
    audit, first, second, third = (tmp_path / "error.log").read_text().splitlines()
    assert audit.endswith(" [info] admin changed shop")
    assert first.endswith(" [warn] http://m1 is down")
    assert (second.rpartition(" ")[2], third) == ("bad", "\tnews")


def test_what_is_told_anew_is_written_once(tmp_path: Path) -> None:
    """
    C{python -m twisted} begins its log after the services' start, and then all observers hear
    what there was before; what is only alike is written each time.
    """
    publisher = LogPublisher()
    beginner = LogBeginner(publisher, StringIO(), sys, warnings)
    log = open_error_log(str(tmp_path / "error.log"), "info", publisher)
    assert log is not None
    logger = Logger("x", observer=publisher)
    for text in ("serving", "serving"):
        logger.info(text)
    beginner.beginLoggingTo([lambda event: None], redirectStandardIO=False)
    logger.info("started")
    publisher({"log_format": "bare"})
    publisher({"log_format": "bare"})
    log.close()
    lines = (tmp_path / "error.log").read_text().splitlines()
    assert [line.rpartition("] ")[2] for line in lines] == [
        *("serving", "serving", "started", "bare", "bare")
    ]


def test_a_failure_has_its_traceback(tmp_path: Path) -> None:
    """
    What a bug needs to be found is in the log.
    """
    publisher = LogPublisher()
    log = open_error_log(str(tmp_path / "error.log"), "error", publisher)
    assert log is not None
    Logger("x", observer=publisher).failure("a bug", Failure(KeyError("here")))
    log.close()
    text = (tmp_path / "error.log").read_text()
    assert " [critical] a bug" in text
    assert "KeyError: 'here'" in text


def test_empty_means_none() -> None:
    """
    Without error-log messages go where twistd's go.
    """
    assert open_error_log("", "warn") is None


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    """
    The start fails with the name of the file.
    """
    with pytest.raises(StartError, match=r"error log .*nowhere/log"):
        open_error_log(str(tmp_path / "nowhere" / "log"), "warn")


def test_rotation(tmp_path: Path) -> None:
    """
    After a rotation lines go to a new file of the old name.
    """
    publisher = LogPublisher()
    path = tmp_path / "error.log"
    log = open_error_log(str(path), "info", publisher)
    assert log is not None
    logger = Logger("x", observer=publisher)
    logger.info("one")
    path.rename(tmp_path / "old")
    log.reopen()
    logger.info("two")
    log.close()
    assert "two" in path.read_text()
    assert "one" in (tmp_path / "old").read_text()


def test_a_full_disk_is_no_reason_to_stop(tmp_path: Path) -> None:
    """
    What cannot be written is lost here, and nothing breaks.
    """

    class Full(NullSink):
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

        def reopen(self) -> None:
            raise OSError(28, "No space left on device")

    class Slow(NullSink):
        def write(self, data: bytes) -> int:
            return 0

    publisher = LogPublisher()
    log = open_error_log(str(tmp_path / "error.log"), "info", publisher)
    assert log is not None
    for sink in (Full(), Slow()):
        log._sink = sink
        Logger("x", observer=publisher).info("one")
        log.reopen()
    log.close()
    assert (tmp_path / "error.log").read_text() == ""
