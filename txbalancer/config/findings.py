"""
What a reader of a configuration has to say: every error and every warning, with its line.
"""

from __future__ import annotations

from txbalancer.errors import ConfigError, ConfigErrors

_LONGEST_NAME = 200
_LONGEST_TEXT = 2000


class Findings:
    """
    Collects errors and warnings of a file and what it includes, so that all are told at once.

    @ivar path: the file's name, for messages.
    """

    __slots__ = ("_errors", "_told", "_warnings", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._errors: list[ConfigError] = []
        self._told: set[tuple[object, ...]] = set()
        self._warnings: list[ConfigError] = []

    def error(self, line: int, section: str, key: str, text: str, path: str = "") -> None:
        """
        Note what makes the file unusable; the same only once.

        @param path: of an included file; empty for the file itself.
        """
        found = self._made(line, section, key, text, path)
        # What several servers inherit is read for each of them.
        if found.args not in self._told:
            self._told.add(found.args)
            self._errors.append(found)

    def warn(self, line: int, section: str, key: str, text: str, path: str = "") -> None:
        """
        Note what works, but probably not as meant.
        """
        self._warnings.append(self._made(line, section, key, text, path))

    def _made(self, line: int, section: str, key: str, text: str, path: str) -> ConfigError:
        return ConfigError(
            path or self.path,
            line,
            _short(section, _LONGEST_NAME),
            _short(key, _LONGEST_NAME),
            _short(text, _LONGEST_TEXT),
        )

    @property
    def count(self) -> int:
        """
        The number of errors so far.
        """
        return len(self._errors)

    def has(self, section: str, prefix: str) -> bool:
        """
        Tell whether there is an error about a key of a section that begins so.
        """
        return any(each.section == section and each.key.startswith(prefix) for each in self._errors)

    def raise_errors(self) -> None:
        """
        @raise ConfigErrors: with every error, when there is any.
        """
        if self._errors:
            raise ConfigErrors(self._errors)

    def warnings(self) -> list[str]:
        """
        Return the warnings in the order of files and lines, each once.
        """
        found = sorted(self._warnings, key=lambda each: (each.path, each.line))
        return list(dict.fromkeys(map(str, found)))


def _short(text: str, most: int) -> str:
    """
    Leave out the middle of what nobody can read in one line, such as a file without line ends.
    """
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … {text[-(most // 2) :]}"
