"""
Where TLS records end, so that nobody has to ask OpenSSL for what cannot be there.
"""

from __future__ import annotations

_HEADER = 5
"""Type, version and length. Source: RFC 8446 5.1."""


class Records:
    """
    Follows the records of one direction by their headers.
    """

    __slots__ = ("_header", "_left")

    def __init__(self) -> None:
        self._left = 0
        self._header = b""

    def single(self, data: bytes) -> bool:
        """
        Tell whether data is one whole record, with nothing of another before or after it.
        """
        if (
            not self._left
            and not self._header
            and len(data) > _HEADER
            and len(data) == _HEADER + (data[3] << 8 | data[4])
        ):
            return True
        self._follow(data)
        return False

    def _follow(self, data: bytes) -> None:
        place = self._left
        if place > len(data):
            self._left = place - len(data)
            return
        data = self._header + data[place:]
        place = 0
        while len(data) - place >= _HEADER:
            place += _HEADER + (data[place + 3] << 8 | data[place + 4])
        self._left = max(0, place - len(data))
        self._header = data[place:]
