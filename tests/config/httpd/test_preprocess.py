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
from txbalancer.config.httpd import files, includes
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


def test_includes(tmp_path: Path) -> None:
    """
    Relative paths begin at ServerRoot, without it beside the main file; what is included stands
    where it is included, with its own lines, and defines for what follows.
    """
    (tmp_path / "conf.d" / "deep").mkdir(parents=True)
    (tmp_path / "conf.d" / "b.conf").write_text("B\n\nDefine X y\n")
    (tmp_path / "conf.d" / "a.conf").write_text("A\nIncludeOptional no/such")
    (tmp_path / "conf.d" / "deep" / "c").write_text("C")
    main = str(tmp_path / "httpd.conf")
    assert good("Include conf.d\n${X}", main) == [["A"], ["B"], ["C"], ["y"]]
    assert good("Include conf.d/*.conf\nZ", main) == [["A"], ["B"], ["Z"]]
    assert good("<P>\nInclude conf.d/?.conf\n</P>", main) == [[["P"], [["A"], ["B"]]]]
    assert good(f"ServerRoot {tmp_path}/conf.d\nInclude [^b].conf") == [
        ["ServerRoot", f"{tmp_path}/conf.d"],
        ["A"],
    ]
    found, _, _ = read("Include conf.d/*\n", main)
    assert [(each.path, each.line) for each in found.tree] == [
        (f"{tmp_path}/conf.d/a.conf", 1),
        (f"{tmp_path}/conf.d/b.conf", 1),
        (f"{tmp_path}/conf.d/deep/c", 1),
    ]


def test_faults_of_included_files(tmp_path: Path) -> None:
    """
    Findings name the file, and are sorted by file and line.
    """
    (tmp_path / "a.conf").write_text("</P>\n<P>\n${NO}\n")
    main = f"{tmp_path}/httpd.conf"
    _, errors, warnings = read("<P>\nInclude a.conf\n${NO}\n</P>\nInclude no", main)
    assert errors == [
        f"{tmp_path}/a.conf:1: </P>: without <P>",
        f"{tmp_path}/a.conf:2: P: is not closed: </P> is missing",
        f"{main}:5: Include: {tmp_path}/no: No such file or directory",
    ]
    assert [each.rpartition(": ")[0] for each in warnings] == [
        f"{tmp_path}/a.conf:3",
        f"{main}:3",
    ]


def test_files_that_include_themselves(tmp_path: Path) -> None:
    """
    A circle is found at its first round, also through links.
    """
    (tmp_path / "a").write_text("A\nInclude b\n")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    found, errors, _ = read("Include a", f"{tmp_path}/main")
    assert outline(found.tree) == [["A"]]
    assert errors == [
        f"{tmp_path}/a:2: Include: {tmp_path}/b is being read already: it includes itself"
    ]


def test_long_chains_of_files(tmp_path: Path) -> None:
    """
    A chain of files that include each other has an end.
    """
    for number in range(60):
        (tmp_path / f"f{number}").write_text(f"Include f{number + 1}\n")
    _, errors, _ = read("Include f0", f"{tmp_path}/main")
    assert errors == [
        f"{tmp_path}/f49:1: Include: {tmp_path}/f50: more than 50 files include each other"
    ]


def test_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Files that include two others each cannot keep the reader busy for ever.
    """
    monkeypatch.setattr(files, "MOST_FILES", 100)
    for number in range(30):
        (tmp_path / f"f{number}").write_text(f"Include f{number + 1}\n" * 2)
    (tmp_path / "f30").write_text("X")
    _, errors, _ = read("Include f0", f"{tmp_path}/main")
    assert len(errors) == 1
    assert errors[0].endswith("Include: more than 100 files are included")


def test_much_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    All files together have a size that is enough.
    """
    monkeypatch.setattr(files, "MOST_BYTES", 1 << 20)
    (tmp_path / "a").write_text("# x\n" * 100000)
    main = f"{tmp_path}/main"
    assert good("Include a\nInclude a\n", main) == []
    _, errors, _ = read("Include a\n" * 5, main)
    assert errors == [f"{main}:3: Include: the files have more than 1 MiB together"]


