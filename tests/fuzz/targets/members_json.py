"""
Documents with members: refused with a reason, or each member's words are those that it gives.
"""

from __future__ import annotations

import json

from tests.fuzz import discovered
from tests.fuzz.reasons import check_reason
from txbalancer.config import words
from txbalancer.core.discovery import Answer
from txbalancer.discovery.web import WebFault, read_members

SEEDS = [
    b'{"members": ["http://10.0.0.1 route=a loadfactor=2", "https://[::1]:8443/x"]}',
    b'{"members": [{"url": "http://a.test", "route": "a", "disablereuse": true}], "more": {}}',
    b'{"members": [{"url": "http://a", "loadfactor": 2.5, "hcuri": "/a b\\"c\'", "lbset": 1}]}',
    b'{"members": []}',
    b'[{"url": 1}]',
]
WORDS = [
    *b'{"members": [|"url": |"http://a"|"https://b:1"|"unix:/a|"h2c://'.split(b"|"),
    *b'"loadfactor": |"route": |"status": "+H"|"hcmethod": "get"|"sslverify": |null'.split(b"|"),
    *b"true|false|1e999|NaN|-1|\\n|\\u0000|\\ud800|\\\\|\\\"|'|, |]}".split(b"|"),
]


def one(data: bytes) -> None:
    """
    Read it, and make the members.
    """
    try:
        lines = tuple(read_members(data))
    except WebFault as error:
        check_reason(error)
        return
    told = json.loads(data)["members"]
    for line, each in zip(lines, told, strict=True):
        if isinstance(each, dict):
            assert words.split(line) == _words(each)
    discovered.check(Answer(lines))


def _words(member: dict[str, object]) -> list[str]:
    return [str(member["url"])] + [
        f"{key}={ {True: 'on', False: 'off'}[value] if isinstance(value, bool) else value }"
        for key, value in member.items()
        if key != "url"
    ]
