"""The ``h1:`` sums of go.sum, and its lines. Pure; whoever hashes the files hands their digests in.

Specification: Go Modules Reference, "go.sum files" and "Module authentication" (the ``dirhash`` package of the go
command).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable


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


def gomod_sum(gomod: bytes) -> str:
    """The sum of a version's .mod file."""
    return hash1([("go.mod", hashlib.sha256(gomod).hexdigest())])


def lines(module: str, version: str, zip_sum: str, gomod: bytes) -> str:
    """The two lines that go.sum has of a version."""
    return f"{module} {version} {zip_sum}\n{module} {version}/go.mod {gomod_sum(gomod)}\n"
