"""
Where a service is looked for, and what is said when it is not there.
"""

from __future__ import annotations

import base64
import os
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.control.cli.services import Service, run
from tests.integration.certificates import Authority
from txbalancer.control.cli import ways
from txbalancer.control.cli.exits import UNREACHED, USAGE, Fault
from txbalancer.control.cli.world import World, make_console
from txbalancer.services.control import find_path


def world(**environ: str) -> World:
    """
    Make a world with some environment variables and nobody to ask.
    """
    return World(environ=environ, console=make_console(force_terminal=False), secret=None)


def way(given: World | None = None, **options: str) -> ways.Sockets:
    """
    Find a service that is to be at a socket.
    """
    found = ways.find(given or world(), **options)
    assert isinstance(found, ways.Sockets)
    return found


# -- which one


def test_every_option_finds_it(service: Service, tmp_path: Path) -> None:
    """
    A service is found by --socket, by the configuration, and by the environment.
    """
    config = tmp_path / "conf.ini"
    config.write_text(f"[txbalancer]\nstate = x\ncontrol = {service.path}\n[broken\n")
    for arguments in (["--socket", str(service.path)], ["-c", str(config)]):
        assert run("balancer", "list", *arguments, world=world()).exit_code == 0
    assert service.run("balancer", "list").exit_code == 0


def test_a_path_that_is_relative(service: Service, tmp_path: Path) -> None:
    """
    A relative socket is looked for where one is and beside the configuration.
    """
    config = tmp_path / "conf.ini"
    config.write_text("[txbalancer]\ncontrol = control.sock\n")
    assert run("balancer", "list", "-c", str(config), world=world()).exit_code == 0


@pytest.mark.parametrize(
    "text",
    [
        "[txbalancer]\ncontrol = auto\n",
        "[listener:a]\n",
        "Listen 80\n",
        "[txbalancer]\nworkers = many\n[nothing]\n",
        "Listen 80\nSubstitute s/a/b/\n<IfDefine X>\nNothing\n",
    ],
)
def test_a_configuration_without_a_path(tmp_path: Path, text: str) -> None:
    """
    Without a path in the configuration the usual places are tried, whatever else it says.
    """
    config = tmp_path / "conf"
    config.write_text(text)
    found = way(world(XDG_RUNTIME_DIR="/run/user/7"), config=str(config))
    assert found.shown == "/run/txbalancer/control.sock"


def test_a_configuration_without_a_socket(tmp_path: Path) -> None:
    """
    control = off is told with its line and what to do; so is a file that is not there.
    """
    config = tmp_path / "conf.ini"
    config.write_text("[txbalancer]\ncontrol = off\n")
    found = run("status", "-c", str(config), world=world())
    assert found.exit_code == 3
    assert found.stderr == (
        f"txbalancer: {config}:2: control = off: the service has no socket\n"
        "  Set control = auto and reload it, or use --url.\n"
    )
    found = run("status", "-c", f"{config}.no", world=world())
    assert found.exit_code == 2
    assert "cannot be read: No such file" in found.stderr


def test_the_usual_places() -> None:
    """
    They are those at which a service with control = auto listens, in the same order.
    """
    environ = {"RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/run/user/7"}
    assert ways.usual(environ) == (
        "/run/a/control.sock",
        "/run/txbalancer/control.sock",
        "/run/user/7/txbalancer/control.sock",
    )
    assert ways.usual(environ)[0] == find_path("auto", environ, False)
    assert find_path("auto", {}, True) in ways.usual({})
    assert ways.usual({"RUNTIME_DIRECTORY": "/run/txbalancer"}) == ("/run/txbalancer/control.sock",)


def test_the_first_that_answers(service: Service) -> None:
    """
    A place where nobody answers is passed over.
    """
    found = ways.Sockets(("/nowhere/a.sock", str(service.path)))
    found.connect(1.0).close()
    assert found.shown == str(service.path)


def test_options_that_do_not_go_together() -> None:
    """
    Two places, and a user for a socket, are wrong usage.
    """
    found = run("status", "--socket", "a", "--url", "http://b", world=world())
    assert found.exit_code == 2
    assert "--socket and --url both say where the service is" in found.stderr
    found = run("status", "--socket", "a", "--user", "b", world=world())
    assert (found.exit_code, found.stderr) == (
        2,
        "txbalancer: --user and --cacert are for --url\n",
    )


# -- nobody there


def test_nobody_listens(tmp_path: Path) -> None:
    """
    No service ends with code 3, and with how to start it and how to name another.
    """
    path = tmp_path / "a.sock"
    found = run("status", "--socket", str(path), world=world())
    assert (found.exit_code, found.stdout) == (3, "")
    first, start, elsewhere = found.stderr.splitlines()
    assert first == f"txbalancer: no service answers at {path}: is it running?"
    assert "twistd txbalancer -c FILE" in start
    assert "$TXBALANCER_CONTROL" in elsewhere


def test_a_socket_that_is_left_over(tmp_path: Path) -> None:
    """
    A socket of a process that has ended is told from one that is not there, even when it is
    the later of two places.
    """
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(Fault) as caught:
        ways.Sockets(("/nowhere/a.sock", str(path))).connect(1.0)
    assert caught.value.message == f"no service answers at {path}: Connection refused"


