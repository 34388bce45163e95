"""
Files in Apache's syntax to the tree of what is in force.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from txbalancer.config.findings import Findings
from txbalancer.config.httpd import files
from txbalancer.config.httpd import preprocess as preprocessing
from txbalancer.config.httpd.paths import server_root
from txbalancer.config.httpd.preprocess import Preprocessed, preprocess
from txbalancer.config.httpd.tree import Directive
from txbalancer.errors import ConfigErrors


def outline(tree: tuple[Directive, ...]) -> list[Any]:
    """
    Return a tree as nested lists of words.
    """
    return [
        [each.name, *each.args]
        if each.children is None
        else [[each.name, *each.args], outline(each.children)]
        for each in tree
    ]


def read(text: str, path: str = "f", **options: Any) -> tuple[Preprocessed, list[str], list[str]]:
    """
    Read a text, and return what it comes to, the errors and the warnings.
    """
    findings = Findings(path)
    found = preprocess(text, findings, **{"environ": {}, **options})
    try:
        findings.raise_errors()
    except ConfigErrors as errors:
        return found, str(errors).split("\n"), findings.warnings()
    return found, [], findings.warnings()


def good(text: str, path: str = "f", **options: Any) -> list[Any]:
    """
    Return the outline of a text that has no fault.
    """
    found, errors, warnings = read(text, path, **options)
    assert (errors, warnings) == ([], [])
    return outline(found.tree)


def test_a_tree() -> None:
    """
    Directives know their words, their text, their file and their line.
    """
    text = (
        '# c\nListen  80\n<Proxy "balancer://a">\n'
        "  BalancerMember \\\n http://h route=1\n</Proxy>\n"
    )
    found, _, _ = read(text)
    assert found.tree == (
        Directive("Listen", ("80",), "80", "f", 2),
        Directive(
            "Proxy",
            ("balancer://a",),
            '"balancer://a"',
            "f",
            3,
            (Directive("BalancerMember", ("http://h", "route=1"), "http://h route=1", "f", 4),),
        ),
    )
    assert found.defaults == "apache"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Location /a>\n</LOCATION>", [[["Location", "/a"], []]]),
        ("<RequireAll>\n</RequireAll>", [[["RequireAll"], []]]),
        ("<RequireAll >\n</RequireAll>", [[["RequireAll"], []]]),
        ("<Location /a> # note\n</Location> note", [[["Location", "/a"], []]]),
        ("<A>\n<B>\nX\n</B>\nY\n</A>", [[["A"], [[["B"], [["X"]]], ["Y"]]]]),
        ("<IfDefine !A>\nX\n<IfDefine A>\nY\n</IfDefine>\n</IfDefine>\nZ", [["X"], ["Z"]]),
        ("<P>\n<IfDefine !A>\nX\n</IfDefine>\n</P>", [[["P"], [["X"]]]]),
        ("<IfDefine A>\n<P>\nDefine B\n</P>\n</IfDefine>\n<IfDefine B>\nX\n</IfDefine>", []),
        ("<IfDefine A>\n${NO}\n'\n\0\n# txbalancer: x\n</IfDefine>", []),
        ('Define A "x y"\nX ${A} "${A}"', [["X", "x", "y", "x y"]]),
        ("Define A\nUnDefine A\n<IfDefine A>\nX\n</IfDefine>", []),
        ("Define N Lis\n${N}ten 80", [["Listen", "80"]]),
        ("Define C >\n<P a${C}\n</P>", [[["P", "a"], []]]),
        ("<IfFile /etc>\nX\n</IfFile>\n<IfFile !/etc>\nY\n</IfFile>", [["X"]]),
        ("<IfSection Proxy>\nX\n</IfSection>", [["X"]]),
        ("<IfDirective ProxyPass>\nX\n</IfDirective>", [["X"]]),
        ("<IfVersion >= 2.4>\nX\n</IfVersion>", [["X"]]),
        ("LoadModule proxy_module modules/mod_proxy.so\nX", [["X"]]),
    ],
)
def test_what_is_in_force(text: str, expected: list[Any]) -> None:
    """
    Sections nest, conditions are decided, variables replaced.
    """
    assert good(text) == expected


def test_macros_are_not_looked_into() -> None:
    """
    The text of a macro is none of ours; its section stays, to be told about.
    """
    assert good("<Macro M $a>\nDefine A ${no}\n</Macro>\nUse M x") == [
        [["Macro", "M", "$a"], []],
        ["Use", "M", "x"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("</A>", ["f:1: </A>: without <A>"]),
        ("<A>\n</B>\n</A>", ["f:2: </B>: without <B>; <A> is open"]),
        ("<A>\n<B>\n</A>", ["f:3: </A>: </B> of line 2 is expected before"]),
        ("<A>\n<B>\nX", [
            "f:1: A: is not closed: </A> is missing",
            "f:2: B: is not closed: </B> is missing",
        ]),
        ("<A x\n</A>", ["f:1: A: the closing > is missing"]),
        ("<A> x\n</A>", ["f:1: A: the closing > is missing"]),
        ("<A>\n</A", ["f:2: </A: the closing > is missing"]),
        ("< A>\n</A>", [
            "f:1: < without a name: write <Name …>",
            "f:2: </A>: without <A>"]),
        ("<A></A>", ["f:1: A></A: is not closed: </A></A> is missing"]),
        ('""', ["f:1: the name of a directive is missing"]),
        ("X a\0b", ["f:1: there is a zero byte in the line"]),
        ("X \udcfc", ["f:1: byte 0xfc is not UTF-8 text"]),
        ("Define", ["f:1: Define: takes NAME [VALUE], in quotes if it has blanks"]),
        ("Define a b c", ["f:1: Define: takes NAME [VALUE], in quotes if it has blanks"]),
        ("Define a:b c", ["f:1: Define: a:b: a name must not have a colon"]),
        ("UnDefine a b", ["f:1: UnDefine: takes NAME"]),
        ("Include", ["f:1: Include: takes one path, in quotes if it has blanks"]),
        ("Include /no/such", ["f:1: Include: /no/such: No such file or directory"]),
        ("Include /no/*.conf", [
            "f:1: Include: /no: No such file or directory",
            "f:1: Include: nothing matches *.conf in /no",
        ]),
        ("Include /dev/null", ["f:1: Include: /dev/null is neither a file nor a folder"]),
        ("Include " + "x" * 300, [f"f:1: Include: {os.getcwd()}/{'x' * 300}: File name too long"]),
        ("LoadModule x", ["f:1: LoadModule: takes NAME_module and a file"]),
        ('Error "not \'here\'"', ["f:1: Error: not 'here'"]),
        ("<IfModule>\n</IfModule>", [
            "f:1: IfModule: takes one word, mod_NAME.c or NAME_module, or that after !"
        ]),
        ("<IfVersion 2.4.1.1>\nX\n</IfVersion>", [
            "f:1: IfVersion: takes [OPERATOR] VERSION, such as >= 2.4.1; or ~ and an expression"
        ]),
        ("# txbalancer: modern", [
            "f:1: # txbalancer: 'modern' is not known; use defaults apache or defaults modern"
        ]),
        ("<P>\n# txbalancer: defaults apache\n</P>", [
            "f:2: # txbalancer: may stand outside of all sections only"
        ]),
        ("# txbalancer: defaults apache\n# txbalancer: defaults modern", [
            "f:2: # txbalancer: defaults are apache already"
        ]),
    ],
)  # fmt: skip
def test_faults(text: str, expected: list[str]) -> None:
    """
    Every fault is told with its line, and the reading goes on.
    """
    assert read(text + "\nOn")[1] == expected


def test_doubts() -> None:
    """
    What Apache takes as it is, but nobody means, is a warning.
    """
    text = '<P "a>\nX \'b\n</P>\nY ${LOG}\nDefine LOGS z\n<IfDefine "LOGS>\n</IfDefine>'
    found, errors, warnings = read(text)
    assert errors == []
    assert outline(found.tree) == [[["P", "a"], [["X", "b"]]], ["Y", "${LOG}"]]
    assert warnings == [
        "f:1: P: a quote is not closed",
        "f:2: X: a quote is not closed",
        "f:4: ${LOG} is not defined",
        "f:6: IfDefine: a quote is not closed",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X", "apache"),
        ("# txbalancer: defaults modern\nX", "modern"),
        ("X\n   #txbalancer:   Defaults  MODERN  ", "modern"),
        ("# txbalancer: defaults apache\n# txbalancer: defaults apache", "apache"),
        ("<IfDefine !A>\n# txbalancer: defaults modern\n</IfDefine>", "modern"),
        ("<IfDefine A>\n# txbalancer: defaults modern\n</IfDefine>", "apache"),
        ("# see txbalancer: it is good", "apache"),
    ],
)
def test_whose_defaults(text: str, expected: str) -> None:
    """
    A comment says whose defaults hold.
    """
    found, errors, _ = read(text)
    assert (found.defaults, errors) == (expected, [])


def test_defines_from_outside() -> None:
    """
    Names can be given with the file.
    """
    assert good("<IfDefine A>\nX\n</IfDefine>", defines=["A"]) == [["X"]]


def test_the_environment() -> None:
    """
    Without another one, variables come from the process's own environment.
    """
    found, _, warnings = read("X ${PATH}", environ=None)
    assert found.tree[0].text == os.environ["PATH"]
    assert warnings == []


def test_sections_within_sections() -> None:
    """
    A file of nothing but openings is given up at some depth, with one error.
    """
    _, errors, _ = read("<A>\n" * 100000 + "</B>\n" * 100000)
    assert errors == ["f:101: A: sections are nested more than 100 deep"]


def test_values_without_end() -> None:
    """
    Values that double with each line end in an error rather than in all memory.
    """
    text = "Define A xxxxxxxx\n" + "".join(
        f"Define A{number + 1} ${{A{number or ''}}}${{A{number or ''}}}\n" for number in range(40)
    )
    _, errors, _ = read(text)
    assert len(errors) == 1
    assert errors[0].endswith(": the values of variables are too long")


def test_time_is_linear() -> None:
    """
    Long lines and many lines cost what they are long.
    """
    texts = [
        "X " + "a " * 60000,
        'X "' + "\\" * 60000,
        'X "' + '\\"' * 60000,
        "X " + "\"'" * 60000,
        "X \\\n" * 50000,
        "X\\\n" * 50000,
        "</A>\n" * 50000,
        "<A>\n</A>\n" * 50000,
        "<IfDefine A>\n</B>\n" * 30,
        "# txbalancer: " + "x" * 60000,
        "X ${" * 50000 + "}",
        "<" + ">" * 60000,
    ]
    start = time.process_time()
    for text in texts:
        read(text)
    assert time.process_time() - start < 8


_PIECES = (
    "<A> </A> <IfDefine !A> <IfDefine A> </IfDefine> <IfModule ! <IfVersion ~ ( <IfFile > </ <"
    " > \" ' \\ \\\n \n \n \r\n ${A} ${ } Define UnDefine Include IncludeOptional LoadModule Error"
    " ServerRoot A # #txbalancer: \0 \udcff \ufeff * [ ? /etc/host* Macro <Macro"
)
PIECES = st.sampled_from(_PIECES.split(" "))


@settings(deadline=None)
@given(
    st.lists(PIECES | st.text(max_size=5)).map(" ".join)
    | st.text()
    | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))
)
@example("<IfVersion ~ (>")
@example("<IfVersion /" + "(" * 2000 + "/>")
def test_nothing_makes_the_reader_fall_over(text: str) -> None:
    """
    Whatever a file holds, there is a tree.
    """
    found, _, _ = read(text)
    assert all(each.path for top in found.tree for each in top.walk())


def test_where_paths_begin(tmp_path: Path) -> None:
    """
    At the last ServerRoot, else beside the main file.
    """
    tree = read("ServerRoot /a\nServerRoot /b\n")[0].tree
    assert server_root(tree, "x") == "/b"
    assert server_root((), f"{tmp_path}/httpd.conf") == str(tmp_path)
    assert server_root((), "httpd.conf") == os.getcwd()


def test_limits_are_sensible() -> None:
    """
    The bounds are far beyond what configurations have.
    """
    assert preprocessing.MOST_NESTED >= 20
    assert files.MOST_FILES >= 1000
