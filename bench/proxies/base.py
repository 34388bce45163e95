"""
What the measurement needs to know about a program.
"""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.site import Member, Site


def dotted(member: Member) -> str:
    """
    The sticky cookie's value as Apache writes it: a dot and the route.
    """
    return f".{member.route}"


def which(program: str) -> str | None:
    """
    Where the program is; the system folders count, even when PATH lacks them.
    """
    path = os.environ.get("PATH", os.defpath)
    return shutil.which(program, path=f"{path}:/usr/local/sbin:/usr/sbin:/sbin")


@dataclass(frozen=True, slots=True)
class Proxy:
    """
    One program: how to find, configure and start it, and in what it differs.

    @ivar render: the text of its configuration for a site.
    @ivar command: its command line in the foreground, from program, configuration file and site.
    @ivar check: a command line that only checks the configuration, or C{None}.
    @ivar version: arguments that make it print its version.
    @ivar note: how its configuration differs from the others'; for the report.
    @ivar cookie: value of the sticky cookie that leads to a member.
    @ivar environment: variables to set.
    @ivar probes: whether it has active health checks.
    @ivar wire: whether TLS, HTTP/2 and plain TCP are measured.
    @ivar raw: whether it balances plain TCP.
    """

    name: str
    title: str
    program: str
    render: Callable[[Site], str]
    command: Callable[[str, Path, Site], Sequence[str]]
    version: Sequence[str]
    note: str
    check: Callable[[str, Path, Site], Sequence[str]] | None = None
    cookie: Callable[[Member], str] = dotted
    environment: Callable[[Site], Mapping[str, str]] = field(default=lambda site: {})
    probes: bool = True
    raw: bool = True
    wire: bool = True

    def find(self) -> str | None:
        """
        The path of the program, or C{None}.
        """
        return which(self.program)

    def write(self, site: Site) -> Path:
        """
        Write the configuration into the site's folder.
        """
        path = site.folder / f"{self.name}.conf"
        path.write_text(self.render(site))
        return path
