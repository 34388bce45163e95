"""
What is said of options, in the words of who wrote directives.
"""

from __future__ import annotations

import re

from txbalancer.config.options import MEMBER_OPTIONS, TABLES


def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for table in (*TABLES.values(), MEMBER_OPTIONS):
        for key, (_, option) in table.items():
            directive = option.apache_name.partition(",")[0].strip()
            # Other keys are words like any, or those of ProxyPass itself.
            if directive and ("-" in key or key.startswith("sslproxy")):
                found.setdefault(key, directive)
    return found


_NAMES = _names()
_OPTION = re.compile(
    rf"(?<![\w/.-])(?:{'|'.join(sorted(_NAMES, key=len, reverse=True))})(?![\w/.-])"
)


def in_directives(text: str) -> str:
    """
    Put the names of directives in the place of those of options; parts of paths are left alone.
    """
    return _OPTION.sub(lambda match: _NAMES[match[0]], text)
