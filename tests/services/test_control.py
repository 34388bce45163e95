"""
The socket at which a service takes commands.
"""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import defer
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.web.resource import Resource
from twisted.web.test.requesthelper import DummyRequest

from tests.control.manager.boards import CONFIGURATION
from txbalancer.errors import StartError
from txbalancer.services import commandsite, control
from txbalancer.services.control import ControlSite, ControlSocket, Root, SocketAccess, find_path
from txbalancer.testing import MemoryRig


class Port:
    """
    An open socket.
    """

    def __init__(self, path: str, mode: int) -> None:
        self.path, self.mode, self.open = path, mode, True

    def stopListening(self) -> Any:
        self.open = False
        return defer.succeed(None)


class Reactor:
    """
    Listens at paths.
    """

    def __init__(self) -> None:
        self.ports: list[Port] = []
        self.fault: Exception | None = None

    def listenUNIX(self, path: str, factory: Any, mode: int = 0o666) -> Port:
        if self.fault is not None:
            raise self.fault
        assert os.umask(0o177) == 0o177
        self.ports.append(Port(path, mode))
        return self.ports[-1]

    @property
    def open(self) -> list[str]:
        """
        Return the paths of open sockets.
        """
        return [each.path for each in self.ports if each.open]


@pytest.fixture
def told():
    """
    Collect what is logged.
    """
    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def make(environment: dict[str, str] | None = None) -> tuple[ControlSocket, Reactor]:
    """
    Make a socket that is not open yet.
    """
    reactor = Reactor()
    board = MemoryRig(CONFIGURATION).targets.steering
    return ControlSocket(reactor, board, environment), reactor


