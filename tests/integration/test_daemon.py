"""
The process in the background: what the command in front tells, pid file, signals.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import Starts
from tests.integration.process import MOUNT, BalancerProcess, environment, status, twistd, until
from tests.peers import is_listening

pytestmark = pytest.mark.integration


def daemon(process: BalancerProcess) -> tuple[subprocess.CompletedProcess[str], Path]:
    """
    Start it in the background; return what the command in front did, and its pid file.
    """
    pidfile, log = process.folder / "twistd.pid", process.folder / "daemon.log"
    command = twistd(f"--pidfile={pidfile}", f"--logfile={log}", "txbalancer")
    # A daemon keeps inherited pipes open, so it gets none.
    with (process.folder / "front.log").open("w+") as output:
        done = subprocess.run(
            [*command, "-c", process.config.name],
            cwd=process.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read()), pidfile


def test_daemon_runs_and_stops(balancer: Starts) -> None:
    """
    Started in the background it serves once the command returns with 0; a relative path of
    its configuration works for a reload too; SIGTERM ends it and its pid file goes.
    """
    process = balancer(MOUNT, start=False)
    done, pidfile = daemon(process)
    assert done.returncode == 0, done.stdout
    pid = int(pidfile.read_text())
    log = process.folder / "daemon.log"
    try:
        assert status(process) == 204
        until(lambda: "serving " in log.read_text(), "the daemon says that it serves")
        process.write(MOUNT.replace("204", "410"))
        os.kill(pid, signal.SIGHUP)
        until(lambda: "reload" in log.read_text(), "the daemon reloads")
        assert status(process) == 410, log.read_text()
    finally:
        os.kill(pid, signal.SIGTERM)
        ended = until_ended(pid)
    assert ended
    assert not pidfile.exists()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_daemon_can_be_signalled_at_once(balancer: Starts, number: signal.Signals) -> None:
    """
    A signal right after the start, before anything is served, has its usual effect.
    """
    process = balancer(MOUNT, start=False)
    done, pidfile = daemon(process)
    pid = int(pidfile.read_text())
    os.kill(pid, number)
    assert done.returncode == 0, done.stdout
    log = process.folder / "daemon.log"
    if number == signal.SIGHUP:
        until(lambda: "reload done" in log.read_text(), "the daemon reloads")
        os.kill(pid, signal.SIGTERM)
    assert until_ended(pid)
    assert not pidfile.exists()
    assert "Traceback" not in log.read_text()


def until_ended(pid: int) -> bool:
    """
    Wait for a process that is nobody's child here; kill it when it does not end.
    """
    status = Path(f"/proc/{pid}/status")

    def ended() -> bool:
        with contextlib.suppress(OSError):
            return "\nState:\tZ" in status.read_text()
        return True

    try:
        until(ended, f"the daemon {pid} ends", 15.0)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    return True


def test_daemon_that_cannot_start_says_so(balancer: Starts, taken: int) -> None:
    """
    In the background too a busy port gives a non-zero exit code and a word in front.
    """
    process = balancer(
        f"[listener:other]\nendpoint = tcp:{taken}:interface=127.0.0.1\n{MOUNT}", start=False
    )
    done, pidfile = daemon(process)
    assert done.returncode != 0
    # twistd passes on the first hundred characters; the log has it all.
    assert "listener other: Address already in use" in done.stdout
    log = process.folder / "daemon.log"
    until(lambda: "in use" in log.read_text(), "the log tells it in full")
    assert "Traceback" not in log.read_text()
    until(lambda: not is_listening(process.port), "the daemon is gone")
    assert not pidfile.exists()
