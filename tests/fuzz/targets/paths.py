"""
Request paths: one normal form, of which the canonical one is read as the same again.
"""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import unquote_to_bytes

from txbalancer.core.encoded import normalise_encoded
from txbalancer.core.paths import canonical, has_dots, has_doubtful_climb, normalise
from txbalancer.errors import ClientError

SEEDS = [
    b"/a/b.c;d=e/%41%2f%2F/~x",
    b"/a//b/./c/../d/",
    b"/%2e%2e/x",
    b"/a/..;/b",
    b"/a%5c..%5cb",
    b"/\xc3\xa4/%C3%A4/%e4",
    b"/%00",
    b"*",
]
WORDS = [*b"/..|/.|//|%2e|%2E|%2f|%5C|%00|;|..;|%25|%252e|\\|?|#|%".split(b"|")]


def one(data: bytes) -> None:
    """
    Normalise, write and read again.
    """
    with suppress(ClientError):
        encoded = normalise_encoded(data)
        assert normalise_encoded(encoded) == encoded, "another form each time"
        assert normalise(encoded) == normalise(data), "two readings of one path"
    try:
        path = normalise(data)
    except ClientError:
        return
    has_doubtful_climb(data)
    assert path.startswith(b"/")
    assert b"//" not in path
    assert not has_dots(path)
    sent = canonical(path)
    assert normalise(sent) == path, "what is sent is not what was matched"
    assert not set(sent) & set(b" #?\r\n\t\x00")
    segments = unquote_to_bytes(sent).replace(b"\\", b"/").split(b"/")
    assert not {b".", b".."} & {segment.partition(b";")[0] for segment in segments}
