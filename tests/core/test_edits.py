"""
Header and RequestHeader, as they are written: read strictly, written back the same.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.editor import list_items
from txbalancer.core.edits import ACTIONS, HeaderEdit, edit, edits, split_words

TEXT = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="%\\"), max_size=20
).filter(lambda text: not text.lower().startswith("expr="))
VALUES = st.builds(
    "".join,
    st.lists(st.sampled_from(["%{REMOTE_ADDR}e", "%{HTTPS}s", "%t", "%%", "\\\\", "\t"]) | TEXT),
).filter(lambda text: not text.lower().startswith("expr="))


@given(
    st.sampled_from(ACTIONS),
    st.sampled_from(["X-A", "Set-Cookie", "Host"]),
    VALUES,
    st.booleans(),
    st.sampled_from(["", "HTTPS", "!BALANCER_ROUTE_CHANGED"]),
    st.sampled_from(["a b", '"', "\\d+'", "^x$"]),
)
def test_a_change_is_written_as_it_is_read(action, name, value, always, env, pattern) -> None:
    """
    What is shown is read back as the same change, whatever is in its value.
    """
    if action == "unset":
        value = ""
    pattern = pattern if action in ("edit", "edit*") else ""
    value = value.replace("$", "")
    made = HeaderEdit(action, name, value, always, env, pattern)
    assert edit(edit.show(made)) == made
    assert edits(edits.show((made, made))) == (made, made)


def test_S31_the_recipe_is_read_word_for_word() -> None:
    """
    The line that everybody has for sticky sessions.
    """
    text = 'add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED'
    assert edit(text) == HeaderEdit(
        "add",
        "Set-Cookie",
        "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/",
        env="BALANCER_ROUTE_CHANGED",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SET X-A b", HeaderEdit("set", "X-A", "b")),
        ("onsuccess set X-A: b", HeaderEdit("set", "X-A", "b")),
        ("Always unset X-A env=!HTTPS", HeaderEdit("unset", "X-A", "", True, "!HTTPS")),
        ("set X env=b", HeaderEdit("set", "X", "env=b")),
        ("set X early", HeaderEdit("set", "X", "early")),
        ('set X ""', HeaderEdit("set", "X", "")),
        (r'set X "a \"b\" \\ c"', HeaderEdit("set", "X", 'a "b" \\ c')),
        (r"set X 'a \'b\' c'", HeaderEdit("set", "X", "a 'b' c")),
        ("unset Keep-Alive", HeaderEdit("unset", "Keep-Alive")),
        (
            "edit Location ^http:(.*) https:$1",
            HeaderEdit("edit", "Location", "https:$1", pattern="^http:(.*)"),
        ),
    ],
)
def test_changes_are_read(text, expected) -> None:
    """
    Words in quotes, colons behind names, conditions.
    """
    assert edit(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "no action"),
        ("sett X a", "did you mean set"),
        ("echo X", "not available"),
        ("note X a", "not available"),
        ("set", "not a token"),
        ("set X: : a", "must be env="),
        ("set X", "NAME and VALUE"),
        ("unset X a", "must be env="),
        ("edit X a", "NAME PATTERN VALUE"),
        ("set X a b", "in quotes"),
        ("set X a b env=HTTPS", "in quotes"),
        ("set X a early", "early"),
        ("set X a expr=true", "expr="),
        ("set X expr=true", "expr="),
        ("set X a env=FOO", "no variable 'FOO'"),
        ('set X "a', "not closed"),
        ("set X %q", "not available"),
        ("set X 100%", "not available"),
        ("set X %{HTTPS}", "must be"),
        ("set X %{HTTPS", "must be"),
        ("set X %{SSL_CLIENT_X}s", "no variable"),
        ("set X %{BALNCER_NAME}e", "did you mean BALANCER_NAME"),
        (r"set X a\nb", "line ends"),
        ("set X a\x01b", "control character"),
        ("set Content-Length 3", "one connection"),
        ("unset Transfer-Encoding", "one connection"),
        ("set Connection close", "one connection"),
        ("edit X ( b", "regular expression"),
        ("edit X a{99999999999} b", "regular expression"),
        (f"edit X {'(' * 3000}{')' * 3000} b", "regular expression"),
        ("edit X a $1", "0 groups"),
        ('edit X "" b', "groups"),
    ],
)
def test_what_cannot_be_is_said(text, hint) -> None:
    """
    Each fault has its reason.
    """
    with pytest.raises(ValueError, match=re.escape(hint)):
        edit(text)


def test_words_are_split_as_apache_does() -> None:
    """
    Quotes only count at the beginning of a word; backslashes stand for themselves elsewhere.
    """
    assert split_words(r"""  a"b 'c d'"e" \x \\ "\d" """) == ['a"b', "c d", "e", r"\x", "\\", r"\d"]


def test_words_are_split_in_no_time() -> None:
    """
    A quote that is not closed is told at once, however many backslashes are behind it.
    """
    with pytest.raises(ValueError, match="a quote is not closed"):
        split_words('"' + "\\" * 5000)
    assert split_words('"' + "\\" * 5000 + '"') == ["\\" * 2500]


def test_a_value_is_split_at_commas_outside_of_quotes() -> None:
    """
    As in Apache a quote that is not closed, as clients may send it, lasts until the end.
    """
    assert list_items(rb'a , "b, \"c" d, e') == [b"a", rb'"b, \"c" d', b"e"]
    assert list_items(rb'a, "b, c\"') == [b"a", rb'"b, c\"']
    assert list_items(b'"a, \\') == [b'"a, \\']
