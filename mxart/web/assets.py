"""``/-/ui/static/NAME``: style sheets, scripts and pictures, from memory; read once, when the process starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

from mxart.errors import NotFound
from mxart.model import Bytes, Request, Response

PREFIX = "-/ui/static/"

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, and the version of it that its URL names."""

    data: bytes
    media_type: str
    version: str

    @property
    def etag(self) -> str:
        return f'"{self.version}"'


def _read() -> dict[str, Asset]:
    folder = resources.files("mxart.web") / "static"
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    return {name: Asset(data, _media_type(name), _version(data)) for name, data in files.items()}


def _media_type(name: str) -> str:
    return _MEDIA_TYPES[name[name.rindex(".") :]]


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


_ASSETS = _read()


def url(name: str) -> str:
    """What the page at the root links to: it changes with the file, so that a browser may keep what it has for ever.

    Relative, so that it also holds where a reverse proxy serves that root below a path of its own.
    """
    return f"{PREFIX}{name}?v={_ASSETS[name].version}"


async def static(request: Request) -> Response:
    """The file that the path names. Raises NotFound."""
    asset = _ASSETS.get(request.path.removeprefix(PREFIX))
    if asset is None:
        raise NotFound(f"There is nothing at /{request.path}.")
    current = request.query == f"v={asset.version}"
    headers = {"Cache-Control": _FOR_EVER if current else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(200, Bytes(data=asset.data, media_type=asset.media_type, etag=asset.etag), headers)
