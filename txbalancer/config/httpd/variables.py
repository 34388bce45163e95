"""
C{Define} and C{${NAME}}.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from txbalancer.config.suggest import did_you_mean

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
MOST_CHARACTERS = 64 * 1024**2
"""Of all values put in; values that hold values could else double with each line."""

OF_DEBIAN = {
    "APACHE_RUN_USER": "www-data",
    "APACHE_RUN_GROUP": "www-data",
    "APACHE_PID_FILE": "/var/run/apache2/apache2.pid",
    "APACHE_RUN_DIR": "/var/run/apache2",
    "APACHE_LOCK_DIR": "/var/lock/apache2",
    "APACHE_LOG_DIR": "/var/log/apache2",
}
"""What Debian's /etc/apache2/envvars sets for Apache alone, which its files then use."""


class Variables:
    """
    Names that are defined, and the values of some of them.
    """

    __slots__ = ("_environ", "_left", "_names", "_takes_debian", "_values")

    def __init__(self, defines: Iterable[str], environ: Mapping[str, str]) -> None:
        self._names = set(defines)
        self._values: dict[str, tuple[str, str]] = {}
        self._environ = environ
        self._takes_debian = False
        self._left = MOST_CHARACTERS

    def define(self, name: str, value: str | None) -> None:
        """
        Define a name; without a value it is only there to be asked for.
        """
        self._names.add(name)
        if value is not None:
            self._values[name.lower()] = name, value

    def undefine(self, name: str) -> None:
        """
        Forget a name and its value.
        """
        self._names.discard(name)
        self._values.pop(name.lower(), None)

    def is_defined(self, name: str) -> bool:
        """
        Tell whether C{<IfDefine name>} holds; case matters here, but not in C{${name}}.
        """
        return name in self._names

    def expand(self, text: str, doubt: Callable[[str], None]) -> str:
        """
        Replace each C{${NAME}} once; what comes in is not looked at again.

        @param doubt: told what to say of each that has no value, which stays as it is, and
            once of those that are taken to be as Debian has them.
        @raise OverflowError: when values of values have grown beyond any use.
        """
        end = text.rfind("}") + 1  # what follows can hold none, and is not searched for one
        if "${" not in text[:end]:
            return text

        def value(match: re.Match[str]) -> str:
            found = self._value(match[1])
            if found is None:
                found = self._of_debian(match[1], doubt)
            if found is None:
                doubt(f"{match[0]} is not defined{self._hint(match[1])}")
                return match[0]
            self._left -= len(found)
            if self._left < 0:
                raise OverflowError("the values of variables are too long")
            return found

        return _REFERENCE.sub(value, text[:end]) + text[end:]

    def _value(self, name: str) -> str | None:
        found = self._values.get(name.lower())
        return found[1] if found else self._environ.get(name)

    def _of_debian(self, name: str, doubt: Callable[[str], None]) -> str | None:
        found = OF_DEBIAN.get(name)
        if found is not None and not self._takes_debian:
            self._takes_debian = True
            doubt(
                f"${{{name}}} is taken to be {found}, and others likewise, as in Debian's "
                "/etc/apache2/envvars; set them in the environment if they are not"
            )
        return found

    def _hint(self, name: str) -> str:
        return did_you_mean(name, [each for each, _ in self._values.values()])
