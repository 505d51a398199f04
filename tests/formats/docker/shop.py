"""A container repository that is pushed to and read, over a `Press`; and the documents that go there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from mxart.contract import Context, Neighbour
from mxart.documents import whole
from mxart.errors import Invalid, MxartError, NotFound
from mxart.formats.docker.documents import OCI_INDEX, OCI_MANIFEST
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.settings import DockerSettings
from mxart.model import Bytes, Principal, Request, Response
from mxart.server.failures import status_of
from tests.formats.press import Press, digest

BASE = "http://127.0.0.1:8080/v2/hub"
IMAGE = "team/app"
SOMEBODY = Principal(name="somebody")
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


def descriptor(data: bytes, media_type: str = LAYER, /, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": str(digest(data)), "size": len(data), **more}


def manifest(*layers: bytes, config: bytes = b"{}", **more: Any) -> bytes:
    """An image of these layers; ``more``: further members, or others in the place of these. None: left out."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, CONFIG),
        "layers": [descriptor(layer) for layer in layers],
        **more,
    }
    return as_json(document)


def index(*children: bytes, **more: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(child, OCI_MANIFEST) for child in children],
        **more,
    }
    return as_json(document)


def as_json(document: Mapping[str, Any]) -> bytes:
    """As no registry would write it: whoever keeps the bytes shows it."""
    return json.dumps({name: value for name, value in document.items() if value is not None}, indent=3).encode()


@dataclass
class Shop:
    """One repository, and others of the same server below the same root."""

    settings: DockerSettings = field(default_factory=DockerSettings)
    base_url: str = BASE
    others: dict[str, Press] = field(default_factory=dict)  # by what the names of their images begin with
    readable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # image → who may read it; left out: everyone

    def __post_init__(self) -> None:
        self.format = DockerFormat(self.settings)
        self.press = Press(self.format)
        self.others = {"hub": self.press, **self.others}

    async def send(
        self,
        method: str,
        path: str,
        body: bytes | AsyncIterator[bytes] = b"",
        query: str = "",
        principal: Principal = SOMEBODY,
        headers: Mapping[str, str] = _NO_FIELDS,
    ) -> Response:
        """``headers``: names in lower case. Raises what the format raises."""
        request = Request(
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=pieces(body) if isinstance(body, bytes) else body,
            principal=principal,
            base_url=self.base_url,
            server_url="http://127.0.0.1:8080",
            host="127.0.0.1:8080",
        )
        context = Context(
            principal=principal, base_url=self.base_url, head_only=method == "HEAD", neighbour=self._neighbour
        )
        return await self.format.answer(request, self.format.parse(request), self.press, context)

    def _neighbour(self, path: str, principal: Principal) -> Neighbour | None:
        name, _, rest = path.partition("/")
        press = self.others.get(name)
        if press is None:
            return None
        try:
            resource = press.format.parse(Request(method="GET", path=rest))
        except (Invalid, NotFound):
            return None
        who = self.readable.get(f"{name}/{resource.package}")
        if who is not None and (principal.name not in who or principal.limits is not None):
            return None
        return Neighbour(press, resource)

    # --- what clients do

    async def blob(self, data: bytes, image: str = IMAGE) -> str:
        """Pushed at once; its digest."""
        response = await self.send("POST", f"{image}/blobs/uploads/", data, f"digest={digest(data)}")
        assert response.status == 201
        return str(digest(data))

    async def image(self, *layers: bytes, reference: str = "", image: str = IMAGE, **more: Any) -> bytes:
        """A manifest with all its blobs, pushed by tag or, without a ``reference``, by digest."""
        for data in (b"{}", *layers):
            await self.blob(data, image)
        data = manifest(*layers, **more)
        await self.put(data, reference or str(digest(data)), image)
        return data

    async def put(self, data: bytes, reference: str, image: str = IMAGE, query: str = "") -> Response:
        response = await self.send("PUT", f"{image}/manifests/{reference}", data, query)
        assert response.status == 201
        assert self.press.left_behind == []
        return response

    async def read(self, path: str, query: str = "", headers: Mapping[str, str] = _NO_FIELDS) -> bytes:
        return await content_of(await self.send("GET", path, query=query, headers=headers))

    async def document(self, path: str, query: str = "") -> Any:
        return json.loads(await self.read(path, query))


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 10_000):
        yield data[at : at + 10_000]


async def content_of(response: Response) -> bytes:
    assert response.content is not None
    return await whole(response.content, 64 << 20)


def told(error: MxartError) -> tuple[int, str, str]:
    """Status, code and message of what a client is told."""
    response = DockerFormat(DockerSettings()).failure(error, status_of(error))
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "application/json"
    (each,) = json.loads(response.content.data)["errors"]
    return response.status, each["code"], each["message"]
