"""
mapping = encoded and servlet: what is taken, and what goes on (APACHE H58, D19).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.heads import FakeRequest
from txbalancer.core.encoded import normalise_encoded
from txbalancer.core.mounts import Mount, MountTable
from txbalancer.core.specs import Condition, MountSpec, NotProxied, Redirect, ToBalancer, ToManager
from txbalancer.errors import ClientError


def table(*rules: tuple[str, str, str], **options) -> MountTable:
    """
    Make a table of (path, target path or !, mapping).
    """
    return MountTable(
        Mount(
            MountSpec(
                path,
                path,
                NotProxied() if to == "!" else ToBalancer("n", to),
                mapping=mapping,
                **options,
            ),
            order,
        )
        for order, (path, to, mapping) in enumerate(rules)
    )


def found(mounts: MountTable, path: bytes) -> bytes | None:
    """
    Return the path that goes on, or C{None} when no mount takes it.
    """
    result = mounts.find(FakeRequest(path))
    return result and result[1]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/special%3Fsegment/x", b"/sp/x"),
        (b"/special%3Fsegment", b"/sp"),
        (b"/special%3Fsegmentx", None),
        (b"/%73pecial%3Fsegment/x", b"/sp/x"),
        # One escape, whatever the case of its digits; to Apache these are two.
        (b"/special%3fsegment", b"/sp"),
        (b"/enc/a%20b", b"/enc/a%20b"),
        (b"/enc/%41%7e", b"/enc/A~"),
        (b"/enc/a%3b", b"/enc/a%3B"),
        (b"/enc//x", b"/enc/x"),
        (b"//enc/x", b"/enc/x"),
        (b"/%65nc/x", b"/enc/x"),
        (b"/enc/./x", b"/enc/x"),
        (b"/enc/../enc/x", b"/enc/x"),
        (b"/enc/%2e%2e/n/x", None),
        (b"/enc/[x]", b"/enc/[x]"),
        (b"/enc;p=1/x", None),
        (b"/encs", None),
        (b"/encs/%25", b"/t/%25"),
    ],
)
def test_H58_encoded(path, expected) -> None:
    """
    Compared with the path as the client wrote it, in which escapes stay.
    """
    mounts = table(
        ("/special%3Fsegment", "/sp", "encoded"),
        ("/enc", "/enc", "encoded"),
        ("/encs/", "/t/", "encoded"),
    )
    assert found(mounts, path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/some/path", b"/srv"),
        (b"/some;foo/path", b"/srv"),
        (b"/some;foo/path;x=1/b;c", b"/srv;x=1/b;c"),
        (b"/some/path/b;c=1/d", b"/srv/b;c=1/d"),
        (b"/some/path/%3Bx", b"/srv/%3Bx"),
        (b"/some;a;b/path", b"/srv"),
        (b"/some//path/x", b"/srv/x"),
        (b"/some/./path/x", b"/srv/x"),
        (b"/some/x/../path/y", b"/srv/y"),
        (b"/some%3Bfoo/path", None),
        (b"/some/pathx", None),
        (b"/app/;/x", b"/app/;/x"),
        (b"/;x/app/y", b"/app/y"),
        (b"/;/;x/app/y", b"/app/y"),
        (b"/app/x%20y", b"/app/x%20y"),
        # The session is kept, which Apache drops here alone.
        (b"/app;jsessionid=1", b"/app;jsessionid=1"),
        (b"/app/x;p//y", b"/app/x;p/y"),
        (b"/dir;x/y", b"/d/y"),
        (b"/dir;x", None),
        (b"/a/b", None),
    ],
)
def test_H58_servlet(path, expected) -> None:
    """
    Parameters do not count in the prefix, as to servlets; the rest has them still.
    """
    mounts = table(
        ("/some/path", "/srv", "servlet"), ("/app", "/app", "servlet"), ("/dir/", "/d/", "servlet")
    )
    assert found(mounts, path) == expected


@pytest.mark.parametrize("path", [b"/app/..;/n", b"/app/a/..;x/b", b"/app/.;/b", b"/app/%2e%2e;/n"])
@pytest.mark.parametrize("mapping", ["normal", "encoded", "servlet"])
def test_H58_dots_with_parameters_go_nowhere(path, mapping) -> None:
    """
    What Tomcat takes for C{..} is no segment to others: refused, so that nobody is misled.
    """
    with pytest.raises(ClientError, match="hidden dot segment"):
        found(table(("/", "/", mapping)), path)


@pytest.mark.parametrize(
    "path", [b"/admin", b"/admin;x", b"/admin;x/y", b"/;/admin", b"/;a/;b/admin;c/d", b"//admin;"]
)
def test_an_exclusion_for_servlets_cannot_be_got_round(path) -> None:
    """
    With mapping = servlet a C{!} holds for every way to write the path to a servlet.
    """
    mounts = table(("/admin", "!", "servlet"), ("/", "/", "servlet"))
    result = mounts.find(FakeRequest(path))
    assert result is not None
    assert isinstance(result[0].spec.target, NotProxied)


@pytest.mark.parametrize(
    ("path", "guarded"),
    [
        (b"/admin", True),
        (b"/admin;x", True),
        (b"/;a/admin;b=c/d", True),
        (b"//admin;x/..a", True),
        (b"/%61dmin;%2fx", True),
        (b"/x;/../admin;", True),
        (b"/admin%3bx", False),
        (b"/administrator;/admin", False),
    ],
)
def test_a_location_for_servlets_cannot_be_got_round(path, guarded) -> None:
    """
    A C{location} condition looks at paths as a servlet reads them: without parameters, of which
    an escaped semicolon is none.
    """
    within = (Condition("location", "", ("/admin",)),)
    options = {"mapping": "servlet", "encodedslashes": "nodecode"}
    inner = MountSpec("in", "/", ToBalancer("n"), within, **options)
    outer = MountSpec("out", "/", ToBalancer("n"), **options)
    result = MountTable((Mount(inner, 0), Mount(outer, 1))).find(FakeRequest(path))
    assert result is not None
    assert (result[0].spec is inner) is guarded


def test_mounts_of_all_mappings_are_tried_in_file_order() -> None:
    """
    The first that takes a path wins, whatever it looks at.
    """
    mounts = table(
        ("/a", "/1", "normal"),
        ("/a;x", "/2", "encoded"),
        ("/a", "/3", "servlet"),
        ("/", "/4", "normal"),
    )
    assert [found(mounts, path) for path in (b"/a/b", b"/a;x/b", b"/a;y/b", b"/c")] == [
        b"/1/b",
        b"/2/b",
        b"/3;y/b",
        b"/4c",
    ]


def test_encoded_slashes_go_on_only_if_wanted() -> None:
    """
    C{encodedslashes} holds here too (H57).
    """
    rule = ("/e", "/t", "encoded")
    with pytest.raises(ClientError, match="encoded slash"):
        found(table(rule), b"/e/a%2fb")
    assert found(table(rule, encodedslashes="nodecode"), b"/e/a%2fb") == b"/t/a%2Fb"
    assert found(table(rule, encodedslashes="on"), b"/e/a%2fb") == b"/t/a/b"


def test_conditions_hold_too() -> None:
    """
    A mapping changes nothing about what else is demanded.
    """
    spec = MountSpec(
        "m", "/e", ToBalancer("n", "/t"), (Condition("method", "", ("GET",)),), mapping="encoded"
    )
    mounts = MountTable([Mount(spec)])
    assert found(mounts, b"/e/x") == b"/t/x"
    assert mounts.find(FakeRequest(b"/e/x", method=b"PUT")) is None


def test_a_match_sees_what_the_client_wrote() -> None:
    """
    C{match} with encoded works on escapes; for servlets it is refused.
    """
    spec = MountSpec("m", "", ToBalancer("n", "/t/$1"), match="^/(.*)%3F$", mapping="encoded")
    assert found(MountTable([Mount(spec)]), b"/a%20b%3f") == b"/t/a%20b"
    with pytest.raises(ValueError, match="takes a path"):
        Mount(MountSpec("m", "", ToBalancer("n"), match="^/", mapping="servlet"))
    with pytest.raises(ValueError, match="pages of the service"):
        Mount(MountSpec("m", "/m", ToManager(), mapping="encoded"))
    with pytest.raises(ValueError, match="redirect"):
        Mount(MountSpec("m", "", Redirect(302, "/x"), match="^/", mapping="encoded"))


def test_a_redirect_gets_the_rest() -> None:
    """
    What follows the prefix, and no more.
    """
    mount = Mount(MountSpec("m", "/old%3F", Redirect(302, "/new"), mapping="encoded"))
    assert mount.location(FakeRequest(b"/old%3F/a%20b")) == b"/new/a%20b"


@given(
    st.lists(st.sampled_from(["/", "a", "%41", "%2e", ".", ";", "%3B", "//", "%2f", "[", "%c3"]))
)
def test_the_form_is_its_own(parts) -> None:
    """
    A second time nothing changes, and no dots are left.
    """
    raw = ("/" + "".join(parts)).encode()
    try:
        once = normalise_encoded(raw)
    except ClientError:
        return
    assert normalise_encoded(once) == once
    assert b"/../" not in once + b"/"
