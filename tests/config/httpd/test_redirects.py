"""
C{Redirect} and its like as mounts.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.reading import errors_of, spec_of, warnings_of
from txbalancer.core.specs import Condition, FixedStatus, NotProxied, Redirect, ToMember

URL = "http://new/x"


def mounts(text: str) -> list[tuple[str, object]]:
    return [(each.label, each.target) for each in spec_of(text).mounts]


@pytest.mark.parametrize(
    ("words", "label", "target"),
    [
        (f"Redirect /a {URL}", "/a", Redirect(302, URL)),
        (f"Redirect permanent /a {URL}", "/a", Redirect(301, URL)),
        (f"Redirect TEMP /a {URL}", "/a", Redirect(302, URL)),
        (f"Redirect seeother /a {URL}", "/a", Redirect(303, URL)),
        (f"Redirect 308 /a/ {URL}", "/a/", Redirect(308, URL)),
        ("Redirect gone /a", "/a", FixedStatus(410)),
        ("Redirect 503 /a", "/a", FixedStatus(503)),
        (f"RedirectPermanent /a {URL}", "/a", Redirect(301, URL)),
        ("redirecttemp /a /b", "/a", Redirect(302, "/b")),
        (f"RedirectMatch ^/(.*)$ {URL}/$1", "~^/(.*)$", Redirect(302, f"{URL}/$1")),
        ("RedirectMatch 403 ^/a", "~^/a", FixedStatus(403)),
    ],
)
def test_forms(words: str, label: str, target: object) -> None:
    """
    Statuses are words or numbers; those that lead nowhere have no URL.
    """
    assert mounts(words) == [(label, target)]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("Redirect", "takes an optional status, a path and a destination URL"),
        ("Redirect a b c d", "takes an optional status, a path and a destination URL"),
        ("Redirect /a", "URL to redirect to is missing"),
        ("Redirect 301 /a", "URL to redirect to is missing"),
        ("Redirect gone", "the path is missing"),
        (f"RedirectPermanent 301 /a {URL}", "takes a path, then the destination URL"),
        (f"Redirect odd /a {URL}", "invalid first argument (of three)"),
        (f"Redirect gone /a {URL}", "Redirect URL not valid for this status (410)"),
        (f"Redirect 304 /a {URL}", "304 is not carried over: use 301, 302, 303, 307, 308"),
        ("Redirect 600 /a", "600 is not carried over: use a status from 200 to 599"),
        ("Redirect /a b", "Redirect to non-URL: b"),
        ("Redirect /a //h/b", "Redirect to non-URL: //h/b"),
        ('Redirect /a "http://h/a b"', "must be written as %XX"),
        ("Redirect /a http://h/$1", "write %24 for a $ that stands for itself"),
        ("RedirectMatch /a http://$host/", "write %24 for a $ that stands for itself"),
        ("RedirectMatch /a http://h/\\$1", "write %24 for \\$"),
        ("RedirectMatch /a http://h/$1", "$1 is not there: the match has no group 1"),
        (f"RedirectMatch /(a {URL}", "/(a"),
        (
            f"<Location /a>\nRedirect {URL}\n</Location>",
            "may not stand in <Location>: put it outside of all sections or in <VirtualHost>",
        ),
    ],
)
def test_faults(words: str, text: str) -> None:
    """
    What Apache refuses is refused in its words, what cannot be carried over with the remedy.
    """
    assert text in errors_of(words)


def test_a_path_without_a_slash_is_of_no_request() -> None:
    """
    As in Apache, it is taken.
    """
    told = warnings_of(f"Redirect a {URL}\nRedirect /a {URL}")
    assert told == ["f:2: Redirect: 'a' does not start with /: it never matches"]


def test_rules_go_first() -> None:
    """
    As in Apache, C{ProxyPass} goes before, wherever it stands; who did not know is told.
    """
    text = f"Redirect /a {URL}\nProxyPass /a/b http://m\n"
    assert [each.label for each in spec_of(text).mounts] == ["/a/b", "/a"]
    assert warnings_of(f"Redirect /a {URL}\nProxyPass / http://m/\n") == [
        "f:2: Redirect: is never reached: line 3 takes all of /a before; ProxyPass goes before"
        " Redirect, as in Apache: put `ProxyPass PATH !` there"
    ]


def test_exclusions_leave_paths_to_redirects() -> None:
    """
    C{!} only ends the search among C{ProxyPass}: a redirect comes before its 404.
    """
    text = f"ProxyPass /a/no !\nProxyPass /a http://m\nRedirect /a {URL}\nRedirect /b {URL}\n"
    first, second, third, last = spec_of(text).mounts
    assert (first.label, first.path) == ("/a in /a/no", "/a")
    assert first.conditions == (Condition("location", "", ("/a/no",)),)
    assert first.target == last.target == Redirect(302, URL)
    assert isinstance(second.target, NotProxied)
    assert isinstance(third.target, ToMember)
    whole = f"ProxyPass / !\nRedirect /a {URL}\n"
    assert [each.label for each in spec_of(whole).mounts] == ["/a", "/"]
    assert warnings_of(whole) == []


def test_hosts_go_before_the_main_server() -> None:
    """
    A host has the main server's redirects behind its own.
    """
    text = (
        "Redirect /a http://main/\nRedirect /a/b http://main/b\n"
        "<VirtualHost *:8080>\nServerName h\nRedirect /a http://host/\n</VirtualHost>\n"
    )
    assert [each.target for each in spec_of(text).mounts] == [Redirect(302, "http://host/")]


def test_nobody_is_asked_for_a_password() -> None:
    """
    Of what sections say, only headers and encoded slashes count: it comes before the rest.
    """
    text = (
        f"Redirect /a {URL}\n<Location /a/b>\nHeader always set X-A b\nRequire all denied\n"
        "</Location>\n<Location /c>\nHeader set X-B b\n</Location>\n"
    )
    first, second = spec_of(text).mounts
    assert (first.label, second.label) == ("/a in /a/b", "/a")
    assert [edit.name for edit in first.header] == ["X-A"]
    assert not first.require
    assert not second.header


def test_pages_behind_a_redirect() -> None:
    """
    C{SetHandler} is asked last of all.
    """
    text = f"Redirect / {URL}/\n<Location /s>\nSetHandler server-status\n</Location>\n"
    assert warnings_of(text) == [
        "f:3: Location: SetHandler is never reached: line 2 takes all of /s before: let that have"
        " fewer paths, as RedirectMatch ^/(?!PATH)"
    ]


def test_modules() -> None:
    """
    The module's own conditions hold.
    """
    inside = f"<IfModule mod_alias.c>\nRedirect /a {URL}\n</IfModule>\n"
    assert mounts(inside) == [("/a", Redirect(302, URL))]
    assert mounts(f"LoadModule alias_module x.so\nRedirectRelative On\n{inside}")
    assert "a Location without a host" in errors_of("RedirectRelative Off")
