"""
Targets and mounts: what stands after `to`, and which paths lead there.
"""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.config import loads
from txbalancer.config.targets import show_target
from txbalancer.core.registry import Registry
from txbalancer.core.specs import (
    FixedStatus,
    MountSpec,
    NotProxied,
    Redirect,
    Target,
    ToBalancer,
    ToMember,
    ToResource,
)
from txbalancer.errors import ConfigErrors

from .helpers import BALANCER, LISTENER, REGISTRY, errors, good

_OTHERS = "use http, https, h2, h2c, ajp, fcgi, tcp, tls or udp"

ALLOWED = (
    "balancer://NAME/, http://HOST:PORT/, https://…, unix:/PATH|http://HOST/, !, "
    "redirect:[STATUS ]URL, status:NNN, manager:, metrics:, health:, server-status: or "
    "resource:NAME"
)


def mount(body: str, label: str = "/a") -> MountSpec:
    """
    Read one good mount, which stands behind a listener and a balancer.
    """
    (found,) = good(f"{LISTENER}{BALANCER}[mount:{label}]\n{body}\n").spec.mounts
    return found


def faults(body: str, label: str = "/a") -> list[str]:
    """
    Read one bad mount; its section stands in line 5.
    """
    return [
        each.removeprefix("f:").replace(f"[mount:{label}] ", "")
        for each in errors(f"{LISTENER}{BALANCER}[mount:{label}]\n{body}\n")
    ]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("balancer://SHOP", ToBalancer("shop")),
        ("balancer://shop/x", ToBalancer("shop", "/x")),
        ("!", NotProxied()),
        ("redirect:https://$host/x", Redirect(302, "https://$host/x")),
        ("redirect:/x?y#z", Redirect(302, "/x?y#z")),
        ("REDIRECT: 308   http://a/", Redirect(308, "http://a/")),
        ("status:200", FixedStatus(200)),
        ("status:599", FixedStatus(599)),
        ("resource:Hello", ToResource("hello")),
    ],
)
def test_targets(text: str, target: Target) -> None:
    """
    Every kind of target is read.
    """
    assert mount(f"to = {text}").target == target


def test_a_single_member_with_options() -> None:
    """
    A member's URL may be followed by its options.
    """
    target = mount("to = http://H:80/x timeout=5 keepalive=off").target
    assert isinstance(target, ToMember)
    member = target.member
    assert (member.url, member.path, member.timeout, member.keepalive) == (
        "http://h/x",
        "/x",
        5,
        False,
    )
    unix = mount("to = unix:/a|http://h/").target
    assert isinstance(unix, ToMember)
    assert unix.member.socket == "/a"


@pytest.mark.parametrize(
    ("path", "written", "path_kept"),
    [
        ("/a", "", ""),
        ("/a", "/", ""),
        ("/a/", "", "/"),
        ("/a/", "/", "/"),
        ("/", "", "/"),
        ("/", "/", "/"),
        ("/a", "/x/", "/x/"),
        ("/a/", "/x", "/x"),
    ],
)
def test_X29_a_bare_slash_neither_doubles_nor_lacks(
    path: str, written: str, path_kept: str
) -> None:
    """
    A target's bare slash follows the mount's; longer paths stay as written.
    """
    to_balancer = mount(f"to = balancer://shop{written}", path).target
    assert to_balancer == ToBalancer("shop", path_kept)
    to_member = mount(f"to = http://h:1{written}", path).target
    assert isinstance(to_member, ToMember)
    assert to_member.member.path == path_kept


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", f"is missing: use {ALLOWED}"),
        ("shop", f"'shop' is no target: use {ALLOWED} (did you mean balancer://shop/?)"),
        ("h:9001/x", f"'h:9001/x' is no target: use {ALLOWED} (did you mean http://h:9001/x?)"),
        ("foo", f"'foo' is no target: use {ALLOWED}"),
        ("balancer://shp/", "no [balancer:shp]; use shop (did you mean shop?)"),
        (
            "balancer://shop/?x",
            "'balancer://shop/?x' must be balancer://NAME[/PATH], without query or fragment",
        ),
        (
            "balancer:shop",
            "'balancer:shop' must be balancer://NAME[/PATH], without query or fragment",
        ),
        ("balancer://shop/a b", "'/a b' has a character that must be written as %XX"),
        ("balancer://shop/$1", "$1 needs `match =` instead of a path"),
        ("balancer://shop/%zz", "'/%zz': the path has a % without two hexadecimal digits"),
        ("manager:shpo", "no [balancer:shpo]; use shop (did you mean shop?)"),
        ("server-status:x", "server-status: takes nothing after the colon"),
        ("heartbeat:x", "heartbeat: takes nothing after the colon"),
        ("metrics: x", "metrics: takes nothing after the colon"),
        ("health: shop shpo", "no [balancer:shpo]; use shop (did you mean shop?)"),
        ("redirect:", "'' is not a URL in ASCII without blanks: redirect:[STATUS ]URL"),
        ("redirect:404 /x", "404 is not a redirect: use 301, 302, 303, 307, 308"),
        ("redirect:/a b", "'/a b' is not a URL in ASCII without blanks: redirect:[STATUS ]URL"),
        ("redirect:x", "'x' must be a URL or a path that starts with /"),
        ("status:199", "'199' is not a status from 200 to 599"),
        ("status:600", "'600' is not a status from 200 to 599"),
        ("status:", "'' is not a status from 200 to 599"),
        ("resource:helo", "no resource is called 'helo'; use hello (did you mean hello?)"),
        ("scgi://h", "scgi:// is not available in this version; " + _OTHERS),
        (
            "http://h retry",
            "retry: is not of the form key=value (did you mean retry=…?); "
            "retry: needs a balancer: a single member has no use for it",
        ),
        ("http://h hcmethod=tcp", "hcmethod: needs a balancer: a single member has no use for it"),
        ("http://h route='x", "a quote is not closed, or a backslash ends the line"),
        ("metricss:", f"'metricss:' is no target: use {ALLOWED} (did you mean metrics:?)"),
        (
            "balancr://shop/",
            f"'balancr://shop/' is no target: use {ALLOWED} (did you mean balancer://shop/?)",
        ),
    ],
)
def test_bad_targets(text: str, fault: str) -> None:
    """
    A target that cannot be used says why.
    """
    assert faults(f"to = {text}") == [f"6: to: {fault}"]


