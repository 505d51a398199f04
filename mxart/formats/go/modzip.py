"""The rules of module zips, checked on an open file.

Specification: Go Modules Reference, "Module zip files" (and the ``zip`` package of the go command, which has the same
limits). What the go command unpacks is accepted, with these exceptions, which no packer of modules makes and other
readers fall for: symbolic links and devices, overlapping entries, bytes before or after the archive, entries without
their CRC, an archive of more than 131072 entries.

The module line of a go.mod is not compared with the module path: a fork that is used by a ``replace`` directive
carries the path of what it replaces, and the go command accepts it.
"""

from __future__ import annotations

import os
from typing import BinaryIO

from mxart.errors import Corrupt, Invalid
from mxart.formats.go import archive, names

MAX_ZIP = 500 << 20  # bytes, of the archive and of all that is in it
MAX_ROOT_FILE = 16 << 20  # bytes, of go.mod and of LICENSE
_LIMITED = ("go.mod", "LICENSE")


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


class _Tree:
    """The files and directories of a zip, for as long as they fit together on any disk."""

    def __init__(self) -> None:
        self._paths: dict[str, tuple[str, bool]] = {}  # folded → as spelled, is it a directory

    def add(self, path: str, is_directory: bool) -> None:
        """Take in a path and the directories above it. Raises Corrupt for clashes."""
        while path:
            known = self._paths.setdefault(fold(path), entry := (path, is_directory))
            if known[0] != path:
                raise Corrupt(clash(known[0], path))
            if known[1] != is_directory:
                raise Corrupt(f"The module zip holds {path[:200]!r} both as a file and as a directory.")
            if known is not entry and not is_directory:
                raise Corrupt(f"The module zip holds {path[:200]!r} twice.")
            path, is_directory = path.rpartition("/")[0], True


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
