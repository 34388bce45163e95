"""
The pages for C{man} and the files for shells agree with the program, and their readers accept them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.peers import require
from txbalancer.control.cli import make_command
from txbalancer.control.cli.completion import SHELLS
from txbalancer.core import specs
from txbalancer.core.registry import Registry
from txbalancer.manpages.__main__ import PAGES, main

# The names under which each shell finds its file, and how it only parses one.
FILES = {"bash": "txbalancer.bash", "zsh": "_txbalancer", "fish": "txbalancer.fish"}
CHECKS = {"bash": ("bash", "-n"), "zsh": ("zsh", "-n"), "fish": ("fish", "--no-execute")}


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_fresh(name: str, root: Path, tmp_path: Path) -> None:
    """
    etc/man holds what C{make docs} would write now.
    """
    main(tmp_path)
    assert (root / "etc/man" / name).read_text() == (tmp_path / name).read_text(), "run: make docs"


def test_every_option_of_a_section_is_there() -> None:
    """
    txbalancer.ini(5) has an entry for each option.
    """
    page = PAGES["txbalancer.ini.5"]()
    spec = (specs.GlobalSpec, specs.ListenerSpec, specs.BalancerSpec, specs.MemberSpec)
    for each in (*spec, specs.MountSpec):
        for _, option in specs.options(each):
            assert f".TP\n\\fB{option.name.replace('-', chr(92) + '-')}\\fR\n" in page


def test_every_command_is_there() -> None:
    """
    txbalancer(1) has a part for each command, and for those of groups.
    """
    page = PAGES["txbalancer.1"]()
    for command in ("check", "status", "member drain", "balancer set", "sessions", "undo"):
        assert f'.SS "txbalancer {command} ' in page
    assert '.SS "txbalancer member"' not in page


@pytest.mark.peers
@pytest.mark.parametrize("name", PAGES)
def test_mandoc_finds_no_fault(name: str, root: Path) -> None:
    """
    C{mandoc -T lint} has nothing to say.
    """
    command = [require("mandoc"), "-T", "lint", root / "etc/man" / name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_completions_are_fresh(shell: str, root: Path) -> None:
    """
    etc/completion holds what C{txbalancer completion SHELL} prints.
    """
    printed = CliRunner().invoke(make_command(Registry, tuple), ["completion", shell])
    assert (root / "etc/completion" / FILES[shell]).read_text() == printed.stdout


@pytest.mark.peers
@pytest.mark.parametrize("shell", SHELLS)
def test_shells_accept_completions(shell: str, root: Path) -> None:
    """
    Each shell reads its file without a complaint.
    """
    program, option = CHECKS[shell]
    command = [require(program), option, root / "etc/completion" / FILES[shell]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
