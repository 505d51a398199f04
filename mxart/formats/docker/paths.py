"""URL paths below a container repository ↔ what they ask for, both ways.

``parse`` reads any string; whatever it returns was built by the constructors above it, so that everything has one place
in the index::

    IMAGE/-/manifests/DIGEST             a manifest or an index
    IMAGE/-/tags/TAG                     the same, by the name that may move to another one
    IMAGE/-/blobs/DIGEST                 a layer or a configuration
    IMAGE/-/referrers/SUBJECT/DIGEST     a manifest that says that it refers to another
    IMAGE/-/tags, IMAGE/-/referrers/D    the indexes of the tags and of who refers to D
    IMAGE/-/uploads                      what uploads are begun for; nothing stands there

No image has a component ``-``, so nothing of one image lies below another's. Paths of URLs are read from the right,
since a component may be one of the words that mean something there.

Specification: OCI Distribution Specification 1.1, "Endpoints".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from mxart.errors import NotFound
from mxart.formats.docker import names, wire
from mxart.model import Digest, Resource

BORDER = "/-/"
CATALOG = "_catalog"

_REFERENCE = 64  # characters of a digest in the tag of its referrers
_UPLOAD = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerResource(Resource):
    """A container resource with its parts. ``kind`` is one of manifest, tag, blob, tags, referrers, referrer, uploads,
    upload, catalog and root. ``package`` is the image."""

    tag: str = ""
    digest: Digest | None = None  # of a manifest or blob; of referrers: their subject
    upload: str = ""  # the id of an upload

    @property
    def title(self) -> str:
        image, digest = self.package, self.digest
        match self.kind:
            case "tag":
                return f"{image}:{self.tag}"
            case "manifest" | "referrer":
                return f"{image}@{digest}"
            case "blob":
                return f"the blob {digest} of {image}"
            case "referrers":
                return f"the referrers of {image}@{digest}"
            case "catalog":
                return "the catalog"
        return f"{'a blob' if self.upload else 'the ' + self.kind} of {image}"


# --- what there is to ask for ------------------------------------------------------------------------------------


def manifest(image: str, digest: Digest) -> DockerResource:
    """A manifest or an index by its digest."""
    return DockerResource(
        path=f"{image}{BORDER}manifests/{digest}",
        kind="manifest",
        package=image,
        digest=digest,
    )


def tag(image: str, name: str) -> DockerResource:
    """The manifest or index that a tag names. Raises ReferenceInvalid."""
    names.check_tag(name)
    return DockerResource(path=f"{image}{BORDER}tags/{name}", kind="tag", package=image, tag=name)


def blob(image: str, digest: Digest) -> DockerResource:
    """A layer or a configuration of an image."""
    return DockerResource(
        path=f"{image}{BORDER}blobs/{digest}",
        kind="blob",
        package=image,
        digest=digest,
    )


def tags(image: str) -> DockerResource:
    """The list of an image's tags."""
    return DockerResource(path=f"{image}{BORDER}tags", kind="tags", package=image)


def referrers(image: str, subject: Digest) -> DockerResource:
    """The index of the manifests that refer to a subject."""
    return DockerResource(
        path=f"{image}{BORDER}referrers/{subject}",
        kind="referrers",
        package=image,
        digest=subject,
    )


def referrer(image: str, subject: Digest, digest: Digest) -> DockerResource:
    """That a manifest refers to a subject. No path of a URL leads there."""
    return DockerResource(
        path=f"{image}{BORDER}referrers/{subject}/{digest}", kind="referrer", package=image, digest=digest
    )


def uploads(image: str, upload: str = "") -> DockerResource:
    """Where uploads are begun; with an id, the one that was."""
    return DockerResource(
        path=f"{image}{BORDER}uploads",
        kind="upload" if upload else "uploads",
        package=image,
        upload=upload,
    )


def root() -> DockerResource:
    """The registry itself."""
    return DockerResource(path="", kind="root")


def catalog() -> DockerResource:
    """The list of images."""
    return DockerResource(path=CATALOG, kind="catalog")


def fallback_tag(subject: Digest) -> str:
    """The tag under which clients keep the index of referrers where a registry has none: of a long digest only the
    beginning, since tags are shorter (specification, "Referrers Tag Schema").

    >>> fallback_tag(Digest("sha512", "ab" * 64)) == "sha512-" + "ab" * 32
    True
    """
    return f"{subject.algorithm}-{subject.hex[:_REFERENCE]}"


# --- folders -----------------------------------------------------------------------------------------------------


def folder(image: str) -> str:
    """The path below which all of an image lies; "" for none."""
    return f"{image}{BORDER}" if image else ""


def below(resource: DockerResource) -> str:
    """Where that lies of which an index is the list."""
    return f"{resource.path}/"


# --- paths to them and back --------------------------------------------------------------------------------------


def parse(path: str) -> DockerResource:
    """What a percent-decoded path below the repository asks for.

    Raises NameInvalid, ReferenceInvalid, DigestInvalid for malformed names, UploadUnknown for what no upload is called,
    NotFound for paths outside the protocol.
    """
    if not path:
        return root()
    if path == CATALOG:
        return catalog()
    rest, _, last = path.rpartition("/")
    image, _, word = rest.rpartition("/")
    if word == "manifests":
        return _reference(names.check_image(image), last)
    if word == "blobs":
        names.check_image(image)
        return uploads(image) if last == "uploads" else blob(image, names.parse_digest(last))
    if word == "uploads" and image.endswith("/blobs"):
        return _upload(names.check_image(image.removesuffix("/blobs")), last)
    if word == "tags" and last == "list":
        return tags(names.check_image(image))
    if word == "referrers":
        return referrers(names.check_image(image), names.parse_digest(last))
    raise NotFound(
        f"{path[:200]!r} is not a path of the registry protocol: want IMAGE/manifests/…, IMAGE/blobs/… or the like"
    )


def _reference(image: str, text: str) -> DockerResource:
    return manifest(image, names.parse_digest(text)) if ":" in text else tag(image, text)


def _upload(image: str, text: str) -> DockerResource:
    """What is begun where no id is given. Ids are no longer than ours, since what has been asked for is remembered."""
    if text and not _UPLOAD.fullmatch(text):
        raise wire.UploadUnknown(f"There is no upload {text[:80]!r}: begin one with POST.")
    return uploads(image, text)


def upstream_path(resource: DockerResource) -> str:
    """The path below ``/v2/`` of an upstream."""
    return quote(url_path(resource), safe="/:")


def url_path(resource: DockerResource) -> str:
    """The path below the repository's URL, as clients ask for it; the inverse of `parse`."""
    image, digest = resource.package, resource.digest
    match resource.kind:
        case "root":
            return ""
        case "catalog":
            return CATALOG
        case "tag":
            return f"{image}/manifests/{resource.tag}"
        case "tags":
            return f"{image}/tags/list"
        case "manifest" | "referrer":
            return f"{image}/manifests/{digest}"
        case "uploads" | "upload":
            return f"{image}/blobs/uploads/{resource.upload}"
    return f"{image}/{resource.kind.removesuffix('s') + 's'}/{digest}"
