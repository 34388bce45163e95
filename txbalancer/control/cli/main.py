"""
The command put together from its subcommands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from txbalancer import __version__
from txbalancer.config import Check
from txbalancer.control.cli.completion import completion_command
from txbalancer.control.cli.draining import add_drain
from txbalancer.control.cli.exits import INTERRUPTED, exit_codes
from txbalancer.control.cli.files import check_command, convert_command
from txbalancer.control.cli.limits import add_limits
from txbalancer.control.cli.lists import add_sessions, balancer_group
from txbalancer.control.cli.members import member_group
from txbalancer.control.cli.probing import add_probe
from txbalancer.control.cli.status import add_status
from txbalancer.control.cli.streams import add_events, add_log
from txbalancer.control.cli.upgrading import add_upgrade
from txbalancer.control.cli.whole import add_whole
from txbalancer.core.registry import Registry


class Commands(click.Group):
    """
    A group that ends with a code of its own, and a clean terminal, on Ctrl-C.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """
        Run the command that was asked for.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """
        Find a command, or tell which group has it: people type C{txbalancer drain} first.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            groups = [each for each in self.commands.values() if isinstance(each, click.Group)]
            known = [f"{each.name} {args[0]}" for each in groups if args[0] in each.commands]
            if not known:
                raise
            ctx.fail(f"No such command {args[0]!r}. Did you mean {' or '.join(known)}?")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """
        Write how commands end.
        """
        formatter.write("\n" + exit_codes() + "\n")


def make_command(
    registry: Callable[[], Registry], checks: Callable[[], Iterable[Check]]
) -> click.Group:
    """
    Make the command with its subcommands.

    @param registry: loads what a configuration may name; called only when that is needed.
    @param checks: likewise gives the checks that layers above the configuration make.
    """
    group = Commands(
        "txbalancer",
        help="See and steer a txbalancer reverse proxy while it runs, and check its"
        " configurations. It is run itself by `twistd txbalancer -c FILE`.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    click.version_option(__version__, prog_name="txbalancer")(group)
    group.add_command(check_command(registry, checks))
    group.add_command(convert_command(registry, checks))
    add_status(group)
    for each in (member_group, balancer_group):
        group.add_command(each)
    add_drain(member_group)
    add_probe(member_group)
    for add in (add_sessions, add_limits, add_probe, add_log, add_events, add_whole, add_upgrade):
        add(group)
    group.add_command(completion_command(group))
    return group
