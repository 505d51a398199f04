"""A client of container registries, small and exact: it pushes and pulls whole images, and checks each byte it gets.

::

    client = RegistryClient(server.port, "/v2/hub", ("admin", server.admin_password))
    client.push("app", "1", image("well met"))
    client.pull("app", "1")                      # the digest of the manifest; Damaged unless all of it is there
    place = client.begin("app")                  # a blob in pieces
    place = client.append(place, b"first ", 0)
    place, size = client.where(place)
    client.finish(place, digest_of(b"first last"), b"last")

Not for several threads at once. Specification: OCI Distribution Specification 1.1; Docker's "Token Authentication
Specification".
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit

from tests.support.images import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Blob, Image
from tests.support.server import Answered

Way = Literal["whole", "put", "stream", "chunks"]  # one POST; POST and PUT; one PATCH between them; several

ACCEPT = ", ".join((OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))
_PIECES = 3  # PATCHes of a blob in chunks
_FIELD = re.compile(r'(\w+)="([^"]*)"')
_NEXT = re.compile(r'<([^>]+)>; rel="next"')


class Refused(Exception):
    """The registry has answered, and not what was wanted. ``codes``: those of its envelope; ``retry_after``: seconds,
    0.0 when it does not say when to come back."""

    def __init__(self, asked: str, answered: Answered) -> None:
        super().__init__(f"{asked}: {answered.status} {answered.body[:500]!r}")
        self.status = answered.status
        self.codes = codes_of(answered)
        self.retry_after = float(answered.headers.get("retry-after", "0"))


class Cut(Exception):
    """The connection broke before the answer was whole."""


class Damaged(AssertionError):
    """What came is not what its digest names."""


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def codes_of(answered: Answered) -> list[str]:
    """The codes of an error in the registry's envelope; none for what is not in it."""
    try:
        errors = json.loads(answered.body)["errors"]
        return [str(error["code"]) for error in errors if error["message"]]
    except (ValueError, KeyError, TypeError):
        return []


