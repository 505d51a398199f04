"""What the zip of a version says about it, once all rules for published zips hold. Works on an open file.

Stricter than ``modzip.py``, which takes what the go command can unpack: a version that is published must be of use to
everybody who requires it.

Specification: Go Modules Reference, "Module zip files", "go.mod files" and "Non-module repository compatibility".
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from mxart import archive
from mxart.errors import Corrupt
from mxart.formats.go import documents, gomod, modzip
from mxart.formats.go.sums import Sums, version_sums


@dataclass(frozen=True, slots=True)
class Contents:
    """What follows from a zip: its .mod file, synthetic when it holds none, and the sums of both."""

    gomod: bytes
    sums: Sums


def inspect(file: BinaryIO, module: str, version: str, *, allow_forks: bool) -> Contents:
    """What the zip says. Raises Corrupt with the first violation."""
    root = f"{module}@{version}/go.mod"
    files: list[tuple[str, str]] = []
    held: bytes | None = None
    for entry in modzip.directory(file, module, version):
        digest = hashlib.sha256()
        kept = bytearray()
        for chunk in archive.content(file, entry):
            digest.update(chunk)
            if entry.name == root:
                kept += chunk  # at most modzip.MAX_ROOT_FILE
        files.append((entry.name, digest.hexdigest()))
        if entry.name == root:
            held = bytes(kept)
    if held is None:
        held = gomod.synthetic(module)
    elif version.endswith("+incompatible"):
        raise Corrupt(f"A module with a go.mod file has no version {version}: its path has to end in /vN for vN.")
    else:
        check_gomod(held, module, allow_forks=allow_forks)
    return Contents(held, version_sums(files, hashlib.sha256(held).hexdigest()))


def check_gomod(data: bytes, module: str, *, allow_forks: bool) -> None:
    """Return when the go command could use it for this module. Raises Corrupt."""
    documents.check_gomod(data)
    path = gomod.module_path(data)
    if path != module and not allow_forks:
        raise Corrupt(
            f"The go.mod file says that it is {path[:200]}, not {module}: publish it under the name that it says.\n"
            "A fork, for replace directives, needs allow_forks = true in the repository's configuration."
        )
