"""
Warnings: what works, but hardly as meant.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import BALANCER, LISTENER, MOUNT, errors, warnings

HEALTHY = "[balancer:shop]\nmembers =\n  http://a route=a\n  http://b route=b\n"


def of_balancer(lines: str, members: str = "http://a route=a\n  http://b route=b") -> list[str]:
    """
    Return the warnings about a balancer; its section stands in line 1.
    """
    text = f"[balancer:shop]\n{lines}\nmembers =\n  {members}\n{LISTENER}{MOUNT}"
    return [each.removeprefix("f:").replace("[balancer:shop] ", "") for each in warnings(text)]


def of_mounts(text: str) -> list[str]:
    """
    Return the warnings about mounts, whose sections begin in line 7.
    """
    found = warnings(LISTENER + HEALTHY + text + MOUNT.replace("/]", "/last]"))
    return [each.removeprefix("f:") for each in found]


def test_a_sound_file_has_no_warnings() -> None:
    """
    Nothing is told about a configuration without traps.
    """
    assert warnings(LISTENER + HEALTHY + MOUNT) == []
    assert of_balancer("stickysession = S\nnofailover = on") == []


@pytest.mark.parametrize(
    ("lines", "members", "expected"),
    [
        (
            "stickysession = S",
            "http://a\n  http://b",
            ["2: stickysession: has no effect: no member has a route"],
        ),
        (
            "stickysession = S",
            "http://a route=x\n  http://b",
            ["5: members: http://b has no route: its sessions do not stick"],
        ),
        (
            "stickysession = S",
            "http://a route=x\n  http://b route=x redirect=y",
            [
                "5: members: route x is that of the member in line 4 too: "
                "sessions of both go to the first",
                "5: members: redirect y is no member's route",
            ],
        ),
        (
            "hcmethod = tcp\nhcfails = 1",
            "http://a\n  http://b hcfails=2",
            ["5: members: http://a: hcfails=1 takes the member out for one lost check; 3 is usual"],
        ),
        (
            "hcmethod = tcp",
            "http://a",
            ["4: members: http://a is the only member: failed checks leave no one to answer"],
        ),
        (
            "stickycookie = R",
            "http://a",
            [
                "2: stickycookie: without stickycookie-secret sessions move to other members at "
                "every restart, and between balancers that share them"
            ],
        ),
        ("stickycookie = R\nstickycookie-secret = 0123456789abcdef", "http://a", []),
    ],
)
def test_warnings_about_balancers(lines: str, members: str, expected: list[str]) -> None:
    """
    Each trap of a balancer is told once, with the line to change.
    """
    assert of_balancer(lines, members) == expected


def test_a_cookie_without_secure_is_dropped_by_browsers(tmp_path: Path) -> None:
    """
    SameSite=None needs Secure: off is an error, and so is auto without any TLS listener.
    """
    pem = tmp_path / "a.pem"
    pem.write_text("x")
    text = f"{MOUNT}{BALANCER}stickycookie = R\nstickycookie-samesite = None\n"
    text += f"stickycookie-secret = 0123456789abcdef\n{LISTENER}"
    fault = (
        "f:6: [balancer:shop] stickycookie-samesite: browsers drop a SameSite=None cookie that is "
        "not Secure: give stickycookie-secure = on, or use lax"
    )
    assert errors(text) == [fault]
    assert warnings(f"{text}tls-certificate = {pem}\n") == []
    assert warnings(text.replace("R\n", "R\nstickycookie-secure = on\n")) == []
    off = text.replace("None\n", "None\nstickycookie-secure = off\n")
    assert errors(f"{off}tls-certificate = {pem}\n") == [fault]


def test_unused_balancers() -> None:
    """
    A balancer that no mount leads to is told; other mounts do not count.
    """
    text = f"{LISTENER}{BALANCER}[balancer:used]\nmembers = http://a\n[mount:/]\nto = "
    assert warnings(f"{text}balancer://used/\n") == [
        "f:3: [balancer:shop] no mount leads to this balancer"
    ]
    assert len(warnings(f"{text}http://a/\n")) == 2


def test_listeners_without_mounts() -> None:
    """
    A listener that every mount shuts out answers 404 only.
    """
    other = "[listener:other]\nendpoint = tcp:1\n"
    fault = "f:3: [listener:other] no mount takes requests of this listener: each gets 404"
    text = LISTENER + other + HEALTHY + MOUNT
    assert warnings(f"{text}listener = web\n") == [fault]
    assert warnings(f"{text}listener = web other\n") == []
    assert warnings(LISTENER) == [
        "f:1: [listener:web] no mount takes requests of this listener: each gets 404"
    ]


NEVER = "takes all its requests; put this one first"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[mount:/a]\nto=!\n[mount:/a/b]\nto=!\n",
            [f"9: [mount:/a/b] is never reached: [mount:/a] in line 7 {NEVER}"],
        ),
        (
            "[mount:/a/]\nto=!\n[mount:/a/b/c]\nto=!\n",
            [f"9: [mount:/a/b/c] is never reached: [mount:/a/] in line 7 {NEVER}"],
        ),
        (
            "[mount:/a]\nto=!\n[mount:/a/]\nto=!\n",
            [f"9: [mount:/a/] is never reached: [mount:/a] in line 7 {NEVER}"],
        ),
        ("[mount:/a/]\nto=!\n[mount:/a]\nto=!\n", []),
        ("[mount:/a]\nto=!\n[mount:/ab]\nto=!\n", []),
        ("[mount:/a/b]\nto=!\n[mount:/a]\nto=!\n", []),
        ("[mount:/a]\nto=!\nhost=x\n[mount:/a/b]\nto=!\n", []),
        (
            "[mount:/a]\nto=!\nhost=x\n[mount:/a/b]\nto=!\nhost=x\n",
            [f"10: [mount:/a/b] is never reached: [mount:/a] in line 7 {NEVER}"],
        ),
        ("[mount:/a]\nto=!\nhost=x\n[mount:/a/b]\nto=!\nhost=y\n", []),
        ("[mount:/a]\nto=!\n[mount:x]\nmatch=/a\nto=!\n", []),
        (
            "[mount:x]\nmatch=/a\nto=!\n[mount:/a]\nto=!\n[mount:y]\nmatch=/a\nto=!\n",
            [f"12: [mount:y] is never reached: [mount:x] in line 7 {NEVER}"],
        ),
    ],
)
def test_shadowed_mounts(text: str, expected: list[str]) -> None:
    """
    A mount is never reached when an earlier one takes everything that it would take.
    """
    assert of_mounts(text) == expected


def test_the_root_shadows_all() -> None:
    """
    `/` without conditions takes everything, expressions among it.
    """
    text = LISTENER + HEALTHY + MOUNT + "[mount:x]\nmatch = ^/a\nto = !\n"
    assert warnings(text) == [f"f:9: [mount:x] is never reached: [mount:/] in line 7 {NEVER}"]


@pytest.mark.parametrize(
    ("path", "target", "becomes"),
    [
        ("/a/", "http://h:1/x", "/a/b becomes /xb: end both /a/ and /x with a slash, or neither"),
        ("/a", "http://h:1/x/", "/a/b becomes /x//b: end both /a and /x/ with a slash, or neither"),
        ("/", "balancer://shop/x", "/b becomes /xb: end both / and /x with a slash, or neither"),
        ("/a", "balancer://shop/x", ""),
        ("/a/", "balancer://shop/x/", ""),
        ("/a", "balancer://shop/", ""),
        ("/a/", "http://h:1", ""),
        ("/a", "!", ""),
    ],
)
def test_X29_trailing_slashes(path: str, target: str, becomes: str) -> None:
    """
    A slash at the end of only one of path and target glues or doubles.
    """
    text = f"{LISTENER}{HEALTHY}[mount:first]\npath = /shop\nto = balancer://shop/shop\n"
    found = warnings(f"{text}[mount:{path}]\nto = {target}\n")
    assert found == ([f"f:11: [mount:{path}] to: {becomes}"] if becomes else [])


@pytest.mark.parametrize(
    ("line", "pattern"),
    [
        ("match = ^/(a+)+$", "^/(a+)+$"),
        ("match = ^/(a+)/(b+)$", ""),
        ("location = ~/(x*y?)*z", "/(x*y?)*z"),
        ("location = /x", ""),
        ('requestheader = edit Cookie "^(\\w+;? ?)*$" x', r"^(\w+;? ?)*$"),
        ('header = edit Location "^http:" https:', ""),
    ],
)
def test_patterns_that_may_take_for_ever(line: str, pattern: str) -> None:
    """
    Clients choose what patterns are tried on, and one search holds up everything.
    """
    key = line.partition(" ")[0]
    path = "" if key == "match" else "path = /\n"
    found = warnings(f"{LISTENER}[mount:page]\n{path}to = status:200\n{line}\n")
    place = 6 if path else 5
    start = f"f:{place}: [mount:page] {key}: the pattern {pattern!r} repeats what repeats already"
    told = [each[: len(start)] for each in found if "has no effect" not in each]
    assert told == ([start] if pattern else [])


PAGE = "[mount:/]\nto = status:200\n"
CLEAR = "f:{}: [mount:/] require: passwords cross the network as clear text on listener web"


@pytest.mark.parametrize("rule", ["valid-user", "user bob", "all(local, none(user bob))"])
def test_M2_users_need_a_file(tmp_path: Path, rule: str) -> None:
    """
    Rules that ask for users are an error without a file of users, at their line.
    """
    text = f"{LISTENER}{PAGE}require = {rule}\n"
    assert errors(text) == [
        "f:5: [mount:/] require: user and valid-user need an htpasswd file: name it in auth-file"
    ]
    (tmp_path / "users").write_text("")
    assert warnings(f"{text}auth-file = {tmp_path}/users\n") == [
        CLEAR.format(5) + ": give it TLS with tls-certificate"
    ]


@pytest.mark.parametrize(
    ("listener", "mount", "warned"),
    [
        ("endpoint = tcp:80", "", True),
        ("endpoint = tcp:80:interface=127.0.0.1", "", False),
        ("endpoint = unix:/run/a", "", False),
        ("endpoint =\n  unix:/run/a\n  tcp:80", "", True),
        ("endpoint = tcp:80", "listener = other", False),
        ("endpoint = tcp:443\ntls-certificate = {pem}", "", False),
    ],
)
def test_M2_passwords_in_the_clear(tmp_path: Path, listener: str, mount: str, warned: bool) -> None:
    """
    A mount that asks for passwords and takes requests of a network without TLS is warned of.
    """
    pem = tmp_path / "a.pem"
    pem.write_text("x")
    text = (
        f"[listener:web]\n{listener.format(pem=pem)}\n"
        "[listener:other]\nendpoint = unix:/run/other\n"
        f"[mount:/]\nto = status:200\n{mount}\nrequire = valid-user\nauth-file = {pem}\n"
        "[mount:/x]\nto = status:200\nlistener = web\n"
    )
    assert any("clear text on listener web" in each for each in warnings(text)) is warned


def test_passwords_of_operators(tmp_path: Path) -> None:
    """
    Users who may change things need a file, and a way that nobody listens on, as well.
    """
    text = f"{LISTENER}[mount:/]\nto = manager:\nrequire = local\noperate = valid-user\n"
    assert errors(text) == [
        "f:6: [mount:/] operate: user and valid-user need an htpasswd file: name it in auth-file"
    ]
    (tmp_path / "users").write_text("")
    assert warnings(f"{text}auth-file = {tmp_path}/users\n") == [
        CLEAR.format(6).replace("require", "operate") + ": give it TLS with tls-certificate"
    ]
