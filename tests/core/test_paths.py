"""
Normal and canonical paths: APACHE items H51, H56 and H57.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import paths
from txbalancer.errors import ClientError

RAW = st.lists(
    st.sampled_from(
        (
            *(b"/", b"/", b"a", b"B", b".", b"..", b"%2e", b"%2E", b"%2F", b"%5c", b"%41"),
            *(b"%20", b"%25", b"%3B", b"\\", b";", b"~", b"\xe9", b"[", b"%0a"),
        )
    ),
    max_size=12,
).map(lambda parts: b"/" + b"".join(parts))


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        (b"/", b"/"),
        (b"/a/b", b"/a/b"),
        (b"/a//b///c", b"/a/b/c"),
        (b"//a", b"/a"),
        (b"/a/./b", b"/a/b"),
        (b"/a/.", b"/a/"),
        (b"/a/../b", b"/b"),
        (b"/a/b/..", b"/a/"),
        (b"/a/%2e%2E/b", b"/b"),
        (b"/.well-known/x", b"/.well-known/x"),
        (b"/a/...", b"/a/..."),
        (b"/a/.b./..c", b"/a/.b./..c"),
        (b"/%41", b"/A"),
        (b"/a%20b", b"/a b"),
        (b"/%252e", b"/%2e"),
        (b"/a%2Fb%2fc", b"/a\0b\0c"),
        (b"/a%5Cb", b"/a\\b"),
        (b"/a//../b", b"/b"),
    ],
)
def test_H51_normal_form(raw: bytes, normal: bytes) -> None:
    """
    Paths are decoded, slashes merged, dot segments resolved.
    """
    assert paths.normalise(raw) == normal


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"*", 400),
        (b"a/b", 400),
        (b"/%", 400),
        (b"/%4", 400),
        (b"/%zz", 400),
        (b"/a b", 400),
        (b"/a#b", 400),
        (b"/a\r\nb", 400),
        (b"/\x7f", 400),
        (b"/\0", 400),
        (b"/%00", 404),
        (b"/..", 400),
        (b"/../a", 400),
        (b"/a/../../b", 400),
        (b"/%2e%2e/a", 400),
        (b"/a/..%2fb", 400),
        (b"/a%2f../b", 400),
        (b"/a%2f.", 400),
        (b"/a/..\\b", 400),
        (b"/a%5c..%5cb", 400),
        (b"/a/..;/b", 400),
        (b"/a/.;x=1/b", 400),
    ],
)
def test_H57_refused(raw: bytes, status: int) -> None:
    """
    Bad escapes, raw blanks, # and controls, and climbing dots, also in disguise, are refused.
    """
    with pytest.raises(ClientError) as caught:
        paths.normalise(raw)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"/%7E", b"/~"),
        (b"/%41", b"/A"),
        (b"/%3B", b"/;"),
        (b"/%2B", b"/+"),
        (b"/[", b"/%5B"),
        (b"/\xe9", b"/%E9"),
        (b"/%3F", b"/%3F"),
        (b"/%25", b"/%25"),
        (b"/~$-_.+!*'(),;:@&=", b"/~$-_.+!*'(),;:@&="),
        (b"/%0a%01", b"/%0A%01"),
        (b"/a%2fb", b"/a%2Fb"),
        (b"/%c3%a9", b"/%C3%A9"),
    ],
)
def test_H56_canonical_form(raw: bytes, sent: bytes) -> None:
    """
    A path goes on with everything escaped but alphanumerics and a few marks.
    """
    assert paths.canonical(paths.normalise(raw)) == sent


def test_H56_plain_paths_are_not_copied() -> None:
    """
    The usual path costs no new object.
    """
    path = b"/shop/cart;v=1/items"
    assert paths.normalise(path) is path
    assert paths.canonical(path) is path


@given(RAW)
def test_normal_paths_are_safe(raw: bytes) -> None:
    """
    Whatever is sent, a normal path has no dot segment and no double slash under any reading.
    """
    try:
        normal = paths.normalise(raw)
    except ClientError:
        return
    assert normal.startswith(b"/")
    assert b"//" not in normal
    reading = normal.replace(b"\0", b"/").replace(b"\\", b"/")
    names = [segment.partition(b";")[0] for segment in reading.split(b"/")]
    assert b"." not in names
    assert b".." not in names


@given(RAW)
def test_canonical_is_a_fixed_point(raw: bytes) -> None:
    """
    What is sent would be routed as it was: normalising it gives the same normal path.
    """
    try:
        normal = paths.normalise(raw)
    except ClientError:
        return
    sent = paths.canonical(normal)
    assert paths.normalise(sent) == normal
    assert paths.canonical(paths.normalise(sent)) == sent


@given(st.binary().filter(lambda path: b"\0" not in path))
def test_canonical_decodes_back(path: bytes) -> None:
    """
    Encoding loses nothing and leaves only plain characters and escapes.
    """
    sent = paths.canonical(path)
    assert unquote_to_bytes(sent) == path
    assert not sent.translate(None, paths.PLAIN + b"%")


@pytest.mark.parametrize(("path", "hides"), [(b"/a", False), (b"/a\0b", True), (b"/\\", True)])
def test_hides_slash(path: bytes, hides: bool) -> None:
    """
    Encoded slashes and backslashes are both noticed.
    """
    assert paths.hides_slash(path) is hides
