"""Manifests, indexes, lists of tags and of referrers: read, checked, merged, generated. Pure.

A manifest is never written again: whoever asks gets the very bytes that came, since their digest is their name.

Specifications: OCI Image Specification 1.1, "Image Manifest" and "Image Index"; Docker's "Image Manifest Version 2,
Schema 2"; OCI Distribution Specification 1.1, "Listing Tags" and "Listing Referrers".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Literal

from mxart.errors import Corrupt, Invalid, NotFound
from mxart.formats.docker import names
from mxart.model import Digest, Entry

MAX_MANIFEST = 4 << 20  # bytes; clients read no larger ones
MAX_INDEX = 16 << 20  # bytes of a list of tags or of referrers

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"  # of a release candidate; some clients had begun to push
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEXES = (OCI_INDEX, DOCKER_LIST)
_LAYERED = (OCI_MANIFEST, DOCKER_MANIFEST)
MEDIA_TYPES = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, OCI_ARTIFACT)

_DESCRIPTOR, _DIGEST = "descriptor", "digest"  # in `Entry.facts`
_NOT_UPLOADED = ("nondistributable", "foreign")  # in the media type of a layer that lies elsewhere
_ABSENT = object()
_MAX_FACTS = 64 << 10  # bytes that are noted of a manifest that refers to another: many of them make one list
_MOST_PAGES = 2000
_MOST_NESTED = 300_000  # lists and tables in a document: while millions of them are made, no other thread has its turn
_MOST_TAGS = 500_000  # of an image; nor has it while millions of them are sorted

_DOCKER_MANIFESTS = "application/vnd.docker.distribution.manifest."  # also those of schema 1

Descriptor = Mapping[str, Any]
Role = Literal["blob", "elsewhere", "manifest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a manifest or an index says that a registry must know."""

    media_type: str
    blobs: tuple[Digest, ...] = ()  # that must be there for it to be of use
    elsewhere: tuple[Digest, ...] = ()  # layers that clients may fetch elsewhere, and may have pushed all the same
    manifests: tuple[Digest, ...] = ()  # of an index: those that it leads to
    subject: Digest | None = None  # what it refers to
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def media_type(data: bytes) -> str:
    """The media type of a manifest or an index, by what it says of itself, else by its shape. Raises Corrupt."""
    return _media_type(_object(data))


def parse_manifest(data: bytes) -> Manifest:
    """The manifest or index. Raises Corrupt with a sentence that says what is wrong with it."""
    document = _object(data)
    kind = _media_type(document)
    if kind != OCI_ARTIFACT and document.get("schemaVersion") != 2:
        raise Corrupt("The manifest's schemaVersion is not 2.")
    subject, parts = document.get("subject"), list(_parts(document, kind))
    config = document.get("config") if kind in _LAYERED else None
    return Manifest(
        media_type=kind,
        blobs=tuple(digest for role, digest in parts if role == "blob"),
        elsewhere=tuple(digest for role, digest in parts if role == "elsewhere"),
        manifests=tuple(digest for role, digest in parts if role == "manifest"),
        subject=_digest(subject) if subject is not None else None,
        artifact_type=_text(document.get("artifactType")) or _text(config.get("mediaType") if config else ""),
        annotations=_annotations(document.get("annotations")),
    )


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_MANIFEST:
        raise Corrupt(f"The manifest is larger than {MAX_MANIFEST} bytes.")
    _check_nested(data, "manifest")
    try:
        document = _JSON.decode(data.decode())
    except (ValueError, RecursionError):
        raise Corrupt("The manifest is not JSON.") from None
    if not isinstance(document, dict):
        raise Corrupt("The manifest is not a JSON object.")
    return document


def _check_nested(data: bytes, what: str) -> None:
    if data.count(b"[") + data.count(b"{") > _MOST_NESTED:
        raise Corrupt(f"The {what} is made of more than {_MOST_NESTED} lists and tables.")


def _no_constant(name: str) -> object:
    """NaN and Infinity, which Python reads and writes, are no JSON."""
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


