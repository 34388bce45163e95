"""
Completion of the command line in shells, with the names that the running service has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from txbalancer.control.cli.naming import Report, names
from txbalancer.control.cli.session import WHERE, open_session

VARIABLE = "_TXBALANCER_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
_PATIENCE = 1.0
"""Seconds that somebody waits at most who presses the tab key."""


def completion_command(group: click.Group) -> click.Command:
    """
    Make C{completion} for a command.
    """

    @click.command("completion")
    @click.argument("shell", type=click.Choice(SHELLS))
    def completion(shell: str) -> None:
        """
        Print what makes a shell complete command lines.

        It completes commands, options, balancers and members.

        \b
        bash:  eval "$(txbalancer completion bash)"              in ~/.bashrc
        zsh:   eval "$(txbalancer completion zsh)"               in ~/.zshrc
        fish:  txbalancer completion fish > ~/.config/fish/completions/txbalancer.fish
        """
        found = get_completion_class(shell)
        assert found is not None
        click.echo(found(group, {}, "txbalancer", VARIABLE).source())

    return completion


def _complete(
    offered: Callable[[Report, click.Context], Iterable[str]],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(
        context: click.Context, parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        try:
            service = _service(context)
        except Exception:
            # Whatever it is: somebody is typing, and a message would land in the line.
            return []
        return [
            CompletionItem(each) for each in offered(service, context) if each.startswith(begun)
        ]

    return complete


def _service(context: click.Context) -> Report:
    given: dict[str, Any] = context.params
    where = {name: given.get(name) or "" for name in WHERE}
    session = open_session(context.obj, where, patience=_PATIENCE)
    report: Report = session.client.get("/").value
    return report


def _members(service: Report, context: click.Context) -> list[str]:
    there = [
        names(each)
        for balancer in service["balancers"]
        if balancer["name"] == context.params.get("balancer")
        for each in balancer["members"]
    ]
    hosts = [host for *_, host in there]
    # Without a port where that does: bash takes a colon for the end of a word.
    return [
        route or (host if hosts.count(host) == 1 else address) or url
        for url, route, address, host in there
    ]


balancers = _complete(lambda service, _: [each["name"] for each in service["balancers"]])
"""Completes the name of a balancer."""

members = _complete(_members)
"""Completes a member of the balancer that was named before."""
