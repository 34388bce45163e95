"""
Which protocol a client may change to at a member. Source: APACHE item H40.
"""

from __future__ import annotations


def may_upgrade(wanted: bytes, allowed: str) -> bool:
    """
    Tell whether a member may be offered the protocol that a client asks for.

    HTTP/2 in clear text is never offered: it would take the requests behind it out of sight.
    A list of protocols matches no single one, as in Apache.

    @param wanted: the client's Upgrade field.
    @param allowed: the member's C{upgrade}: a protocol's name, C{ANY} or C{NONE}.
    """
    protocol = wanted.lower()
    if protocol.startswith(b"h2") or b"," in protocol or b" " in protocol:
        return False
    name = allowed.lower()
    return name == "any" or (name != "none" and protocol == name.encode())
