"""
What is shipped in etc/: the units are sound and the example configuration is valid.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.integration.process import Heir
from tests.peers import free_port, require

UNITS = ("txbalancer.service", "txbalancer.socket")
# systemd's own scale of exposure from 0.0 to 10.0, times ten; "OK" ends at 50.
MOST_EXPOSURE = 20


@pytest.fixture
def units(root: Path, tmp_path: Path) -> list[str]:
    """
    Copy the units, with a program that is there for twistd, and no pages that are not installed.
    """
    copies = []
    for name in UNITS:
        text = (root / "etc" / name).read_text()
        copy = tmp_path / name
        text = re.sub(r"^Documentation=man:.*\n", "", text, flags=re.MULTILINE)
        copy.write_text(text.replace("/usr/bin/twistd", sys.executable))
        copies.append(str(copy))
    return copies


@pytest.mark.peers
def test_systemd_finds_no_fault(units: list[str]) -> None:
    """
    C{systemd-analyze verify} accepts both units without a word.
    """
    program = require("systemd-analyze")
    done = subprocess.run(
        [program, "verify", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.peers
def test_service_is_hardened(units: list[str]) -> None:
    """
    systemd's judgement of what a broken-into service could reach stays low.
    """
    program = require("systemd-analyze")
    done = subprocess.run(
        [program, "security", "--offline=yes", f"--threshold={MOST_EXPOSURE}", units[0]],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_stop_waits_longer_than_exchanges(root: Path) -> None:
    """
    systemd kills the service only after graceful-timeout has passed.
    """
    service = (root / "etc/txbalancer.service").read_text()
    configured = (root / "etc/conf.ini").read_text()
    stop = re.search(r"^TimeoutStopSec=(\d+)$", service, re.MULTILINE)
    graceful = re.search(r"^graceful-timeout = (\d+)s$", configured, re.MULTILINE)
    assert stop is not None
    assert graceful is not None
    assert int(stop[1]) > int(graceful[1])


def test_example_configuration_is_valid(root: Path) -> None:
    """
    C{txbalancer check} accepts etc/conf.ini without a word on standard error.
    """
    program = shutil.which("txbalancer", path=str(Path(sys.executable).parent))
    assert program is not None, "the package is not installed: make venv"
    done = subprocess.run(
        [program, "check", "-c", str(root / "etc/conf.ini")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def instructions(root: Path) -> list[tuple[str, str]]:
    """
    Return the instructions of etc/Containerfile, each with what it is told.
    """
    text = (root / "etc/Containerfile").read_text()
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines) if word]


def test_container_file_names_what_there_is(root: Path) -> None:
    """
    What is copied from outside exists, or is built by C{make dist}, and gets past the ignore file.
    """
    allowed = (root / "etc/Containerfile.dockerignore").read_text().split()
    assert allowed[0] == "*"
    copied = [
        source
        for word, rest in instructions(root)
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert {f"!{source}" for source in copied} == set(allowed[1:])
    for source in copied:
        assert source.startswith("dist/") or (root / source).exists()


def test_container_runs_the_service_without_root(root: Path) -> None:
    """
    The image runs a plain user's C{twistd txbalancer}, stops it in an orderly way, and asks it
    how it is.
    """
    last = dict(instructions(root))
    assert int(last["USER"].partition(":")[0]) > 0
    assert last["STOPSIGNAL"] == "SIGTERM"
    command = json.loads(last["ENTRYPOINT"]) + json.loads(last["CMD"])
    assert command[:4] == ["twistd", "--nodaemon", "--pidfile=", "txbalancer"]
    assert command[4:] == ["-c", "/etc/txbalancer/txbalancer.ini"]
    health = json.loads(last["HEALTHCHECK"].partition(" CMD ")[2])
    assert health == ["txbalancer", "status"]


def test_the_installed_configuration_is_valid(root: Path, tmp_path: Path) -> None:
    """
    What package and image bring along is accepted without a word, once their folders are there.
    """
    text = (root / "etc/debian/txbalancer.ini").read_text()
    (tmp_path / "txbalancer.ini").write_text(text.replace("/var/lib/txbalancer", str(tmp_path)))
    done = subprocess.run(
        [sys.executable, "-m", "txbalancer", "check", "-c", str(tmp_path / "txbalancer.ini")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_lock_of_packages_is_part_of_the_lock(root: Path) -> None:
    """
    Packages and images have the versions and hashes with which the tests run; C{make lock}.
    """
    pins = re.compile(r"^[a-z][^ ]*==(?:.*\\\n)+ .*$", re.MULTILINE)
    tested = set(pins.findall((root / "requirements.txt").read_text()))
    shipped = set(pins.findall((root / "etc/requirements.txt").read_text()))
    assert shipped
    assert shipped <= tested


@pytest.mark.peers
@pytest.mark.integration
def test_systemd_hands_over_the_port_and_is_told(root: Path, tmp_path: Path) -> None:
    """
    A socket of systemd's is served, and systemd hears of the start, the reload, the upgrade,
    after which another process is the main one and has the socket, and the stop.
    """
    config = tmp_path / "conf.ini"
    config.write_text(
        "[txbalancer]\naccess-log = off\n"
        "[listener:web]\nendpoint = systemd:domain=INET:index=0\n"
        "[mount:/]\nto = status:204\n"
    )
    port, address = free_port(), tmp_path / "notify"
    command = [
        *(require("systemd-socket-activate"), "--fdname=web", f"--listen=127.0.0.1:{port}"),
        *(
            "-E",
            f"NOTIFY_SOCKET={address}",
            "-E",
            f"PYTHONPATH={root}",
            str(Path(sys.executable).with_name("twistd")),
        ),
        *("--nodaemon", "--pidfile=", "txbalancer", "-c", str(config)),
    ]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(address))
        notified.settimeout(30)
        heir: Heir | None = None
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            assert process.stderr is not None
            assert b"Listening" in process.stderr.readline()
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 204
            assert notified.recv(4096) == b"READY=1"
            process.send_signal(signal.SIGHUP)
            assert notified.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert notified.recv(4096) == b"READY=1"
            process.send_signal(signal.SIGUSR2)
            assert notified.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            ready, _, main = notified.recv(4096).partition(b"\nMAINPID=")
            heir = Heir(int(main))
            assert (ready, heir.pid != process.pid) == (b"READY=1", True)
            assert process.wait(timeout=30) == 0
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 204
            heir.terminate()
            assert notified.recv(4096) == b"STOPPING=1"
            assert heir.wait(30) == 0
        finally:
            process.kill()
            process.communicate()
            if heir is not None:
                heir.send_signal(signal.SIGKILL)
