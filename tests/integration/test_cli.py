"""
The command and a running service, each a process of its own.
"""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import bcrypt
import pytest

from tests.integration.client import ask
from tests.integration.conftest import Starts
from tests.integration.process import ROOT, BalancerProcess, environment, until
from tests.integration.scripted import Gate, ScriptedMember
from txbalancer.services.control import NAME, SYSTEM

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
access-log = off
state = state.json
control = control.sock
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
stickysession = S
members =
    MEMBER route=web1
    http://127.0.0.2:9 route=web2 status=+H
[mount:/bm]
to = manager:
[mount:/hello]
to = status:204
[mount:/guarded]
to = manager:
auth-file = USERS
require = valid-user
operate = user ann
[mount:/]
to = balancer://shop/
"""
SECONDS = 15.0


class Cli:
    """
    Runs C{txbalancer} for one service.
    """

    def __init__(self, process: BalancerProcess) -> None:
        self.process = process
        self.env = environment({"TXBALANCER_CONTROL": str(process.folder / "control.sock")})

    def url(self, path: str) -> str:
        """
        Return the URL of something that clients see.
        """
        return f"http://127.0.0.1:{self.process.port}{path}"

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """
        Run a command for a while.
        """
        started = subprocess.Popen(
            [sys.executable, "-m", "txbalancer", *arguments],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with started:
            try:
                yield started
            finally:
                started.kill()

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """
        Run a command; return its exit code, output and messages.
        """
        with self.running(*arguments) as started:
            output, messages = started.communicate(timeout=SECONDS)
        return started.returncode, output, messages

    def lines(self, *arguments: str) -> list[str]:
        """
        Run a command that is to succeed, and return what it prints.
        """
        code, output, messages = self.run(*arguments)
        assert (code, messages) == (0, "")
        return output.splitlines()

    def listeners(self) -> int:
        """
        Return how many streams the service has open: each waits at a connection.
        """
        found = Path(f"/proc/{self.process.pid}/net/unix").read_text()
        path = self.env["TXBALANCER_CONTROL"]
        return sum(line.split()[5] == "03" for line in found.splitlines() if path in line)


@pytest.fixture(scope="module")
def gate() -> Iterator[Gate]:
    """
    Make a member that answers some requests only when it is told to.
    """
    made = Gate()
    yield made
    made.open()


@contextmanager
def _serving(start: Starts, gate: Gate, folder: Path) -> Iterator[Cli]:
    users = folder / "users"
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4, b"2a")).decode().replace("$2a$", "$2y$")
    users.write_text(f"ann:{hashed}\nbob:{hashed}\n")
    with ScriptedMember(gate.reply) as member:
        text = TEXT.replace("MEMBER", member.url).replace("USERS", str(users))
        yield Cli(start(text))


@pytest.fixture(scope="module")
def cli(
    module_balancer: Starts, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cli]:
    """
    Start a service with a socket for commands.
    """
    with _serving(module_balancer, gate, tmp_path_factory.mktemp("users")) as made:
        yield made


@pytest.fixture
def young(balancer: Starts, gate: Gate, tmp_path: Path) -> Iterator[Cli]:
    """
    Start one for a test that needs it to be younger than the minute without a session after which
    a member is empty.
    """
    with _serving(balancer, gate, tmp_path) as made:
        yield made


def test_status(cli: Cli) -> None:
    """
    The service is found and shown; a pipe gets whole lines without colours.
    """
    lines = cli.lines("status")
    assert f"process {cli.process.pid}," in lines[0]
    assert lines[3].startswith("shop  2 members: 1 in use, 1 in reserve or draining")
    assert "\x1b" not in "".join(lines)
    (report,) = cli.lines("status", "--json")
    assert json.loads(report)["pid"] == cli.process.pid


def test_changes_are_carried_out(cli: Cli) -> None:
    """
    What the command says is done is done for the next request, is told to whom looks, and by
    whom it was done.
    """
    assert ask(cli.url("/?id=1")).status == 200
    code, shown, told = cli.run("member", "disable", "shop", "web*")
    assert (code, shown.splitlines()) == (
        0,
        [
            f"shop 127.0.0.1:{_port(cli)}: out: disabled",
            "shop 127.0.0.2:9: out: disabled",
        ],
    )
    assert told.splitlines()[0] == "warning: shop has no member in use now"
    assert ask(cli.url("/?id=1")).status == 503
    cli.lines("member", "enable", "shop", "web1")
    assert ask(cli.url("/?id=1")).status == 200
    assert cli.lines("events", "-n", "1")[0].endswith(", socket)")
    for _ in range(3):
        assert cli.run("undo")[1].startswith("undone: shop 127.0.0.")
    assert ask(cli.url("/?id=1")).status == 200


def _port(cli: Cli) -> str:
    (report,) = cli.lines("member", "list", "--json")
    return str(json.loads(report)["members"][0]["url"]).rpartition(":")[2]


def test_exit_codes(cli: Cli, tmp_path: Path) -> None:
    """
    Scripts can tell what went wrong.
    """
    assert cli.run("member", "disable", "shop", "web9")[0] == 4
    assert cli.run("balancer", "set", "shop", "lbmethod=no")[0] == 1
    assert cli.run("member", "drain", "shop")[0] == 2
    assert cli.run("status", "--socket", str(tmp_path / "none"))[0] == 3
    assert cli.run("status", "--url", cli.url("/hello"))[0] == 3


def test_by_the_manager(cli: Cli) -> None:
    """
    The same commands work through the mount of the manager.
    """
    where = ("--url", cli.url("/bm"))
    assert cli.lines("balancer", "list", *where)[1].startswith("shop ")
    assert cli.lines("balancer", "set", "shop", "timeout=1s", *where) == ["shop: timeout 0 -> 1s"]
    assert cli.lines("undo", *where) == ["undone: shop: timeout 1s -> 0"]


def test_users_of_the_manager(cli: Cli) -> None:
    """
    Who has no password does not get in, who may only look cannot change anything, and who may
    operate can.
    """
    where = ("--url", cli.url("/guarded"))
    change = ("balancer", "set", "shop", "timeout=2s", *where)
    code, _, message = cli.run("status", *where)
    assert (code, "Add --user NAME." in message) == (1, True)
    cli.env["TXBALANCER_PASSWORD"] = "wrong"
    assert "this user and password are refused" in cli.run("status", *where, "--user", "ann")[2]
    cli.env["TXBALANCER_PASSWORD"] = "secret"
    try:
        assert cli.lines("balancer", "list", *where, "--user", "bob")
        code, _, message = cli.run(*change, "--user", "bob")
        assert (code, "but not change anything" in message) == (1, True)
        assert cli.lines(*change, "--user", "ann") == ["shop: timeout 0 -> 2s"]
    finally:
        del cli.env["TXBALANCER_PASSWORD"]
    assert "ann" in cli.lines("events", "-n", "1")[0]
    cli.lines("undo")


def test_wait_for_what_is_in_progress(cli: Cli, gate: Gate) -> None:
    """
    disable --wait ends when the last request has got its answer, and that is not cut off;
    before, a timeout ends it with code 5.
    """
    answers = []
    request = Thread(target=lambda: answers.append(ask(cli.url("/slow?id=long")).status))
    request.start()
    gate.await_waiting(1)
    code, _, message = cli.run("member", "disable", "shop", "web1", "--wait", "--timeout", "0.2s")
    assert code == 5
    assert "1 in progress" in message
    with cli.running("member", "disable", "shop", "web1", "--wait") as waiting:
        assert waiting.stdout is not None
        assert "was so already" in waiting.stdout.readline()
        assert "1 in progress" in waiting.stdout.readline()
        gate.open("long")
        assert "0 in progress" in waiting.stdout.readline()
        assert waiting.wait(SECONDS) == 0
    request.join()
    assert answers == [200]
    assert cli.lines("member", "enable", "shop", "web1", "--wait")[-1].endswith("in use")


def test_somebody_ends_a_drain(young: Cli) -> None:
    """
    Who waits for a drain is told when somebody else ends it, with code 6.
    """
    with young.running("member", "drain", "shop", "web1", "--then", "remove") as waiting:
        assert waiting.stdout is not None
        assert "draining: takes" in waiting.stdout.readline()
        assert "draining since" in waiting.stdout.readline()
        young.lines("member", "enable", "shop", "web1")
        assert waiting.wait(SECONDS) == 6
    assert len(young.lines("member", "list")) == 3


def test_the_log_is_live(cli: Cli) -> None:
    """
    Requests are shown when they end, although no access log is written; those that do not fit
    the filters are not.
    """
    with cli.running("log", "--status", "2xx", "--path", "/hello", "-n", "2", "--json") as log:

        def heard() -> bool:
            for path in ("/bm", "/hello?1", "/?id=2", "/hello?2"):
                ask(cli.url(path))
            return log.poll() is not None

        # Nobody sees from outside since when it hears.
        until(heard, "the log has two lines", SECONDS)
        output, messages = log.communicate()
    assert messages == ""
    targets = [json.loads(line)["target"] for line in output.splitlines()]
    assert sorted(targets) == ["/hello?1", "/hello?2"]


def test_events_go_on(cli: Cli) -> None:
    """
    Who follows events sees the last one, then a change when it is made; Ctrl-C ends that with
    code 130.
    """
    cli.lines("balancer", "set", "shop", "timeout=2s")
    with cli.running("events", "--follow", "-n", "1", "--json") as events:
        assert events.stdout is not None
        assert json.loads(events.stdout.readline())["text"] == "timeout 0 -> 2s"
        cli.lines("balancer", "set", "shop", "timeout=1s")
        event = json.loads(events.stdout.readline())
        assert (event["kind"], event["balancer"]) == ("change", "shop")
        until(cli.listeners, "somebody waits for events again")
        events.send_signal(signal.SIGINT)
        assert events.wait(SECONDS) == 130
        assert events.stderr is not None
        assert events.stderr.read() == ""
    cli.lines("undo")
    cli.lines("undo")


def test_probe(cli: Cli) -> None:
    """
    A member is asked now, and what was found is shown, with a code for scripts.
    """
    code, output, _ = cli.run("probe", "shop", "web2", "web1")
    assert code == 1
    assert "shop 127.0.0.2:9: failed in" in output
    assert f"shop 127.0.0.1:{_port(cli)}: passed in" in output


def test_reload(cli: Cli) -> None:
    """
    A faulty file is refused with its lines; a good one is taken over.
    """
    good = cli.process.config.read_text()
    try:
        cli.process.config.write_text(good.replace("stickysession", "stickysesion"))
        code, output, message = cli.run("reload")
        assert (code, output) == (1, "")
        assert "stickysesion" in message
        cli.process.config.write_text(good.replace("[mount:/hello]", "[mount:/hallo]"))
        assert cli.lines("reload")[-1].startswith("reload done: ")
        assert ask(cli.url("/hallo")).status == 204
    finally:
        cli.process.config.write_text(good)
        cli.lines("reload")


# -- on a terminal


class Terminal:
    """
    A command on a terminal of its own.
    """

    def __init__(self, cli: Cli, *arguments: str, columns: int = 80) -> None:
        self._own, inner = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "txbalancer", *arguments],
            env={**cli.env, "TERM": "xterm", "COLUMNS": str(columns), "LINES": "24"},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self.shown = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._own)

    def until(self, text: str) -> None:
        """
        Wait until something is shown.
        """
        deadline = time.monotonic() + SECONDS
        while text not in self.shown and time.monotonic() < deadline:
            self._read(0.1)
        assert text in self.shown

    def end(self) -> int:
        """
        Press Ctrl-C and return the exit code.
        """
        self.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        self._read(0.0)
        return self.process.wait(1)

    def _read(self, seconds: float) -> None:
        if select.select([self._own], [], [], seconds)[0]:
            try:
                self.shown += os.read(self._own, 65536).decode()
            except OSError:
                # Linux says so when the other end is closed.
                return


def test_watching_on_a_terminal(cli: Cli) -> None:
    """
    The screen is taken and given back clean; what happens meanwhile is shown, in colour.
    """
    with Terminal(cli, "status", "--watch", "0.2", "shop") as terminal:
        terminal.until("\x1b[32min use")
        assert cli.run("member", "drain", "shop", "web1")[0] == 0
        terminal.until("\x1b[33mdraining")
        cli.lines("undo")
        assert terminal.end() == 130
    assert "\x1b[?1049h" in terminal.shown
    assert terminal.shown.endswith("\x1b[?25h\x1b[?1049l")
    assert "Traceback" not in terminal.shown


def test_a_drain_on_a_terminal(young: Cli) -> None:
    """
    Ctrl-C leaves the cursor where it was, and says that the drain goes on.
    """
    with Terminal(young, "member", "drain", "shop", "web1", "--wait", columns=120) as terminal:
        terminal.until("draining since")
        assert terminal.end() == 130
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")
    assert "It goes on draining" in terminal.shown


def test_no_colours(cli: Cli) -> None:
    """
    NO_COLOR leaves the words.
    """
    cli.env["NO_COLOR"] = "1"
    try:
        with Terminal(cli, "status", "--watch", "5", "shop") as terminal:
            terminal.until("in use")
            terminal.end()
    finally:
        del cli.env["NO_COLOR"]
    assert "\x1b[32m" not in terminal.shown


# -- where it is


def test_it_is_found_without_options(balancer: Starts, tmp_path: Path) -> None:
    """
    A service with control = auto and its command meet without being told where, and the
    completion of a real shell knows its balancers; a stopped service is told.
    """
    process = balancer(
        TEXT.replace("control = control.sock\n", "")
        .replace("MEMBER", "http://a")
        .replace("USERS", os.devnull),
        False,
    )
    process.env["RUNTIME_DIRECTORY"] = str(tmp_path)
    process.start()
    cli = Cli(process)
    del cli.env["TXBALANCER_CONTROL"]
    cli.env["RUNTIME_DIRECTORY"] = str(tmp_path)
    assert cli.lines("balancer", "list", "--json")
    assert cli.lines("balancer", "list", "-c", str(process.config))
    assert _completed(cli, "txbalancer balancer set s", tmp_path) == "shop"
    process.terminate()
    if os.path.exists(f"{SYSTEM}/{NAME}"):
        # This machine has a service of its own, which is found then.
        return
    code, _, message = cli.run("status")
    assert code == 3
    assert "no service answers at" in message


def _completed(cli: Cli, line: str, folder: Path) -> str:
    """
    Return what bash makes of a line when the tab key is pressed.
    """
    command = folder / "txbalancer"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m txbalancer "$@"\n')
    command.chmod(0o755)
    script = f"""
        eval "$(txbalancer completion bash)"
        COMP_WORDS=({line}) COMP_CWORD=3 COMP_LINE="{line}" COMP_POINT=${{#COMP_LINE}}
        _txbalancer_completion txbalancer
        echo "${{COMPREPLY[@]}}"
    """
    found = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**cli.env, "PATH": f"{folder}:{os.environ['PATH']}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    return found.stdout.strip()
