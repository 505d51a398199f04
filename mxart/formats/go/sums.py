"""The ``h1:`` sums of go.sum, and its lines. Pure; whoever hashes the files hands their digests in.

Specification: Go Modules Reference, "go.sum files" and "Module authentication" (the ``dirhash`` package of the go
command).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sums:
    """The ``h1:`` sums of a version."""

    zip: str
    gomod: str

    def lines(self, module: str, version: str) -> str:
        """The two lines that go.sum has of it."""
        return f"{module} {version} {self.zip}\n{module} {version}/go.mod {self.gomod}\n"


def hash1(files: Iterable[tuple[str, str]]) -> str:
    """The sum over files: (name, SHA-256 of its content in hex) each. The names in a module zip are those of its
    entries, prefix, directories and all.

    >>> hash1([])
    'h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    total = hashlib.sha256()
    for name, digest in sorted((name.encode(), digest) for name, digest in files):
        total.update(digest.encode() + b"  " + name + b"\n")
    return "h1:" + base64.b64encode(total.digest()).decode()


def version_sums(files: Iterable[tuple[str, str]], gomod: str) -> Sums:
    """The sums of a version: of the files in its zip, as in `hash1`, and of its .mod file (SHA-256 in hex)."""
    return Sums(hash1(files), hash1([("go.mod", gomod)]))
