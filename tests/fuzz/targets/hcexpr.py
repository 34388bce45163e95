"""
Expressions over answers to checks: refused or evaluated, without ever taking long.

The first line is the expression, the rest the body of the answer.
"""

from __future__ import annotations

from tests.fuzz.reasons import check_reason
from txbalancer.core.hcexpr import Answer, parse

SEEDS = [
    b"%{REQUEST_STATUS} =~ /^[234]/\nok",
    b"hc('body') !~ /Under maintenance/i && %{resp:X} in {'a', \"b\", 3}\nUnder",
    b"!(-n tolower(%{CONTENT_TYPE}) || '$0' -strmatch '*a[!b-d]?') and 1 -eq 01\nx",
    b"unbase64('YWI=') . escape('a b') == %{md5:x%{HC_BODY}}\nYWI=",
    b"hc('body') =~ m#(\\d+) (.)# && '$2' -fnmatch '*' && $1 -gt 5\n12 x",
]
WORDS = [
    *b"%{REQUEST_STATUS}|%{HC_BODY}|%{resp:|hc('body')| =~ /|m#|/i| && ".split(b"|"),
    *b" || |!|(|)| in {|}".split(b"|"),
    *b"-strmatch |-strcmatch |-fnmatch | -eq |-n |-z |-T |'".split(b"|"),
    *b'"|\\|$1|.|true|false|unbase64('.split(b"|"),
    *b"unescape('%|escape(|sha1(|[!a-|[[:alpha:]]|*|?|(?i)|(?<n>|\\R|\\h|{2,3}".split(b"|"),
]


def one(data: bytes) -> None:
    """
    Read it, and evaluate it where its patterns are not slow by their nature.
    """
    first, _, body = data.partition(b"\n")
    text = first.decode("utf-8", "surrogateescape")
    try:
        expression = parse(text)
    except ValueError as error:
        check_reason(error)
        return
    if expression.warnings:
        return
    answer = Answer(200, ((b"Content-Type", b"text/html"), (b"X", body[:20])), body[:200])
    found = expression.evaluate(answer)
    assert isinstance(found, bool)
    assert parse(text).evaluate(answer) is found
