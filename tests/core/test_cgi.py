"""
What FastCGI applications are told.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.cgi import Script, ScriptRules, variable_of
from txbalancer.core.specs import MountSpec, NotProxied
from txbalancer.errors import ClientError

PLACE = b"fcgi://127.0.0.1:9000"


def rules(**options: object) -> ScriptRules:
    """
    Make the rules of a mount.
    """
    return ScriptRules(MountSpec("/", "/", NotProxied(), **options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "url", "script"),
    [
        ("/srv/x.php", "/x.php", ("/x.php", "/srv/x.php", "", "/srv")),
        ("/srv/x.php/a/b", "/x.php/a/b", ("/x.php", "/srv/x.php", "/a/b", "/srv")),
        ("/srv/p/x.php/", "/app/p/x.php/", ("/app/p/x.php", "/srv/p/x.php", "/", "/srv/p")),
        ("/srv/", "/", ("/index.php", "/srv/index.php", "", "/srv")),
        ("/srv/blog/", "/blog/", ("/blog/index.php", "/srv/blog/index.php", "", "/srv")),
        ("/srv/a%20b.php/m%20n", "/a%20b.php/m%20n", ("/a b.php", "/srv/a b.php", "/m n", "/srv")),
        ("/srv/x.phpx", "/x.phpx", ("/x.phpx", "/srv/x.phpx", "", "/srv")),
        ("/srv/plain", "/plain", ("/plain", "/srv/plain", "", "/srv")),
        ("/s/x.php.d/y.php/i", "/x.php.d/y.php/i", ("/x.php.d/y.php", "/s/x.php.d/y.php", "/i", "/s")),  # noqa: E501
        # A script that the URL does not name takes all of it.
        ("/srv/index.php/shop/a", "/shop/a", ("/index.php", "/srv/index.php", "/shop/a", "/srv")),
        ("/srv/main.php/a", "/shop/a", ("/shop/main.php", "/srv/main.php", "/a", "/srv")),
        ("/srv/main.php/", "/shop/", ("/shop/main.php", "/srv/main.php", "/", "/srv")),
    ],
)  # fmt: skip
def test_php(path: str, url: str, script: tuple[str, ...]) -> None:
    """
    The script ends with .php, what follows is PATH_INFO, and folders have an index.php.
    """
    found = rules().find(path.encode(), url.encode(), PLACE)
    assert found == Script(*(each.encode() for each in script))


def test_fpm_gets_apaches_form() -> None:
    """
    As Apache 2.4.71 with ProxyFCGIBackendType FPM: php-fpm finds the script by itself.
    """
    found = rules(fcgitype="fpm").find(b"/var/www/p%20q/x.php/info", b"/f/p%20q/x.php/info", PLACE)
    name = b"proxy:fcgi://127.0.0.1:9000/var/www/p%20q/x.php/info"
    assert found == Script(b"/f/p q/x.php/info", name, b"", b"")
    found = rules(fcgitype="fpm").find(b"/var/www/x.php/info", b"/x.php/info", PLACE)
    assert found.root == b"/var/www"


def test_generic_is_not_divided() -> None:
    """
    As with ProxyFCGIBackendType GENERIC, but decoded as files are named.
    """
    found = rules(fcgitype="generic").find(b"/srv/x.php/i%3f", b"/g/x.php/i%3f", PLACE)
    assert found == Script(b"/g/x.php/i?", b"/srv/x.php/i?", b"", b"/srv/x.php")


def test_other_ends_index_and_root() -> None:
    """
    All three can be given, with any type.
    """
    mine = rules(
        fcgitype="generic", fcgisplit=(".cgi", ".pl"), fcgiindex="main.pl", fcgiroot="/root"
    )
    assert mine.find(b"/s/a.cgi/i", b"/a.cgi/i", PLACE) == Script(
        b"/a.cgi", b"/s/a.cgi", b"/i", b"/root"
    )
    assert mine.find(b"/s/a.pl", b"/a.pl", PLACE).info == b""
    assert mine.find(b"/s/b/", b"/b/", PLACE).filename == b"/s/b/main.pl"


def test_large_bodies_of_unknown_length() -> None:
    """
    PHP would take them for empty ones.
    """
    assert rules().refuses_unsized
    assert rules(fcgitype="fpm").refuses_unsized
    assert not rules(fcgitype="generic").refuses_unsized


@pytest.mark.parametrize(
    ("path", "status"), [(b"/x%00.php", 404), (b"/a/%2e%2e/x", 400), (b"/a%2f..%2fx", 400)]
)
@pytest.mark.parametrize("kind", ["php", "fpm", "generic"])
def test_what_must_not_reach_a_file_system(path: bytes, status: int, kind: str) -> None:
    """
    No path climbs or ends early, however it is encoded.
    """
    with pytest.raises(ClientError) as caught:
        rules(fcgitype=kind).find(b"/srv" + path, path, PLACE)
    assert caught.value.status == status


@given(st.lists(st.sampled_from([b"a", b"b.php", b"%41", b"x.php.y", b"", b".php"]), max_size=6))
def test_nothing_gets_lost(segments: list[bytes]) -> None:
    """
    Script and PATH_INFO together are the path; root and name are the script.
    """
    url = b"/" + b"/".join(segments)
    found = rules(fcgiindex="i").find(b"/srv" + url, url, PLACE)
    whole = b"/srv" + url.replace(b"%41", b"A")
    assert found.filename + found.info in (whole, whole + b"i")
    assert found.root + found.name == found.filename
    assert found.info[:1] in (b"", b"/")


@pytest.mark.parametrize(
    ("line", "variable"),
    [
        (b"Host: a.test", (b"HTTP_HOST", b"a.test")),
        (b"X-Forwarded-For:1", (b"HTTP_X_FORWARDED_FOR", b"1")),
        (b"Content-Type:  a/b ", (b"CONTENT_TYPE", b"a/b")),
        (b"Authorization: Basic x", (b"HTTP_AUTHORIZATION", b"Basic x")),
        (b"Proxy: http://evil.test/", None),
        (b"proxy: x", None),
        (b"Proxy-Authorization: Basic x", None),
        (b"Content-Length: 3", None),
        (b"X_Under: 1", None),
        (b"X.Dot: 1", None),
    ],
)
def test_header_lines(line: bytes, variable: tuple[bytes, bytes] | None) -> None:
    """
    Names are in capitals with underscores; what could be taken for another is none (httpoxy).
    """
    assert variable_of(line, True) == variable


def test_authorization_is_a_choice() -> None:
    """
    Without CGIPassAuth it is not told.
    """
    assert variable_of(b"AUTHORIZATION: Basic x", False) is None
