"""
C{location} conditions.
"""

from __future__ import annotations

import pytest

from txbalancer.core.conditions import compile_condition
from txbalancer.core.locations import compile_location, is_glob_path
from txbalancer.core.mounts import Mount, MountTable
from txbalancer.core.specs import Condition, FixedStatus, MountSpec
from txbalancer.errors import ClientError
from txbalancer.testing import FakeRequest


def location(*allowed: str) -> Condition:
    return Condition("location", "", allowed)


@pytest.mark.parametrize(
    ("word", "fits", "others"),
    [
        ("/a", ["/a", "/a/", "/a/b"], ["/ab", "/", "/b/a"]),
        ("/a/", ["/a/", "/a/b"], ["/a", "/ab"]),
        ("//a//b", ["/a/b", "/a/b/c"], ["/a"]),
        ("/", ["/", "/a"], []),
        ("/a*/b", ["/a/b", "/axy/b"], ["/a/b/c", "/a/x/b", "/x/a/b"]),
        ("/a?", ["/ab", "/ac"], ["/a", "/a/", "/abc"]),
        ("/[ab]", ["/a", "/b"], ["/c", "/ab", "/"]),
        ("/[!ab]c", ["/cc", "/xc"], ["/ac", "//c"]),
        ("/[^ab]c", ["/cc"], ["/ac"]),
        ("/[a-c]", ["/b"], ["/-", "/d"]),
        ("/[&~]", ["/&"], ["/a"]),
        (r"/\**", ["/*x"], ["/x"]),
        ("~^/a", ["/a", "/ab", "/a\nb"], ["/b"]),
        ("~^/a.*b$", ["/a\nb"], ["/b"]),
        ("~b", ["/a/b"], ["/a"]),
    ],
)
def test_a_word_is_one_of_location(word: str, fits: list[str], others: list[str]) -> None:
    """
    Prefixes end at slashes, globs are for whole paths and do not cross slashes, regular
    expressions are searched and see line breaks.
    """
    test = compile_location(location(word))
    assert [path for path in fits if not test(path.encode())] == []
    assert [path for path in others if test(path.encode())] == []


def test_of_several_words_all_must_match() -> None:
    """
    A request is in all sections at once or not.
    """
    test = compile_location(location("/a", "~b$"))
    assert test(b"/a/b")
    assert not test(b"/a/c")
    assert not test(b"/b")


@pytest.mark.parametrize("word", ["a", "~(", "", "*"])
def test_what_is_no_path_is_refused(word: str) -> None:
    """
    A word that could never match is a fault.
    """
    with pytest.raises(ValueError, match=r"neither a path|not a regular expression"):
        compile_location(location(word))


def test_globs_are_told_from_prefixes() -> None:
    """
    An opening bracket alone is no glob.
    """
    assert is_glob_path("/a[bc]")
    assert not is_glob_path("/a[bc")


def test_as_a_plain_condition_it_sees_the_normal_path() -> None:
    """
    Outside of a table of mounts too, no spelling of a path gets by.
    """
    holds = compile_condition(location("/a"))
    assert holds(FakeRequest(path=b"/x/..//%61/b"))
    assert not holds(FakeRequest(path=b"/b"))


def table(*specs: MountSpec) -> MountTable:
    return MountTable(Mount(spec, order) for order, spec in enumerate(specs))


def found(mounts: MountTable, path: str) -> str | None:
    result = mounts.find(FakeRequest(path=path.encode()))
    return result[0].spec.label if result else None


def test_lookup_takes_the_first_that_fits() -> None:
    """
    A condition only narrows a mount, whether it is found by its prefix or walked to.
    """
    mounts = table(
        MountSpec("deep", "/", FixedStatus(200), (location("/a/b"),)),
        MountSpec("slash", "/", FixedStatus(200), (location("/c/"),)),
        MountSpec("regex", "/", FixedStatus(200), (location("~x$"),)),
        MountSpec("both", "/d", FixedStatus(200), (location("/d/e", "~y"),)),
        MountSpec("wide", "/d", FixedStatus(200), (location("/"),)),
        MountSpec("match", "", FixedStatus(200), (location("/m"),), match="^/m.*z"),
        MountSpec("rest", "/", FixedStatus(200)),
    )
    wanted = {
        "/a/b": "deep",
        "/a/b/c": "deep",
        "/a//b": "deep",
        "/a/bc": "rest",
        "/c": "rest",
        "/c/": "slash",
        "/qx": "regex",
        "/d/e/y": "both",
        "/d/e/z": "wide",
        "/d": "wide",
        "/m/z": "match",
        "/mz": "rest",
    }
    assert {path: found(mounts, path) for path in wanted} == wanted


def test_paths_are_remembered_with_location_conditions_too() -> None:
    """
    They only look at the path: the answer for one stays the same.
    """
    mounts = table(
        MountSpec("a", "/", FixedStatus(200), (location("/a"),)),
        MountSpec("rest", "/", FixedStatus(200)),
    )
    for _ in range(2):
        assert found(mounts, "/a") == "a"
        assert found(mounts, "/b") == "rest"
    request = FakeRequest(path=b"/a")
    assert mounts.find(request) is mounts.find(request)


def test_H57_an_encoded_slash_does_not_get_past_a_section() -> None:
    """
    `/admin%2Fx` is `/admin/x` for some members: it is refused where that is another mount.
    """
    mounts = table(
        MountSpec("in", "/", FixedStatus(403), (location("/admin"),), encodedslashes="on"),
        MountSpec("rest", "/", FixedStatus(200), encodedslashes="nodecode"),
    )
    with pytest.raises(ClientError):
        mounts.find(FakeRequest(path=b"/admin%2Fx"))
    assert found(mounts, "/other%2Fx") == "rest"


def test_many_sections_cost_a_request_the_same() -> None:
    """
    A mount is found by the prefix in its condition, not by a walk.
    """
    mounts = table(
        *(MountSpec(f"{n}", "/", FixedStatus(200), (location(f"/s{n}"),)) for n in range(5000)),
        MountSpec("rest", "/", FixedStatus(200)),
    )
    asked = 0

    def counted(path: bytes) -> bool:
        nonlocal asked
        asked += 1
        return False

    for mount in mounts.mounts[:4999]:
        mount.locations = (counted,)
    assert found(mounts, "/s4999/x") == "4999"
    assert asked == 0
