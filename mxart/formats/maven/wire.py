"""What clients see of an answer besides its content: media types, freshness, checksums, and errors that they show.

Specifications: RFC 9457 (problem details, which newer resolvers of Maven show); RFC 9112 §4 (the reason phrase, which
is all that older ones and Gradle show); maven-resolver, "remote-included" checksums.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from mxart.errors import Gone, MxartError
from mxart.formats.maven import names
from mxart.formats.maven.paths import MavenResource
from mxart.model import Bytes, Content, Response

TEXT = "text/plain; charset=utf-8"
_PROBLEM = "application/problem+json"
_XML = "application/xml"
_OTHER = "application/octet-stream"
_MEDIA_TYPES: Mapping[str, str] = {
    "pom": _XML,
    "xml": _XML,
    "jar": "application/java-archive",
    "war": "application/java-archive",
    "ear": "application/java-archive",
    "aar": "application/zip",
    "klib": "application/zip",
    "zip": "application/zip",
    "gz": "application/gzip",
    "tgz": "application/gzip",
    "tar": "application/x-tar",
    "json": "application/json",
    "module": "application/vnd.org.gradle.module+json",
    "asc": "application/pgp-signature",
    "txt": TEXT,
    "html": "text/html; charset=utf-8",
    "properties": TEXT,
}
_FOR_EVER = "max-age=31536000, immutable"  # RFC 8246
_REVALIDATED = "no-cache"  # a new snapshot is to be seen at once
_RUN_BY_BROWSERS = ("text/html; charset=utf-8", _XML)  # with the scripts in them, which are not of this server's making
_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_LONGEST_REASON = 300  # characters


def media_type(resource: MavenResource) -> str:
    """What clients are told; they go by the name."""
    if resource.kind == "checksum":
        return TEXT
    return _MEDIA_TYPES.get(resource.filename.rpartition(".")[2].lower(), _OTHER)


def headers(resource: MavenResource, content: Content, *, immutable: bool) -> dict[str, str]:
    """Beside what delivery adds: checksums that are known spare the client a request for each.

    Not ``public``: that would let caches keep what was only given to somebody who logged in (RFC 9111 §3.5).
    """
    fields = {"Cache-Control": _FOR_EVER if immutable else _REVALIDATED, "X-Content-Type-Options": "nosniff"}
    for algorithm, value in checksums(content).items():
        fields[f"X-Checksum-{algorithm.upper()}"] = value
    if media_type(resource) in _RUN_BY_BROWSERS:
        fields["Content-Security-Policy"] = _SANDBOX
    return fields


def checksums(content: Content) -> dict[str, str]:
    """Algorithm → hex, as far as they are known."""
    known = getattr(content, "checksums", {})
    digest = getattr(content, "digest", None)
    own = {digest.algorithm: digest.hex} if digest is not None else {}
    return {name: value for name, value in {**own, **known}.items() if name in names.ALGORITHMS}


def told(status: int, text: str, reason: str = "") -> Response:
    """An answer in words, for the person at the client; ``reason``: as in `model.Response`."""
    shown = "".join(character if character.isprintable() or character == "\n" else "?" for character in text)
    headers = {"X-Content-Type-Options": "nosniff"}
    return Response(status, Bytes(data=shown.encode(errors="replace"), media_type=TEXT), headers, reason)


def failure(error: MxartError, status: int) -> Response:
    """The error as a problem document, and as the phrase behind the status.

    What is gone is told as not found: older clients know no other word for it, and would stop the build. What is not
    found is told in plain text: resolvers of Maven 3.9 and 4 take a problem document for a failed transfer, whatever
    its status, and would not look any further.
    """
    status = 404 if isinstance(error, Gone) else status
    reason = phrase(error.message)
    if status == 404:
        return told(status, f"{error.message}\n", reason)
    document = {"title": _title(status), "status": status, "detail": error.message}
    data = json.dumps(document, ensure_ascii=False).encode(errors="replace") + b"\n"
    return Response(status, Bytes(data=data, media_type=_PROBLEM), reason=reason)


def phrase(text: str) -> str:
    """The text as one line that may stand behind a status: visible ASCII, cut where it grows long.

    >>> phrase("lib-1.0.jar stands\\n already; it’s released")
    "lib-1.0.jar stands already; it's released"
    """
    line = " ".join(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").split())
    shown = "".join(character if " " <= character <= "~" else "?" for character in line)
    return shown if len(shown) <= _LONGEST_REASON else f"{shown[: _LONGEST_REASON - 3]}..."


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
