"""
ClientHellos to be read, made by hand.
"""

from __future__ import annotations


def counted(size: int, data: bytes) -> bytes:
    """
    Put the length of a field before it.
    """
    return len(data).to_bytes(size) + data


def server_name(*names: bytes, kind: int = 0) -> tuple[int, bytes]:
    """
    Make the extension that says whom a client wants.
    """
    return 0, counted(2, b"".join(bytes([kind]) + counted(2, name) for name in names))


def protocols(*names: bytes) -> tuple[int, bytes]:
    """
    Make the extension with the protocols that a client offers.
    """
    return 16, counted(2, b"".join(counted(1, name) for name in names))


def hello(
    *extensions: tuple[int, bytes],
    session: bytes = b"",
    suites: bytes = b"\x13\x01",
    compression: bytes = b"\0",
    more: bytes = b"",
) -> bytes:
    """
    Make the message, without records around it.
    """
    listed = b"".join(kind.to_bytes(2) + counted(2, data) for kind, data in extensions)
    body = b"\x03\x03" + bytes(32) + counted(1, session) + counted(2, suites)
    body += counted(1, compression) + (counted(2, listed) if extensions else b"") + more
    return b"\x01" + counted(3, body)


def records(message: bytes, size: int = 1 << 14) -> bytes:
    """
    Put a message into records of so many bytes each.
    """
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + counted(2, piece) for piece in pieces)
