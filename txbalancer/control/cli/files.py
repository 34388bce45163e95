"""
Commands on configuration files; no service is needed for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import click

from txbalancer import __version__
from txbalancer.config import Check, Loaded, load
from txbalancer.config.render import comment, render
from txbalancer.core.registry import Registry
from txbalancer.core.specs import ServiceSpec
from txbalancer.core.values import counted
from txbalancer.errors import ConfigErrors


def _reading_options(command: Callable[..., None]) -> Callable[..., None]:
    lenient = click.option(
        "--lenient",
        is_flag=True,
        help="Leave out, with a warning, what of Apache's syntax is not carried over.",
    )
    defines = click.option(
        "-D",
        "defines",
        metavar="NAME",
        multiple=True,
        help="Define NAME for <IfDefine> in Apache's syntax.",
    )
    return lenient(defines(command))


def check_command(
    registry: Callable[[], Registry], checks: Callable[[], Iterable[Check]]
) -> click.Command:
    """
    Make C{check}.
    """

    @click.command("check")
    @click.option("-c", "--config", "path", metavar="FILE", required=True, help="The file to read.")
    @_reading_options
    @click.pass_context
    def check(context: click.Context, path: str, lenient: bool, defines: tuple[str, ...]) -> None:
        """
        Read a configuration without using it.

        Every fault is told with its line. Nothing is listened on and nobody is asked. Errors and
        warnings go to standard error. The exit code is 0 when the file can be used, even with
        warnings, and 1 when not.
        """
        loaded = _read(
            context,
            path,
            lambda: load(path, registry(), checks(), lenient=lenient, defines=defines),
            lenient,
        )
        _report(path, loaded)

    return check


def convert_command(
    registry: Callable[[], Registry], checks: Callable[[], Iterable[Check]]
) -> click.Command:
    """
    Make C{convert}.
    """

    @click.command("convert")
    @click.argument("path", metavar="FILE")
    @_reading_options
    @click.option("-o", "--output", metavar="OUT", help="Where to write, rather than print.")
    @click.pass_context
    def convert(
        context: click.Context,
        path: str,
        lenient: bool,
        defines: tuple[str, ...],
        output: str | None,
    ) -> None:
        """
        Write a configuration as INI, with every option.

        FILE may be a httpd.conf. The result means the same, with the numbers of Apache where
        FILE is in its syntax. Comments say where each part stands in FILE, and what of it is
        left out. FILE is checked as `txbalancer check` does; warnings go to standard error. The
        exit code is 1 when FILE cannot be used, and nothing is written then.
        """
        loaded = _read(
            context,
            path,
            lambda: load(path, registry(), checks(), lenient=lenient, defines=defines),
            lenient,
        )
        _warn(loaded)
        try:
            _write(convert_text(path, loaded).encode("utf-8"), output)
        except (OSError, UnicodeEncodeError) as error:
            click.echo(f"{output or 'standard output'}: cannot be written: {_why(error)}", err=True)
            context.exit(1)

    return convert


def convert_text(path: str, loaded: Loaded) -> str:
    """
    Write a configuration as INI with every option, and say where it is from and what of that is
    left out.
    """
    head = [f"Made from {path} by txbalancer {__version__}: every option is written out."]
    if loaded.remarks:
        head += ["Not in here, or not as it was there:", *(f"  {it}" for it in loaded.remarks)]
    text = render(loaded.spec, defaults=True, comments=loaded.comments)
    return f"{''.join(map(comment, head))}\n{text}"


def _write(data: bytes, output: str | None) -> None:
    if output is None:
        click.echo(data, nl=False)
        return
    # It may hold secrets: a new file is for its owner alone.
    private = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(private, "wb") as file:
        file.write(data)


def _why(error: OSError | UnicodeEncodeError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "a path in it is no UTF-8 text, and INI files are: name another"
    return error.strerror or str(error)


def _read(context: click.Context, path: str, read: Callable[[], Loaded], lenient: bool) -> Loaded:
    try:
        return read()
    except ConfigErrors as errors:
        click.echo(str(errors), err=True)
        omitted = any(each.text.startswith("is not carried over: ") for each in errors.errors)
        hint = "; --lenient leaves out what is not carried over" if omitted and not lenient else ""
        click.echo(f"{path}: {counted(len(errors.errors), 'error')}{hint}", err=True)
        context.exit(1)


def _warn(loaded: Loaded) -> None:
    for line in loaded.warnings:
        click.echo(f"warning: {line}", err=True)


def _report(path: str, loaded: Loaded) -> None:
    _warn(loaded)
    found = len(loaded.warnings)
    warnings = f", {counted(found, 'warning')}" if found else ""
    click.echo(f"{path}: OK ({summary(loaded.spec)}){warnings}")


def summary(spec: ServiceSpec) -> str:
    """
    Count what is in a configuration: C{2 listeners, 1 balancer, 3 members, 4 mounts}.
    """
    members = sum(len(balancer.members) for balancer in spec.balancers)
    sources = sum(len(balancer.discover) for balancer in spec.balancers)
    return ", ".join(
        (
            counted(len(spec.listeners), "listener"),
            counted(len(spec.balancers), "balancer"),
            counted(members, "member"),
            *((counted(sources, "source") + " of members",) if sources else ()),
            counted(len(spec.mounts), "mount"),
        )
    )
