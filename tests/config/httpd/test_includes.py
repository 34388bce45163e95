"""
Files that are included, and how many of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.httpd.test_preprocess import good, outline, read
from txbalancer.config.httpd import files, includes


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


def test_keys_are_not_told(tmp_path: Path) -> None:
    """
    Of a file of keys or certificates, which is none to include, no line gets into a message.
    """
    (tmp_path / "a.pem").write_text("\n-----BEGIN PRIVATE KEY-----\nSECRET\n-----END")
    main = f"{tmp_path}/main"
    assert read("Include a.pem", main)[1] == [
        f"{main}:1: Include: {tmp_path}/a.pem has certificates or keys: it is no configuration"
    ]
