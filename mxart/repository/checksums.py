"""Checksum files: what each says follows from the content that it is of."""

from __future__ import annotations

import hashlib
import os

from mxart.contract import Checksum
from mxart.errors import NotFound
from mxart.model import Blob, Bytes, Content
from mxart.offload import offload, undisturbed

_CHUNK = 1 << 20  # bytes read at once


async def told(checksum: Checksum, media_type: str, content: Content) -> Bytes:
    """The checksum file of ``content``, which is closed after the call, in whatever way that ends. ``media_type``: the
    file's own. Raises NotFound for content of which the last bytes have not come."""
    algorithm = checksum.algorithm
    try:
        if isinstance(content, Bytes):
            value = hashlib.new(algorithm, content.data, usedforsecurity=False).hexdigest()
        elif isinstance(content, Blob):
            value = _noted(content, algorithm) or await undisturbed(offload(_read, content, algorithm))
        else:
            raise NotFound("the checksum is known when the content is here")
        return Bytes(data=value.encode(), media_type=media_type, last_modified=content.last_modified)
    finally:
        content.close()


def _noted(blob: Blob, algorithm: str) -> str:
    """As its entry has it, "" when it has not."""
    return blob.digest.hex if algorithm == blob.digest.algorithm else blob.checksums.get(algorithm, "")


def _read(blob: Blob, algorithm: str) -> str:
    state = hashlib.new(algorithm, usedforsecurity=False)
    offset = 0
    while chunk := os.pread(blob.file.fileno(), _CHUNK, offset):
        state.update(chunk)
        offset += len(chunk)
    return state.hexdigest()
