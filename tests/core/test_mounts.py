"""
URL rules: first match in file order, mapping of paths, APACHE items H50 to H58.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.heads import FakeRequest
from txbalancer.core import mounts as mounts_module
from txbalancer.core.mounts import Mount, MountTable, literal_start
from txbalancer.core.specs import (
    Condition,
    MemberSpec,
    MountSpec,
    NotProxied,
    Target,
    ToBalancer,
    ToMember,
)
from txbalancer.errors import ClientError


def balancer(path: str = "") -> ToBalancer:
    """
    Target a balancer, with a path.
    """
    return ToBalancer("n", path)


def member(path: str = "") -> ToMember:
    """
    Target one member, with a path.
    """
    return ToMember(MemberSpec(f"http://h:1{path}", host="h", port=1, path=path))


def table(*specs: MountSpec) -> MountTable:
    """
    Compile mounts in the given order.
    """
    return MountTable(Mount(spec, order) for order, spec in enumerate(specs))


def rule(path: str, target: Target, **options: Any) -> MountSpec:
    """
    Make a prefix mount.
    """
    return MountSpec(path, path, target, **options)


def match(pattern: str, target: Target, **options: Any) -> MountSpec:
    """
    Make a mount by regular expression.
    """
    return MountSpec(pattern, "", target, match=pattern, **options)


def mapped(spec: MountSpec, path: bytes) -> bytes | None:
    """
    Return the path that goes on, C{None} when the mount does not take it.
    """
    found = table(spec).find(FakeRequest(path))
    return found[1] if found else None


@pytest.mark.parametrize(
    ("prefix", "path", "taken"),
    [
        ("/a", b"/a", True),
        ("/a", b"/a/", True),
        ("/a", b"/a/b", True),
        ("/a", b"/ab", False),
        ("/a", b"/A", False),
        ("/a/", b"/a", False),
        ("/a/", b"/a/", True),
        ("/a/", b"/a/b", True),
        ("/a//b", b"/a/b/c", True),
        ("/a/b", b"/a//b", True),
        ("/", b"/", True),
        ("/", b"/x", True),
        ("/a", b"/%61/b", True),
        ("/a", b"/x/../a/b", True),
        ("/a b", b"/a%20b/c", True),
        ("/longer/than/the/path", b"/a", False),
    ],
)
def test_H51_prefix(prefix: str, path: bytes, taken: bool) -> None:
    """
    A prefix ends at a slash; paths compare decoded and normalised, case counts.
    """
    assert (table(rule(prefix, balancer())).find(FakeRequest(path)) is not None) is taken


@pytest.mark.parametrize(
    ("prefix", "target", "path", "sent"),
    [
        ("/a/", "/x/", b"/a/b", b"/x/b"),
        ("/a", "/x", b"/a", b"/x"),
        ("/a", "/x", b"/a/b", b"/x/b"),
        ("/a/", "/x", b"/a/b", b"/xb"),
        ("/a", "/x/", b"/a/b", b"/x//b"),
        # Apache glues the host to the path and answers 500.
        ("/", "", b"/b", b"/b"),
        ("/a", "", b"/a", b"/"),
        ("/a", "", b"/a/b", b"/b"),
        ("/a", "/x", b"/a/b%20c/%7e", b"/x/b%20c/~"),
        ("/a", "/x y", b"/a/b", b"/x%20y/b"),
    ],
)
def test_H52_mapping_to_a_member(prefix: str, target: str, path: bytes, sent: bytes) -> None:
    """
    The member's path replaces the prefix.
    """
    assert mapped(rule(prefix, member(target)), path) == sent


@pytest.mark.parametrize(
    ("prefix", "target", "path", "sent"),
    [
        ("/a", "", b"/a", b"/"),
        ("/a", "", b"/a/b", b"/b"),
        ("/a", "/", b"/a/b", b"//b"),
        ("/a", "/p", b"/a/b", b"/p/b"),
        ("/", "/", b"/b", b"/b"),
        ("/", "", b"/b", b"/b"),
        ("/a/", "/", b"/a/b", b"/b"),
        ("/a/", "", b"/a/b", b"/b"),
    ],
)
def test_H53_mapping_to_a_balancer(prefix: str, target: str, path: bytes, sent: bytes) -> None:
    """
    The balancer's path replaces the prefix; members' base paths come later.
    """
    assert mapped(rule(prefix, balancer(target)), path) == sent


def test_H54_exclusion() -> None:
    """
    An exclusion works before what it excludes from, and not after.
    """
    found = table(rule("/a/no", NotProxied()), rule("/a", balancer())).find(FakeRequest(b"/a/no/x"))
    assert found is not None
    assert found[0].spec.target == NotProxied()
    found = table(rule("/a", balancer()), rule("/a/no", NotProxied())).find(FakeRequest(b"/a/no/x"))
    assert found is not None
    assert found[0].spec.target == balancer()


@pytest.mark.parametrize(
    ("pattern", "target", "path", "sent"),
    [
        (r"\.png", balancer(), b"/d/x.png", b"/d/x.png"),
        (r"\.png$", balancer("/p"), b"/d/x.png", b"/p/d/x.png"),
        (r"^/(.*\.gif)$", member("/$1"), b"/d/x.gif", b"/d/x.gif"),
        (r"^/(\w+)/(\w+)", balancer("/$2/$1"), b"/a/b", b"/b/a"),
        (r"^/a(/.*)?$", balancer("/b$1"), b"/a", b"/b"),
        (r"^/a(/.*)?$", balancer("$1"), b"/a/c", b"/c"),
        (r"^/a(.*)$", balancer("$1"), b"/a", b"/"),
        (r"^/a", balancer("/x$0y"), b"/a", b"/x/ay"),
        (r"^/(.*)$", balancer("/p q/$1"), b"/a%20b%3Fc", b"/p%20q/a%20b%3Fc"),
        (r"^/b", balancer(), b"/a", None),
        (r"^/A ", balancer(), b"/%41%20x", b"/A%20x"),
    ],
)
def test_H55_match(pattern: str, target: Target, path: bytes, sent: bytes | None) -> None:
    """
    Groups are filled in; without a reference the whole path is appended.
    """
    assert mapped(match(pattern, target), path) == sent


def test_mapping_a_path_that_does_not_match() -> None:
    """
    A path that is not the mount's is not found, rather than mapped.
    """
    with pytest.raises(ClientError) as caught:
        Mount(match("^/b", balancer())).map_path(b"/a")
    assert caught.value.status == 404


def test_match_cannot_make_dot_segments() -> None:
    """
    A group from the middle of a segment does not lead out of the target's path.
    """
    with pytest.raises(ClientError) as caught:
        mapped(match("^/static(.*)$", member("/files/$1")), b"/static../secret")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("mode", "path", "sent"),
    [
        ("off", b"/a/x%2Fy", 404),
        ("off", b"/a/x%5Cy", 404),
        ("off", b"/a/x\\y", 404),
        ("nodecode", b"/a/x%2fy", b"/x%2Fy"),
        ("nodecode", b"/a/x%2Fy%25", b"/x%2Fy%25"),
        ("nodecode", b"/a/%2F/y", b"/%2F/y"),
        ("nodecode", b"/a/%252F%2F", b"/%252F%2F"),
        ("nodecode", b"/a/x%5Cy", b"/x%5Cy"),
        ("on", b"/a/x%2Fy", b"/x/y"),
        ("on", b"/a/x%2F/y", b"/x/y"),
        ("on", b"/a/x%252Fy", b"/x%252Fy"),
        ("on", b"/a/x%5Cy", b"/x%5Cy"),
        ("on", b"/a/..%2fy", 400),
        ("off", b"/a/%00", 404),
        ("off", b"/a/%zz", 400),
        ("off", b"/a/ ", 400),
        ("off", b"/a/#", 400),
    ],
)
def test_H57_encoded_slashes(mode: str, path: bytes, sent: bytes | int) -> None:
    """
    Encoded slashes are refused, decoded or kept, as the mount says.
    """
    spec = rule("/a", balancer(), encodedslashes=mode)
    if isinstance(sent, bytes):
        assert mapped(spec, path) == sent
        return
    with pytest.raises(ClientError) as caught:
        mapped(spec, path)
    assert caught.value.status == sent


@pytest.mark.parametrize("mode", ["on", "nodecode"])
@pytest.mark.parametrize("path", [b"/admin%2Fx", b"/admin%5Cx", b"/admin\\x", b"/%2Fadmin/x"])
def test_encoded_slashes_do_not_get_past_an_exclusion(mode: str, path: bytes) -> None:
    """
    A path that a member may read as that of an earlier mount is refused.
    """
    mounts = table(rule("/admin", NotProxied()), rule("/", balancer("/"), encodedslashes=mode))
    with pytest.raises(ClientError) as caught:
        mounts.find(FakeRequest(path))
    assert caught.value.status == 404


def test_encoded_slash_in_one_segment_of_a_match() -> None:
    """
    A match may take an encoded slash as part of a segment, though other readings are not its own.
    """
    keep = match("^/p/([^/]+)$", balancer("/q/$1"), encodedslashes="nodecode")
    later = rule("/p", NotProxied())
    found = table(keep, later).find(FakeRequest(b"/p/a%2Fb"))
    assert found is not None
    assert found[1] == b"/q/a%2Fb"
    decode = match("^/p/([^/]+)$", balancer("/q/$1"), encodedslashes="on")
    with pytest.raises(ClientError):
        table(decode, later).find(FakeRequest(b"/p/a%2Fb"))


def test_encoded_slash_without_a_mount() -> None:
    """
    Where nothing is mounted an odd path is just not found.
    """
    assert table(rule("/b", balancer())).find(FakeRequest(b"/a%2F")) is None


@pytest.mark.parametrize(
    ("spec", "path", "sent"),
    [
        (rule("/a", balancer(), nocanon=True), b"/a/%7e[x]", b"/%7e[x]"),
        (rule("/a", balancer(), nocanon=True), b"/a/b/../c", b"/b/../c"),
        (rule("/a", member("/x"), nocanon=True), b"/a//b", b"/x//b"),
        (rule("/a", balancer(), nocanon=True), b"/a//", b"//"),
        (rule("/", balancer("/"), nocanon=True), b"/%41", b"/%41"),
        (rule("/a", balancer(), nocanon=True), b"/%61/[", b"/%5B"),
        (rule("/a", balancer(), nocanon=True), b"/b/../a/c", b"/c"),
        (rule("/", member("/x/"), nocanon=True), b"//[", b"/x/%5B"),
        (rule("/a/", member("/x/"), nocanon=True), b"/a//[", b"/x/%5B"),
        (rule("/a", balancer(), nocanon=True, encodedslashes="on"), b"/a/%2f", b"/%2f"),
        (match("^/a/(.*)", balancer("/$1"), nocanon=True), b"/a/%7e", b"/%7e"),
        (match("^/a/(.*)", balancer(), nocanon=True), b"/a/%7e", b"/a/%7e"),
        (match("^/a/(.*)", balancer("/$1"), nocanon=True), b"/%61/%7e", b"/~"),
    ],
)
def test_H58_nocanon(spec: MountSpec, path: bytes, sent: bytes) -> None:
    """
    The path goes on as written, where the raw path is the mount's as well.
    """
    assert mapped(spec, path) == sent


@pytest.mark.parametrize(
    "spec",
    [
        rule("/a", member("/x"), nocanon=True),
        match("^/a(.*)", member("/x$1"), nocanon=True),
    ],
)
@pytest.mark.parametrize("path", [b"/a/../a/b", b"/a/%2e%2e/a/b"])
def test_nocanon_stays_in_the_mount(spec: MountSpec, path: bytes) -> None:
    """
    Raw dot segments that lead out of the target's path are refused.
    """
    with pytest.raises(ClientError) as caught:
        mapped(spec, path)
    assert caught.value.status == 400


@pytest.mark.parametrize("mode", ["off", "nodecode"])
@pytest.mark.parametrize(
    "path", [b"/x/..%2f/../admin", b"/a%2Fb/../admin", b"/a//%2e%2e/admin", b"/a%5Cb/../admin"]
)
def test_nocanon_leaves_no_climb_in_doubt(path: bytes, mode: str) -> None:
    """
    A member that merges slashes, or takes encoded ones for such, must not get to what another
    mount keeps: dots go to no member that may count segments in another way.
    """
    mounts = table(
        rule("/x", balancer(), nocanon=True, encodedslashes=mode),
        rule("/", balancer("/"), nocanon=True, encodedslashes=mode),
    )
    with pytest.raises(ClientError, match="two ways"):
        mounts.find(FakeRequest(path))


def test_identity_costs_no_copy() -> None:
    """
    A mount that changes nothing hands on the very same bytes.
    """
    path = b"/some/path"
    assert mapped(rule("/", balancer("/")), path) is path


def test_conditions_are_judged_with_the_order() -> None:
    """
    The first mount whose path and conditions fit wins, whatever the index looks at first.
    """
    mounts = table(
        rule("/", balancer("/1/"), conditions=(Condition("method", "", ("POST",)),)),
        rule("/", balancer("/2/"), conditions=(Condition("host", "", ("a.example",)),)),
        rule("/", balancer("/3/"), conditions=(Condition("host", "", ("*.example",)),)),
        rule("/", balancer("/4/"), conditions=(Condition("host", "", ("a?example",)),)),
        rule("/", balancer("/5/")),
    )

    def sent(**request: Any) -> bytes:
        found = mounts.find(FakeRequest(b"/x", **request))
        assert found is not None
        return found[1]

    assert sent(method=b"POST", host=b"a.example") == b"/1/x"
    assert sent(host=b"A.example:80") == b"/2/x"
    assert sent(host=b"c.b.example") == b"/3/x"
    assert sent(host=b"a-example") == b"/4/x"
    assert sent(host=b"other") == b"/5/x"


@pytest.mark.parametrize(
    "spec",
    [
        rule("a", balancer()),
        rule("", balancer()),
        match("(", balancer()),
        match("^/", balancer("/$1")),
        rule("/", balancer("/%zz")),
        rule("/", balancer(), conditions=(Condition("client", "", ("here",)),)),
    ],
)
def test_mounts_that_cannot_work(spec: MountSpec) -> None:
    """
    What cannot work is told when the mount is made.
    """
    with pytest.raises(ValueError, match=r"."):
        Mount(spec)


@pytest.mark.parametrize(
    ("pattern", "literal"),
    [
        ("^/a/b", b"/a/b"),
        (r"^/a\.b\-c(.*)", b"/a.b-c"),
        ("^/ab?", b"/a"),
        ("^/ab*", b"/a"),
        ("^/ab{0,2}", b"/a"),
        ("^/ab+", b"/ab"),
        ("^/a$", b"/a"),
        ("^/a[bc]", b"/a"),
        (r"^/a\d", b"/a"),
        ("^/a(b|c)", b"/a"),
        ("^/a|^/b", b""),
        (r"^/a(b)|c", b""),
        (r"^/a\|b", b"/a|b"),
        ("^/a[|]b", b"/a"),
        ("^/a(?#()|b", b""),
        ("^.*", b""),
        ("/a", b""),
        ("(?i)^/a", b""),
        ("^/a\\", b"/a"),
    ],
)
def test_literal_start(pattern: str, literal: bytes) -> None:
    """
    Only what every match starts with is taken as the start.
    """
    assert literal_start(pattern) == literal


@given(st.text("/ab|()[]^\\.?*+$d{1}", max_size=10).map("^".__add__), st.text("/ab|d^", max_size=6))
def test_literal_start_is_sound(pattern: str, path: str) -> None:
    """
    Whatever a pattern matches starts with its literal start.
    """
    try:
        regex = re.compile(pattern)
    except (re.error, FutureWarning):
        return
    if regex.search(path):
        assert path.encode().startswith(literal_start(pattern))


PATHS = st.lists(st.sampled_from(["a", "b", "ab", ""]), max_size=4).map(
    lambda names: "/" + "/".join(names)
)
HOSTS = ["a.example", "b.example", "*.example", "*.a.example", "a*", "*", "x.*.example", "[::1]"]
CONDITIONS = st.one_of(
    st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3).map(
        lambda names: Condition("host", "", tuple(names))
    ),
    st.sampled_from(["GET", "POST"]).map(lambda name: Condition("method", "", (name,))),
)
PATTERNS = st.sampled_from(
    ["^/a", "^/a/(.*)$", "^/ab?", "b$", "^/a|b", "^/(a|b)/", "/b/", "^/b/a", "^/a/b", "^", "^/a/?$"]
)
SPECS = st.builds(
    lambda path, pattern, conditions: MountSpec(
        "m", "" if pattern else path, balancer(), conditions=tuple(conditions), match=pattern
    ),
    PATHS,
    st.one_of(st.just(""), st.just(""), PATTERNS),
    st.lists(CONDITIONS, max_size=2),
)


@given(
    st.lists(SPECS, max_size=12),
    PATHS,
    st.sampled_from([b"a.example", b"b.example:1", b"c.a.example", b"abc", b"[::1]:80", b""]),
    st.sampled_from([b"GET", b"POST"]),
)
def test_H50_lookup_is_a_walk_in_file_order(
    specs: list[MountSpec], path: str, host: bytes, method: bytes
) -> None:
    """
    The index finds exactly what a walk over all mounts finds.
    """
    mounts = table(*specs)
    request = FakeRequest(path.encode(), host=host, method=method)
    normal = re.sub(b"/+", b"/", request.path)
    walked = next(
        (mount for mount in mounts.mounts if mount.takes(normal) and mount.accepts(request)), None
    )
    found = mounts.find(request)
    assert (found[0] if found else None) is walked


@given(
    st.sampled_from(["/", "/a", "/a/"]),
    st.sampled_from(["", "/", "/x", "/x/"]),
    st.text("/a.%2F5Ce", max_size=10),
    st.sampled_from(["off", "on", "nodecode"]),
    st.booleans(),
)
def test_mapped_paths_start_with_a_slash_and_stay(
    prefix: str, target: str, rest: str, mode: str, nocanon: bool
) -> None:
    """
    What goes on starts with a slash, and does not leave the target's path.
    """
    spec = rule(prefix, member(target), encodedslashes=mode, nocanon=nocanon)
    try:
        sent = mapped(spec, (prefix + rest).encode())
    except ClientError:
        return
    if sent is not None:
        assert sent.startswith(b"/")
        assert sent.startswith(target.encode())
        depth = 0
        for segment in sent[len(target) :].replace(b"%2e", b".").split(b"/"):
            depth += {b"..": -1, b".": 0, b"": 0}.get(segment, 1)
            assert depth >= 0


def test_latest_paths_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    A path that came before gives the same answer, and clients cannot fill the memory.
    """
    monkeypatch.setattr(mounts_module, "_MOST_REMEMBERED", 3)
    mounts = MountTable([Mount(MountSpec("a", "/a", ToBalancer("x", "/b")))])
    for path in (b"/a/1", b"/a/2", b"/a/3", b"/a/4", b"/a/" + b"x" * 300):
        first = mounts.find(FakeRequest(path))
        assert first is not None
        assert first[1] == b"/b" + path[2:]
        assert mounts.find(FakeRequest(path)) == first
        assert len(mounts._found) <= 3
    assert mounts.find(FakeRequest(b"/c")) is None
    assert b"/c" not in mounts._found


def test_nothing_is_remembered_where_more_than_the_path_decides() -> None:
    """
    With a condition somewhere, the same path may belong to another mount the next time.
    """
    mounts = MountTable(
        [
            Mount(MountSpec("p", "/", ToBalancer("p"), (Condition("method", "", ("POST",)),)), 0),
            Mount(MountSpec("g", "/", ToBalancer("g")), 1),
        ]
    )
    for method, label in ((b"GET", "g"), (b"POST", "p"), (b"GET", "g")):
        found = mounts.find(FakeRequest(b"/x", method=method))
        assert found is not None
        assert found[0].spec.label == label
    assert not mounts._found


@pytest.mark.parametrize("pattern", [r"^/a[[:alpha:](]|^/b", r"^/a[\](]|^/b", "^/a[(]|^/b"])
def test_an_alternative_behind_a_set(pattern: str) -> None:
    """
    What stands between brackets opens no group: such an expression has no beginning of its own.
    """
    assert literal_start(pattern) == b""
