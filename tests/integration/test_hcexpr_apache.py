"""
Expressions put to txbalancer and to the real Apache, which have to agree.

Apache reads them anew with each request, from an .htaccess file.
"""

from __future__ import annotations

import http.client
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.core.test_hcexpr import OPERATORS
from tests.peers import Peers
from txbalancer.core.hcexpr import Answer, parse

pytestmark = pytest.mark.integration

HEADERS = ((b"Content-Type", b"text/html"), (b"X-Load", b"7"), (b"X-Text", b"a-b_C d"))
ANSWER = Answer(200, HEADERS)
AT_ONCE = 40


@dataclass(frozen=True)
class Apache:
    """
    A real Apache that says what expressions give for L{ANSWER}.
    """

    port: int
    file: Path

    def ask(self, expressions: Sequence[str]) -> list[bool] | None:
        """
        Return what each expression gives; C{None} when one of them cannot be read.
        """
        lines = (
            f'Header set R{number} 1 "expr={_quoted(each)}"\n'
            for number, each in enumerate(expressions)
        )
        # A directory's settings follow those of the server: its headers are there already.
        self.file.write_text("".join(lines))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection):
            connection.request("GET", "/page.html")
            answer = connection.getresponse()
            answer.read()
        if answer.status == 500:
            return None
        assert answer.status == 200
        return [answer.getheader(f"R{number}") == "1" for number in range(len(expressions))]

    def verdict(self, expression: str) -> bool | None:
        """
        Ask a single expression.
        """
        found = self.ask([expression])
        return found[0] if found else None


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def ours(expression: str) -> bool | None:
    """
    Ask txbalancer the same.
    """
    try:
        return parse(expression).evaluate(ANSWER)
    except ValueError:
        return None


@pytest.fixture(scope="module")
def apache(module_peers: Peers) -> Apache:
    """
    Start an Apache with one page.
    """
    peer = module_peers.apache2(
        "AllowOverride All\n".join(("<Directory />\n", "</Directory>\n"))
        + "AddType text/html .html\nAddDefaultCharset off\n"
        + "".join(f'Header set {n.decode()} "{v.decode()}"\n' for n, v in HEADERS[1:]),
        ["headers"],
    )
    page = peer.folder / "htdocs/page.html"
    page.write_text("well")
    return Apache(peer.port, page.with_name(".htaccess"))


@pytest.mark.parametrize("text", [text for text, _ in OPERATORS if "é" not in text])
def test_C7_our_cases_are_apaches(apache: Apache, text: str) -> None:
    """
    What the tests of the operators expect is what Apache says.
    """
    assert apache.verdict(text) == ours(text) is not None


BYTES = st.text("aAb1 0.-/é", max_size=3)
QUOTES = st.sampled_from("'\"")
PATTERNS = st.sampled_from(
    ["a", "^a.b$", "(a)(b)?", "[[:digit:]]", "b$", "(A|7)", "^$", ".", "[^a-c]", "\\d+"]
)


def _texts() -> st.SearchStrategy[str]:
    inner = st.one_of(
        BYTES,
        st.sampled_from(["%{resp:X-Load}", "%{REQUEST_STATUS}", "%{resp:X-Text}", "$1", "$0"]),
        st.sampled_from(["\\n", "\\t", "\\101", "\\x41", "\\'", '\\"', "\\\\", "\\$1", "%", "$"]),
    )
    return st.tuples(QUOTES, st.lists(inner, max_size=4)).map(
        lambda found: found[0] + "".join(found[1]) + found[0]
    )


ATOMS = st.one_of(
    _texts(),
    st.integers(-20, 300).map(str),
    st.sampled_from(["%{REQUEST_STATUS}", "%{CONTENT_TYPE}", "%{resp:X-Load}", "resp('X-Text')"]),
    st.sampled_from(
        ["$0", "$1", "$2", "'%'", "'$'", "'*[a-c]?'", "'?*'", "resp('Nope')", "'7x'", "' 12'"]
    ),
)
CALLS = [
    "tolower",
    "TOUPPER",
    "escape",
    "unescape",
    "base64",
    "unbase64",
    "md5",
    "sha1",
    "req_novary",
]
WORDS = st.recursive(
    ATOMS,
    lambda words: st.one_of(
        st.tuples(st.sampled_from(CALLS), words).map(lambda found: f"{found[0]}({found[1]})"),
        st.tuples(words, st.sampled_from([".", " . "]), words).map("".join),
    ),
    max_leaves=4,
)
BETWEEN = ["==", "=", "!=", "<", "<=", ">", ">=", " -eq ", " eq ", " -ne ", " -lt ", " lt "]
BETWEEN += [" -le ", " -gt ", " ge ", " -strmatch ", " -strcmatch ", " -fnmatch "]
DELIMITERS = st.sampled_from(["/{}/", "m#{}#", "m#{}#i", "m|{}|", "/{}/i", "m,{},"])
COMPARISONS = st.one_of(
    st.sampled_from(["true", "false"]),
    st.tuples(WORDS, st.sampled_from(BETWEEN), WORDS).map("".join),
    st.tuples(WORDS, st.sampled_from([" =~ ", "!~"]), DELIMITERS, PATTERNS).map(
        lambda found: found[0] + found[1] + found[2].format(found[3])
    ),
    st.tuples(
        WORDS, st.sampled_from([" in ", " -in "]), st.lists(WORDS, min_size=1, max_size=3)
    ).map(lambda found: f"{found[0]}{found[1]}{{{', '.join(found[2])}}}"),
    st.tuples(st.sampled_from(["-n ", "-z", "-T "]), WORDS).map("".join),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        inner.map(lambda each: f"!{each}"),
        inner.map(lambda each: f"({each})"),
        st.tuples(inner, st.sampled_from(["&&", " || ", " and ", " or "]), inner).map("".join),
    ),
    max_leaves=5,
)


@settings(max_examples=25, phases=[Phase.generate], database=None, derandomize=True)
@given(st.lists(CONDITIONS, min_size=AT_ONCE, max_size=AT_ONCE))
def test_C7_any_expression_gives_what_apache_gives(apache: Apache, texts: list[str]) -> None:
    """
    Whatever can be put together, both read it alike and decide alike.
    """
    expected = apache.ask(texts) or [apache.verdict(text) for text in texts]
    found = zip(texts, expected, map(ours, texts), strict=True)
    assert [each for each in found if each[1] != each[2]] == []