def test_no_target() -> None:
    """
    A mount without `to` leads nowhere.
    """
    assert faults("") == [f"5: to: is missing: use {ALLOWED}"]


def test_no_plugin_with_resources() -> None:
    """
    resource: without any plugin says so.
    """
    with pytest.raises(ConfigErrors) as caught:
        loads(f"{LISTENER}[mount:/]\nto = resource:x\n", Registry(), path="f")
    assert str(caught.value) == (
        "f:4: [mount:/] to: no resource is called 'x'; no plugin with resources is installed"
    )


def test_path_and_label() -> None:
    """
    The label is the path, unless `path` says otherwise.
    """
    assert mount("to = !", "/x").path == "/x"
    found = mount("to = !\npath = /y", "images")
    assert (found.label, found.path) == ("images", "/y")


@pytest.mark.parametrize(
    ("label", "body", "fault"),
    [
        (
            "images",
            "to = !",
            "5: 'images' is not a path that starts with /; "
            "for another label give `path =` or `match =` too, "
            "or `listener =` with one of mode = tcp or udp",
        ),
        ("x", "to = !\npath = y", "7: path: 'y' is not a path that starts with /"),
        ("/a?b", "to = !", "5: '/a?b' has a query or fragment: only the path is matched"),
        ("/a/../b", "to = !", "5: '/a/../b' never matches: dot segments are resolved before"),
        ("/a\x01", "to = !", "5: '/a\\x01' has a control character"),
        ("x", "to = !\nmatch = a\npath = /b", "8: path: give either `path` or `match`"),
        (
            "x",
            "to = balancer://shop/$5\nmatch = ^(a",
            "7: match: '^(a' is not a regular expression: "
            "missing ), unterminated subpattern at position 1",
        ),
        (
            "x",
            "to = balancer://shop/$2\nmatch = ^/(a)",
            "6: to: $2 is not there: the match has no group 2",
        ),
        (
            "/a",
            "to = !\nlbset = 2",
            "7: lbset: does not belong here, but in a line of `members`",
        ),
        ("/a", "to = !\nreqire = local", "7: reqire: is not known here (did you mean require?)"),
        ("/a", "to = !\nreverze = on", "7: reverze: is not known here (did you mean reverse?)"),
    ],
)
def test_bad_mounts(label: str, body: str, fault: str) -> None:
    """
    A mount that cannot be used says why.
    """
    assert faults(body, label) == [fault]


def test_H55_groups_of_a_match() -> None:
    """
    $0 to $n may stand in the target of a match; its path stays as written.
    """
    found = mount("match = ^/(a|b)/[[x]\nto = balancer://shop/$1/$0", "pictures")
    assert (found.path, found.match) == ("", "^/(a|b)/[[x]")
    assert found.target == ToBalancer("shop", "/$1/$0")
    assert mount("match = ^/x\nto = balancer://shop/", "p").target == ToBalancer("shop", "")
    location = mount("match = ^/(x)\nto = redirect:https://$host/$1", "p").target
    assert location == Redirect(302, "https://$host/$1")


@given(st.text(), st.text(), st.sampled_from(["", "match", "path"]))
def test_any_mount_is_read_or_refused(target: str, text: str, key: str) -> None:
    """
    Whatever a mount says, there is a spec or a list of faults.
    """
    line = f"{key} = {text}\n" if key else ""
    with contextlib.suppress(ConfigErrors):
        loaded = loads(f"{LISTENER}{BALANCER}[mount:/]\nto = {target}\n{line}", REGISTRY)
        assert loaded.spec.mounts


@pytest.mark.parametrize(
    "text",
    [
        "balancer://shop/x",
        "http://h:1/x",
        "!",
        "redirect:301 /x",
        "status:503",
        "resource:hello",
    ],
)
def test_targets_are_shown_as_they_are_read(text: str) -> None:
    """
    Each kind of target is written in the form that is read.
    """
    assert show_target(mount(f"to = {text}").target, lambda member: "") == text
