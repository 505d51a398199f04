"""A plain format of which everything has checksum files, as Maven's repositories have them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from mxart.contract import Checksum, Policy, Proof
from mxart.errors import Invalid
from mxart.model import Digest, Resource
from tests.repository.parts import PlainFormat, resource

KINDS = ("sha1", "sha256", "sha512", "md5")
FIELD = "x-sum-{}"  # in which an upstream states one


class SummedFormat(PlainFormat):
    """Beside the files of `PlainFormat` there are ``*.sha1`` and the like of them. What an upstream says of a
    ``*.zip`` or a ``*.raw`` is compared: a wrong checksum is refused, unless the name begins with "loose"."""

    name = "summed"

    def policy(self, resource: Resource) -> Policy:
        if resource.kind in KINDS:
            of = file_of(resource)
            return Policy(
                immutable=super().policy(of).immutable,
                media_type="text/sum",
                max_size=200,
                document=True,
                folder=super().policy(of).folder,
                checksum=Checksum(of, resource.kind),
            )
        policy = replace(super().policy(resource), unit=None, checksums=("md5", "sha1", "sha512"))
        return replace(policy, proof=self._proof(resource)) if resource.kind in ("zip", "raw") else policy

    def _proof(self, resource: Resource) -> Proof:
        return Proof(
            stated=stated,
            documents=tuple(sum_of(resource, kind) for kind in KINDS) if resource.kind == "zip" else (),
            read=read,
            must="loose" not in resource.path,
        )


def stated(headers: Mapping[str, str]) -> Sequence[Digest]:
    values = ((kind, headers.get(FIELD.format(kind))) for kind in KINDS)
    return [Digest(kind, value) for kind, value in values if value is not None]


def read(document: Resource, data: bytes) -> Digest | None:
    try:
        return Digest.parse(f"{document.kind}:{data.decode('latin-1').strip()}")
    except Invalid:
        return None


def sum_of(of: Resource, kind: str) -> Resource:
    return resource(f"{of.path}.{kind}")


def file_of(checksum: Resource) -> Resource:
    return resource(re.sub(r"\.[a-z0-9]+$", "", checksum.path))


def hex_of(data: bytes, kind: str) -> bytes:
    return hashlib.new(kind, data).hexdigest().encode()