def test_a_socket_that_is_not_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A socket of somebody else is told with whom to be.
    """

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ways, "UnixConnection", lambda *_: SimpleNamespace(connect=refuse))
    with pytest.raises(Fault) as caught:
        ways.Sockets(("/run/a.sock",)).connect(1.0)
    assert caught.value.message == "the socket /run/a.sock is not open to you"
    assert "sudo" in caught.value.remedy


def test_a_path_that_is_too_long(tmp_path: Path) -> None:
    """
    A path that no socket can have is told as such.
    """
    found = run("status", "--socket", "/" + "a" * 200, world=world())
    assert found.exit_code == 3
    assert "AF_UNIX path too long" in found.stderr


def test_all_places_are_told() -> None:
    """
    Where several were tried, all are named.
    """
    with pytest.raises(Fault, match=r"at /nowhere/a\.sock and /nowhere/b\.sock: is it"):
        ways.Sockets(("/nowhere/a.sock", "/nowhere/b.sock")).connect(1.0)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError(), "the service at /a does not answer"),
        (ConnectionResetError(), "the service at /a broke off before its answer was complete"),
    ],
)
def test_lost(error: Exception, text: str) -> None:
    """
    A service that ends meanwhile, and one that is stuck, are told apart.
    """
    fault = ways.Sockets(("/a",)).lost(error)
    assert (fault.message, fault.exit_code) == (text, UNREACHED)


# -- by the manager's mount


def test_user_and_password(service: Service) -> None:
    """
    The password comes from the environment or is asked for, and is sent with every request.
    """
    given = world(TXBALANCER_PASSWORD="a:b")
    found = ways.find(given, url="http://lb.test/bm/", user="ann")
    assert found.base == "/bm/api/v1"
    assert base64.b64decode(found.headers["Authorization"].split()[1]) == b"ann:a:b"
    asked = []
    given = world()
    given.secret = lambda prompt: asked.append(prompt) or "c"  # type: ignore[func-returns-value]
    found = ways.find(given, url="http://lb.test/bm", user="ann")
    assert base64.b64decode(found.headers["Authorization"].split()[1]) == b"ann:c"
    assert asked == ["Password of ann: "]
    assert ways.find(given, url="http://lb.test/bm").headers == {}


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://lb.test/bm", True),
        ("https://lb.test/bm", False),
        ("http://127.0.0.1:80/bm", False),
        ("http://localhost/bm", False),
    ],
)
def test_passwords_in_the_clear(url: str, warned: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A password that would leave the machine unencrypted is warned of.
    """
    ways.find(world(TXBALANCER_PASSWORD="x"), url=url, user="ann")
    assert ("unencrypted" in capsys.readouterr().err) is warned


def test_nobody_to_ask() -> None:
    """
    Where nobody can be asked for the password, the variable for it is named.
    """
    with pytest.raises(Fault, match="nobody to ask") as caught:
        ways.find(world(), url="http://lb.test", user="ann")
    assert "$TXBALANCER_PASSWORD" in caught.value.remedy


def test_the_variable_may_be_an_address() -> None:
    """
    $TXBALANCER_CONTROL takes a URL, too.
    """
    found = ways.find(world(TXBALANCER_CONTROL="https://lb.test/bm"))
    assert isinstance(found, ways.Address)
    plain = ways.Address("http://lb.test:81/bm", "", "").connect(3.0)
    assert (plain.host, plain.port) == ("lb.test", 81)
    connection = found.connect(3.0)
    assert (connection.host, connection.port, connection.timeout) == ("lb.test", 443, 3.0)


@pytest.mark.parametrize("url", ["lb.test/bm", "ftp://lb.test", "http://", "http://h:x"])
def test_wrong_addresses(url: str) -> None:
    """
    What is no URL of a manager is wrong usage.
    """
    with pytest.raises(Fault) as caught:
        ways.find(world(), url=url)
    assert caught.value.exit_code == USAGE


def test_certificates(tmp_path: Path) -> None:
    """
    Another authority may be named; a file that is none is wrong usage, and a certificate that
    is refused is told with that option.
    """
    authority = Authority(tmp_path).file
    found = ways.find(world(), url="https://lb.test/bm", cacert=str(authority))
    error = ways.ssl.SSLCertVerificationError()
    error.verify_message = "unable to get issuer"
    fault = found.lost(error)
    assert fault.message.endswith("its certificate is refused: unable to get issuer")
    assert "--cacert FILE" in fault.remedy
    for wrong in (os.devnull, "/nowhere.pem"):
        with pytest.raises(Fault) as caught:
            ways.find(world(), url="https://lb.test/bm", cacert=wrong)
        assert caught.value.exit_code == USAGE


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError(), "no answer in time"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (ConnectionError(), "ConnectionError"),
    ],
)
def test_not_reached(error: Exception, text: str) -> None:
    """
    Why an address is not reached is told in words.
    """
    fault = ways.find(world(), url="http://lb.test/bm").lost(error)
    assert fault.message == f"http://lb.test/bm is not reached: {text}"
