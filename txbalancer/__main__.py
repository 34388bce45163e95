"""
C{python -m txbalancer}: the command, put together from layers that do not know each other.
"""

from __future__ import annotations

from collections.abc import Iterable

from txbalancer.config import Check
from txbalancer.control.cli import make_command
from txbalancer.core.registry import Registry


def main() -> None:
    """
    Run the C{txbalancer} command with the arguments of the process.
    """
    make_command(_registry, _checks)(prog_name="txbalancer")


def _registry() -> Registry:
    # Twisted and all plugins are loaded only by what needs them, not by --help.
    from txbalancer.services.plugins import load_registry

    return load_registry()


def _checks() -> Iterable[Check]:
    from txbalancer.control.checks import COMMAND_CHECKS

    return COMMAND_CHECKS


if __name__ == "__main__":
    main()
