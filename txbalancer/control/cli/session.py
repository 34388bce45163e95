"""
What all commands that ask a service have in common: how it is found, and C{--json}.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import click

from txbalancer.control.cli import ways
from txbalancer.control.cli.client import Client
from txbalancer.control.cli.exits import exit_codes
from txbalancer.control.cli.world import World

WHERE = ("socket", "config", "manager", "user", "cacert")
"""Names of the options that say where a service is."""

_OPTIONS = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs."),
    click.option("--socket", metavar="PATH", default="", help="The service's control socket."),
    click.option(
        "-c",
        "--config",
        metavar="FILE",
        default="",
        help="The service's configuration, whose `control` names the socket; no more is read"
        " of it.",
    ),
    click.option(
        "--url", "manager", metavar="URL", default="", help="The address of its manager instead."
    ),
    click.option("--user", metavar="NAME", default="", help="Who asks at --url, with a password."),
    click.option(
        "--cacert", metavar="FILE", default="", help="Who may sign its certificate, as PEM."
    ),
)


class Session:
    """
    One run of a command.

    @ivar client: the service.
    @ivar world: clocks, environment and terminal.
    @ivar as_json: whether programs read the output.
    @ivar changed: the balancers of the changes that were made, in that order.
    """

    __slots__ = ("as_json", "changed", "client", "world")

    def __init__(self, client: Client, world: World, as_json: bool = False) -> None:
        self.client = client
        self.world = world
        self.as_json = as_json
        self.changed: list[str] = []

    def json(self, value: Any) -> None:
        """
        Print a document of its own: on one line, unless a person looks at it.
        """
        wide = self.world.console.is_terminal
        click.echo(json.dumps(value, indent=2 if wide else None, ensure_ascii=not wide))

    def line(self, value: Any) -> None:
        """
        Print one object of several, each on its line.
        """
        click.echo(json.dumps(value))


class ServiceCommand(click.Command):
    """
    A command whose help tells apart what it does from how the service is found.
    """

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """
        Write both lists of options.
        """
        own: list[tuple[str, str]] = []
        where: list[tuple[str, str]] = []
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is not None and isinstance(each, click.Option):
                (where if each.name in WHERE else own).append(record)
        with formatter.section("Options"):
            formatter.write_dl(own)
        with formatter.section("Where the service is"):
            formatter.write_dl(where)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """
        Say where a service is looked for without an option, and how the command ends.
        """
        formatter.write_paragraph()
        formatter.write_text(
            f"Without one of these: ${ways.VARIABLE} (a socket or URL), else the sockets that"
            " `control = auto` chooses."
        )
        formatter.write("\n" + exit_codes() + "\n")


def command(
    group: click.Group, name: str, cls: type[ServiceCommand] = ServiceCommand
) -> Callable[[Callable[..., None]], click.Command]:
    """
    Make a function a command of a group; it is called with a L{Session} and its own arguments.
    """

    def make(function: Callable[..., None]) -> click.Command:
        @click.pass_context
        def call(context: click.Context, /, as_json: bool, **given: Any) -> None:
            where = {option: given.pop(option) for option in WHERE}
            function(open_session(context.obj, where, as_json), **given)

        # click looks for the arguments and options that decorators left on the function.
        wrapped: Any = functools.update_wrapper(call, function)
        for each in reversed(_OPTIONS):
            wrapped = each(wrapped)
        return group.command(name, cls=cls)(wrapped)

    return make


def open_session(
    world: World | None, where: dict[str, str], as_json: bool = False, patience: float = 0.0
) -> Session:
    """
    Find the service.

    @param where: the options that say where it is.
    @param patience: seconds that an answer may take; 0 for the usual.
    """
    world = world or World()
    way = ways.find(
        world,
        sockets=where["socket"],
        config=where["config"],
        url=where["manager"],
        user=where["user"],
        cacert=where["cacert"],
    )
    return Session(Client(way, patience) if patience else Client(way), world, as_json)
