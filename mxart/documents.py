"""Small content in memory: what a format reads, changes or merges before it answers."""

from __future__ import annotations

import os

from mxart.errors import Corrupt
from mxart.model import Blob, Bytes, Content
from mxart.offload import offload, undisturbed


async def whole(content: Content, limit: int) -> bytes:
    """All of a document; it is closed after the call, in whatever way that ends. Raises Corrupt beyond ``limit`` bytes,
    TypeError for what is no document: a download under way, or a place elsewhere."""
    try:
        if isinstance(content, (Bytes, Blob)) and content.size > limit:
            raise Corrupt(f"the document has {content.size} bytes, more than the {limit} that make sense")
        if isinstance(content, Bytes):
            return content.data
        if isinstance(content, Blob):
            return await undisturbed(offload(os.pread, content.file.fileno(), content.size, 0))
    finally:
        content.close()
    raise TypeError(f"a document came as {type(content).__name__}")
