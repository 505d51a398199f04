"""Names of images, tags and digests, as the specification writes them. Pure.

Specification: OCI Distribution Specification 1.1, "Pulling manifests" (name and tag); OCI Image Specification,
"Descriptors" (digests).
"""

from __future__ import annotations

import re

from mxart.errors import Invalid
from mxart.model import Digest

MAX_NAME = 255  # characters of an image's name; clients count the host, too
ALGORITHMS = ("sha256", "sha512")

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_SHOWN = 120  # characters of what is refused that a message repeats


class NameInvalid(Invalid):
    """No image can have that name."""

    code = "NAME_INVALID"


class DigestInvalid(Invalid):
    """It is no digest that can be asked for, or not that of what was sent."""

    code = "DIGEST_INVALID"


class ReferenceInvalid(Invalid):
    """It is neither a tag nor a digest."""

    code = "MANIFEST_INVALID"


def check_image(name: str) -> str:
    """The name of an image, known to be one. Raises NameInvalid."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise NameInvalid(
            f"{name[:_SHOWN]!r} is no name of an image: want lower-case letters and digits, in words joined by "
            f'".", "_", "__" or dashes, between slashes, at most {MAX_NAME} characters'
        )
    return name


def is_tag(text: str) -> bool:
    """Whether a manifest can have that tag."""
    return _TAG.fullmatch(text) is not None


def check_tag(text: str) -> str:
    """A tag, known to be one. Raises ReferenceInvalid."""
    if not is_tag(text):
        raise ReferenceInvalid(
            f"{text[:_SHOWN]!r} is no tag: want letters, digits, '_', '.' and '-', at most 128, and none of the last "
            "two at the start"
        )
    return text


def parse_digest(text: str) -> Digest:
    """A digest by an algorithm that registries know. Raises DigestInvalid."""
    try:
        digest = Digest.parse(text)
    except Invalid as error:
        raise DigestInvalid(error.message) from error
    if digest.algorithm not in ALGORITHMS:
        raise DigestInvalid(f"{text[:_SHOWN]!r} is of an algorithm that is not used here: want sha256 or sha512")
    return digest
