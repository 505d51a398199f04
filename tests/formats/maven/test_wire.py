"""What clients see of an answer besides its content."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import Any, cast

import pytest

from mxart.errors import BadUpstream, Conflict, Denied, Gone, Invalid, MxartError, NotFound, Unavailable
from mxart.formats.maven import paths, wire
from mxart.model import Blob, Bytes, Content, Digest, Outline, Redirect, Response

MD5, SHA1, SHA256, SHA512 = "ab" * 16, "ab" * 20, "ab" * 32, "ab" * 64
JAR = paths.parse("org/acme/lib/1.0/lib-1.0.jar")


def blob(checksums: Mapping[str, str]) -> Blob:
    return Blob(file=cast(Any, io.BytesIO()), size=3, digest=Digest("sha256", SHA256), checksums=checksums)


# --- media types -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("a/b/1/b-1.jar", "application/java-archive"),
        ("a/b/1/b-1.JAR", "application/java-archive"),
        ("a/b/1/b-1.pom", "application/xml"),
        ("a/b/1/b-1.module", "application/vnd.org.gradle.module+json"),
        ("a/b/1/b-1-sources.jar", "application/java-archive"),
        ("a/b/1/b-1.tar.gz", "application/gzip"),
        ("a/b/1/b-1.aar", "application/zip"),
        ("a/b/1/b-1.jar.asc", "application/pgp-signature"),
        ("a/b/1/b-1.jar.sigstore.json", "application/json"),
        ("a/b/1/b-1.jar.sha1", wire.TEXT),
        ("a/b/1/b-1.html.sha1", wire.TEXT),
        ("a/b/1/b-1.jar.asc.sha256", wire.TEXT),
        ("a/b/maven-metadata.xml", "application/xml"),
        ("a/b/maven-metadata.xml.md5", wire.TEXT),
        ("archetype-catalog.xml", "application/xml"),
        ("a/b/1/b-1.svg", "application/octet-stream"),
        ("a/b/1/b-1.exe", "application/octet-stream"),
        ("a.jar/b", "application/octet-stream"),
    ],
)
def test_media_types(path: str, media_type: str) -> None:
    assert wire.media_type(paths.parse(path)) == media_type


# --- fields ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (blob({}), {"X-Checksum-SHA256": SHA256}),
        (
            blob({"sha1": SHA1, "md5": MD5}),
            {"X-Checksum-SHA256": SHA256, "X-Checksum-SHA1": SHA1, "X-Checksum-MD5": MD5},
        ),
        (blob({"sha512": SHA512}), {"X-Checksum-SHA256": SHA256, "X-Checksum-SHA512": SHA512}),
        (blob({"made-from": "x", "h1": "y", "crc32": "z"}), {"X-Checksum-SHA256": SHA256}),
        (Bytes(data=b"x"), {}),
        (Redirect(url="https://elsewhere.example.org/x"), {}),
        (Outline(size=None), {}),
    ],
)
def test_checksums_that_are_known_are_told(content: Content, fields: dict[str, str]) -> None:
    headers = wire.headers(JAR, content, immutable=True)
    assert {name: value for name, value in headers.items() if name.startswith("X-Checksum-")} == fields


@pytest.mark.parametrize(("immutable", "told"), [(True, "max-age=31536000, immutable"), (False, "no-cache")])
def test_how_long_an_answer_is_fresh(immutable: bool, told: str) -> None:
    headers = wire.headers(JAR, Bytes(data=b"x"), immutable=immutable)
    assert headers == {"Cache-Control": told, "X-Content-Type-Options": "nosniff"}


@pytest.mark.parametrize(
    ("path", "is_sandboxed"),
    [
        ("a/b/1/b-1.html", True),
        ("a/b/1/index.HTM", False),  # of no type that a browser would show
        ("a/b/1/b-1.HTML", True),
        ("a/b/1/b-1.pom", True),  # XML may have XHTML's scripts in it
        ("a/b/1/b-1-features.xml", True),
        ("a/b/maven-metadata.xml", True),
        ("a/b/1/b-1.svg", False),
        ("a/b/1/b-1.jar", False),
        ("a/b/1/b-1.html.sha1", False),
        ("a/b/1/b-1.txt", False),
    ],
)
def test_what_a_browser_would_run_is_sandboxed(path: str, is_sandboxed: bool) -> None:
    headers = wire.headers(paths.parse(path), Bytes(data=b"x"), immutable=True)
    assert headers.get("Content-Security-Policy", "").startswith("sandbox; default-src 'none'") is is_sandboxed
    assert "allow-scripts" not in headers.get("Content-Security-Policy", "")
    assert headers["X-Content-Type-Options"] == "nosniff"


# --- words and errors --------------------------------------------------------------------------------------------


def test_an_answer_in_words() -> None:
    response = wire.told(201, "Ünder\x1b way.\n", "so it is")
    assert isinstance(response.content, Bytes)
    assert (response.status, response.content.data, response.reason) == (201, "Ünder? way.\n".encode(), "so it is")
    assert response.content.media_type == "text/plain; charset=utf-8"
    assert response.headers == {"X-Content-Type-Options": "nosniff"}


def problem(response: Response) -> dict[str, object]:
    assert isinstance(response.content, Bytes)
    assert response.content.media_type == "application/problem+json"
    found = json.loads(response.content.data)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("error", "status", "sent", "title"),
    [
        (Invalid("no path"), 400, 400, "Bad Request"),
        (Denied("not yours"), 403, 403, "Forbidden"),
        (Conflict("another"), 409, 409, "Conflict"),
        (BadUpstream("it said 500", 500), 502, 502, "Bad Gateway"),
        (Unavailable("later"), 503, 503, "Service Unavailable"),
        (Invalid("odd"), 799, 799, "Error"),
    ],
)
def test_errors(error: MxartError, status: int, sent: int, title: str) -> None:
    response = wire.failure(error, status)
    assert problem(response) == {"title": title, "status": sent, "detail": error.message}
    assert (response.status, response.reason) == (sent, error.message)


@pytest.mark.parametrize(("error", "status"), [(NotFound("lib ist wég"), 404), (Gone("lib ist wég"), 410)])
def test_what_is_not_found_is_told_in_plain_text(error: MxartError, status: int) -> None:
    response = wire.failure(error, status)
    assert isinstance(response.content, Bytes)
    assert (response.status, response.reason) == (404, "lib ist w?g")
    assert (response.content.data.decode(), response.content.media_type) == ("lib ist wég\n", wire.TEXT)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("", ""),
        ("plain", "plain"),
        ("two\nlines\r\n  and\ttabs\x0b\x0c", "two lines and tabs"),
        ("a\r\nSet-Cookie: x=y\r\n\r\n<html>", "a Set-Cookie: x=y <html>"),
        ("it’s Ünicode — ok\N{NO-BREAK SPACE}so", "it's ?nicode ? ok so"),
        ("a\x00b\x1b[31m\x7f", "a?b?[31m?"),
        ("\udcff\N{RIGHT-TO-LEFT OVERRIDE}x\u2028y\x85z", "??x y z"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 297 + "..."),
        ("ä" * 5000, "?" * 297 + "..."),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_stands_behind_the_status(message: str, shown: str) -> None:
    assert wire.phrase(message) == shown
    assert re.fullmatch(r"[ -~]{0,300}", shown)
    response = wire.failure(Invalid(message), 400)
    assert response.reason == shown
    assert problem(response)["detail"] == message.replace("\udcff", "?")
    absence = wire.failure(NotFound(message), 404)
    assert isinstance(absence.content, Bytes)
    assert absence.reason == shown
    told = absence.content.data.decode()
    assert told.replace("\n", "").isprintable()
    assert len(told) == len(message) + 1
