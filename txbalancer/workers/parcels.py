"""
Values of any size and kind in messages of AMP, where a value ends at 64 KiB.
"""

from __future__ import annotations

import pickle
from typing import Any

from twisted.protocols.amp import MAX_VALUE_LENGTH, Argument


class Packed:
    """
    A value that is made ready once, for several that are told the same.
    """

    __slots__ = ("data",)

    def __init__(self, value: Any) -> None:
        self.data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)

    def unpack(self) -> Any:
        """
        Return what is the value's equal.
        """
        return pickle.loads(self.data)


class Parcel(Argument):
    """
    A value, or one that is L{Packed} already, pickled and sent in pieces.

    Only for the two ends of a socket pair of which one process has started the other: who
    can send a pickle can run code.
    """

    def toBox(self, name: bytes, strings: Any, objects: Any, proto: Any) -> None:
        """
        Write a value into a box.
        """
        value = objects.pop(name.decode("ascii"))
        data = value.data if isinstance(value, Packed) else Packed(value).data
        starts = range(0, len(data), MAX_VALUE_LENGTH)
        strings[name] = b"%d" % len(starts)
        for number, start in enumerate(starts):
            strings[b"%b.%d" % (name, number)] = data[start : start + MAX_VALUE_LENGTH]

    def fromBox(self, name: bytes, strings: Any, objects: Any, proto: Any) -> None:
        """
        Read it from one.
        """
        count = int(strings.pop(name))
        data = b"".join([strings.pop(b"%b.%d" % (name, number)) for number in range(count)])
        objects[name.decode("ascii")] = pickle.loads(data)
