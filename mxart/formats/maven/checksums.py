"""What checksum files and header fields say. Pure.

Specifications: maven-resolver, "Checksums" (``.sha1`` and the like; "remote-included" ones in header fields); what
stands in such a file, its ``ChecksumUtils``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mxart.errors import Invalid
from mxart.formats.maven import names
from mxart.model import Digest

MAX_CHECKSUM = 4096  # bytes of a file that is to hold some hex digits, and perhaps a file name

_ASSIGNED = re.compile(r".+=\s*(?P<value>[0-9A-Fa-f]+)\s*", re.ASCII)  # as openssl prints it: SHA1(lib.jar)= 0123…
_NEXUS = re.compile(r"\{SHA1\{(?P<value>[0-9a-f]{40})\}\}", re.ASCII)  # in an ETag
_FIELDS = ("x-checksum-{}", "x-goog-meta-checksum-{}", "x-amz-meta-checksum-{}")


def parse(data: bytes, algorithm: str) -> Digest | None:
    """What a checksum file says; None when that is no checksum by ``algorithm``.

    >>> parse(b"D41D8CD98F00B204E9800998ECF8427E  lib-1.0.jar\\r\\n", "md5").hex
    'd41d8cd98f00b204e9800998ecf8427e'
    """
    lines = data[:MAX_CHECKSUM].decode("ascii", "replace").split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    assigned = _ASSIGNED.fullmatch(first)
    return _digest(algorithm, assigned["value"] if assigned else re.split(r"\s", first, maxsplit=1)[0])


def stated(headers: Mapping[str, str]) -> Sequence[Digest]:
    """The checksums that the head of an answer states; ``headers``: lower-case names."""
    return tuple(dict.fromkeys(_stated(headers)))


def by_algorithm(headers: Mapping[str, str]) -> dict[str, str]:
    """The same as algorithm → hex; of two by one algorithm the last."""
    return {digest.algorithm: digest.hex for digest in stated(headers)}


def _stated(headers: Mapping[str, str]) -> Iterator[Digest]:
    for algorithm in names.ALGORITHMS:
        for field in _FIELDS:
            digest = _digest(algorithm, headers.get(field.format(algorithm), "").strip())
            if digest is not None:
                yield digest
    nexus = _NEXUS.fullmatch(headers.get("etag", "").strip('"'))
    if nexus:
        yield Digest("sha1", nexus["value"])


def _digest(algorithm: str, value: str) -> Digest | None:
    try:
        return Digest.parse(f"{algorithm}:{value.lower()}")
    except Invalid:
        return None
