"""
txbalancer(1), from the commands.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator

import click

from txbalancer.control.cli import make_command
from txbalancer.control.cli.exits import MEANINGS
from txbalancer.control.cli.session import WHERE
from txbalancer.control.cli.ways import VARIABLE
from txbalancer.core.registry import Registry
from txbalancer.manpages.roff import Page
from txbalancer.tap import Options

_FILES = (
    ("/etc/txbalancer/txbalancer.ini", "The configuration of the system's service."),
    ("/run/txbalancer/control.sock", "The socket on which commands reach it."),
    ("/var/lib/txbalancer", "The folder for its state file."),
)


def program() -> str:
    """
    Return the page.
    """
    group = make_command(Registry, tuple)
    context = click.Context(group, info_name="txbalancer")
    page = Page("txbalancer", 1, "reverse proxy and load balancer, and how to steer it")
    page.section("SYNOPSIS")
    page.text("``twistd txbalancer`` -c FILE\n\n``txbalancer`` COMMAND [OPTIONS] [ARGUMENTS]")
    page.section("DESCRIPTION")
    page.text(_prose(group.help or ""))
    _service(page)
    page.section("COMMANDS")
    for each, its in _commands(group, context):
        _command(page, each, its)
    _where(page, group, context)
    _ends(page)
    return str(page)


def _service(page: Page) -> None:
    page.section("THE SERVICE")
    page.text(Options.longdesc)
    for name, short, _, text in Options.optParameters:
        page.item(f"-{short}, --{name} FILE", str(text))
    page.item("-D, --define NAME", str(Options.opt_define.__doc__))
    for name, _, text in Options.optFlags:
        page.item(f"--{name}", str(text))


def _commands(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        its = click.Context(found, info_name=name, parent=context)
        if isinstance(found, click.Group):
            yield from _commands(found, its)
        else:
            yield found, its


def _command(page: Page, command: click.Command, context: click.Context) -> None:
    page.subsection(" ".join((context.command_path, *command.collect_usage_pieces(context))))
    for paragraph in re.split(r"\n{2,}", inspect.cleandoc(command.help or "")):
        if paragraph.startswith("\b\n"):
            page.literal(paragraph.splitlines()[1:])
        else:
            page.text(_prose(paragraph))
    _options(page, command, context, lambda name: name not in WHERE)


def _options(
    page: Page, command: click.Command, context: click.Context, wanted: Callable[[str], bool]
) -> None:
    for each in command.params:
        record = each.get_help_record(context)
        if isinstance(each, click.Option) and record is not None and wanted(each.name or ""):
            page.item(*record)


def _prose(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"``\1``", text)


def _where(page: Page, group: click.Group, context: click.Context) -> None:
    page.section("WHERE THE SERVICE IS")
    page.text(
        "Commands that ask a service take these options. Without one of them it is"
        f" ``${VARIABLE}`` (a socket or URL), else the sockets that ``control = auto`` chooses."
    )
    status = group.commands["status"]
    _options(page, status, click.Context(status, parent=context), lambda name: name in WHERE)


def _ends(page: Page) -> None:
    page.section("EXIT STATUS")
    for code, meaning in MEANINGS.items():
        page.item(str(code), meaning)
    page.section("FILES")
    for path, meaning in _FILES:
        page.item(path, meaning)
    page.section("SEE ALSO")
    page.text("``txbalancer.ini``(5), ``twistd``(1)")
