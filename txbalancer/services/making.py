"""
What plugins make, before anything changes because of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.logger import Logger

from txbalancer.errors import BalancerError, StartError

log = Logger()


@contextmanager
def making(what: str) -> Iterator[None]:
    """
    Have whatever goes wrong be an error that says of what.

    @raise StartError: instead of what a plugin raises.
    """
    try:
        yield
    except BalancerError:
        raise
    except Exception as error:
        # For the author of the plugin, who needs to know where.
        log.failure("{what} cannot be made", what=what)
        raise StartError(f"{what} cannot be made: {type(error).__name__}: {error}") from error
