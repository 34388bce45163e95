"""
Location, Content-Location, URI, Destination and cookies: APACHE items H60 to H65.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.balancers import balancer
from txbalancer.core.member import Member
from txbalancer.core.reverse import (
    LiveReverse,
    Reverse,
    ReverseMap,
    balancer_rules,
    may_reverse,
    mount_rules,
    plain_rule,
    rewrite_cookie,
)
from txbalancer.core.specs import MemberSpec, MountSpec, NotProxied, ToBalancer, ToMember

MEMBERS = ("http://h1:9001", "http://h2:9002", "http://h3:9003/base")


def plain(path: str, url: str, value: bytes, host: bytes = b"pub:8080") -> bytes:
    """
    Rewrite a value by one plain rule.
    """
    return ReverseMap([plain_rule(path, url)]).rewrite(value, b"http", host)


def balanced(path: str, below: str, value: bytes) -> bytes:
    """
    Rewrite a value by a balancer's rules.
    """
    return ReverseMap(balancer_rules(path, below, MEMBERS)).rewrite(value, b"https", b"pub")


@pytest.mark.parametrize(
    ("path", "url", "value", "expected"),
    [
        ("/a", "http://h:1", b"http://h:1/x", b"http://pub:8080/a/x"),
        ("/a", "http://h:1", b"HTTP://H:1/x", b"http://pub:8080/a/x"),
        ("/a", "http://h:1", b"http://h:1", b"http://pub:8080/a"),
        ("/a/", "http://h:1/x/", b"http://h:1/x/y?q#f", b"http://pub:8080/a/y?q#f"),
        ("/a", "http://h:1/x", b"http://h:1/X/y", b"http://pub:8080/a/y"),
        ("/a", "http://h:1/x", b"http://h:1/x?q", b"http://pub:8080/a?q"),
        ("/", "http://h:1/", b"http://h:1/y", b"http://pub:8080/y"),
        ("/mirror/foo/", "http://h/", b"http://h/bar", b"http://pub:8080/mirror/foo/bar"),
        ("/a", "http://h:1", b"http://other/x", b"http://other/x"),
        ("/a", "http://h:1/x", b"http://h:1/y", b"http://h:1/y"),
        ("/a", "http://h:1", b"https://h:1/x", b"https://h:1/x"),
        ("/a", "http://h:1", b"/x", b"/x"),
        ("/a", "http://h:1", b"x/y", b"x/y"),
        ("/a", "http://h:1", b"", b""),
        ("/a b", "http://h:1", b"http://h:1/x", b"http://pub:8080/a%20b/x"),
        ("/a", "unix:/run/x.sock|http://h/x", b"http://h/x/y", b"http://pub:8080/a/y"),
    ],
)
def test_H61_plain_rule(path: str, url: str, value: bytes, expected: bytes) -> None:
    """
    The rule's URL gives way to the path, completed with the client's own scheme and host.
    """
    assert plain(path, url, value) == expected


@pytest.mark.parametrize(
    ("path", "url", "value", "expected"),
    [
        # Apache takes any prefix: these would become /a9/x, /ay and http://pub:8080/a@evil/.
        ("/a", "http://h:2116", b"http://h:21169/x", b"http://h:21169/x"),
        ("/a", "http://h:1/x", b"http://h:1/xy", b"http://h:1/xy"),
        ("/a", "http://h", b"http://h@evil/", b"http://h@evil/"),
        # Apache does not see that these are the same port.
        ("/a", "http://h", b"http://h:80/x", b"http://pub:8080/a/x"),
        ("/a", "https://h:443", b"https://h/x", b"http://pub:8080/a/x"),
        # Apache makes /ax, /a//x and leaves the last alone.
        ("/a", "http://h/", b"http://h/x", b"http://pub:8080/a/x"),
        ("/a/", "http://h", b"http://h/x", b"http://pub:8080/a/x"),
        ("/a/", "http://h/", b"http://h", b"http://pub:8080/a/"),
    ],
)
def test_H61_safer_than_apache(path: str, url: str, value: bytes, expected: bytes) -> None:
    """
    A rule ends at a boundary, default ports are equal, one slash stands at the seam.
    """
    assert plain(path, url, value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"/int/x", b"http://pub:8080/a/x"),
        (b"http://any.where/int/x", b"http://pub:8080/a/x"),
        (b"http://any.where/other", b"http://any.where/other"),
        (b"/internal", b"/internal"),
        (b"//int/x", b"//int/x"),
    ],
)
def test_H62_path_rule(value: bytes, expected: bytes) -> None:
    """
    A rule that is only a path fits any host, and values without one.
    """
    assert plain("/a", "/int", value) == expected


def test_H61_default_port_of_the_client_goes() -> None:
    """
    A port in the client's Host stays, unless it is the scheme's own.
    """
    rules = ReverseMap([plain_rule("/a", "http://h/")])
    assert rules.rewrite(b"http://h/x", b"http", b"p:80") == b"http://p/a/x"
    assert rules.rewrite(b"http://h/x", b"https", b"p:443") == b"https://p/a/x"
    assert rules.rewrite(b"http://h/x", b"https", b"p:80") == b"https://p:80/a/x"


def test_H61_first_rule_wins() -> None:
    """
    Rules are tried in order, those for any host among the others.
    """
    rules = [plain_rule("/1", "http://h/x"), plain_rule("/2", "/"), plain_rule("/3", "http://h/")]
    mapped = ReverseMap(rules)
    assert mapped.rewrite(b"http://h/x/y", b"http", b"p") == b"http://p/1/y"
    assert mapped.rewrite(b"http://h/z", b"http", b"p") == b"http://p/2/z"
    assert mapped.rewrite(b"http://i/z", b"http", b"p") == b"http://p/2/z"


@pytest.mark.parametrize(
    ("path", "below", "value", "expected"),
    [
        ("/app", "", b"http://h1:9001/x", b"https://pub/app/x"),
        ("/app", "/", b"http://h2:9002/x", b"https://pub/app/x"),
        ("/", "/", b"http://h2:9002/x", b"https://pub/x"),
        ("/app", "/", b"http://h3:9003/base/x", b"https://pub/app/x"),
        ("/app", "/", b"http://h3:9003/other/x", b"http://h3:9003/other/x"),
        ("/app", "/bar", b"http://h1:9001/bar/x", b"https://pub/app/x"),
        ("/app", "/bar", b"http://h3:9003/base/bar/x", b"https://pub/app/x"),
        ("/app", "/bar", b"http://h1:9001/x", b"http://h1:9001/x"),
        ("/app", "/", b"http://h4:9004/x", b"http://h4:9004/x"),
        # Apache makes /app//x of it.
        ("/app/", "/", b"http://h1:9001/x", b"https://pub/app/x"),
    ],
)
def test_H63_balancer_rule(path: str, below: str, value: bytes, expected: bytes) -> None:
    """
    Every member's URL is known, with its base path and the balancer's path.
    """
    assert balanced(path, below, value) == expected


def test_H63_member_with_a_slash() -> None:
    """
    A member declared with a slash at its end does not swallow the one after the mount.
    """
    mapped = ReverseMap(balancer_rules("/app", "", ["http://h:1/"]))
    assert mapped.rewrite(b"http://h:1/x", b"http", b"pub") == b"http://pub/app/x"


def test_H64_absolute_path_argument() -> None:
    """
    A rule may lead to another host altogether.
    """
    assert plain("http://cdn/x/", "http://h/", b"http://h/y") == b"http://cdn/x/y"


def test_without_a_host_the_result_is_a_path() -> None:
    """
    A client without Host gets a path, never one that starts like an authority.
    """
    assert plain("/a", "http://h", b"http://h/y", host=b"") == b"/a/y"
    assert plain("/", "http://h", b"http://h//evil", host=b"") == b"/evil"
    assert plain("/", "http://h", rb"http://h/\evil", host=b"") == b"/evil"


@given(st.lists(st.sampled_from(["a", "B", "..", "", "x y"]), max_size=4), st.integers(0, 2))
def test_what_a_mount_maps_is_mapped_back(names: list[str], member: int) -> None:
    """
    A location below a member's URL comes back as the same path below the mount.
    """
    rest = b"/" + "/".join(names).encode()
    value = MEMBERS[member].encode() + b"/p" + rest
    assert balanced("/app", "/p", value) == b"https://pub/app" + rest


@given(st.binary(max_size=20), st.sampled_from([b"", b"http://h1:9001", b"/", b"http://"]))
def test_rewriting_adds_no_line_break(value: bytes, start: bytes) -> None:
    """
    A value without line breaks gets none.
    """
    value = start + value.translate(None, b"\r\n")
    assert not {*b"\r\n"} & {*balanced("/app", "/", value)}


def test_mount_rules_of_a_balancer() -> None:
    """
    A mount undoes what it does, when asked.
    """
    spec = MountSpec("/app", "/app", ToBalancer("n", "/p"))
    assert mount_rules(spec, MEMBERS) == balancer_rules("/app", "/p", MEMBERS)
    assert mount_rules(MountSpec("m", "/m", ToBalancer("n"), reverse=False), MEMBERS) == ()
    assert mount_rules(MountSpec("m", "/m", NotProxied()), MEMBERS) == ()


def test_mount_rules_of_a_member() -> None:
    """
    A single member's URL is known without being told.
    """
    spec = MountSpec("/app", "/app", ToMember(MemberSpec("http://h/x", path="/x")))
    assert mount_rules(spec) == (plain_rule("/app", "http://h/x"),)


def test_mount_rules_of_a_match() -> None:
    """
    A match that appends the whole path can be undone, one with groups cannot.
    """
    whole = MountSpec("m", "", ToBalancer("n", "/p"), match=r"\.png$")
    assert mount_rules(whole, MEMBERS) == balancer_rules("/", "/p", MEMBERS)
    group = MountSpec("m", "", ToBalancer("n", "/$1"), match="^/(.*)$")
    assert mount_rules(group, MEMBERS) == ()
    group = MountSpec("m", "", ToMember(MemberSpec("http://h/$1", path="/$1")), match="^/(.*)$")
    assert mount_rules(group) == ()


DOMAIN = (b"int.example", b"pub.example")
PATH = (b"/app", b"/pub")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"a=1; Path=/app", b"a=1; Path=/pub"),
        (b"a=1; Path=/app/x; Secure", b"a=1; Path=/pub; Secure"),
        (b"a=1;PATH=/app;HttpOnly", b"a=1;PATH=/pub;HttpOnly"),
        (b"a=1; Path=/App", b"a=1; Path=/App"),
        (b'a=1; Path="/app"', b'a=1; Path="/app"'),
        (b"a=1; Path=/", b"a=1; Path=/"),
        (b"a=1; Path=/app; Path=/other", b"a=1; Path=/pub; Path=/other"),
        (b"a=1; Path=/other; Path=/app", b"a=1; Path=/other; Path=/pub"),
        (b"a=1; Domain=int.example", b"a=1; Domain=pub.example"),
        (b"a=1; domain=INT.Example; Path=/app", b"a=1; domain=pub.example; Path=/pub"),
        (b"a=1; Domain=.int.example", b"a=1; Domain=pub.example"),
        (b"a=1; Domain=other", b"a=1; Domain=other"),
        (b"path=/app; Max-Age=3", b"path=/app; Max-Age=3"),
        (b"a=1; Path", b"a=1; Path"),
        (b"a=1", b"a=1"),
        # Apache compares without a boundary.
        (b"a=1; Path=/apple", b"a=1; Path=/apple"),
        (b"a=1; Domain=int.examples", b"a=1; Domain=int.examples"),
    ],
)
def test_H65_cookies(value: bytes, expected: bytes) -> None:
    """
    Path and Domain are replaced as a whole where they start with the internal one.
    """
    assert rewrite_cookie(value, (DOMAIN,), (PATH,)) == expected


def test_H65_documented_example() -> None:
    """
    Every path becomes the public one when the internal one is the root (D14).
    """
    pair = (b"/", b"/mirror/foo/")
    assert rewrite_cookie(b"a=1; Path=/x/y", (), (pair,)) == b"a=1; Path=/mirror/foo/"
    assert rewrite_cookie(b"a=1; Domain=d", (), (pair,)) == b"a=1; Domain=d"
    assert rewrite_cookie(b"a=1; Path=/x/y", (DOMAIN,), ()) == b"a=1; Path=/x/y"
    assert rewrite_cookie(b"a=1; Domain=.a.b", ((b".a", b".c"),), ()) == b"a=1; Domain=.c"


def live(*pairs: tuple[str, str], reverse: bool = False, others=(), **options):
    """
    Make the map of a mount at /app of the balancer C{shop} with the members h1 and h2.
    """
    own = balancer("http://h1:9001", "http://h2:9002")
    spec = MountSpec(
        "m", "/app", ToBalancer("shop"), proxypassreverse=pairs, reverse=reverse, **options
    )
    return own, LiveReverse(spec, own, dict(others))


def mapped(reverse: Reverse, value: bytes) -> bytes:
    """
    Rewrite a value for a client of http://pub.
    """
    return reverse.rewrite(value, b"http", b"pub")


def test_H61_pairs_in_their_order_and_before_those_of_the_mount() -> None:
    """
    The first pair that fits decides; pairs come before C{reverse}.
    """
    _, reverse = live(
        ("/one", "http://h1:9001/x"), ("/two", "http://h1:9001"), ("/any", "/only"), reverse=True
    )
    assert mapped(reverse, b"http://h1:9001/x/y") == b"http://pub/one/y"
    assert mapped(reverse, b"http://h1:9001/y") == b"http://pub/two/y"
    assert mapped(reverse, b"http://elsewhere/only/y") == b"http://pub/any/y"
    assert mapped(reverse, b"http://h2:9002/y") == b"http://pub/app/y"
    assert mapped(reverse, b"http://h3/y") == b"http://h3/y"


def test_H64_a_pair_leads_to_another_host() -> None:
    """
    The first word may be a whole URL.
    """
    _, reverse = live(("https://cdn/x/", "http://h1:9001/"))
    assert mapped(reverse, b"http://h1:9001/y") == b"https://cdn/x/y"


@pytest.mark.parametrize("url", ["balancer://shop", "balancer://SHOP/", "BALANCER://shop"])
def test_H63_a_pair_of_the_own_balancer_knows_every_member(url: str) -> None:
    """
    Those that are added while it runs too, and no longer those that are gone.
    """
    own, reverse = live(("/pub", url))
    assert mapped(reverse, b"http://h2:9002/y") == b"http://pub/pub/y"
    assert mapped(reverse, b"http://h3:9003/y") == b"http://h3:9003/y"
    own.install([own.members[0], Member(MemberSpec("http://h3:9003"))])
    assert mapped(reverse, b"http://h3:9003/y") == b"http://pub/pub/y"
    assert mapped(reverse, b"http://h2:9002/y") == b"http://h2:9002/y"


def test_H63_a_pair_of_another_balancer_with_a_path() -> None:
    """
    Any balancer may be named; its path is part of what has to fit.
    """
    other = balancer("http://o1", "http://o2/base")
    _, reverse = live(("/pub", "balancer://other/bar"), others={"other": other})
    assert mapped(reverse, b"http://o1/bar/y") == b"http://pub/pub/y"
    assert mapped(reverse, b"http://o2/base/bar/y") == b"http://pub/pub/y"
    assert mapped(reverse, b"http://o1/y") == b"http://o1/y"
    other.install([Member(MemberSpec("http://o3"))])
    assert mapped(reverse, b"http://o3/bar/y") == b"http://pub/pub/y"


def test_an_encoded_mount_is_mapped_back_with_its_escapes() -> None:
    """
    The path of C{mapping = encoded} is one already: its escapes are not escaped again.
    """
    spec = MountSpec("m", "/a%3Fb%2Fc%C3%A9", ToBalancer("n"), mapping="encoded")
    rewritten = ReverseMap(mount_rules(spec, MEMBERS)).rewrite(b"http://h1:9001/x", b"http", b"pub")
    assert rewritten == b"http://pub/a%3Fb%2Fc%C3%A9/x"


def test_H65_several_rules_and_several_lines() -> None:
    """
    The first rule that fits counts, for each attribute by itself.
    """
    domains = (DOMAIN, (b"int", b"second"), (b"int.example", b"never"))
    paths = (PATH, (b"/", b"/all"))
    assert rewrite_cookie(b"a=1; Domain=int.example; Path=/x", domains, paths) == (
        b"a=1; Domain=pub.example; Path=/all"
    )
    assert rewrite_cookie(b"a=1; Domain=int; Path=/app", domains, paths) == (
        b"a=1; Domain=second; Path=/pub"
    )


def test_who_has_nothing_to_map_back() -> None:
    """
    Without pairs and without C{reverse} there is no map to look into.
    """
    assert may_reverse(MountSpec("m", "/m", ToBalancer("n"), reverse=True))
    assert may_reverse(
        MountSpec("m", "/m", ToBalancer("n"), reverse=False, proxypassreverse=(("/", "/"),))
    )
    assert not may_reverse(MountSpec("m", "/m", ToBalancer("n"), reverse=False))
