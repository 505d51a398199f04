"""Tiles of a checksum database's log: a narrow one is cut from a wider one that is held.

A log only grows, so the hashes of a partial tile are the first of every wider version of the same tile. Which widths a
client asks for depends on the tree head that it saw first; another client, off line, with the same lookups in another
order, asks for others. Cutting them gives it all that it needs to verify.

Specification: design document 25530, "Checksum Database"; the ``tlog`` package of the go command ("Tile").
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace

from mxart.contract import Context, Repository
from mxart.errors import NotFound
from mxart.formats.go import paths
from mxart.formats.go.paths import GoResource
from mxart.formats.go.sumdb import Tile, parse_tile
from mxart.model import Blob, Bytes, Content
from mxart.offload import offload


async def get(resource: GoResource, repository: Repository, context: Context) -> Content:
    """The tile: as it is held, else cut from a wider one, else from the upstream. Raises as `Repository.get`."""
    tile = resource.tile
    if tile is None or tile.level < 0 or tile.width == 1 << tile.height:
        return await repository.get(resource, context)
    held = replace(context, cached_only=True)
    with suppress(NotFound):
        return await repository.get(resource, held)
    with suppress(NotFound):
        if (wider := await _wider(resource, tile, repository, held)) is not None:
            return await _cut(await repository.get(wider, held), tile, wider, context)
    return await repository.get(resource, context)


async def _wider(resource: GoResource, tile: Tile, repository: Repository, context: Context) -> GoResource | None:
    """The narrowest version of the tile that is held and wide enough."""
    whole = paths.tile(resource.database, replace(tile, width=1 << tile.height))
    prefix = whole.path.removesuffix(str(whole.tile))
    entries = await repository.list(whole, context)  # below its path are its partial versions, too
    versions = [parse_tile(entry.path.removeprefix(prefix)) for entry in entries]
    wide = [version for version in versions if version.width > tile.width]
    return paths.tile(resource.database, min(wide, key=lambda version: version.width)) if wide else None


async def _cut(content: Content, tile: Tile, wider: GoResource, context: Context) -> Content:
    context.trail.note("tile", cut_from=wider.path)
    if isinstance(content, Blob):
        try:
            data = await offload(os.pread, content.file.fileno(), tile.size, 0)
        finally:
            content.close()
        return Bytes(data=data, media_type=content.media_type, etag=f'{content.etag[:-1]}-{tile.width}"')
    if isinstance(content, Bytes):
        return replace(content, data=content.data[: tile.size])
    return content