def test_a_file_that_must_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The system's reason is told, for optional files too.
    """

    def refuse(path: str, mode: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    (tmp_path / "a").write_text("X")
    monkeypatch.setattr(files, "open", refuse, raising=False)
    main = f"{tmp_path}/main"
    assert read("IncludeOptional a", main)[1] == [
        f"{main}:1: IncludeOptional: {tmp_path}/a cannot be read: Permission denied"
    ]


def test_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Folders are searched to a depth and a number of entries.
    """
    deep = tmp_path
    for _ in range(22):
        deep /= "d"
    deep.mkdir(parents=True)
    main = f"{tmp_path}/main"
    (error,) = read("Include d", main)[1]
    assert error.endswith("/d: folders are nested more than 20 deep")
    assert good("IncludeOptional d/x*/y", main) == []
    monkeypatch.setattr(includes, "MOST_ENTRIES", 3)
    for name in "efghi":
        (tmp_path / name).write_text(name.upper())
    found, errors, _ = read("Include [e-i]", main)
    assert outline(found.tree) == [["E"], ["F"], ["G"]]
    assert errors == [f"{main}:1: Include: comes to more than 3 files and folders"]


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


def test_lenient_modules() -> None:
    """
    A module that nobody knows is an error, for a lenient reader a warning.
    """
    text = "LoadModule dir_module x.so\nLoadModule proxy_htp_module x"
    _, (error,), warnings = read(text)
    assert error == (
        "f:2: LoadModule: proxy_htp_module is not known, what it does is not done here "
        "(did you mean proxy_http_module?)"
    )
    assert warnings == []
    assert read(text, lenient=True)[1:] == ([], [f"{error}; left out"])


def test_modules_that_are_not_here() -> None:
    """
    To load a module does nothing by itself: those of Apache that are not here are told, in one
    line, and are no fault.
    """
    text = (
        "LoadModule dir_module x\nLoadModule rewrite_module x\nLoadModule proxy_module x\n"
        "LoadModule cache_module x\nLoadModule rewrite_module x\nLoadModule systemd_module x\n"
    )
    assert read(text)[1:] == (
        [],
        ["f:2: LoadModule: nothing is done here of what these modules are for: rewrite, cache"],
    )


@pytest.mark.parametrize(
    ("loaded", "module", "counts"),
    [
        ("", "mod_proxy.c", True),
        ("", "proxy_module", True),
        ("", "mod_rewrite.c", False),
        ("", "rewrite_module", False),
        ("", "MOD_PROXY.C", False),
        ("", "core.c", True),
        ("", "mod_dir.c", False),
        ("", "nonsense", False),
        ("proxy_module", "mod_proxy.c", True),
        ("proxy_module", "ssl_module", False),
        ("proxy_module", "mod_log_config.c", True),
        ("dir_module", "mod_dir.c", False),
        ("rewrite_module", "mod_rewrite.c", True),
        ("jk_module", "mod_jk.c", True),
    ],
)
def test_IfModule(loaded: str, module: str, counts: bool) -> None:
    """
    In a file that loads modules it asks for those; else for those whose function is here.
    """
    load = f"LoadModule {loaded} x.so\n" if loaded else ""
    text = f"{load}<IfModule {module}>\nX\n</IfModule>\n<IfModule !{module}>\nY\n</IfModule>\n"
    found, _, _ = read(text, lenient=True)
    assert outline(found.tree) == [["X" if counts else "Y"]]


def test_a_section_that_waits_for_a_module() -> None:
    """
    What is left out only because its module was not loaded is told.
    """
    text = "LoadModule proxy_module x\n<IfModule ssl_module>\nListen 443\n</IfModule>\n"
    assert read(text)[2] == [
        "f:2: IfModule: no LoadModule above loads ssl_module: the section is left out"
    ]


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ("2.4.71", True), ("= 2.4.71", True), ("== 2.4.71", True), ("2.4", False),
        ("!= 2.4", True), ("> 2.4.70", True), ("> 2.4.71", False), (">= 2.4.71", True),
        ("< 2.4.71", False), ("<= 2.4.71", True), ("!< 2.4", True), ("< 3", True), (">= 2", True),
        ("~ ^2\\.4", True), ("!~ ^2\\.4", False), ("/^2/", True), ("= /^3/", False),
        ("!= /^3/", True), ("'~' '7.$'", True),
    ],
)  # fmt: skip
def test_IfVersion(asked: str, counts: bool) -> None:
    """
    The version is that of the Apache whose behaviour this has.
    """
    assert good(f"<IfVersion {asked}>\nX\n</IfVersion>") == ([["X"]] if counts else [])


@pytest.mark.parametrize("asked", ["", "=~ 2", "! 2.4", "2.4 2.5 2.6", "x", "> /2/", "2.x", "~ ("])
def test_IfVersion_faults(asked: str) -> None:
    """
    What is no question about a version is told.
    """
    (error,) = read(f"<IfVersion {asked}>\nX\n</IfVersion>")[1]
    assert error.startswith("f:1: IfVersion: ")


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
