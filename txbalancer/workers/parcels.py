"""
Values of any size and kind in messages of AMP, where a value ends at 64 KiB.
"""

from __future__ import annotations

import pickle
from typing import Any

from twisted.protocols.amp import MAX_VALUE_LENGTH, Argument


class Parcel(Argument):
    """
    A value, pickled and sent in pieces.

    Only for the two ends of a socket pair of which one process has started the other: who
    can send a pickle can run code.
    """

    def toBox(self, name: bytes, strings: Any, objects: Any, proto: Any) -> None:
        """
        Write a value into a box.
        """
        data = pickle.dumps(objects.pop(name.decode("ascii")), pickle.HIGHEST_PROTOCOL)
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