_JSON = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def _media_type(document: Mapping[str, Any]) -> str:
    kind = _stated_type(document) or _shape(document)
    others = ("config", "layers") if kind in INDEXES else ("manifests",) if kind in _LAYERED else ()
    if any(document.get(name) for name in (*others, "fsLayers")):
        # clients would have to guess which of the two it is, and one might run what another has looked at
        raise Corrupt("The document is a manifest and an index at once, or one of schema 1 and another.")
    return kind


def _stated_type(document: Mapping[str, Any]) -> str:
    stated = document.get("mediaType")
    if stated is None:
        return ""
    if stated not in MEDIA_TYPES:
        raise Corrupt(f"The manifest's mediaType {str(stated)[:120]!r} is not one of {', '.join(MEDIA_TYPES)}.")
    return str(stated)


def _shape(document: Mapping[str, Any]) -> str:
    """The media type of what states none."""
    if document.get("schemaVersion") == 1:
        raise Corrupt("The manifest is one of schema 1, which clients do not read any more.")
    if isinstance(document.get("manifests"), list):
        return OCI_INDEX
    if isinstance(document.get("layers"), list) and isinstance(document.get("config"), dict):
        return OCI_MANIFEST
    raise Corrupt("The document is neither a manifest nor an index: it has no layers with a config, and no manifests.")


def _parts(document: Mapping[str, Any], kind: str) -> Iterator[tuple[Role, Digest]]:
    """What it is made of, in its order."""
    if kind in INDEXES:
        for child in _list(document, "manifests"):
            yield "manifest" if _is_manifest(child) else "blob", _digest(child)
        return
    if kind in _LAYERED:
        yield "blob", _digest(document.get("config"))
    for layer in _list(document, "layers") if kind in _LAYERED else _list(document, "blobs", optional=True):
        digest = _digest(layer)
        yield "elsewhere" if _lies_elsewhere(layer) else "blob", digest


def _is_manifest(child: Any) -> bool:
    """Is that which an index names one, too? BuildKit keeps its cache in indexes of layers."""
    kind = child.get("mediaType") if isinstance(child, dict) else None
    return not kind or kind in MEDIA_TYPES or str(kind).startswith(_DOCKER_MANIFESTS)


def _lies_elsewhere(layer: Mapping[str, Any]) -> bool:
    return bool(layer.get("urls")) or any(word in _text(layer.get("mediaType")) for word in _NOT_UPLOADED)


def _list(document: Mapping[str, Any], key: str, *, optional: bool = False) -> list[Any]:
    """``null`` is how some Go programs write an empty one."""
    value = document.get(key, [] if optional else _ABSENT)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Corrupt(f"The manifest has no list of {key}.")
    return value


def _digest(descriptor: object) -> Digest:
    """Raises Corrupt for what is no descriptor."""
    if not isinstance(descriptor, dict) or not isinstance(descriptor.get("digest"), str):
        raise Corrupt("The manifest holds a descriptor without a digest.")
    size = descriptor.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Corrupt("The manifest holds a descriptor without a size.")
    if not isinstance(descriptor.get("mediaType", ""), str):
        raise Corrupt("The manifest holds a descriptor whose mediaType is no text.")
    try:
        return names.parse_digest(descriptor["digest"])
    except Invalid as error:
        raise Corrupt(f"The manifest holds a descriptor with a wrong digest: {error.message}.") from error


def _annotations(value: object) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise Corrupt("The manifest's annotations are no table of texts.")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def tag_facts(digest: Digest) -> Mapping[str, str]:
    """What is noted of a tag: the digest of its manifest, where that is none that the content tells by itself."""
    return {} if digest.algorithm == "sha256" else {_DIGEST: str(digest)}


def tagged_digest(facts: Mapping[str, str]) -> Digest | None:
    """What `tag_facts` has noted."""
    return Digest.parse(facts[_DIGEST]) if _DIGEST in facts else None


# --- who refers to what ------------------------------------------------------------------------------------------


def descriptor_facts(manifest: Manifest, digest: Digest, size: int) -> Mapping[str, str]:
    """What is noted of a manifest that refers to another, so that its descriptor can be listed (`Entry.facts`).

    Raises Corrupt for one whose annotations would leave no room for others in such a list.
    """
    descriptor: dict[str, Any] = {"mediaType": manifest.media_type, "digest": str(digest), "size": size}
    if manifest.artifact_type:
        descriptor["artifactType"] = manifest.artifact_type
    if manifest.annotations:
        descriptor["annotations"] = dict(manifest.annotations)
    noted = json.dumps(descriptor)
    if len(noted) > _MAX_FACTS:
        raise Corrupt(f"A manifest with a subject may have {_MAX_FACTS} bytes of annotations: they are in its list.")
    return {_DESCRIPTOR: noted}


