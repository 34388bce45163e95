"""
Kinds of values: what is read, what is refused, and that showing is the inverse of reading.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core import flags, values
from txbalancer.core.values import Kind


def refuses(kind: Kind[Any], text: str, fault: str) -> None:
    """
    Assert that a kind refuses a text with just this message.
    """
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
        kind(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("5", 5),
        ("1.5", 1.5),
        ("500ms", 0.5),
        (" 30 s ", 30),
        ("1min", 60),
        ("2mi", 120),
        ("1.5h", 5400),
        ("1d", 86400),
    ],
)
def test_X1_durations_have_units(text: str, seconds: float) -> None:
    """
    A unit is read, and a bare number is seconds.
    """
    assert values.duration()(text) == seconds


def test_bare_numbers_may_mean_milliseconds() -> None:
    """
    A kind may give bare numbers another unit, as acquire does (W14).
    """
    kind = values.duration(0.001, bare=0.001)
    assert kind("5") == 0.005
    assert kind("5s") == 5
    assert kind.allowed == "duration, 1ms or more; a bare number is in milliseconds"
    assert values.duration().allowed == "duration, 0 or more"


@pytest.mark.parametrize("text", ["", "x", "5m", "5us", "-1", "1e3", "1,5s", ".5", "٣", "1" * 16])
def test_X2_what_is_no_duration(text: str) -> None:
    """
    Junk is refused instead of read up to its first letter.
    """
    refuses(
        values.duration(),
        text,
        f"{text!r} is not a duration: use a number with ms, s, min, h or d, as 30s or 5min",
    )


def test_durations_have_a_range() -> None:
    """
    The message tells both ends.
    """
    refuses(values.duration(0.01, 60.0), "5ms", "'5ms' is out of range: 10ms to 1min")
    refuses(values.duration(0.01, 60.0), "2min", "'2min' is out of range: 10ms to 1min")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0"),
        (0.0005, "0.5ms"),
        (0.25, "250ms"),
        (1.5, "1500ms"),
        (90.0, "90s"),
        (7200.0, "2h"),
    ],
)
def test_durations_are_shown_with_the_largest_exact_unit(seconds: float, text: str) -> None:
    """
    No digit is lost, and no unit is larger than exact.
    """
    assert values.show_duration(seconds) == text


@given(st.floats(1e-9, 1e8))
def test_any_duration_is_read_back(seconds: float) -> None:
    """
    Showing and reading gives the very same float.
    """
    text = values.show_duration(seconds)
    if len(text.partition(".")[2]) <= 15:
        assert values.duration()(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"), [("0", 0), ("64K", 65536), ("64 kb", 65536), ("1M", 1048576), ("2GiB", 2**31)]
)
def test_sizes(text: str, size: int) -> None:
    """
    Units are powers of 1024, in any case.
    """
    assert values.size()(text) == size


def test_bad_sizes() -> None:
    """
    Junk and what is out of range are told apart.
    """
    refuses(values.size(), "1.5K", "'1.5K' is not a size: use bytes or K, M, G, such as 64K")
    refuses(values.size(512, 1048576), "1", "'1' is out of range: 512 to 1M")
    assert values.size(512, 1048576).allowed == "size, 512 to 1M"
    assert values.size().allowed == "size"


@given(st.integers(0, 2**53))
def test_any_size_is_read_back(size: int) -> None:
    """
    Showing and reading sizes is the identity.
    """
    text = values.show_size(size)
    if len(text) <= 15:
        assert values.size()(text) == size


def test_X2_integers() -> None:
    """
    A number is read whole or not at all.
    """
    assert values.integer(0, 99)("07") == 7
    for text in ("abc", "1x", "-1", "100", "", "٣", "9" * 16):
        refuses(values.integer(0, 99), text, f"{text!r} is not a whole number from 0 to 99")


def test_flags() -> None:
    """
    Eight words switch, in any case.
    """
    assert all(map(values.flag, ("on", "YES", "true", "1")))
    assert not any(map(values.flag, ("Off", "no", "FALSE", "0")))
    refuses(values.flag, "maybe", "'maybe' is not a switch: use On or Off")
    assert [values.flag.show(True), values.flag.show(False)] == ["On", "Off"]


def test_choices() -> None:
    """
    A choice folds case and tells all words.
    """
    kind = values.choice("lax", "strict", "off")
    assert kind("LAX") == "lax"
    assert kind.allowed == "lax, strict, off"
    refuses(kind, "x", "'x' is not allowed: use lax or strict or off")


def test_text() -> None:
    """
    Text has a length, no control characters, and no blanks at its ends.
    """
    kind = values.text(5, 1)
    assert kind("a b;c") == "a b;c"
    refuses(kind, "", "is empty: 1 to 5 characters are allowed")
    refuses(kind, "abcdef", "has 6 characters: 1 to 5 characters are allowed")
    refuses(kind, "a\x7f", "'a\\x7f' has a control character")
    refuses(kind, "a\nb", "'a\\nb' has a control character")
    refuses(kind, "a ", "'a ' begins or ends with a blank")


def test_names_and_tokens() -> None:
    """
    Tokens keep their case, names fold it; both may be refused.
    """
    message = "is not a token: letters, digits and !#$%&'*+-.^_`|~ only"
    assert values.token("X-Y") == "X-Y"
    assert values.name("GET") == "get"
    assert values.name("") == values.token_or_none("") == ""
    assert values.token_or_none("A") == "A"
    refuses(values.token, "", f"'' {message}")
    refuses(values.name, "A B", f"'A B' {message}")


def test_paths_and_labels() -> None:
    """
    What goes on the wire as it is may have nothing that ends it there.
    """
    assert values.url_path("/a?b") == "/a?b"
    assert values.url_path("") == ""
    for text in ("a", "/a b", "/ä", "/" + "a" * 1023):
        refuses(
            values.url_path,
            text,
            f"{text!r} is not a path: start with / and use up to 1023 ASCII characters, no blanks",
        )
    assert values.cookie_path("/a=b") == "/a=b"
    for text in ("", "a", "/;", "/ "):
        refuses(
            values.cookie_path,
            text,
            f"{text!r} is not a path that starts with / and has no blanks and no ;",
        )
    assert values.host("a-b_c.test") == "a-b_c.test"
    refuses(values.host, "a b", "'a b' is not a host name: use letters, digits, - and .")
    assert values.file("/a b") == "/a b"


def test_W3_labels_of_routes() -> None:
    """
    A route has at most 63 characters, all of which a cookie can hold.
    """
    assert values.label("a.b-c=/:!<~") == "a.b-c=/:!<~"
    assert values.label("r" * 63)
    for text in ("r" * 64, "a b", "a;b", "a,b", 'a"', "ä", "a\x01"):
        refuses(
            values.label,
            text,
            f"{text!r} must be up to 63 ASCII characters without blanks ; , and quotes",
        )


@pytest.mark.parametrize(
    ("text", "hundredths"), [("1", 100), ("2.259", 225), ("100", 10000), ("1.5", 150), ("007", 700)]
)
def test_W1_load_factors(text: str, hundredths: int) -> None:
    """
    A load factor is cut to hundredths.
    """
    assert values.loadfactor(text) == hundredths


@pytest.mark.parametrize("text", ["0.99", "100.01", "abc", "", "1.", "-1", "1000"])
def test_W1_what_is_no_load_factor(text: str) -> None:
    """
    The range is 1 to 100.
    """
    refuses(values.loadfactor, text, f"{text!r} is not a number from 1 to 100")


@given(st.integers(100, 10000))
def test_any_load_factor_is_read_back(hundredths: int) -> None:
    """
    Showing and reading load factors is the identity.
    """
    assert values.loadfactor(values.loadfactor.show(hundredths)) == hundredths


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("", flags.INIT),
        ("+D-E", flags.INIT | flags.DISABLED),
        ("S-E", flags.INIT | flags.STOPPED),
        ("+dh", flags.INIT | flags.DISABLED | flags.STANDBY),
        ("+D-D", flags.INIT),
        ("-O", 0),
    ],
)
def test_W40_status_letters(text: str, mask: int) -> None:
    """
    A sign holds until the next one.
    """
    assert values.status(text) == mask


def test_W40_bad_status() -> None:
    """
    Unknown letters and signs without a letter are refused.
    """
    for text in ("+", "D+", "+-D"):
        refuses(values.status, text, f"{text!r} has a sign without a letter after it")
    letters = (
        "D (disabled), S (stopped), H (hot standby), R (spare), N (drain), I (ignore errors), "
        "E (in error) or C (check failed)"
    )
    refuses(values.status, "+X", f"'+X' has an unknown letter 'X': use {letters}")


@given(st.integers(0, sum(flags.LETTERS.values())))
def test_any_status_is_read_back(mask: int) -> None:
    """
    Showing and reading start flags is the identity.
    """
    assert values.status(values.status.show(mask)) == mask


def test_B8_statuses() -> None:
    """
    Codes may be divided by commas and blanks; none at all is fine.
    """
    assert values.statuses("500,503  504,") == {500, 503, 504}
    assert values.statuses("") == frozenset()
    assert values.statuses.show(frozenset({503, 500})) == "500 503"
    for word in ("600", "99", "5xx", "\u0665\u0660\u0660"):
        refuses(values.statuses, f"500 {word}", f"{word!r} is not a status code from 100 to 599")


def test_B3_separators() -> None:
    """
    One character or Off; blanks cannot be written.
    """
    assert values.separator(";") == ";"
    assert values.separator("oFF") == ""
    assert [values.separator.show(""), values.separator.show(".")] == ["Off", "."]
    for text in ("", "..", " ", "\x01"):
        refuses(
            values.separator,
            text,
            f"{text!r} must be a single character or Off; a semicolon is written \\;",
        )


def test_words() -> None:
    """
    Blanks and commas divide words.
    """
    assert values.words(" a, b\tc,,d ") == ("a", "b", "c", "d")
    assert values.words("") == ()
