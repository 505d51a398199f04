"""The lists that are given in pages: tags, images; and the referrers of a subject, which are given by their type.

Where an upstream has no list of referrers, and where clients have kept their own, that is a tag; so what is told is
both.

Specification: OCI Distribution Specification 1.1, "Listing Tags", "Listing Referrers", "Referrers Tag Schema"; Docker
Registry HTTP API V2, "Listing Repositories".
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from mxart.contract import Context, Repository
from mxart.documents import whole
from mxart.errors import Corrupt, Invalid, NotFound
from mxart.formats.docker import documents, paths, wire
from mxart.formats.docker.documents import Descriptor
from mxart.formats.docker.paths import DockerResource
from mxart.model import Bytes, Request, Response
from mxart.offload import offload
from mxart.trail import Trail

Page = Callable[[list[str]], dict[str, object]]

_FEW_DIGITS = 9  # of a number of items
_ARTIFACT_TYPE = "artifactType"


@dataclass(frozen=True, slots=True)
class Listing:
    """One request for a list."""

    repository: Repository
    context: Context
    request: Request

    async def tags(self, resource: DockerResource) -> Response:
        """The tags of an image, in byte order. Raises NotFound (NAME_UNKNOWN) for an image that is not here."""
        try:
            content = await self.repository.get(resource, self.context)
        except NotFound:
            if not await self._is_here(resource):
                raise
            found: Sequence[str] = ()
        else:
            data = await whole(content, documents.MAX_INDEX)
            found = await offload(documents.read_tags, data)
        name = wire.image_name(self.context.base_url, resource.package)
        return paged(self.request, found, lambda page: {"name": name, "tags": page})

    async def _is_here(self, resource: DockerResource) -> bool:
        """Has something been pushed for the image, if no tag? Also that the house owns its name may be for the sake of
        another one: who has ``library/nginx`` owns ``nginx``."""
        folder = replace(resource, path=paths.folder(resource.package))
        return await self.repository.owns(resource) and bool(await self.repository.list(folder, self.context))

    async def catalog(self) -> Response:
        """The images of which something is held."""
        packages = await self.repository.packages(self.context)
        names = (wire.image_name(self.context.base_url, package) for package in packages)
        return paged(self.request, sorted(names), lambda page: {"repositories": page})

    async def referrers(self, resource: DockerResource) -> Response:
        """The index of who refers to a subject; an empty one when nobody does."""
        wanted = [value for name, value in wire.parameters(self.request.query) if name == _ARTIFACT_TYPE]
        headers = dict(wire.VERSION) | ({"OCI-Filters-Applied": _ARTIFACT_TYPE} if wanted else {})
        found = [*await self._listed(resource), *await self._tagged(resource)]
        data = await offload(_format_referrers, found, wanted)
        return Response(200, Bytes(data=data, media_type=documents.OCI_INDEX), headers)

    async def _listed(self, resource: DockerResource) -> Sequence[Descriptor]:
        try:
            content = await self.repository.get(resource, self.context)
        except NotFound:
            return ()
        data = await whole(content, documents.MAX_INDEX)
        return await offload(documents.descriptors, data)

    async def _tagged(self, resource: DockerResource) -> Sequence[Descriptor]:
        """What clients have noted under a tag; nothing when that is something else."""
        assert resource.digest is not None  # paths.referrers
        tag = paths.tag(resource.package, paths.fallback_tag(resource.digest))
        try:
            content = await self.repository.get(tag, replace(self.context, trail=Trail()))
        except NotFound:
            return ()
        return await offload(_referrers_in, await whole(content, documents.MAX_MANIFEST))


def _format_referrers(found: Sequence[Descriptor], wanted: Sequence[str]) -> bytes:
    """The index of those of the ``wanted`` types, of all when none is named."""
    united = documents.united(found)
    return documents.format_referrers([each for each in united if not wanted or each.get(_ARTIFACT_TYPE) in wanted])


def _referrers_in(data: bytes) -> Sequence[Descriptor]:
    """What an index names; nothing where it is none, or one that no client could have made of referrers."""
    try:
        return documents.descriptors(data) if documents.media_type(data) == documents.OCI_INDEX else ()
    except Corrupt:
        return ()


def paged(request: Request, items: Sequence[str], document: Page) -> Response:
    """The part of ``items``, which are in byte order, that ``n`` and ``last`` of the query ask for, and where the next
    one is. Raises Invalid."""
    asked = dict(wire.parameters(request.query))
    number, last = asked.get("n"), asked.get("last", "")
    if number is not None and not (number.isascii() and number.isdecimal() and len(number) <= _FEW_DIGITS):
        raise PaginationInvalid(f"n = {number[:40]!r} is no number of items.")
    rest = items[bisect_right(items, last) :] if last else items
    page = list(rest) if number is None else list(rest[: int(number)])
    headers = dict(wire.VERSION)
    if page and len(page) < len(rest):
        place = f"{wire.base_path(request.base_url)}/{request.path}"
        others = [(name, value) for name, value in asked.items() if name not in ("n", "last")]  # ``ns`` may lead here
        query = urlencode([("n", number), ("last", page[-1]), *others], quote_via=quote, safe="")
        headers["Link"] = f'<{quote(place)}?{query}>; rel="next"'
    return Response(200, Bytes(data=json.dumps(document(page)).encode(), media_type=wire.JSON), headers)


class PaginationInvalid(Invalid):
    """A page is asked for that cannot be."""

    code = "PAGINATION_NUMBER_INVALID"
