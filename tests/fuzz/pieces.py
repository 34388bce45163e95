"""
The same bytes in other pieces: what is read must not depend on them.
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from random import Random


def cut(data: bytes) -> list[bytes]:
    """
    Cut bytes into pieces, none of them empty; the same bytes always in the same places.
    """
    random = Random(zlib.crc32(data))
    if random.random() < 0.3:
        return [data[at : at + 1] for at in range(len(data))]
    places = sorted(random.sample(range(1, len(data)), min(len(data) - 1, 3))) if data else []
    edges = [0, *places, len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]
