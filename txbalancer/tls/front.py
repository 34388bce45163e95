"""
The first moments of a handshake, until the client has named its host.
"""

from __future__ import annotations

from collections.abc import Mapping

from OpenSSL import SSL

from txbalancer.tls.certificates import Certificate
from txbalancer.tls.names import Names


class Shown:
    """
    Which certificates are shown to whom.

    @ivar contexts: of each set of certificates for one name.
    """

    __slots__ = ("_default", "_names", "_refusal", "contexts")

    def __init__(
        self,
        names: Names[Certificate],
        contexts: Mapping[tuple[Certificate, ...], SSL.Context],
        refusal: SSL.Context | None,
    ) -> None:
        """
        @param refusal: a context without a certificate, with which no handshake succeeds,
            for unknown names; C{None} = they get the default.
        """
        self._names, self.contexts, self._refusal = names, contexts, refusal
        self._default = contexts[names.default]

    def context(self, name: bytes | None) -> SSL.Context:
        """
        Return the context for a name; for one that is not known the default's, or a refusal.
        """
        found = self._names.find(name.decode("ascii", "replace")) if name else ()
        if found:
            return self.contexts[found]
        return self._default if self._refusal is None else self._refusal


class Front:
    """
    The context with which handshakes begin. It outlives certificates, for it has the key of
    the tickets; what is shown is replaced under it.

    @ivar context: OpenSSL's.
    @ivar shown: what is in force.
    @ivar ends: when its key has been in use for long enough, monotonic.
    """

    __slots__ = ("context", "ends", "shown")

    def __init__(self, context: SSL.Context, shown: Shown, ends: float) -> None:
        self.context, self.shown, self.ends = context, shown, ends
        context.set_tlsext_servername_callback(self._choose)

    def _choose(self, connection: SSL.Connection) -> None:
        connection.set_context(self.shown.context(connection.get_servername()))
