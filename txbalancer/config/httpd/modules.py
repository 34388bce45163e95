"""
Modules of Apache: whose function is here, and C{LoadModule} and C{<IfModule>}.

C{<IfModule>} holds for modules whose function is here: for all of them in a file that loads
none, as a piece of configuration from a manual; else for those that were loaded, and those
that are part of Apache's program. It also holds for one that was loaded and is not here, so that
what the file wants of it is told; unless that is only about files. To be loaded does nothing
to a request by itself, so it is no fault: systems load dozens that nobody uses.
"""

from __future__ import annotations

import re

from txbalancer.config.httpd.modules_omitted import FILES, OF_MODULES
from txbalancer.config.suggest import did_you_mean

_BUILT_IN = "core http_core http log_config logio so unixd version watchdog"
BUILT_IN = frozenset(_BUILT_IN.split())
"""Part of Debian's program; names are without C{mod_} and C{_module}."""

_HERE = (
    "alias auth_basic authn_core authn_file authz_core authz_host authz_user headers heartbeat"
    " heartmonitor http2 lbmethod_bybusyness lbmethod_byrequests lbmethod_bytraffic"
    " lbmethod_heartbeat proxy proxy_ajp proxy_balancer proxy_fcgi proxy_hcheck proxy_http"
    " proxy_http2 proxy_wstunnel remoteip reqtimeout slotmem_shm ssl status"
)
HERE = BUILT_IN | frozenset(_HERE.split())
"""Those whose function is here."""

_HARMLESS = "mpm_event mpm_prefork mpm_worker slotmem_plain socache_shmcb systemd"
HARMLESS = frozenset(_HARMLESS.split()) | {
    name for name, (reason, _) in OF_MODULES.items() if reason == FILES
}
"""Those that may be loaded because that alone does nothing to a request for a member."""

_IDENTIFIER = re.compile(r"(?:mod_)?(\w+)\.c|(\w+)_module")


def module_name(written: str) -> str:
    """
    Return the name of a module in the forms C{mod_NAME.c} and C{NAME_module}, or an empty string.
    """
    match = _IDENTIFIER.fullmatch(written)
    return (match[1] or match[2]) if match else ""


class Modules:
    """
    What is loaded.

    @ivar missing: the names of modules of Apache's own that are not here.
    """

    __slots__ = ("_loaded", "missing")

    def __init__(self) -> None:
        self._loaded: set[str] = set()
        self.missing: list[str] = []

    def load(self, written: str) -> str:
        """
        Take a C{LoadModule}.

        @return: what speaks against it; empty when nothing does.
        """
        name = module_name(written)
        self._loaded.add(name)
        if name in HERE or name in HARMLESS:
            return ""
        if name in OF_MODULES:
            self.missing.append(name)
            return ""
        hint = did_you_mean(written, [f"{each}_module" for each in (*HERE, *OF_MODULES)])
        return f"{written} is not known, what it does is not done here{hint}"

    def has(self, written: str) -> bool:
        """
        Tell whether C{<IfModule written>} holds.
        """
        name = module_name(written)
        if name in self._loaded:
            return name not in HARMLESS
        return name in (BUILT_IN if self._loaded else HERE)

    def is_left(self, written: str) -> bool:
        """
        Tell whether C{<IfModule written>} does not hold only because nothing loads the module.
        """
        return module_name(written) in HERE and not self.has(written)
