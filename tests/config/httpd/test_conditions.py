"""
Sections that count for some modules and versions only.
"""

from __future__ import annotations

import pytest

from tests.config.httpd.test_preprocess import good, outline, read


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
