"""Which module a go.mod file says that it is, and for which version of Go, read as the go command reads it. Pure.

The other directives are not looked at: newer go commands know more of them than this server.

Specification: Go Modules Reference, "go.mod files", "Lexical elements" and "Grammar".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from mxart.errors import Corrupt

_MAX_LINE = 64 << 10  # characters; to take words out of one holds up everything else, and takes 100 bytes for each
_LINE = re.compile(r"^[ \t\r]*((?!//)[^\s][^\n]*)", re.MULTILINE)  # neither blank nor only a comment
_GO_LINE = re.compile(r"^[ \t\r]*go[ \t]+([^\s/]+)", re.MULTILINE)
_GO_VERSION = re.compile(r"([1-9][0-9]*)\.(0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))?(?:[a-z]+[0-9]+)?")
_LAX_GO_VERSION = re.compile(r"v?([1-9][0-9]*)\.(0|[1-9][0-9]*)[^0-9].*")
_TOKEN = re.compile(
    r"[ \t\r]*(?:"
    r"(?P<comment>//.*)"
    r'|(?P<word>"(?:[^"\\]|\\.)*"|`[^`]*`|[()\[\]{},]|(?!["`])(?:(?!//|/\*)[^\s()\[\]{},])+)'
    r")"
)


def synthetic(module: str) -> bytes:
    """The .mod file of a version whose zip holds none."""
    return f"module {module}\n".encode()


def module_path(gomod: bytes) -> str:
    """The path of its one module directive. Raises Corrupt when there is none that the go command can read, or more."""
    found = list(islice(_module_arguments(gomod.decode(errors="replace")), 2))
    if not found:
        raise Corrupt("The go.mod file has no module directive.")
    if len(found) > 1:
        raise Corrupt("The go.mod file has more than one module directive.")
    if len(found[0]) != 1:
        raise Corrupt("The go.mod file's module directive does not name one module path.")
    return _unquoted(found[0][0])


def language_version(data: bytes) -> tuple[int, int] | None:
    """The version of Go that a go.mod asks for; None for none, and for what the go command takes for none.

    >>> language_version(b"module example.com/m\\n\\ngo 1.24rc1 // soon\\n")
    (1, 24)
    """
    line = _GO_LINE.search(data.decode(errors="replace"))
    if line is None:
        return None
    match = _GO_VERSION.fullmatch(line[1]) or _LAX_GO_VERSION.fullmatch(line[1])
    return (int(match[1]), int(match[2])) if match else None


def _module_arguments(text: str) -> Iterator[list[str]]:
    """What follows ``module`` on each of its lines, be they directives of their own or in a block."""
    block = ""  # the word before the parenthesis of the block that is open
    for match in _LINE.finditer(text):
        line = match[1]
        if block and line.startswith(")"):
            block = ""
        elif block == "module":
            yield _words(line)
        elif not block and ("(" in line or line.startswith("module")):
            words = _words(line)
            if words[-1] == "(":
                block = words[0] if len(words) == 2 else "("
            elif words[0] == "module" and words[1:] != ["(", ")"]:
                yield words[1:]
    if block:
        raise Corrupt("The go.mod file ends in the middle of a block.")


def _words(line: str) -> list[str]:
    if len(line) > _MAX_LINE:
        raise Corrupt(f"The go.mod file has a line of more than {_MAX_LINE} characters: {line[:80]!r}.")
    words: list[str] = []
    at, end = 0, len(line.rstrip())
    while at < end:
        match = _TOKEN.match(line, at)
        if not match:
            raise Corrupt(f"The go.mod file has a line that the go command cannot read: {line[:80]!r}.")
        if match["word"]:
            words.append(match["word"])
        at = match.end()
    return words


def _unquoted(word: str) -> str:
    text = word[1:-1] if word.startswith('"') else word
    if re.search(r"[\"'`\\]", text):
        raise Corrupt(f"The go.mod file's module path {word[:200]!r} has quotes that the go command cannot read.")
    return text