@pytest.mark.parametrize(
    ("option", "environment", "path"),
    [
        ("off", {"RUNTIME_DIRECTORY": "/run/x"}, ""),
        ("/tmp/x.sock", None, "/tmp/x.sock"),
        ("auto", None, ""),
        ("auto", {"RUNTIME_DIRECTORY": "/run/x:/run/y"}, "/run/x/control.sock"),
        ("auto", {"XDG_RUNTIME_DIR": "/run/user/7"}, "/run/user/7/txbalancer/control.sock"),
        ("auto", {}, ""),
    ],
)
def test_where_it_is(
    option: str, environment: dict[str, str] | None, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A path that is named counts; else systemd's folder, the system's, or the user's own. A part
    of somebody's program has none unless one is named.
    """
    monkeypatch.setattr(control, "SYSTEM", "/nowhere/txbalancer")
    assert find_path(option, environment, False) == path
    assert find_path("auto", {}, True) == ""


def test_the_system_s_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """
    It is used where it is there for us, or can be made.
    """
    folder = tmp_path / "txbalancer"
    monkeypatch.setattr(control, "SYSTEM", str(folder))
    own = {"XDG_RUNTIME_DIR": "/run/user/7"}
    assert find_path("auto", own, True) == f"{folder}/control.sock"
    assert find_path("auto", own, False).startswith("/run/user/7")
    folder.mkdir()
    assert find_path("auto", own, False) == f"{folder}/control.sock"


def test_it_is_only_for_its_owner(tmp_path: Path) -> None:
    """
    Neither file nor folder is open to others, and the mask of the process is as before.
    """
    found, reactor = make()
    before = os.umask(0o022)
    os.umask(before)
    path = tmp_path / "new" / "control.sock"
    found.use(str(path))
    assert os.umask(before) == before
    assert (found.path, reactor.ports[0].mode) == (str(path), 0o600)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_follows_the_configuration(tmp_path: Path) -> None:
    """
    Another path is another socket; the same one stays.
    """
    found, reactor = make()
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    found.use(one)
    found.use(one)
    assert len(reactor.ports) == 1
    found.use(two)
    assert reactor.open == [two]
    found.use("off")
    assert reactor.open == []
    found.use("auto")
    assert (found.path, reactor.open) == ("", [])
    found.close()


def test_a_socket_that_was_removed_comes_back(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    """
    A reload makes it again, though its path is the same; the old one has to be closed before,
    for that removes what is at the path.
    """
    path = tmp_path / "control.sock"

    class Real(Reactor):
        def listenUNIX(self, path: str, factory: Any, mode: int = 0o666) -> Port:
            Path(path).touch()
            return super().listenUNIX(path, factory, mode)

    reactor = Real()
    found = ControlSocket(reactor, MemoryRig(CONFIGURATION).targets.steering, None)
    found.use(str(path))
    found.use(str(path))
    assert len(reactor.ports) == 1
    path.unlink()
    found.use(str(path))
    assert (found.path, reactor.open, len(reactor.ports)) == (str(path), [str(path)], 2)
    assert "was removed" in told[-2]["log_format"]


def test_what_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    """
    A socket that nobody serves is removed.
    """
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    found, reactor = make()
    found.use(str(path))
    assert reactor.open == [str(path)]
    assert not path.exists()


def test_what_a_living_process_serves_is_left_alone(
    tmp_path: Path, told: list[dict[str, Any]]
) -> None:
    """
    Somebody else's socket stays, and the remedy is told.
    """
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen(1)
        found, reactor = make()
        found.use(str(path))
        assert (found.path, reactor.open) == ("", [])
        assert path.exists()
    assert "give this service one of its own" in told[-1]["cause"]


def test_no_folder_at_all(told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A process without any folder for it goes on without, and says how to have one.
    """
    monkeypatch.setattr(control, "SYSTEM", "/nowhere/txbalancer")
    found, reactor = make({})
    found.use("auto")
    assert reactor.ports == []
    assert "control = PATH" in told[-1]["log_format"]
    found.use("auto")
    assert len(told) == 1


def test_what_cannot_be_opened_is_told(tmp_path: Path, told: list[dict[str, Any]]) -> None:
    """
    The service goes on without a socket that is not to be had.
    """
    found, reactor = make()
    path = str(tmp_path / "control.sock")
    reactor.fault = CannotListenError("", path, OSError(13, "Permission denied"))
    found.use(path)
    assert (found.path, told[-1]["cause"]) == ("", "Permission denied")


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    """
    A path that is named and cannot be used fails the start, or the reload.
    """
    found, _ = make()
    file = tmp_path / "file"
    file.write_text("mine")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for path, text in (
        (tmp_path / "none" / "sock", "folder .* is not there"),
        (
            tmp_path / "open" / "sock",
            "anybody may put a socket .*/open: chmod o-w",
        ),
        (file, "no socket"),
        (tmp_path / ("x" * 120), "107 bytes"),
    ):
        with pytest.raises(StartError, match=text):
            found.check(str(path))
    (tmp_path / "open").chmod(0o1777)
    for option in ("auto", "off", str(tmp_path / "sock"), str(tmp_path / "open" / "sock")):
        found.check(option)
    found.use(str(file))
    assert found.path == ""
    assert file.read_text() == "mine"


class Asked:
    """
    A request over a socket, or what says it is one.
    """

    def __init__(self, end: Any) -> None:
        self.channel = self
        self.transport = self
        self.socket = end


def test_who_it_is() -> None:
    """
    The system tells which user is at the other end.
    """
    access = SocketAccess()
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        who = access.who(Asked(one))
    assert who.startswith(f"uid {os.getuid()}")
    assert who.endswith("on the control socket")
    assert access.who(Asked(None)) == "somebody on the control socket"
    assert access.challenge(Asked(None)) is None
    assert access.distrust(Asked(None)) == ""


def test_the_service_itself_gives_no_commands() -> None:
    """
    As a member the socket would be open to every client, so this process is refused at it.
    """
    site = ControlSite(Root(Resource()), Clock())
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        request = DummyRequest([b"api"])
        request.channel = Asked(one)
        found = site.getResourceFor(request)
    answer = json.loads(found.render(request))
    assert (request.responseCode, answer["status"]) == (403, 403)
    assert "passes on what others send" in answer["detail"]
    assert "cannot be a member" in answer["remedy"]


def test_others_give_commands() -> None:
    """
    Whoever else opens the socket comes to the API.
    """
    api = Resource()
    api.isLeaf = True
    request = DummyRequest([b"api"])
    request.prepath, request.sitepath = [], []
    request.channel = Asked(None)
    assert ControlSite(Root(api), Clock()).getResourceFor(request) is api


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A number has to do where there is no name.
    """

    def unknown(uid: int) -> Any:
        raise KeyError(uid)

    monkeypatch.setattr(commandsite.pwd, "getpwuid", unknown)
    one, two = socket.socketpair(socket.AF_UNIX)
    with one, two:
        assert SocketAccess().who(Asked(one)) == f"uid {os.getuid()} on the control socket"
