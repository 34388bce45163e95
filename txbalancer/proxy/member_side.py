"""
Which class speaks to a member, by the scheme of its URL.
"""

from __future__ import annotations

from txbalancer.core.specs import MemberSpec
from txbalancer.proxy.ajp_connection import AJPConnection
from txbalancer.proxy.fcgi_connection import FCGIConnection
from txbalancer.proxy.member_connection import MemberConnection
from txbalancer.proxy.member_link import MemberLink

_SIDES: dict[str, type[MemberLink]] = {
    "http": MemberConnection,
    "https": MemberConnection,
    "ajp": AJPConnection,
    "fcgi": FCGIConnection,
}


def member_side(spec: MemberSpec) -> type[MemberLink]:
    """
    Return what a member's pool makes its connections of.
    """
    return _SIDES[spec.scheme]
