"""
The reader of INI text: every construct, and nothing makes it fall over.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from txbalancer.config.findings import Findings
from txbalancer.config.ini import Section, escape, escape_line, read_sections
from txbalancer.errors import ConfigErrors


def read(text: str) -> list[Section]:
    """
    Read text without faults.
    """
    findings = Findings("f")
    sections = read_sections(text, findings)
    findings.raise_errors()
    return sections


def faults(text: str) -> list[str]:
    """
    Read text with faults and return them.
    """
    with pytest.raises(ConfigErrors) as caught:
        read(text)
    return str(caught.value).split("\n")


def value(text: str) -> str:
    """
    Return the value of the only key of the only section.
    """
    (section,) = read(text)
    (entry,) = section.entries.values()
    return entry.value


def test_sections_keys_and_lines() -> None:
    """
    Sections and entries know the lines they stand in.
    """
    first, second = read("; head\n[txbalancer]\n\na = 1\n[ Mount : /a ]\nTO = x\n")
    assert (first.kind, first.label, first.line, first.title) == ("txbalancer", "", 2, "txbalancer")
    assert (first.entries["a"].line, first.entries["a"].value) == (4, "1")
    assert (second.kind, second.label, second.line) == ("mount", "/a", 5)
    assert second.title == "mount:/a"
    assert second.line_of("to") == 6
    assert second.line_of("match") == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nk = v", "v"),
        ("[a]\nk=v", "v"),
        ("[a]\n  k  =  v w  \t", "v w"),
        ("[a]\nk = a=b", "a=b"),
        ("[a]\nk =", ""),
        ("[a]\nk = %(x)s $HOME", "%(x)s $HOME"),
        ("[a]\nk = v ; comment", "v"),
        ("[a]\nk = v\t; comment ; more", "v"),
        ("[a]\nk = ; comment", ""),
        ("[a]\nk =;", ";"),
        ("[a]\nk = \\;", ";"),
        ("[a]\nk = a;b", "a;b"),
        ("[a]\nk = v \\; w ; comment", "v ; w"),
        ("[a]\nk = v \\\\; w", "v \\; w"),
        ("[a]\nk = v # w", "v # w"),
        ("[a]\nk = UPPER Case", "UPPER Case"),
        ("[a] ; comment\r\nk = v\r\n", "v"),
        ("\ufeff[a]\nk = v", "v"),
        ("[a]\nk = \u00a0v\u2028", "\u00a0v\u2028"),
    ],
)
def test_values(text: str, expected: str) -> None:
    """
    A value is what stands between = and a comment, without blanks at its ends.
    """
    assert value(text) == expected


def test_continuation_lines_keep_their_numbers() -> None:
    """
    Deeper indented lines go on with a value; comments and empty lines among them do not count.
    """
    (section,) = read("[a]\nk = one\n    two ; c\n\n  # no\n  ; no\n\tthree\n  ; end\nl = x\n")
    assert section.entries["k"].lines == [(3 - 1, "one"), (3, "two"), (7, "three")]
    assert section.entries["k"].value == "one two three"
    assert section.entries["l"].value == "x"


def test_a_continuation_line_of_a_comment_only_adds_nothing() -> None:
    """
    A line that is empty behind its escaped start is kept, one without text is not there.
    """
    (section,) = read("[a]\nk =\n  \\;\n  x\n")
    assert section.entries["k"].lines == [(3, ";"), (4, "x")]


def test_indented_keys_are_no_continuation_of_their_like() -> None:
    """
    Keys of the same indentation are keys, even if a section indents all of them.
    """
    (section,) = read("[a]\n  k = 1\n  l =\n    2\n  m = 3\n")
    assert [(key, each.value) for key, each in section.entries.items()] == [
        ("k", "1"),
        ("l", "2"),
        ("m", "3"),
    ]


def test_keys_fold_except_names_of_query_parameters() -> None:
    """
    Keys are not case-sensitive, but the NAME of query.NAME is.
    """
    (section,) = read("[a]\nHeader.X-Y = 1\nQuery.Id = 2\nquery.ID = 3\n")
    assert list(section.entries) == ["header.x-y", "query.Id", "query.ID"]


def test_labels_of_mounts_keep_their_case() -> None:
    """
    Two mounts may differ in case only; two balancers may not.
    """
    assert len(read("[mount:/a]\n[mount:/A]\n")) == 2
    assert faults("[balancer:a]\n[balancer:A]\n") == [
        "f:2: [balancer:A] the section is there already, in line 1"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "workers = 1\n",
            ["f:1: a key before the first section; begin with a section: [listener:NAME]"],
        ),
        (
            "workers = 1\nx\n[a]\nfoo\n",
            [
                "f:1: a key before the first section; begin with a section: [listener:NAME]",
                "f:4: [a] 'foo' is not of the form key = value",
            ],
        ),
        (
            "workers = 1\n  [txbalancer]\n[a]\n",
            [
                "f:1: a key before the first section; begin with a section: [listener:NAME]",
                "f:2: workers: the indented line goes on with this value; "
                "write [txbalancer] without indentation",
            ],
        ),
        ("[a\nk = v\n", ["f:1: '[a' is no section: a closing ] is expected"]),
        ("[]\nk = v\n  w\n", ["f:1: '[]' is no section: [KIND] or [KIND:NAME] is expected"]),
        ("[a]\n[b\nfoo\n[c]\n", ["f:2: '[b' is no section: a closing ] is expected"]),
        ("[a]\nfoo ; c\n", ["f:2: [a] 'foo' is not of the form key = value"]),
        ("[a]\n= v\n", ["f:2: [a] '= v' is not of the form key = value"]),
        ("[a]\nk = 1\nK = 2\n", ["f:3: [a] k: the key is there already, in line 2"]),
        ("[a]\n[a]\n", ["f:2: [a] the section is there already, in line 1"]),
        (
            "[mount:/a]\n[mount:/a]\nx\n",
            [
                "f:2: [mount:/a] the section is there already, in line 1; "
                "give it another label and `path =`"
            ],
        ),
        (
            "[balancer:a]\nk = v\n  [mount:/a]\n",
            [
                "f:3: [balancer:a] k: the indented line goes on with this value; "
                "write [mount:/a] without indentation"
            ],
        ),
        (
            "[balancer:a]\nk = v\n  [limit:a]\n",
            [
                "f:3: [balancer:a] k: the indented line goes on with this value; "
                "write [limit:a] without indentation"
            ],
        ),
    ],
)
def test_faults(text: str, expected: list[str]) -> None:
    """
    What cannot be read is told with its line, once, and reading goes on.
    """
    assert faults(text) == expected


@given(
    st.text(alphabet=st.characters(blacklist_characters="\n")).map(lambda text: text.strip(" \t"))
)
@example(";")
@example(" \\;".strip())
@example("a ; ;\\; \\\\;")
def test_escaped_values_are_read_back(text: str) -> None:
    """
    Whatever a value has in it, its escaped form is read as that value.
    """
    if not text.endswith("\r"):
        assert value(f"[a]\nk = {escape(text)}\n") == text


@given(
    st.one_of(
        st.text(),
        st.lists(
            st.sampled_from(
                ["[a]", "[b:c]", "[", "]", "k", "=", " ", "\t", ";", "\\", "#", "\n", "\r\n", "v"]
            )
        ).map("".join),
    )
)
def test_any_text_is_read_or_told_about(text: str) -> None:
    """
    The reader itself never fails, and each fault has a line of the text.
    """
    findings = Findings("f")
    read_sections(text, findings)
    lines = [int(each.split(":")[1]) for each in told(findings)]
    assert all(1 <= line <= text.count("\n") + 1 for line in lines)


def told(findings: Findings) -> list[str]:
    """
    Return the errors that were found, none or more.
    """
    try:
        findings.raise_errors()
    except ConfigErrors as errors:
        return [f"f:{each.line}" for each in errors.errors]
    return []


@pytest.mark.parametrize(
    "line", ["#", "# a", "\\#", "\\\\# b", "#;#", "; a", "\\;", "a #", "\\", ";#"]
)
def test_lines_of_a_value_may_look_like_comments(line: str) -> None:
    """
    What begins like a comment can be written in a value of several lines.
    """
    findings = Findings("f")
    (section,) = read_sections(f"[a]\nx =\n    first\n    {escape_line(line)}\n", findings)
    assert section.entries["x"].lines == [(3, "first"), (4, line)]
