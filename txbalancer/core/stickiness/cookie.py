"""
C{stickycookie}: a cookie of the balancer's own that names the member.

The value is a keyed hash of the member's name: it tells nothing about the topology,
cannot be made up by a client, and is checked by looking it up among the hashes of
the members there are, so that nothing is computed per request.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Container

from zope.interface import implementer

from txbalancer.core.member import Member
from txbalancer.core.request import Request
from txbalancer.core.specs import BalancerSpec
from txbalancer.interfaces import IStickyScheme, IStickySchemeFactory

TAG_BYTES = 18
"""Kept of each hash: 144 bits, which base64 writes without padding."""


@implementer(IStickyScheme)
class CookieScheme:
    """
    Ties a client to a member by a signed cookie.
    """

    __slots__ = ("_balancer", "_ends", "_name", "_secrets", "_secure", "_tags", "_values")

    def __init__(self, spec: BalancerSpec, secrets: tuple[bytes, ...]) -> None:
        """
        @param secrets: the first one signs, all are accepted.
        """
        self._balancer = spec.name.encode()
        self._name = spec.stickycookie.encode()
        self._secrets = secrets
        self._tags: dict[str, tuple[bytes, ...]] = {}
        self._values = re.compile(rb"(?<![^;\s])%b=([^;\s]*)" % re.escape(self._name)).findall
        end = b"; Path=" + spec.stickycookie_path.encode()
        if spec.stickycookie_httponly:
            end += b"; HttpOnly"
        if spec.stickycookie_samesite != "off":
            end += b"; SameSite=" + spec.stickycookie_samesite.capitalize().encode()
        self._ends = (end, end + b"; Secure")
        self._secure = spec.stickycookie_secure

    def find(self, request: Request, known: Container[bytes]) -> tuple[bytes, bytes] | None:
        """
        A value that is no member's, or is forged, is no session.
        """
        for value in self._sent(request):
            if value in known:
                return self._name, value
        return None

    def _sent(self, request: Request) -> list[bytes]:
        cookies = request.header(b"cookie")
        if cookies is None or self._name not in cookies:
            return []
        return self._values(cookies)

    def labels(self, member: Member) -> tuple[bytes, ...]:
        tags = self._tags.get(member.name)
        if tags is None:
            text = b"%b\0%b" % (self._balancer, member.name.encode())
            hashes = (hmac.digest(secret, text, "sha256") for secret in self._secrets)
            tags = tuple(urlsafe_b64encode(each[:TAG_BYTES]) for each in hashes)
            self._tags[member.name] = tags
        return tags

    def remember(
        self, request: Request, found: tuple[bytes, bytes] | None, member: Member
    ) -> bytes | None:
        """
        Set the cookie unless the client's is this member's, by the signing secret.
        """
        tag = self.labels(member)[0]
        if found is not None and found[1] == tag:
            return None
        # Where another scheme has decided, the cookie may be there all the same.
        if (found is None or found[0] != self._name) and tag in self._sent(request):
            return None
        secure = self._secure == "on" or (self._secure == "auto" and request.peer.secure)
        return b"Set-Cookie: %b=%b%b" % (self._name, tag, self._ends[secure])


@implementer(IStickySchemeFactory)
class CookieFactory:
    """
    Makes the scheme where C{stickycookie} is set.
    """

    name = "cookie"

    def __call__(self, spec: BalancerSpec, secret: bytes) -> CookieScheme | None:
        """
        @param secret: signs when the spec has no secret; sessions then end with the process.
        """
        if not spec.stickycookie:
            return None
        secrets = tuple(each.encode() for each in spec.stickycookie_secret)
        return CookieScheme(spec, secrets or (secret,))


factory = CookieFactory()
