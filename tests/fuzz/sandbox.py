"""
Nothing outside is touched, whatever a case names: each file is there and empty, each folder as
well, and no name has an address.
"""

from __future__ import annotations

import builtins
import io
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_STAT = os.stat(__file__)


def _open(path: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
    return io.BytesIO() if "b" in mode else io.StringIO()


def _listdir(path: Any = ".") -> list[str]:
    return []


def _stat(path: Any, *arguments: Any, **more: Any) -> os.stat_result:
    return _STAT


def _getaddrinfo(*arguments: Any, **more: Any) -> Any:
    raise socket.gaierror(-2, "Name or service not known")


_INSTEAD: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (builtins, "open", _open),
    (os, "listdir", _listdir),
    (os, "stat", _stat),
    (socket, "getaddrinfo", _getaddrinfo),
)


@contextmanager
def shut() -> Iterator[None]:
    """
    Put that between the case and the system.
    """
    before = [(place, name, getattr(place, name)) for place, name, _ in _INSTEAD]
    for place, name, function in _INSTEAD:
        setattr(place, name, function)
    try:
        yield
    finally:
        for place, name, function in before:
            setattr(place, name, function)
