"""
Files of members: refused with a reason that names the line, or the members that a configuration
has which says the same.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.fuzz import discovered
from tests.fuzz.reasons import check_reason
from txbalancer.core.discovery import Answer
from txbalancer.discovery.file import FileFault, FileSource

SEEDS = [
    b"http://10.0.0.1 route=a loadfactor=2\n# none\n\n; neither\nhttps://[::1]:8443/x\r\n",
    b"\xef\xbb\xbfhttp://a.test:81 hcmethod=get hcuri='/a b' status=+H",
    b"unix:/run/a|http://a/ flushpackets=on\nhttp://a timeout=5s\nhttp://a timeout=6s",
    b"http://\xff\n",
]
WORDS = [
    *b"http://a|https://b:1|unix:/a\x7c|h2c://|ajp://c|fcgi://d:9/|\n|\r\n|\n    |#|;".split(b"|"),
    *b" loadfactor=| route=| status=+H| hcmethod=get| hcexpr=| lbset=1|'|\"|\\".split(b"|"),
    *b"\xef\xbb\xbf|\xc2\x85|\xe2\x80\xa8|\x0c|\x00|\t|discover = ".split(b"|"),
]


@cache
def _path() -> Path:
    made = tempfile.mkdtemp(prefix="txbalancer-fuzz-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made, "members")


def _read(data: bytes) -> Answer | Exception:
    path = _path()
    path.write_bytes(data)
    found: list[object] = []
    FileSource(str(path), lambda: 0.0).find().addCallbacks(
        found.append, lambda reason: found.append(reason.value)
    )
    (result,) = found
    assert isinstance(result, Answer | FileFault), result
    return result


def one(data: bytes) -> None:
    """
    Read it, and make the members.
    """
    found = _read(data)
    if isinstance(found, Exception):
        check_reason(found)
        return
    assert len(found.where) == len(found.lines)
    lines = data.decode("utf-8-sig").split("\n")
    for place, line in zip(found.where, found.lines, strict=True):
        assert lines[int(place.rpartition(":")[2]) - 1].strip() == line
    discovered.check(found)
