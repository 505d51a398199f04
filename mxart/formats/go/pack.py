"""The zip of a module version, made of files that were selected, and its sums.

The sums are those that the go command computes for the same files. Which files those are is decided in ``sources.py``.

Specification: Go Modules Reference, "Module zip files" and "go.sum files".
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from typing import BinaryIO

from mxart.errors import Conflict, Invalid
from mxart.formats.go import gomod, modzip
from mxart.formats.go.sources import Selection, SourceFile
from mxart.formats.go.sums import Sums, version_sums

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first instant that a zip can tell; the same for every file
_CHUNK = 256 << 10  # bytes


def write(selection: Selection, module: str, version: str, out: BinaryIO, tick: Callable[[int], object]) -> Sums:
    """The zip stands in ``out``, which can be sought in; the same files always give the same bytes.

    ``tick`` is told how many bytes have been read since it was told last. Raises Conflict when a file is not what was
    selected any more, Invalid when the zip becomes too large, OSError.
    """
    digests: dict[str, str] = {}
    with zipfile.ZipFile(out, "w") as packed:
        for source in selection.files:
            name = f"{module}@{version}/{source.path}"
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever this runs
            info.file_size = source.size
            digests[name] = _pack(source, packed, info, tick)
    if problem := modzip.packed_problem(out.tell()):
        raise Invalid(problem)
    synthetic = hashlib.sha256(gomod.synthetic(module)).hexdigest()
    return version_sums(digests.items(), digests.get(f"{module}@{version}/go.mod", synthetic))


def _pack(source: SourceFile, packed: zipfile.ZipFile, info: zipfile.ZipInfo, tick: Callable[[int], object]) -> str:
    """The SHA-256 of the file that has gone in."""
    digest, left = hashlib.sha256(), source.size
    descriptor = os.open(source.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as opened, packed.open(info, "w") as entry:
        while chunk := opened.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            entry.write(chunk)
            tick(len(chunk))
    if left:
        raise Conflict(f"The file {source.path[:200]!r} was changed while it was packed: try again when it is at rest.")
    return digest.hexdigest()
