"""
Paths of C{match} mounts and Locations of redirects.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.heads import FakeRequest
from txbalancer.core.mapping import LocationTemplate, PathTemplate, base_path
from txbalancer.core.mounts import Mount
from txbalancer.core.request import Peer
from txbalancer.core.specs import MountSpec, Redirect
from txbalancer.errors import ClientError


def redirect(location: str, path: str = "", match: str = "") -> Mount:
    """
    Make a redirecting mount.
    """
    return Mount(MountSpec("r", path, Redirect(302, location), match=match))


@pytest.mark.parametrize(
    ("mount", "location", "request_path", "expected"),
    [
        ("/old", "https://h/new", b"/old", b"https://h/new"),
        ("/old", "https://h/new", b"/old/b%20c", b"https://h/new/b%20c"),
        ("/old/", "https://h/new/", b"/old/b", b"https://h/new/b"),
        ("/", "https://h", b"/b", b"https://h/b"),
        ("/", "https://h/", b"/b", b"https://h/b"),
        ("/", "https://$host", b"/b", b"https://www.example.com/b"),
        ("/", "https://$host/", b"/", b"https://www.example.com/"),
        ("/", "//cdn", b"/b", b"//cdn/b"),
        ("/a", "/", b"/a/evil.com", b"/evil.com"),
        ("/a", "/", b"/a", b"/"),
        ("/a", "/b", b"/a/c", b"/b/c"),
        ("/a/", "https://h", b"/a/@evil.com", b"https://h/@evil.com"),
        ("/a/", "https://h", b"/a/.evil.com", b"https://h/.evil.com"),
        ("/a", "https://h/login?from=a", b"/a/c", b"https://h/login?from=a"),
        ("/a", "https://h?x", b"/a/c", b"https://h?x"),
        ("/a", "https://h", b"/a", b"https://h"),
        ("/a", "https://h/$host/", b"/a/c", b"https://h/www.example.com//c"),
    ],
)
def test_redirect_of_a_prefix(
    mount: str, location: str, request_path: bytes, expected: bytes
) -> None:
    """
    The rest of the path is appended; it never becomes part of the authority.
    """
    assert redirect(location, mount).location(FakeRequest(request_path)) == expected


@pytest.mark.parametrize(
    ("match", "location", "request_path", "expected"),
    [
        ("^/u/([a-z]+)/(.*)$", "https://$1.example/$2", b"/u/ann/x y".replace(b" ", b"%20"), b""),
        ("^/(.*)$", "https://h$1", b"/evil.com", b"https://h/evil.com"),
        ("^(/.*)$", "https://h$1", b"/b", b"https://h/b"),
        ("^/(.*)$", "/$1", b"/b", b"/b"),
        ("^/x(.*)$", "/$1", b"/x/evil.com", b"/evil.com"),
        ("^/x(.*)$", "/here", b"/x/evil.com", b"/here"),
        ("^/x(y)?", "/z$1", b"/x", b"/z"),
    ],
)
def test_redirect_of_a_match(
    match: str, location: str, request_path: bytes, expected: bytes
) -> None:
    """
    Groups are filled in; nothing else is appended.
    """
    wanted = expected or b"https://ann.example/x%20y"
    assert redirect(location, match=match).location(FakeRequest(request_path)) == wanted


def test_redirect_keeps_the_query() -> None:
    """
    The request's query goes along unless the location has its own.
    """
    asked = FakeRequest(b"/a", query=b"q=1")
    assert redirect("https://h/", "/").location(asked) == b"https://h/a?q=1"
    assert redirect("https://h/x?y", "/").location(asked) == b"https://h/x?y"
    assert redirect("https://h", match="^/").location(asked) == b"https://h?q=1"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (b"Shop.example:8080", b"https://shop.example/"),
        (b"[2001:DB8::1]:80", b"https://[2001:db8::1]/"),
        (b"", b"https://lb.example/"),
    ],
)
def test_redirect_host(host: bytes, expected: bytes) -> None:
    """
    The host goes in without its port; without one it is the listener's own name.
    """
    peer = Peer("192.0.2.1", server_name=b"lb.example")
    mount = redirect("https://$host/", "/")
    assert mount.location(FakeRequest(b"/", host=host, peer=peer)) == expected


@pytest.mark.parametrize(
    "host", [b"a\r\nb", b"a/b", b"a@b", b"a b", b"a?b", b"a#b", b"[::1", b"\\"]
)
def test_redirect_refuses_a_bad_host(host: bytes) -> None:
    """
    A host that is no name cannot end up in a Location.
    """
    with pytest.raises(ClientError):
        redirect("https://$host/", "/").location(FakeRequest(b"/", host=host))


def test_redirect_refuses_a_group_that_is_no_host_name() -> None:
    """
    A group within the authority cannot bring in another authority.
    """
    mount = redirect("https://$1.example.com/", match="^/u/(.*)$")
    with pytest.raises(ClientError) as caught:
        mount.location(FakeRequest(b"/u/evil.com/x"))
    assert caught.value.status == 404


def test_redirect_refuses_a_query_with_a_line_break() -> None:
    """
    No second header can be made by way of the query.
    """
    with pytest.raises(ClientError):
        redirect("/x", "/").location(FakeRequest(b"/", query=b"a\r\nSet-Cookie: b"))


@given(
    st.sampled_from(["/", "/a", "/a/"]),
    st.sampled_from(["https://h", "https://h/", "/", "/x", "//h", "https://$host"]),
    st.text("/a.@:;\\%40x", max_size=8),
)
def test_redirects_never_leave_their_host(prefix: str, location: str, rest: str) -> None:
    """
    Whatever the path, the authority stays that of the location.
    """
    mount = redirect(location, prefix)
    request = FakeRequest((prefix + rest).encode())
    try:
        made = mount.location(request)
    except ClientError:
        return
    authority = re.match(rb"(?:https?:)?//([^/?#]*)", made)
    assert (authority[1] if authority else b"") in (b"h", b"www.example.com", b"")
    assert authority is not None or location.startswith("/")


@pytest.mark.parametrize("location", ["elsewhere", "$1", "https://h/a b", "/a\n", ""])
def test_locations_that_cannot_be(location: str) -> None:
    """
    A location is a URL or a path.
    """
    with pytest.raises(ValueError, match=r"."):
        LocationTemplate(location, 1)


def test_references_to_missing_groups() -> None:
    """
    A reference beyond the groups of the match is an error of the configuration.
    """
    with pytest.raises(ValueError, match=r"\$2: the match has only 1 groups"):
        PathTemplate("/$1/$2", 1)
    with pytest.raises(ValueError, match=r"\$1"):
        LocationTemplate("/$1", None)


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        ("", b"/a", b""),
        ("", b"/a/", b"/"),
        ("/", b"/a", b"/"),
        ("/p", b"/", b"/p"),
        ("p", b"/", b"/p"),
        ("/a b/%7e", b"/", b"/a%20b/~"),
    ],
)
def test_base_path(path: str, prefix: bytes, expected: bytes) -> None:
    """
    The path of a target is sent canonical and starts with a slash.
    """
    assert base_path(path, prefix) == expected
