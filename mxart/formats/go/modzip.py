"""The rules of module zips, checked on an open file.

Specification: Go Modules Reference, "Module zip files" (and the ``zip`` package of the go command, which has the same
limits). What the go command unpacks is accepted, with these exceptions, which no packer of modules makes and other
readers fall for: symbolic links and devices, overlapping entries, bytes before or after the archive, entries without
their CRC, an archive of more than 131072 entries, or of directories in one another without end.

The module line of a go.mod is not compared with the module path: a fork that is used by a ``replace`` directive
carries the path of what it replaces, and the go command accepts it.
"""

from __future__ import annotations

import os
from typing import BinaryIO, NamedTuple

from mxart import archive
from mxart.errors import Corrupt, Invalid
from mxart.formats.go import names

MAX_ZIP = 500 << 20  # bytes, of the archive and of all that is in it
MAX_ROOT_FILE = 16 << 20  # bytes, of go.mod and of LICENSE
MAX_PATHS = 1 << 18  # files and directories
MAX_ELEMENTS = 1 << 21  # of all names together: 16 for each entry that a zip may have
_LIMITED = ("go.mod", "LICENSE")
_SHOWN = 200  # characters of a name in a message


def check(file: BinaryIO, module: str, version: str) -> None:
    """Return when the file is a well-formed zip of this module version. Raises Corrupt with the first violation.

    Reads the file twice (directory, then content) and keeps its names in memory, nothing else.
    """
    for entry in directory(file, module, version):
        archive.check_content(file, entry)


def directory(file: BinaryIO, module: str, version: str) -> list[archive.ZipEntry]:
    """The entries of a zip of this module version, in the order of their content, which `archive.content` checks; all
    else has been. Raises Corrupt with the first violation."""
    size = file.seek(0, os.SEEK_END)
    _refuse(packed_problem(size))
    found: list[archive.ZipEntry] = []
    tree = _Tree()
    total = 0
    for entry in archive.entries(file):
        found.append(entry)
        total += entry.size
        _refuse(unpacked_problem(total))
        _check_entry(entry, f"{module}@{version}/", tree)
    archive.check_layout(found, size)
    return sorted(found, key=lambda entry: entry.offset)


def _check_entry(entry: archive.ZipEntry, prefix: str, tree: _Tree) -> None:
    if not entry.name.startswith(prefix):
        raise Corrupt(f"The module zip's entry {entry.name[:200]!r} does not begin with {prefix!r}.")
    if entry.is_irregular:
        raise Corrupt(f"The module zip's entry {entry.name[:200]!r} is neither a file nor a directory.")
    path = entry.name.removeprefix(prefix)
    if not path:
        return  # the root directory itself
    is_directory = path.endswith("/")
    path = path.removesuffix("/")
    try:
        names.check_file_path(path)
    except Invalid as error:
        raise Corrupt(error.message) from None
    tree.add(path, is_directory)
    if not is_directory:
        _check_file(path, entry.size)
    elif entry.size:
        raise Corrupt(f"The module zip's directory {path[:200]!r} has content.")


def _check_file(path: str, size: int) -> None:
    directory, _, base = path.rpartition("/")
    if fold(base) == "go.mod" and (directory or base != "go.mod"):
        raise Corrupt(misplaced_gomod(path))
    if path.startswith("go.mod/"):
        raise Corrupt("The module zip holds a directory called go.mod.")
    _refuse(file_problem(path, size))


def _refuse(problem: str) -> None:
    if problem:
        raise Corrupt(problem)


class _Node(NamedTuple):
    """A file or directory of a zip."""

    number: int
    name: str  # as it is spelled
    is_directory: bool


class _Tree:
    """The files and directories of a zip, for as long as they fit together on any disk.

    Each is known by its name in its directory, not by its path: one entry can have 32767 directories above it, whose
    paths together are a gigabyte.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], _Node] = {}  # number of its directory, folded name →
        self._elements = 0  # of all paths together

    def add(self, path: str, is_directory: bool) -> None:
        """Take in a path and the directories above it. Raises Corrupt for clashes, and for too many of either."""
        *above, last = path.split("/")
        self._elements += len(above) + 1
        if self._elements > MAX_ELEMENTS:
            raise Corrupt(f"The names in the module zip have more than {MAX_ELEMENTS} elements.")
        number, parent = 0, ""
        for element in above:
            number = self._enter(number, parent, _Node(len(self._known) + 1, element, True))
            parent = f"{parent}{element}/" if len(parent) < _SHOWN else parent
        self._enter(number, parent, _Node(len(self._known) + 1, last, is_directory))

    def _enter(self, directory: int, parent: str, node: _Node) -> int:
        """The number of what has that name in the directory. ``parent``: the start of its path, for messages."""
        known = self._known.setdefault((directory, fold(node.name)), node)
        path = parent + node.name
        if known.name != node.name:
            raise Corrupt(clash(parent + known.name, path))
        if known.is_directory != node.is_directory:
            raise Corrupt(f"The module zip holds {path[:_SHOWN]!r} both as a file and as a directory.")
        if known is not node and not node.is_directory:
            raise Corrupt(f"The module zip holds {path[:_SHOWN]!r} twice.")
        if len(self._known) > MAX_PATHS:
            raise Corrupt(f"The module zip has more than {MAX_PATHS} files and directories.")
        return known.number


# --- the limits, and what is said of them, also of what is yet to be packed --------------------------------------


def packed_problem(size: int) -> str:
    """Why a zip may not have so many bytes, in a sentence; "" when it may."""
    return f"The module zip has {size} bytes; the limit is {MAX_ZIP}." if size > MAX_ZIP else ""


def unpacked_problem(size: int) -> str:
    """Why its files may not have so many bytes together, in a sentence; "" when they may."""
    return f"The module zip unpacks to more than {MAX_ZIP} bytes." if size > MAX_ZIP else ""


def file_problem(path: str, size: int) -> str:
    """Why the file at that path may not have so many bytes, in a sentence; "" when it may."""
    if path not in _LIMITED or size <= MAX_ROOT_FILE:
        return ""
    return f"The module zip's {path} has {size} bytes; the limit is {MAX_ROOT_FILE}."


def misplaced_gomod(path: str) -> str:
    """Why it may not hold a go.mod there, or spelled so."""
    return f"The module zip holds {path[:200]!r}: a go.mod belongs in the root, in lower case."


def clash(first: str, second: str) -> str:
    """Why it may not hold two paths that differ in their case only."""
    return f"The module zip holds {first[:200]!r} and {second[:200]!r}: one path on many disks."


def fold(text: str) -> str:
    """The text with one form for all cases of a letter (simple folding, Unicode CaseFolding.txt, status C and S)."""
    return text.lower() if text.isascii() else "".join(map(_fold_letter, text))


def _fold_letter(char: str) -> str:
    folded = char.casefold()
    if len(folded) == 1:
        return folded
    lower = char.lower()  # full folding would make ß equal to ss, which no disk does
    return lower if len(lower) == 1 else char
