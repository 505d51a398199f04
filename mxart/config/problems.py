"""What is wrong with a configuration: each problem in its place, and the error that carries them all."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mxart.errors import Invalid

_LONGEST_VALUE = 120  # characters of an offending value that a message shows
_CREDENTIALS_IN_URL = re.compile(r"://[^/\s]*@")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and what would be right. Holds no secret."""

    file: str
    table: str  # as the file spells it: '[server]', '[[repository]] "go-public"'; "" for the file as a whole
    key: str  # "" for the table as a whole
    value: str  # the offending value as TOML would write it; "" when something is missing, or is secret
    message: str

    def __str__(self) -> str:
        assignment = f"{self.key} = {self.value}" if self.key and self.value else self.key
        place = " ".join(part for part in (self.table, assignment) if part)
        return ": ".join(part for part in (self.file, place, self.message) if part)


class ConfigurationError(Invalid):
    """The configuration cannot be used. ``problems`` holds all that was found, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class Problems:
    """The problems of one file, gathered while it is read."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, table: str, key: str, value: object, message: str) -> None:
        """Note a problem. ``value``: what the file says; None when there is nothing to show."""
        shown = "" if value is None else show(value)
        self.found.append(Problem(self.file, table, key, shown, _CREDENTIALS_IN_URL.sub("://…@", message)))

    def raise_if_any(self) -> None:
        """Returns when nothing was wrong. Raises ConfigurationError."""
        if self.found:
            raise ConfigurationError(self.found)


def show(value: object) -> str:
    """A value about as TOML writes it, on one line, cut when long; credentials in URLs are left out.

    >>> show(["a", True]), show({"b": 1}), show("http://me:secret@example.org/")
    ('["a", true]', '{ b = 1 }', '"http://…@example.org/"')
    """
    text = _CREDENTIALS_IN_URL.sub("://…@", _toml(value))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{key} = {_toml(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str | bool | int | float):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
