"""
The C{txbalancer} command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from txbalancer import __version__
from txbalancer.config import Check, Loaded, load
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.values import counted
from txbalancer.errors import ConfigErrors


def make_command(
    registry: Callable[[], Registry], checks: Callable[[], Iterable[Check]]
) -> click.Group:
    """
    Make the command with its subcommands.

    @param registry: loads what a configuration may name; called only when that is needed.
    @param checks: likewise gives the checks that layers above the configuration make.
    """
    group = click.Group(
        "txbalancer",
        help="Tools for the txbalancer reverse proxy. It is run itself by "
        "`twistd txbalancer -c FILE`.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    click.version_option(__version__, prog_name="txbalancer")(group)
    group.add_command(_check_command(registry, checks))
    return group


def _check_command(
    registry: Callable[[], Registry], checks: Callable[[], Iterable[Check]]
) -> click.Command:
    @click.command("check")
    @click.option("-c", "--config", "path", metavar="FILE", required=True, help="The file to read.")
    @click.pass_context
    def check(context: click.Context, path: str) -> None:
        """
        Read a configuration without using it, and tell every fault with its line.

        Nothing is listened on and nobody is asked. Errors and warnings go to standard error.
        The exit code is 0 when the file can be used, even with warnings, and 1 when not.
        """
        try:
            loaded = load(path, registry(), checks())
        except ConfigErrors as errors:
            click.echo(str(errors), err=True)
            click.echo(f"{path}: {counted(len(errors.errors), 'error')}", err=True)
            context.exit(1)
        _report(path, loaded)

    return check


def _report(path: str, loaded: Loaded) -> None:
    for line in loaded.warnings:
        click.echo(f"warning: {line}", err=True)
    found = len(loaded.warnings)
    warnings = f", {counted(found, 'warning')}" if found else ""
    click.echo(f"{path}: OK ({summary(loaded.spec)}){warnings}")


def summary(spec: ServiceSpec) -> str:
    """
    Count what is in a configuration: C{2 listeners, 1 balancer, 3 members, 4 mounts}.
    """
    members = sum(len(balancer.members) for balancer in spec.balancers)
    return ", ".join(
        (
            counted(len(spec.listeners), "listener"),
            counted(len(spec.balancers), "balancer"),
            counted(members, "member"),
            counted(len(spec.mounts), "mount"),
        )
    )
