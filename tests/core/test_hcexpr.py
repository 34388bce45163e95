"""
Expressions of health checks.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txbalancer.core.hcexpr import MOST_BODY, Answer, parse

HEADERS = ((b"Content-Type", b"text/html"), (b"X-Load", b"7"), (b"x-load", b"9"))


def holds(
    text: str,
    status: int = 200,
    body: bytes = b"All is well\nUnder maintenance: no\n",
    headers: tuple[tuple[bytes, bytes], ...] = HEADERS,
) -> bool:
    """
    Ask an expression about an answer.
    """
    return parse(text).evaluate(Answer(status, headers, body))


@pytest.mark.parametrize(
    ("text", "status", "body", "expected"),
    [
        ("%{REQUEST_STATUS} =~ /^[234]/", 404, b"", True),
        ("%{REQUEST_STATUS} =~ /^[234]/", 500, b"", False),
        ("hc('body') !~ /Under maintenance/", 500, b"fine", True),
        ("hc('body') !~ /Under maintenance/", 200, b"<p>Under maintenance</p>", False),
    ],
)
def test_C14_the_expressions_of_the_documentation(
    text: str, status: int, body: bytes, expected: bool
) -> None:
    """
    The two that everybody copies, bare and in Apache's braces.
    """
    assert holds(text, status, body) is expected
    assert holds(f"{{{text}}}", status, body) is expected


def test_C7_what_an_answer_shows() -> None:
    """
    Status, headers and body are there, under each of their names, in any case.
    """
    assert holds("%{REQUEST_STATUS} == '200' && %{request_status} -eq 200")
    assert holds("%{CONTENT_TYPE} == 'text/html' && %{resp:content-TYPE} == 'text/html'")
    assert holds("resp('X-Load') == 7 && RESP('Absent') == ''")
    assert holds("%{HC_BODY} == hc('body') && hc('BODY') == %{hc:body}")
    assert holds("hc('bo' . 'dy') == hc('body') && hc('other' . 1) == ''")


def test_C7_headers_of_a_request_are_empty() -> None:
    """
    There is no client whose headers could be meant, which a warning says.
    """
    expression = parse("%{HTTP:X-Load} == '' && req('X-Load') == '' && req('a') == ''")
    assert expression.evaluate(Answer(200, HEADERS))
    assert [each.split()[0] for each in expression.warnings] == ["HTTP", "req"]
    assert parse("%{resp:X-Load} == '7'").warnings == ()


OPERATORS = [
    ("true", True),
    ("false", False),
    ("false || true && false || false", False),
    ("true || true && false", True),
    ("(true || true) && false", False),
    ("!false && ! ! true", True),
    ("not false and true or false", True),
    ("! 1 == 2", True),
    ("'a' == 'a' && 'a' != 'b' && 'a' = 'a'", True),
    ("'b' > 'a' && 'b' >= 'b' && 'a' < 'b' && 'a' <= 'a'", True),
    ("10 < 9", True),
    ("10 -lt 9 || 10 lt 9", False),
    ("9 -lt 10 && 9 lt 10 && 9 -le 9 && 9 le 9 && 9 -gt 8 && 9 gt 8", True),
    ("9 -ge 9 && 9 ge 9 && 9 -eq 09 && 9 eq 09 && 9 -ne 8 && 9 ne 8", True),
    ("'abc' -eq 0 && ' 7x' -eq 7 && '-3' -lt 0 && -3 -lt -2", True),
    ("99999999999999999999 -eq 9223372036854775807", True),
    ("'b' in {'a', 'b'} && 'b' -in {'b'}", True),
    ("'c' in { 'a' , 'b' . 'c' }", False),
    ("-n 'a' && -z '' && !-n '' && ! -z 'a'", True),
    ("-T 'on' && -T '00' && -T 'nope'", True),
    ("-T '' || -T '0' || -T 'OFF' || -T 'no' || -T 'False'", False),
    ("'a' . 'b' . 1 == 'ab1' && -z '' . ''", True),
    ("'%{REQUEST_STATUS}x' == '200x'", True),
    ("'%{resp:X-Load}' -eq 7 && %{resp:X-%{resp:Nope}Load} == '7'", True),
    ("'a$1b' == 'ab' && '$' == \"\\$\" && 'a%b' == \"a%b\"", True),
    ("'abc' =~ /b(c)(d)?/ && $0 == 'bc' && $1 == 'c' && $2 == '' && '$1$9' == 'c'", True),
    ("'abc' !~ /(b)/ || $1 == 'b'", True),
    ("'abc' =~ /b/ && $0 == '' && 'abc' =~ /(?:b)/ && $0 == ''", True),
    ("'abc' =~ /(b)c/ && 'x' =~ /x/ && 'x' !~ /y/ && $0 == 'bc' && $1 == 'b'", True),
    ("'abc' =~ /(b)c/ && 'x' !~ /(y)/ && -z '$0$1'", True),
    ("'abc' =~ /(?<n>b)c/ && $0 == 'bc' && $1 == 'b'", True),
    ("'ABC' =~ m#b#i && 'ABC' !~ m#b# && 'a/b' =~ m|/|", True),
    ("'a' =~ //", True),
    (r"'\101\t\n\r\b\f\x\'' == " + '"A\t\\n\\r\\b\\fx\'"', True),
    ("'é' == '\\303\\251' && 'é' =~ /^..$/", True),
    ("tolower('AÉ') == 'aÉ' && toupper('ab') == 'AB'", True),
    ("md5('a') == '0cc175b9c0f1b6a831c399e269772661'", True),
    ("sha1('a') =~ /^86f7e437/ && base64('a') == 'YQ=='", True),
    ("unbase64('YQ==') == 'a' && unbase64('YQ!YQ') == 'a'", True),
    ("unbase64('YWJjY') == 'abc' && -z unbase64('Y') && -z unescape('%00')", True),
    ("escape('a b?é') == 'a%20b%3f%c3%a9' && unescape('a%20b') == 'a b'", True),
    ("-z unescape('a%zz') && -z unescape('a%') && unescape('%41%2F') == 'A%2F'", True),
    ("'abc' -strmatch 'a*' && 'ABC' -strcmatch '*b?' && 'a/b' -strmatch 'a*b'", True),
    ("'a/b' -fnmatch 'a*b' || 'abc' -strmatch 'A*'", False),
    ("'a/b' -fnmatch '?/b'", True),
    ("'b-' -strmatch '[a-c][-x]' && 'b' -strmatch '[!x-z]' && 'b' -strmatch '[^a]'", True),
    ("'*' -strmatch '\\\\*' && !('a' -strmatch '\\\\*') && ']' -strmatch '[]a]'", True),
    ("'aXbXbXcd' -strmatch 'a*b?c*' && !('aXbXbXcd' -strmatch 'a*b?c')", True),
    ("'' -strmatch '*' && !('' -strmatch '?') && !('b' -strmatch '[!b]')", True),
]


@pytest.mark.parametrize(("text", "expected"), OPERATORS)
def test_operators(text: str, expected: bool) -> None:
    """
    Each operator and function does as in Apache 2.4; the same cases are put to the real one.
    """
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is expected at its end"),
        ("{}", "is expected at its end"),
        ("true true", "&&, || or the end is expected at 'true'"),
        ("%{REQUEST_STATUS}", "a comparison such as ==, -eq, =~ or in is expected at its end"),
        ("(true", ") is expected at its end"),
        ("('a') == 'a'", "a comparison"),
        ("'a' == ", "a text in quotes"),
        ("'a' == 'b' == 'c'", "&&, || or the end"),
        ("'a' in {}", "a text in quotes"),
        ("'a' in {'a'", "} is expected"),
        ("'a' in 'b'", "{ is expected"),
        ("'a' in split('b')", "there is no list split"),
        ("'a", "no ' ends \"'a\""),
        ("'a\nb' == 'a'", "no ' ends"),
        ("'a\\", "a backslash at the end escapes nothing"),
        ("'a' =~ 'b'", "a pattern such as"),
        ("'a' =~ /b", "no / ends the pattern '/b'"),
        ("'a' =~ /b/x", "is expected at 'x'"),
        ("'a' =~ /a\\/b/", "no backslash keeps / within a pattern"),
        ("'a' =~ /(/", "'(' is not a regular expression: missing )"),
        ("'\\400' == 'a'", "\\400 is no character"),
        ("'\\1010' == 'a'", "\\1010 is no character"),
        ("'\\9' == 'a'", "\\9 is no character"),
        ("%{REQUEST_STATUS == 200", "no } ends the variable"),
        ("%{1} == 200", "a variable is written %{NAME}"),
        ("%{resp:} == ''", "resp needs something after its colon"),
        ("%{resp:a", "no } ends"),
        ("%{REQUEST_METHOD} == 'GET'", "there are %{CONTENT_TYPE}, %{HC_BODY}, "),
        ("%{HC_STATUS} == 200", "an answer has no variable 'HC_STATUS'"),
        ("%{TIME_HOUR} -gt 6", "an answer has no variable 'TIME_HOUR'"),
        ("file('/etc/passwd') == ''", "there is no function 'file' for answers; there are base64"),
        ("%{env:PATH} == ''", "there is no function 'env'"),
        ("hc('head') == ''", "there is no hc('head'), only hc('body')"),
        ("hc 'body' == ''", "'hc' is no word of expressions"),
        ("-F 'x'", "there is no -F for answers; there are T, n and z"),
        ("'a' -ipmatch '10.0.0.0/8'", "there is no -ipmatch for answers"),
        ("'a' -n 'b'", "a comparison"),
        ("200 == ok", "'ok' is no word of expressions: put texts in quotes"),
        ("'a' == #", "'#' is not expected, at '#'"),
        ("'" + "x" * 40 + "' + 1", "'+' is not expected"),
        ("(" * 60 + "true" + ")" * 60, "is nested more than 50 deep"),
        ("tolower(" * 60 + "1" + ")" * 60 + " == 1", "is nested more than 50 deep"),
        ("%{resp:" * 60 + "a" + "}" * 60 + " == 1", "is nested more than 50 deep"),
        ("'" + "x" * 9000 + "' == 1", "characters: 8192 are allowed"),
    ],
)
def test_faults(text: str, fault: str) -> None:
    """
    What cannot be read is told with its place, what is not there with what there is.
    """
    with pytest.raises(ValueError, match=re.escape(fault)):
        parse(text)


def test_a_long_rest_is_cut_in_messages() -> None:
    """
    A message quotes a few words of a long expression.
    """
    with pytest.raises(ValueError, match=r"^'#' is not expected, at '#x{29}'…$"):
        parse("#" + "x" * 100)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"a.b", b"a\nb", True),
        (r"a$", b"a\n", False),
        (r"(?m)a$", b"a\nb", True),
        (r"a\$$", b"a$", True),
        (r"a\z", b"a", True),
        (r"a\Z", b"a\n", True),
        (r"a\Z", b"a\nb", False),
        (r"^\h+[\h]$", b" \t", True),
        (r"^\R\R$", b"\r\n\n", True),
        (r"^[[:alpha:][:digit:]]+$", b"ab1", True),
        (r"^[^[:space:]$]$", b"$", False),
        (r"^[]a]+$", b"a]", True),
        (r"^[^]a]$", b"]", False),
        (r"^[a\]&&~[|b]+$", b"[]&~|ab", True),
        (r"(?<x>a)(?P=x)", b"aa", True),
        (r"(?<=a)b(?<!c)", b"ab", True),
        (r"^\w+$", "é".encode(), False),
        (r"^a++$", b"aaa", True),
    ],
)
def test_patterns_mean_what_they_mean_in_apache(pattern: str, text: bytes, expected: bool) -> None:
    """
    A dot matches line ends and a dollar the very end; POSIX classes and PCRE's escapes are known.
    """
    assert holds(f"hc('body') =~ m#{pattern}#", body=text) is expected


@pytest.mark.parametrize("pattern", ["[[:nope:]]", "[[:^alpha:]]", "[a", "\\Q", "(?#"])
def test_patterns_that_cannot_be_read(pattern: str) -> None:
    """
    What Python has no word for is an error, not another meaning.
    """
    with pytest.raises(ValueError, match=r"is not a (regular expression|class)"):
        parse(f"hc('body') =~ m,{pattern},")


@pytest.mark.parametrize(
    ("pattern", "risky"),
    [
        ("(a+)+", True),
        ("((a|b)*c?)+", True),
        ("(?:a{2,})*b", True),
        ("(a+)?", False),
        ("(a+)b+", False),
        ("(ab)+", False),
        ("(a[+]\\+)+", False),
        ("a+)+(", False),
        ("[]+]+(b{2,3})+", False),
    ],
)
def test_repeats_of_repeats_are_warned_of(pattern: str, risky: bool) -> None:
    """
    A page of a member must not keep the balancer busy for ever.
    """
    text = f"hc('body') =~ /{pattern}/"
    if pattern.startswith("a+)"):
        with pytest.raises(ValueError, match="unbalanced"):
            parse(text)
    else:
        assert bool(parse(text).warnings) is risky


def test_long_bodies_are_cut() -> None:
    """
    An expression sees the first 64 KiB, whatever it is handed.
    """
    body = b"x" * MOST_BODY + b"well"
    assert not holds("hc('body') =~ /well/", body=body)
    assert holds("hc('body') =~ /well/", body=body[4:])


def test_an_expression_keeps_its_text() -> None:
    """
    Text and warnings tell expressions apart; what was written can be shown again.
    """
    assert parse(" { true } ").text == " { true } "
    assert parse("true") == parse("true") != parse("false")
    assert "lambda" not in repr(parse("true"))


def test_an_expression_starts_anew_with_each_answer() -> None:
    """
    Groups of one answer are not seen with the next.
    """
    expression = parse("'$1' == '' && hc('body') =~ /(a)/")
    for _ in range(2):
        assert expression.evaluate(Answer(200, body=b"a"))


@given(st.text("%{}()'\"\\/$! &|=~.,-01aeimnoqrstuR_:#", max_size=30))
def test_any_text_is_read_or_refused_with_a_reason(text: str) -> None:
    """
    Whatever is written, there is an expression that decides or a ValueError with words.
    """
    try:
        expression = parse(text)
    except ValueError as error:
        message = str(error)
    else:
        message = str(expression.evaluate(Answer(200, HEADERS, b"body")))
    assert message


SIMPLE = st.sampled_from(["true", "false", "1 == 1", "'a' == 'b'", "hc('body') =~ /x/", "-n ''"])


@given(
    st.recursive(
        SIMPLE,
        lambda inner: st.one_of(
            inner.map(lambda each: f"!({each})"),
            st.tuples(inner, st.sampled_from(["&&", "||", " and ", " or "]), inner).map(
                lambda parts: f"({parts[0]}){parts[1]}({parts[2]})"
            ),
        ),
        max_leaves=12,
    )
)
def test_boolean_operators_are_those_of_logic(text: str) -> None:
    """
    Any nesting of them means what Python makes of the same words.
    """
    plain = text.replace("1 == 1", "True").replace("'a' == 'b'", "False")
    plain = plain.replace("hc('body') =~ /x/", "True").replace("-n ''", "False")
    plain = plain.replace("true", "True").replace("false", "False").replace("!", " not ")
    plain = plain.replace("&&", " and ").replace("||", " or ")
    assert holds(text, body=b"x") is eval(plain)
