"""
Specs: options carry what the loader, the printer and the manual need.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import specs, values
from txbalancer.core.specs import BalancerSpec, ListenerSpec, MemberSpec, MountSpec, StickyNames

EVERY = (specs.GlobalSpec, ListenerSpec, BalancerSpec, MemberSpec, MountSpec)


@pytest.mark.parametrize("spec", EVERY)
def test_both_defaults_are_values_of_their_kind(spec: type) -> None:
    """
    Ours and Apache's defaults can both be written, and mean themselves.
    """
    for _, option in specs.options(spec):
        for value in (option.modern, option.apache):
            if value is not None:
                assert option.parse(option.kind.show(value)) == value, option.name


def test_names_of_options() -> None:
    """
    The key is the attribute with dashes; Apache's names have none to begin with.
    """
    named = dict(specs.options(BalancerSpec))
    assert named["stickycookie_secret"].name == "stickycookie-secret"
    assert named["stickycookie_secret"].secret
    assert named["failontimeout"].name == "failontimeout"
    assert "name" not in named
    assert named["lbmethod"].names == "lbmethods"


def test_defaults_where_apaches_hurt() -> None:
    """
    One connect failure does not cost a minute here, and does in Apache syntax.
    """
    apache = specs.apache_defaults(MemberSpec)
    modern = MemberSpec("http://h")
    assert (modern.retry, modern.maxfails, modern.hcfails, modern.hcinterval) == (10, 3, 3, 5)
    assert (apache["retry"], apache["maxfails"], apache["hcfails"]) == (60, 1, 1)
    assert apache["hcinterval"] == 30
    assert apache["lbset"] == modern.lbset
    assert MemberSpec("http://h", **apache).sslproxyverify == "none"


def test_an_option_may_have_a_name_of_its_own() -> None:
    """
    Where a key cannot be an attribute, the option says its name.
    """

    @dataclass(frozen=True, slots=True)
    class Odd:
        class_: bool = specs.option(values.flag, True, "Odd.", name="class")

    (found,) = specs.options(Odd)
    assert (found[0], found[1].name, found[1].apache) == ("class_", "class", True)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("JSESSIONID|jsessionid", StickyNames("JSESSIONID", "jsessionid")),
        ("ROUTEID", StickyNames("ROUTEID", "ROUTEID")),
    ],
)
def test_B2_sticky_names(text: str, names: StickyNames) -> None:
    """
    One name serves for both, or each has its own.
    """
    assert specs.sticky_names(text) == names
    assert specs.sticky_names.show(names) == text


@pytest.mark.parametrize("text", ["", "a|", "|b", "a b", "a;b", "a|b|c", "a=b", "x" * 64, "a\x01"])
def test_B2_bad_sticky_names(text: str) -> None:
    """
    Names that no cookie can have are refused, where Apache cuts or misreads them.
    """
    with pytest.raises(ValueError, match="must be NAME or COOKIE"):
        specs.sticky_names(text)


def test_secrets() -> None:
    """
    One or two secrets, and never one in the message.
    """
    one, two = "x" * 16, "y" * 16
    assert specs.secrets("") == ()
    assert specs.secrets(f"{one} {two}") == (one, two)
    for text in ("hunter2", f"{one} {two} {one}"):
        with pytest.raises(ValueError, match="one or two secrets") as caught:
            specs.secrets(text)
        assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["source", "uri", "path", "header:X-Y", "cookie:a", "query:q"])
def test_hash_keys(text: str) -> None:
    """
    Six kinds of keys.
    """
    assert specs.hash_key(text) == text


@pytest.mark.parametrize("text", ["", "ip", "source:x", "header", "header:", "cookie"])
def test_bad_hash_keys(text: str) -> None:
    """
    A name is needed where there is one to give, and nowhere else.
    """
    with pytest.raises(ValueError, match=re.escape(f"{text!r} must be source, uri, path")):
        specs.hash_key(text)


def test_pairs() -> None:
    """
    Two words, which may be in quotes; in a cookie's attribute without a semicolon.
    """
    assert specs.pair("a  b") == ("a", "b")
    assert specs.pair('"a c" b;c') == ("a c", "b;c")
    for text in ("a", "a b c", "a \x01"):
        with pytest.raises(ValueError, match="must be two words: INTERNAL PUBLIC"):
            specs.pair(text)
    assert specs.cookie_pair("a b") == ("a", "b")
    with pytest.raises(ValueError, match="b;c"):
        specs.cookie_pair("a b;c")


def test_workers() -> None:
    """
    A number of processes, or as many as there are cores, and no more than make sense.
    """
    assert [specs.workers(text) for text in ("0", "4", "auto", "Auto")] == [0, 4, -1, -1]
    for text in ("-1", "513", "many"):
        with pytest.raises(ValueError, match=text):
            specs.workers(text)


@given(st.sampled_from(EVERY), st.text())
def test_any_text_is_read_or_refused(spec: type, text: str) -> None:
    """
    No option fails on odd text other than by refusing it, and what it reads can be shown.
    """
    for _, option in specs.options(spec):
        try:
            value = option.parse(text)
        except ValueError as error:
            shown = str(error)
        else:
            shown = option.kind.show(value)
        assert isinstance(shown, str)
