"""
Who may use the API, and for what.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.control.api.asking import Asker
from tests.control.manager.boards import CONFIGURATION
from txbalancer.core import crypts
from txbalancer.core.access import rules
from txbalancer.core.specs import MountSpec, ToManager
from txbalancer.errors import StartError

MEMBER = "/balancers/shop/members/a"


def with_rules(*lines: str) -> str:
    """
    Return the configuration with lines for the manager's mount.
    """
    return CONFIGURATION.replace("to = manager:\n", "to = manager:\n" + "\n".join(lines) + "\n", 1)


def test_who_may_not_come_in() -> None:
    """
    C{require} holds for the API as for the page.
    """
    asker = Asker(with_rules("require = ip 10.0.0.0/8"))
    asker.taken(asker.send("GET", "/"))
    assert asker.status == 403
    asker.taken(asker.send("GET", "/", client="10.1.1.1"))
    assert asker.status == 200


def test_who_may_only_look() -> None:
    """
    C{operate} tells who may change something; others are told so.
    """
    asker = Asker(with_rules("operate = ip 10.0.0.0/8"))
    asker.get(MEMBER)
    assert asker.status == 200
    problem = asker.ask("PATCH", MEMBER, {"lbset": 1})
    assert asker.status == 403
    assert "operate" in problem["remedy"]
    asker.ask("PATCH", MEMBER, {"lbset": 1}, client="10.1.1.1")
    assert asker.status == 200
    assert asker.board.journal.events[-1].who == "10.1.1.1"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Origin": "http://lb.test.evil.test"},
        {"Origin": "http://lb.test:81"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_pages_of_others(headers: dict[str, str]) -> None:
    """
    A change that somebody else's page asks for is refused.
    """
    asker = Asker()
    for method, path in (("PATCH", MEMBER), ("DELETE", MEMBER), ("POST", "/undo")):
        problem = asker.ask(method, path, {"lbset": 1}, **headers)
        assert asker.status == 403
        assert "page of" in problem["detail"]
    assert asker.member().lbset == 0


def test_pages_of_our_own() -> None:
    """
    The page's own script is believed.
    """
    asker = Asker()
    asker.ask("PATCH", MEMBER, {"lbset": 1}, Origin="http://lb.test", Sec_Fetch_Site="same-origin")
    assert asker.status == 200


def test_some_balancers_only() -> None:
    """
    A manager for one balancer tells of no other, and steers nothing else.
    """
    asker = Asker()
    asker.ask("PATCH", MEMBER, {"lbset": 1})
    base = "/only/api/v1"
    assert [each["name"] for each in asker.get(f"{base}/")["balancers"]] == ["two"]
    assert asker.get(f"{base}/events")["events"] == []
    assert len(asker.get(f"{base}/sessions")["sessions"]) == 1
    for method, path, status in (
        ("GET", "/balancers/shop", 404),
        ("PATCH", MEMBER, 404),
        ("POST", "/undo", 400),
        ("POST", "/reload", 403),
        ("GET", "/log?balancer=shop", 404),
    ):
        asker.ask(method, base + path, {} if method == "POST" else {"lbset": 2})
        assert asker.status == status, path
    asker.ask("POST", f"{base}/undo", {"balancer": "shop"})
    assert asker.status == 404
    assert asker.member().lbset == 1


def login(user: str, password: str = "secret") -> str:
    """
    Return an Authorization header.
    """
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_operators_log_in(tmp_path: Path) -> None:
    """
    Where everybody may look and some users may change, a change asks for a password; a wrong
    one is refused for looking, too, and the user is in the audit line.
    """
    file = tmp_path / "users"
    file.write_text("".join(f"{each}:{crypts.sha1(b'secret', '')}\n" for each in ("ann", "bob")))
    asker = Asker(with_rules("operate = user ann", f"auth-file = {file}", "auth-name = Shop"))
    asker.get(MEMBER)
    assert asker.status == 200
    asker.ask("PATCH", MEMBER, {"lbset": 1})
    assert asker.status == 401
    assert asker.headers["www-authenticate"] == 'Basic realm="Shop", charset="UTF-8"'
    asker.ask("PATCH", MEMBER, {"lbset": 1}, Authorization=login("bob"))
    assert asker.status == 403
    asker.get(MEMBER, Authorization=login("bob"))
    assert asker.status == 200
    asker.taken(asker.send("GET", MEMBER, Authorization=login("ann", "wrong")))
    assert asker.status == 401
    asker.ask("PATCH", MEMBER, {"lbset": 1}, Authorization=login("ann"))
    assert asker.status == 200
    assert asker.board.journal.events[-1].who == "ann at 192.0.2.1"


def test_operators_need_a_file_of_users() -> None:
    """
    A rule for users without users fails the start.
    """
    spec = MountSpec("m", "/", ToManager(), operate=rules("user ann"))
    with pytest.raises(StartError, match="operate asks for users: give auth-file"):
        Asker().rig.targets.guards.wrap(spec, None)


def test_operators_by_name() -> None:
    """
    A rule with a name waits until that was looked up, and whoever has another may only look.
    """
    asker = Asker(with_rules("operate = forward-dns ops.test"))
    names: list[str] = []

    def find(client: str, name: str, done: Callable[[str | None], None]) -> None:
        names.append(name)
        done("192.0.2.1" if client == "192.0.2.1" else "")

    asker.rig.targets.guards._names.find = find
    asker.ask("PATCH", MEMBER, {"lbset": 1})
    assert asker.status == 200
    asker.ask("PATCH", MEMBER, {"lbset": 2}, client="192.0.2.9")
    assert asker.status == 403
    asker.get(MEMBER, client="192.0.2.9")
    assert asker.status == 200
    assert set(names) == {"ops.test"}
