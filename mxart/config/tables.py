"""One TOML table, read key by key: what is wrong is noted and the default taken, so that reading goes on.

A *reader* (``values.py``) turns a TOML value into a checked one, and raises ValueError or Invalid with a sentence
that says what would be right.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from mxart.config.problems import Problems
from mxart.errors import Invalid

T = TypeVar("T")


class Table:
    """A table of the file. ``name`` is how messages call it: ``[server]``."""

    def __init__(self, name: str, values: Mapping[str, object], problems: Problems) -> None:
        self.name = name
        self.problems = problems
        self._values = values
        self._known: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def renamed(self, name: str) -> Table:
        """The same table, unread, under the name that messages are to call it."""
        return Table(name, self._values, self.problems)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def take(self, key: str, read: Callable[[object], T], default: T) -> T:
        """The checked value of ``key``; ``default`` when it is not there, or is wrong and has been noted."""
        self._known.add(key)
        if key not in self._values:
            return default
        try:
            return read(self._values[key])
        except (ValueError, Invalid) as error:
            self.wrong(key, str(error))
            return default

    def take_secret(self, key: str, read: Callable[[object], str]) -> str:
        """As `take`, "" by default, for a value that no message may show."""
        self._known.add(key)
        if key not in self._values:
            return ""
        try:
            return read(self._values[key])
        except (ValueError, Invalid) as error:
            self.missing(key, str(error))
            return ""

    def take_raw(self, key: str) -> object:
        """The value as the file has it, None when it is not there; it counts as known."""
        self._known.add(key)
        return self._values.get(key)

    def take_table(self, key: str) -> Table | None:
        """The table under ``key``; None when it is not there, or is no table and has been noted."""
        value = self.take_raw(key)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.missing(key, "want a table: { key = value, … }")
            return None
        return Table(f"{self.name} {key}", value, self.problems)

    def wrong(self, key: str, message: str) -> None:
        """Note that the value of ``key`` will not do."""
        self.problems.add(self.name, key, self._values.get(key), message)

    def missing(self, key: str, message: str) -> None:
        """Note a problem with ``key`` without showing a value."""
        self.problems.add(self.name, key, None, message)

    def finish(self) -> None:
        """Every key that nobody took has been noted as unknown."""
        for key in self._values:
            if key not in self._known:
                message = f"unknown key{did_you_mean(key, self._known)}"
                self.problems.add(self.name, key, None, message)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that offers what was probably meant, else lists what there is.

    >>> did_you_mean("upstraem", ["upstream", "ttl"])
    '; did you mean "upstream"?'
    >>> did_you_mean("x", ["upstream", "ttl"])
    '; known are "ttl", "upstream"'
    """
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f'; did you mean "{close[0]}"?'
    return "; known are " + ", ".join(f'"{name}"' for name in names) if names else "; there are none"
