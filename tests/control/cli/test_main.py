"""
The command as a whole: help, completion, and how it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests.config.helpers import REGISTRY
from tests.control.cli.services import Service, run
from txbalancer.control.cli import completion, make_command
from txbalancer.control.cli.exits import MEANINGS
from txbalancer.control.cli.pairs import complete_pairs

COMMAND = make_command(lambda: REGISTRY, tuple)


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, ...]]:
    """
    Yield every command with the groups above it.
    """
    for name, each in group.commands.items():
        yield (*above, name)
        if isinstance(each, click.Group):
            yield from commands(each, *above, name)


EVERY = list(commands(COMMAND))
OFFLINE = {("check",), ("convert",), ("completion",)}
ASKING = [
    each for each in EVERY if each not in OFFLINE and each not in {("member",), ("balancer",)}
]


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help(words: tuple[str, ...]) -> None:
    """
    Every command has a help that fits 80 columns.
    """
    found = run(*words, "--help")
    assert found.exit_code == 0
    assert max(map(len, found.stdout.splitlines())) <= 80


@pytest.mark.parametrize("words", [(), *ASKING], ids=" ".join)
def test_exit_codes_are_in_the_help(words: tuple[str, ...]) -> None:
    """
    Every command that asks a service names all exit codes, and has --json.
    """
    shown = run(*words, "--help").stdout
    for code, meaning in MEANINGS.items():
        assert f"  {code:<4}{meaning}\n" in shown
    assert "--json" in shown or not words


@pytest.mark.parametrize("words", [(), ("member",), ("balancer",)], ids=" ".join)
def test_lists_of_commands_are_whole(words: tuple[str, ...]) -> None:
    """
    No line of a list of commands is cut off.
    """
    listed = run(*words, "--help").stdout.partition("\nCommands:\n")[2]
    assert listed
    assert "..." not in listed


def test_exit_codes_are_in_the_manual() -> None:
    """
    The manual has the same table.
    """
    manual = Path(__file__).parents[3] / "docs/cli.rst"
    text = manual.read_text()
    for code, meaning in MEANINGS.items():
        assert f"{code:<4}{meaning}" in text


def test_every_command_is_in_the_manual() -> None:
    """
    The manual shows each command at least once.
    """
    text = (Path(__file__).parents[3] / "docs/cli.rst").read_text()
    missing = [" ".join(each) for each in ASKING if f"txbalancer {' '.join(each)}" not in text]
    assert not missing


# -- completion


def complete(service: Service | None, *words: str, shell: str = "bash") -> list[str]:
    """
    Return what a shell is offered for the last word.
    """
    environ = {
        **os.environ,
        "_TXBALANCER_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(("txbalancer", *words)),
        "COMP_CWORD": str(len(words)),
        "TXBALANCER_CONTROL": str(service.path) if service is not None else "/nowhere",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    found = subprocess.run(
        [sys.executable, "-m", "txbalancer"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.stderr == ""
    return [line.partition(",")[2] for line in found.stdout.splitlines() if line]


def test_commands_of_groups() -> None:
    """
    Who leaves out the group is told where the command is; other words are only unknown.
    """
    found = run("drain", "shop", "web1")
    assert found.exit_code == 2
    assert "Did you mean member drain?" in found.stderr
    assert "Did you mean member list or balancer list?" in run("list").stderr
    assert "Did you mean member" not in run("xyzzy").stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    """
    Each shell gets a script that asks this very command.
    """
    found = run("completion", shell)
    assert found.exit_code == 0
    assert f"_TXBALANCER_COMPLETE={shell}_complete" in found.stdout
    assert run("completion", "csh").exit_code == 2


def test_bash_takes_the_script() -> None:
    """
    The script is good for the shell.
    """
    script = run("completion", "bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True, timeout=10)


@pytest.mark.parametrize(
    ("parameter", "words", "offered"),
    [
        (completion.balancers, {}, ["shop"]),
        (completion.members, {"balancer": "shop"}, []),
        (completion.members, {}, []),
    ],
)
def test_what_is_offered(
    service: Service, parameter: Any, words: dict[str, str], offered: list[str]
) -> None:
    """
    Only what begins as the word does is offered, and members only of the balancer before.
    """
    context = click.Context(COMMAND, obj=service.world())
    context.params.update(words)
    found = parameter(context, COMMAND.params[0], "s")
    assert [each.value for each in found] == offered
    if words:
        found = parameter(context, COMMAND.params[0], "w")
        assert [each.value for each in found] == ["web1", "web2"]


def test_keys_are_offered() -> None:
    """
    Keys are offered with their sign, values are not.
    """
    complete = complete_pairs(["lbset", "lbmethod", "route"])
    context, parameter = click.Context(COMMAND), COMMAND.params[0]
    assert complete(context, parameter, "lb") == ["lbset=", "lbmethod="]
    assert complete(context, parameter, "lbset=") == []


def test_nothing_is_offered_without_a_service(service: Service) -> None:
    """
    A fault while somebody types is no message.
    """
    context = click.Context(COMMAND, obj=service.world(TXBALANCER_CONTROL="/nowhere"))
    assert completion.balancers(context, COMMAND.params[0], "") == []


def test_completion_of_names(service: Service) -> None:
    """
    Balancers, and members of the one that was named, come from the running service.
    """
    assert complete(service, "member", "drain", "s") == ["shop"]
    assert complete(service, "member", "drain", "shop", "w") == ["web1", "web2"]
    assert complete(service, "member", "drain", "two", "") == ["10.0.0.1"]
    assert complete(service, "member", "set", "shop", "web1", "lbs") == ["lbset="]
    assert complete(service, "balancer", "set", "shop", "no") == ["nofailover="]
    assert complete(service, "memb") == ["member"]


def test_completion_without_a_service() -> None:
    """
    Where no service answers, nothing is offered and nothing printed.
    """
    assert complete(None, "member", "drain", "s") == []
