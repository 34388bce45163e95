"""
Starting, stopping and signalling the process, and what it says when it cannot start.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.certificates import Authority
from tests.integration.conftest import Starts
from tests.integration.process import MOUNT, BalancerProcess, environment, status, twistd, until
from tests.peers import is_listening, require

pytestmark = pytest.mark.integration


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """
    Run a command to its end.
    """
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )


def fails(process: BalancerProcess) -> str:
    """
    Start a balancer that cannot, as a foreground process; return the one line it says,
    but for warnings, as of how many files this machine lets be open.
    """
    pidfile = process.folder / "twistd.pid"
    command = twistd("--nodaemon", f"--pidfile={pidfile}", "txbalancer", "-c", str(process.config))
    done = run(*command, folder=process.folder)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said
    assert not is_listening(process.port)
    assert not pidfile.exists()
    # Once logging has begun, twistd puts what it prints into the log, which goes to stdout.
    others = ("[twisted.", "[-]", "#warn]")
    lines = [each for each in said.splitlines() if not any(part in each for part in others)]
    assert len(lines) == 1, said
    return lines[0]


# -- what cannot start


def test_faulty_file_is_told_as_check_tells_it(balancer: Starts) -> None:
    """
    All faults of a file are printed as C{txbalancer check} prints them, and the exit code is 1.
    """
    process = balancer(
        "[balancer:shop]\nlbmethod = byrequest\nmembers = http://127.0.0.1:1 loadfactor=0\n"
        "[mount:/]\nto = balancer://shpo/\n",
        start=False,
    )
    check = run(
        *(sys.executable, "-m", "txbalancer", "check", "-c", str(process.config)),
        folder=process.folder,
    )
    started = run(
        *twistd("--nodaemon", "--pidfile=x.pid", "txbalancer", "-c", str(process.config)),
        folder=process.folder,
    )
    assert (check.returncode, started.returncode) == (1, 1)
    told = check.stderr.splitlines()
    assert len(told) == 4
    assert started.stderr.splitlines() == told[:3]
    assert all(each.startswith(f"{process.config}:") for each in told[:3])
    assert "did you mean" in started.stderr
    assert not is_listening(process.port)
    assert not (process.folder / "x.pid").exists()


def test_absent_file(balancer: Starts) -> None:
    """
    A configuration file that is not there is named in one line.
    """
    process = balancer(MOUNT, start=False)
    process.config.unlink()
    assert str(process.config) in fails(process)


def test_taken_port(balancer: Starts, taken: int) -> None:
    """
    A port in use ends the start, and the listener that could open is closed again.
    """
    process = balancer(
        f"[listener:other]\nendpoint = tcp:{taken}:interface=127.0.0.1\n{MOUNT}", start=False
    )
    said = fails(process)
    assert "listener other" in said
    assert str(taken) in said
    assert "in use" in said


def test_unwritable_access_log(balancer: Starts) -> None:
    """
    An access log that cannot be opened ends the start.
    """
    process = balancer(
        "[txbalancer]\naccess-log = /nowhere/at/all.log\n"
        f"[listener:web]\nendpoint = tcp:PORT:interface=127.0.0.1\n{MOUNT}",
        start=False,
    )
    assert "/nowhere/at/all.log: No such file or directory" in fails(process)


@pytest.mark.parametrize("which", ["index=0", "name=web"])
def test_socket_that_systemd_did_not_hand_over(balancer: Starts, which: str) -> None:
    """
    An endpoint of systemd's without systemd ends the start, with the cause.
    """
    process = balancer(
        "[txbalancer]\naccess-log = off\n"
        f"[listener:web]\nendpoint = systemd:domain=INET:{which}\n{MOUNT}",
        start=False,
    )
    said = fails(process)
    assert "systemd has handed over no" in said


def secure(process: BalancerProcess, certificate: Path, key: Path) -> None:
    """
    Give the configuration a second listener, with TLS.
    """
    process.write(
        "[listener:secure]\nendpoint = tcp:0:interface=127.0.0.1\n"
        f"tls-certificate = {certificate}\ntls-key = {key}\n{MOUNT}"
    )


def test_absent_certificate(balancer: Starts, tmp_path: Path) -> None:
    """
    A certificate that cannot be read ends the start.
    """
    pair = Authority(tmp_path).issue("one.example")
    process = balancer(MOUNT, start=False)
    secure(process, tmp_path / "absent.pem", pair.key)
    said = fails(process)
    assert "[listener:secure] tls-certificate" in said
    assert f"{tmp_path}/absent.pem: No such file or directory" in said


def test_key_of_another_certificate(balancer: Starts, tmp_path: Path) -> None:
    """
    A key that does not belong to the certificate ends the start.
    """
    authority = Authority(tmp_path)
    one, other = authority.issue("one.example"), authority.issue("other.example")
    process = balancer(MOUNT, start=False)
    secure(process, one.certificate, other.key)
    assert "no key in tls-key belongs to it" in fails(process)


def test_certificate_without_pem(balancer: Starts, tmp_path: Path) -> None:
    """
    A file that is no certificate ends the start.
    """
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    process = balancer(MOUNT, start=False)
    secure(process, junk, junk)
    assert "no PEM private key" in fails(process)


# -- command line


def test_help_is_useful(tmp_path: Path) -> None:
    """
    C{twistd txbalancer --help} names the file option, the signals and the check.
    """
    done = run(*twistd("txbalancer", "--help"), folder=tmp_path)
    assert done.returncode == 0
    said = " ".join(done.stdout.split())
    for word in ("-c, --config=", "HUP reloads", "TERM", "USR1", "txbalancer check -c FILE"):
        assert word in said


def test_no_file_given(tmp_path: Path) -> None:
    """
    Without C{-c} the start fails and says what is missing.
    """
    done = run(*twistd("--nodaemon", "--pidfile=", "txbalancer"), folder=tmp_path)
    assert done.returncode != 0
    assert "-c FILE" in done.stdout + done.stderr


# -- signals


def test_USR1_reopens_the_access_log(balancer: Starts) -> None:
    """
    After a rename lines go to the old file until SIGUSR1, then to a new one.
    """
    process = balancer(MOUNT)
    status(process, "/one")
    process.record("/one")
    moved = process.access.rename(process.access.with_suffix(".1"))
    status(process, "/two")
    process.signal(signal.SIGUSR1)
    until(process.access.exists, "a new access log")
    status(process, "/three")
    process.record("/three")
    assert [each["target"] for each in process.records()] == ["/three"]
    assert re.findall(r'"target":"([^"]*)"', moved.read_text()) == ["/one", "/two"]


def test_reload_of_a_broken_file_changes_nothing(balancer: Starts) -> None:
    """
    A file with faults leaves everything as it is, and the log tells each fault with its line.
    """
    process = balancer(MOUNT)
    said = process.reload("[mount:/]\nto = status:99\n[mount:/other]\nto = balancer://none/\n")
    assert "reload refused, nothing has changed" in said
    assert said.count(f"{process.config}:") == 2
    assert "Traceback" not in said
    assert status(process, "/other") == 204


def test_reload_that_cannot_open_a_port_changes_nothing(balancer: Starts, taken: int) -> None:
    """
    A reload whose new listener cannot open leaves mounts and listeners as they are.
    """
    process = balancer(MOUNT)
    other = f"[listener:other]\nendpoint = tcp:{taken}:interface=127.0.0.1\n"
    said = process.reload(other + MOUNT.replace("204", "410"))
    assert "reload refused, nothing has changed" in said
    assert "in use" in said
    assert status(process) == 204


def test_reload_moves_a_listener(balancer: Starts, tmp_path: Path) -> None:
    """
    A reload opens new listeners and closes those that are gone.
    """
    path = tmp_path / "web.sock"
    process = balancer(f"[listener:extra]\nendpoint = unix:{path}\n{MOUNT}")
    assert path.is_socket()
    process.reload(MOUNT)
    until(lambda: not path.exists(), "the listener that is gone is closed")
    assert status(process) == 204


def test_systemd_is_told(balancer: Starts) -> None:
    """
    systemd hears of the start, of reloads, refused ones too, and of the stop.
    """
    process = balancer(MOUNT)
    process.reload()
    assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+", process.told())
    assert process.told().startswith(b"READY=1")
    process.reload("[mount:/]\nto = nothing\n")
    assert process.told().startswith(b"RELOADING=1\n")
    assert process.told().startswith(b"STATUS=reload refused: ")
    assert process.told().startswith(b"READY=1")
    assert process.terminate() == 0
    assert process.told().startswith(b"STOPPING=1")


@pytest.mark.peers
def test_systemd_hands_over_its_socket(balancer: Starts) -> None:
    """
    A socket that systemd opened is served; a reload keeps it, and the stop is the usual one.
    """
    top = "[txbalancer]\naccess-log = off\n"
    inherited = top + "[listener:web]\nendpoint = systemd:domain=INET:index=0\n" + MOUNT
    process = balancer(inherited, start=False)
    passed = [f"-E{name}={process.env[name]}" for name in ("PYTHONPATH", "NOTIFY_SOCKET")]
    activate = require("systemd-socket-activate")
    process.launch(activate, "--fdname=web", f"--listen=127.0.0.1:{process.port}", *passed)
    until(lambda: "Listening" in process.log(), "systemd's tool listens")
    assert status(process) == 204, process.log()
    assert process.told().startswith(b"READY=1")
    process.reload(inherited.replace("204", "410"))
    assert status(process) == 410
    assert process.terminate() == 0
    assert not is_listening(process.port)
