"""
The service's own pages and its passwords where several processes carry the traffic.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.integration.client import Answer, ask
from tests.integration.conftest import Starts
from tests.integration.control import Control
from tests.integration.crowd import Client, folder_of, sockets_of, workers
from tests.integration.process import BalancerProcess, until
from txbalancer.workers.handover import path_of

pytestmark = pytest.mark.integration

TEXT = """\
[txbalancer]
workers = 2
access-log = ACCESS
access-log-format = json
control = control.sock
[listener:web]
endpoint = tcp:PORT:interface=127.0.0.1
[balancer:shop]
members =
    http://127.0.0.1:9 route=a
    http://127.0.0.2:9 route=b
[limit:few]
rate = 1/h
burst = 1
dry-run = on
[mount:/bm]
to = manager:
[mount:/tried]
to = metrics:
limit = few
[mount:/here]
to = manager:
require = local
[mount:/nowhere]
to = manager:
require = ip 192.0.2.1
[mount:/bm-locked]
to = manager:
auth-file = USERS
require = valid-user
[mount:/locked]
to = status:204
auth-file = USERS
require = valid-user
[mount:/locked-shop]
to = balancer://shop/
auth-file = USERS
require = valid-user
"""
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def process(module_balancer: Starts, tmp_path_factory: pytest.TempPathFactory) -> BalancerProcess:
    """
    Start one with two workers and a file of users: bob, whose password is C{right}.
    """
    users = tmp_path_factory.mktemp("users") / "users"
    hashed = base64.b64encode(hashlib.sha1(b"right").digest()).decode()
    users.write_text(f"bob:{{SHA}}{hashed}\n")
    return module_balancer(TEXT.replace("USERS", str(users)))


def url(process: BalancerProcess) -> str:
    """
    Return the manager's address.
    """
    return f"http://127.0.0.1:{process.port}/bm"


def post(process: BalancerProcess, form: str, **headers: str) -> Answer:
    """
    Send a form over a connection of its own, which any worker may have.
    """
    return ask(url(process), "POST", form.encode(), Content_Type=FORM, **headers)


def factor(process: BalancerProcess) -> float:
    """
    Return the first member's load factor.
    """
    with closing(Control(process.folder / "control.sock")) as control:
        return float(control.ask("GET", "/balancers/shop")["members"][0]["loadfactor"])


def test_forms_pass_through_workers(process: BalancerProcess) -> None:
    """
    Whichever worker has them, forms of the page are carried out; without its nonce or its
    Referer, or from another site, they are refused and change nothing.
    """
    own = {"Referer": url(process), "Origin": f"http://127.0.0.1:{process.port}"}
    found = re.search(rb"b=shop&amp;nonce=([-\w]+)", ask(url(process)).body)
    assert found is not None
    form = f"b=shop&w=http://127.0.0.1:9&nonce={found[1].decode()}&w_lf="
    for number in range(2, 8):
        answer = post(process, f"{form}{number}", **own)
        assert answer.status == 200, answer.body
        assert f"→ {number}".encode() in answer.body
        assert factor(process) == number
    strange = {"Referer": "http://elsewhere.example/", "Origin": "http://elsewhere.example"}
    for _ in range(4):
        for refused in (
            post(process, f"{form}9"),
            post(process, f"{form}9", **strange),
            post(process, "b=shop&w=http://127.0.0.1:9&nonce=wrong&w_lf=9", **own),
        ):
            assert "→ 9".encode() not in refused.body
    assert factor(process) == 7


def test_who_is_on_this_machine(process: BalancerProcess) -> None:
    """
    C{require = local} lets in whom a worker sees to come from here.
    """
    page = f"http://127.0.0.1:{process.port}/here"
    assert {ask(page).status for _ in range(4)} == {200}


def test_the_log_has_what_the_supervisor_answered(process: BalancerProcess) -> None:
    """
    Why, and to whom, as one process has it: no member was tried.
    """
    base = f"http://127.0.0.1:{process.port}"
    ask(f"{base}/nowhere?a")
    for credentials in (None, b"bob:wrong one", b"bob:right"):
        headers = {}
        if credentials is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(credentials).decode()}"
        ask(f"{base}/bm-locked?a", **headers)

    def lines() -> list[tuple[Any, ...]]:
        wanted = ("status", "reason", "attempts", "user")
        found = [each for each in process.records() if each["target"].endswith("?a")]
        return sorted(tuple(each.get(name, "") for name in wanted) for each in found)

    until(lambda: len(lines()) == 4, "all is in the log")
    assert lines() == [
        (200, "ok", 0, "bob"),
        (401, "unauthorized", 0, ""),
        (401, "unauthorized", 0, "bob"),
        (403, "forbidden", 0, ""),
    ]


def test_the_log_has_what_a_dry_run_would_refuse(process: BalancerProcess) -> None:
    """
    A limit before a page of the supervisor's marks the lines of the worker.
    """
    page = f"http://127.0.0.1:{process.port}/tried"
    assert [ask(page).status for _ in range(3)] == [200, 200, 200]

    def marks() -> list[str]:
        found = [each for each in process.records() if each["target"] == "/tried"]
        return sorted(each.get("limit", "") for each in found)

    until(lambda: len(marks()) == 3, "all is in the log")
    assert marks() == ["", "few", "few"]


@contextmanager
def visitors(process: BalancerProcess) -> Iterator[list[http.client.HTTPConnection]]:
    """
    Keep four connections, of which each worker has two.
    """
    with ExitStack() as stack:
        made = []
        for _ in range(4):
            each = http.client.HTTPConnection("127.0.0.1", process.port, timeout=30)
            made.append(stack.enter_context(closing(each)))
            assert log_in(each, "right", "/locked") == 204
        with closing(Control(process.folder / "control.sock")) as control:
            until(
                lambda: (
                    [
                        each["connections"]
                        for each in control.ask("GET", "/workers")["workers"]
                        if each["number"]
                    ]
                    == [2, 2]
                ),
                "each worker has two",
            )
        yield made


def log_in(connection: http.client.HTTPConnection, password: str, path: str) -> int:
    """
    Try a password and return the status of the answer.
    """
    token = base64.b64encode(f"bob:{password}".encode()).decode()
    connection.request("GET", path, headers={"Authorization": f"Basic {token}"})
    with connection.getresponse() as answer:
        answer.read()
        return answer.status


def test_wrong_passwords_count_in_all_processes(process: BalancerProcess) -> None:
    """
    Ten wrong passwords, to the supervisor's mounts and the workers' own, by connections of
    whichever worker: the next one has to wait everywhere. Who is right comes in.
    """
    with visitors(process) as made:
        numbers = count()
        for path in ("/locked", "/locked-shop"):
            for each in made[:3]:
                for _ in range(2):
                    assert log_in(each, f"wrong {next(numbers)}", path) in (401, 429)
        for path in ("/locked", "/locked-shop"):
            for each in made:
                # The last one, again, is no other; what all know takes a moment.
                until(
                    lambda each=each, path=path: log_in(each, "wrong 11", path) == 429,
                    "it has to wait",
                )
        assert {log_in(each, "right", "/locked") for each in made} == {204}


def test_a_folder_that_is_removed(process: BalancerProcess) -> None:
    """
    What the processes find each other by is made again where something has removed it: pages are
    there, and every worker has a box to which others can pass connections, without a restart; what
    is open goes on.
    """
    folder = folder_of(process)
    names = {each.name for each in folder.iterdir()}
    with Client(process.port) as kept:
        assert kept.ask("/bm") == 200
        for gone in (None, folder / "web.own"):
            log = len(process.log())
            gone.unlink() if gone else shutil.rmtree(folder)
            until(lambda log=log: "is made again" in process.log()[log:], "it is told")
            until(lambda: {each.name for each in folder.iterdir()} == names, "all is there")
            assert folder.stat().st_mode & 0o777 == 0o700
            assert {ask(url(process)).status for _ in range(4)} == {200}
            until(lambda: _have_boxes(process, folder), "all have their boxes")
        assert kept.ask("/bm") == 200
    assert "Traceback" not in process.log()


def _have_boxes(process: BalancerProcess, folder: Path) -> bool:
    """
    Tell whether the socket of each worker's box is the only one that has had its path.
    """
    bound: dict[str, list[str]] = {}
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        *_, inode, path = [*line.split(), ""][:8]
        bound.setdefault(path, []).append(f"socket:[{inode}]")
    return all(
        len(found := bound.get(path_of(str(folder), column), [])) == 1
        and found[0] in sockets_of(pid)
        for column, pid in workers(process).items()
    )
