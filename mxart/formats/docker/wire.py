"""What container clients see of an answer besides its content: error codes, header fields, what they accept.

Specification: OCI Distribution Specification 1.1, "Error Codes"; the ``Docker-*`` fields are those of the Docker
Registry HTTP API V2, which clients still look at. Token authentication: Docker's "Token Authentication Specification".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

from mxart import errors
from mxart.errors import MxartError
from mxart.formats.docker import names
from mxart.model import Action, Bytes, Request, Response

JSON = "application/json"
FOR_EVER = "max-age=31536000, immutable"  # RFC 8246
CATALOG_SCOPE = "registry:catalog:*"
VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}

_ACTIONS: Mapping[Action, str] = {"read": "pull", "write": "pull,push", "delete": "delete", "admin": "*"}
_CODES: Mapping[type[MxartError], str] = {
    errors.NotFound: "NAME_UNKNOWN",
    errors.Invalid: "UNSUPPORTED",
    errors.Unauthenticated: "UNAUTHORIZED",
    errors.Denied: "DENIED",
    errors.Conflict: "DENIED",
    errors.TooLarge: "SIZE_INVALID",
    errors.Unsupported: "UNSUPPORTED",
    errors.Unavailable: "UNAVAILABLE",
    errors.StoreFull: "UNAVAILABLE",
}
_MAX_PARAMETERS = 64
_REFUSED = re.compile(r";[ \t]*q=0(?:\.0{0,3})?[ \t]*(?:;|$)", re.IGNORECASE)  # RFC 9110 §12.4.2


class ManifestUnknown(errors.NotFound):
    """There is no such manifest, or none that the client can read."""

    code = "MANIFEST_UNKNOWN"


class BlobUnknown(errors.NotFound):
    """There is no such blob in the image."""

    code = "BLOB_UNKNOWN"


class UploadUnknown(errors.NotFound):
    """There is no such upload."""

    code = "BLOB_UPLOAD_UNKNOWN"


class UploadInvalid(errors.Invalid):
    """The upload cannot go on so."""

    code = "BLOB_UPLOAD_INVALID"


class ManifestInvalid(errors.Invalid):
    """It is no manifest that can be pushed."""

    code = "MANIFEST_INVALID"


class ManifestBlobUnknown(errors.Invalid):
    """The manifest names what is not there."""

    code = "MANIFEST_BLOB_UNKNOWN"


class SizeInvalid(errors.Invalid):
    """The body has another length than was said."""

    code = "SIZE_INVALID"


def failure(error: MxartError, status: int) -> Response:
    """The error in the envelope that clients show. Nothing is gone for good in a registry, so 410 is 404 here."""
    return coded(code_of(error), error.message, 404 if status == 410 else status)


def coded(code: str, message: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with one error."""
    document = {"errors": [{"code": code, "message": message, "detail": None}]}
    data = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    return Response(status, Bytes(data=data, media_type=JSON), {**VERSION, **(headers or {})})


def code_of(error: MxartError) -> str:
    """The specification's code: the error's own, else that of the nearest ancestor that has one."""
    own = getattr(error, "code", None)
    if own is not None:
        return str(own)
    return next((_CODES[kind] for kind in type(error).__mro__ if kind in _CODES), "UNKNOWN")


def root(request: Request) -> Response:
    """The answer to ``GET /v2/``, by which clients learn how to log in: those who are told that all is well there send
    no credentials later, so nobody is who has not shown any, even where everyone may read. Raises Unauthenticated,
    Unsupported."""
    if request.method not in ("GET", "HEAD"):
        raise errors.Unsupported(f"{request.method} is not supported here: want GET, HEAD.")
    if not request.principal.name and request.principal.limits is None:
        raise errors.Unauthenticated("Ask for a token at the realm, with or without a user name and a password.")
    return Response(200, Bytes(data=b"{}", media_type=JSON), dict(VERSION))


def parameters(query: str) -> list[tuple[str, str]]:
    """Names and values in a query. Raises Invalid for what no client sends."""
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS, errors="strict")
    except ValueError as error:
        raise errors.Invalid("The query cannot be read.") from error


def base_path(base_url: str) -> str:
    """The path at which a client finds the repository: places are told by path alone, so that they hold behind a proxy
    that speaks TLS."""
    return urlsplit(base_url).path


def image_name(base_url: str, image: str) -> str:
    """What a client calls the image after the host: what is below ``/v2``, wherever the server's own URL has that.

    >>> image_name("http://127.0.0.1:8080/v2/hub", "library/nginx"), image_name("https://hub.example.org/v2", "nginx")
    ('hub/library/nginx', 'nginx')
    """
    prefix = f"{base_path(base_url)}/".partition("/v2/")[2].strip("/")
    return f"{prefix}/{image}" if prefix and image else prefix or image


def challenge(request: Request, scope: str) -> str:
    """Where to get a token, and for what (token specification, "How to authenticate"); ``scope``: "" for none.

    A namespace that the client has named goes along, since the token is asked for without it.
    """
    asked = namespace(request.query)
    realm = f"{request.server_url}/-/token" + (f"?{urlencode({'ns': asked})}" if asked else "")
    fields = {"realm": realm, "service": request.host}
    if scope:
        fields["scope"] = scope
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in fields.items())


def scope(base_url: str, image: str, action: Action) -> str:
    """What a token for an image must be good for.

    >>> scope("http://127.0.0.1:8080/v2/hub", "library/nginx", "write")
    'repository:hub/library/nginx:pull,push'
    """
    return f"repository:{image_name(base_url, image)}:{_ACTIONS[action]}"


def namespace(query: str) -> str:
    """The registry that containerd means, whatever host it asks; "" when it says none."""
    return next((value for name, value in _readable(query) if name == "ns"), "")


def mounted_from(query: str) -> str:
    """The image that a blob is to be taken over from; "" for none that could be a name."""
    asked = dict(_readable(query))
    source = asked.get("from", "") if "mount" in asked else ""
    try:
        return names.check_image(source)
    except errors.Invalid:
        return ""


def _readable(query: str) -> list[tuple[str, str]]:
    try:
        return parameters(query)
    except errors.Invalid:
        return []


@lru_cache(maxsize=64)  # each engine sends the same few lists with every request
def accepts(field: str | None, media_type: str) -> bool:
    """Whether an Accept field (RFC 9110 §12.5.1) covers the media type; without one everything is.

    >>> accepts("application/json;q=0.5, */*;q=0.1", "a/b"), accepts("a/b; charset=utf-8", "a/b"), accepts("a/c", "a/b")
    (True, True, False)
    """
    if not field:
        return True
    items = (item for item in field.split(",") if not _REFUSED.search(item))
    offered = {item.partition(";")[0].strip().lower() for item in items}
    return not offered.isdisjoint({media_type, "*/*", f"{media_type.partition('/')[0]}/*"})