class RegistryClient:
    """One client on a connection that it keeps, to the repository at ``base`` ("/v2/hub"); ``login``: sent as Basic, or
    with ``tokens`` only to the realm that the registry names, as the engines do."""

    def __init__(
        self, port: int, base: str, login: tuple[str, str] | None = None, *, tokens: bool = False, timeout: float = 60.0
    ) -> None:
        self._base = base
        self.basic = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else ""
        self._tokens = tokens
        self._token = ""  # the last one
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    # --- requests

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answered:
        """One answer, whatever it is. Raises Cut."""
        answered = self._ask(method, path, body, headers or {})
        if answered.status == 401 and self._tokens:
            self._token = self._fetch_token(answered.headers["www-authenticate"])
            answered = self._ask(method, path, body, headers or {})
        return answered

    def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answered:
        fields = {"Content-Length": str(len(body)), **headers} if method not in ("GET", "HEAD") else dict(headers)
        authorization = (f"Bearer {self._token}" if self._token else "") if self._tokens else self.basic
        if authorization and "Authorization" not in fields:
            fields["Authorization"] = authorization
        try:
            self.connection.request(method, path, body or None, fields)
            answer = self.connection.getresponse()
            return Answered(answer.status, {name.lower(): v for name, v in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Cut(f"{method} {path}: {error!r}") from error

    def _fetch_token(self, challenge: str) -> str:
        asked = dict(_FIELD.findall(challenge))
        url = urlsplit(asked.pop("realm"))
        scopes = [("scope", scope) for scope in asked.pop("scope", "").split()]
        query = "&".join(part for part in (url.query, urlencode([*asked.items(), *scopes])) if part)
        answered = self._ask("GET", f"{url.path}?{query}", b"", {"Authorization": self.basic} if self.basic else {})
        return str(json.loads(answered.body)["token"])

    def want(
        self, statuses: int | Iterable[int], method: str, path: str, body: bytes = b"", **headers: str
    ) -> Answered:
        """The answer, of one of these statuses. Raises Refused, Cut."""
        wanted = {statuses} if isinstance(statuses, int) else set(statuses)
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        answered = self.ask(method, path, body, fields)
        if answered.status not in wanted:
            raise Refused(f"{method} {path}", answered)
        return answered

    def path(self, rest: str) -> str:
        return f"{self._base}/{rest}"

    # --- blobs

    def has_blob(self, image: str, digest: str) -> bool:
        return self.want((200, 404), "HEAD", self.path(f"{image}/blobs/{digest}")).status == 200

    def blob(self, image: str, digest: str) -> bytes:
        """Its bytes, verified. Raises Refused, Cut, Damaged."""
        answered = self.want(200, "GET", self.path(f"{image}/blobs/{digest}"))
        if digest_of(answered.body) != digest:
            raise Damaged(f"{image}: the blob {digest} came as {digest_of(answered.body)}")
        return answered.body

    def begin(self, image: str, **query: str) -> str:
        """Where a new upload is."""
        asked = f"?{urlencode(query)}" if query else ""
        return self.want(202, "POST", self.path(f"{image}/blobs/uploads/{asked}")).headers["location"]

    def append(self, place: str, piece: bytes, first: int | None = None) -> str:
        """Where the upload is after this piece; ``first``: where it begins, None: that is not said."""
        fields = {} if first is None else {"Content_Range": f"{first}-{first + len(piece) - 1}"}
        return self.want(202, "PATCH", place, piece, **fields).headers["location"]

    def where(self, place: str) -> tuple[str, int]:
        """Where the upload is now, and how many bytes have come: two at least, since one and none read alike."""
        answered = self.want(204, "GET", place)
        return answered.headers["location"], int(answered.headers["range"].removeprefix("0-")) + 1

    def finish(self, place: str, digest: str, piece: bytes = b"") -> None:
        """True after: the blob is there. ``piece``: its end."""
        self.want(201, "PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", piece)

    def mount(self, image: str, digest: str, source: str) -> str | None:
        """None: the blob of the image ``source`` of the same repository has been taken over; else where it is to be
        sent."""
        asked = {"mount": digest, "from": f"{self._base.removeprefix('/v2/')}/{source}"}
        answered = self.want((201, 202), "POST", self.path(f"{image}/blobs/uploads/?{urlencode(asked)}"))
        return None if answered.status == 201 else answered.headers["location"]

    def push_blob(self, image: str, blob: Blob, way: Way = "stream") -> None:
        """True after: the blob is there, whether it was or not."""
        if way == "whole":
            place = self.path(f"{image}/blobs/uploads/?digest={blob.digest}")
            self.want(201, "POST", place, blob.data, Content_Type="application/octet-stream")
        else:
            self.send_blob(self.begin(image), blob, way)

    def send_blob(self, place: str, blob: Blob, way: Way = "stream") -> None:
        """True after: the upload that had been begun there has become the blob."""
        if way == "put":
            self.finish(place, blob.digest, blob.data)
            return
        step = len(blob.data) // _PIECES + 1 if way == "chunks" else max(len(blob.data), 1)
        for first in range(0, len(blob.data), step):
            place = self.append(place, blob.data[first : first + step], first if way == "chunks" else None)
        self.finish(place, blob.digest)

    # --- manifests

    def manifest(self, image: str, reference: str) -> Blob:
        """The manifest, its digest verified. Raises Refused, Cut, Damaged."""
        answered = self.want(200, "GET", self.path(f"{image}/manifests/{reference}"), Accept=ACCEPT)
        found = Blob(answered.headers["content-type"], answered.body)
        told = {answered.headers["docker-content-digest"], found.digest}
        if len(told | ({reference} if ":" in reference else set())) != 1:
            raise Damaged(f"{image}: the manifest {reference} came as {told}")
        return found

    def put_manifest(self, image: str, reference: str, manifest: Blob) -> None:
        """True after: it is there. Raises Refused, Cut."""
        place = self.path(f"{image}/manifests/{reference}")
        answered = self.want(201, "PUT", place, manifest.data, Content_Type=manifest.media_type)
        if answered.headers["docker-content-digest"] != manifest.digest:
            raise Damaged(f"{image}: the manifest {manifest.digest} was taken for {answered.headers}")

    def delete(self, image: str, reference: str) -> None:
        """True after: the tag, or the manifest, is gone. Raises Refused, Cut."""
        self.want(202, "DELETE", self.path(f"{image}/manifests/{reference}"))

    def tags(self, image: str, number: int | None = None) -> list[list[str]]:
        """The tags, page by page of at most so many."""
        place, pages = self.path(f"{image}/tags/list" + (f"?n={number}" if number else "")), []
        while place:
            answered = self.want(200, "GET", place)
            pages.append(json.loads(answered.body)["tags"])
            link = _NEXT.fullmatch(answered.headers.get("link", ""))
            place = link[1] if link else ""
        return pages

    # --- whole images

    def push(self, image: str, tag: str, made: Image, way: Way = "stream") -> None:
        """True after: the image is there, under the tag. What is there is not sent again, as engines have it."""
        for blob in made.all_blobs().values():
            if not self.has_blob(image, blob.digest):
                self.push_blob(image, blob, way)
        *children, last = made.all_manifests()
        for child in children:
            self.put_manifest(image, child.digest, child)
        self.put_manifest(image, tag, last)

    def pull(self, image: str, reference: str) -> str:
        """The digest of the manifest, of which everything has come as its digests say. Raises Refused, Cut, Damaged."""
        manifest = self.manifest(image, reference)
        document: dict[str, Any] = json.loads(manifest.data)
        for child in document.get("manifests", ()):
            self.pull(image, child["digest"])
        for blob in (*([document["config"]] if "config" in document else ()), *document.get("layers", ())):
            if len(self.blob(image, blob["digest"])) != blob["size"]:
                raise Damaged(f"{image}: the blob {blob['digest']} has not the {blob['size']} bytes of its descriptor")
        return manifest.digest