def generate_referrers(entries: Iterable[Entry]) -> bytes:
    """The index of what the entries say. Raises NotFound when they say nothing."""
    found = [json.loads(entry.facts[_DESCRIPTOR]) for entry in entries if _DESCRIPTOR in entry.facts]
    if not found:
        raise NotFound("nothing refers to it")
    return format_referrers(found)


def merge_referrers(documents: Iterable[bytes]) -> bytes:
    """The union of the indexes: of each digest the first descriptor."""
    return format_referrers(united(each for document in documents for each in descriptors(document)))


def united(found: Iterable[Descriptor]) -> list[Descriptor]:
    """Of each digest the first descriptor, in their order."""
    union: dict[str, Descriptor] = {}
    for each in found:
        union.setdefault(each["digest"], each)
    return list(union.values())


def format_referrers(found: Sequence[Descriptor]) -> bytes:
    """The index of these descriptors, in ASCII: half a character, which JSON can escape, has no place in UTF-8. Raises
    Corrupt for what is nested too deeply to be written."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(found)}
    try:
        return json.dumps(document, separators=(",", ":")).encode()
    except RecursionError:
        raise Corrupt("The index of referrers holds a descriptor that is nested too deeply.") from None


def descriptors(data: bytes) -> list[Descriptor]:
    """The descriptors in an index, or in one that came in pages. Raises Corrupt."""
    found: list[Descriptor] = []
    for page in _pages(data, "index of referrers"):
        for each in _listed(page, "manifests", "index of referrers"):
            _digest(each)
            found.append(each)
    return found


# --- tags --------------------------------------------------------------------------------------------------------


def read_tags(data: bytes) -> list[str]:
    """The tags in a list, or in one that came in pages: each once, in byte order. Raises Corrupt."""
    found: set[str] = set()
    for page in _pages(data, "list of tags"):
        tags = _listed(page, "tags", "list of tags")
        found.update(tag for tag in tags if isinstance(tag, str) and names.is_tag(tag))
    if len(found) > _MOST_TAGS:
        raise Corrupt(f"The list of tags has more than {_MOST_TAGS} of them.")
    return sorted(found)


def format_tags(image: str, tags: Sequence[str]) -> bytes:
    return json.dumps({"name": image, "tags": list(tags)}).encode()


def merge_tags(image: str, documents: Iterable[bytes]) -> bytes:
    """The union of the lists."""
    return format_tags(image, sorted({tag for document in documents for tag in read_tags(document)}))


def generate_tags(image: str, folder: str, entries: Iterable[Entry]) -> bytes:
    """The list of the tags that the entries below ``folder`` are. Raises NotFound when there is none."""
    tags = sorted(entry.path.removeprefix(folder) for entry in entries if entry.path.startswith(folder))
    if not tags:
        raise NotFound(f"{image} has no tags")
    return format_tags(image, tags)


def _listed(page: Mapping[str, Any], key: str, what: str) -> list[Any]:
    """What a page lists, null being nothing. Raises Corrupt for one that lists nothing by that name, such as an error
    under the wrong status."""
    value = page.get(key, _ABSENT)
    if value is not None and not isinstance(value, list):
        raise Corrupt(f"The {what} has no list of {key}.")
    return value or []


def _pages(data: bytes, what: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects that stand one behind the other. Raises Corrupt."""
    if len(data) > MAX_INDEX:
        raise Corrupt(f"The {what} is longer than {MAX_INDEX} bytes.")
    _check_nested(data, what)
    try:
        text, position, number = data.decode().strip(), 0, 0
        while position < len(text) or not number:
            page, position = _JSON.raw_decode(text, position)
            number += 1
            if not isinstance(page, dict) or number > _MOST_PAGES:
                raise Corrupt(f"The {what} is not a JSON object.")
            yield page
            while text[position : position + 1].isspace():
                position += 1
    except (ValueError, RecursionError):
        raise Corrupt(f"The {what} is not JSON.") from None
