"""Small container images, made here: a static program that prints a word, for two architectures.

::

    one = image("well met")                                    # of OCI's media types; docker=True: of Docker's
    both = index(image("well met"), image("well met", "arm64"))
    write_layout(folder, {"1": both})                          # for skopeo: oci:FOLDER:1
    write_archive(file, {"127.0.0.1:5000/app:1": one})         # for docker load
    registry.put("library/app", "1", both)                     # of tests/support/registry.py

Specifications: OCI image specification 1.1 (image layout, manifest, index, configuration); ELF-64.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import random
import struct
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_OCI = (OCI_MANIFEST, "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
_DOCKER = (
    DOCKER_MANIFEST,
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)
_OCI_EMPTY = "application/vnd.oci.empty.v1+json"
_BASE = 0x400000  # where the program is loaded
_HEAD = 64 + 56  # bytes before its code

NATIVE, FOREIGN = ("arm64", "amd64") if platform.machine() == "aarch64" else ("amd64", "arm64")


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that a digest names."""

    media_type: str
    data: bytes = field(repr=False)

    @property
    def hex(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def digest(self) -> str:
        return "sha256:" + self.hex

    def descriptor(self, **more: Any) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **more}


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest with its blobs (the configuration first), or an index with its children."""

    manifest: Blob
    blobs: tuple[Blob, ...] = ()
    children: tuple[Image, ...] = ()
    architecture: str = ""

    @property
    def digest(self) -> str:
        return self.manifest.digest

    def all_blobs(self) -> dict[str, Blob]:
        """What a registry must hold, the manifests left out, by digest."""
        found = {blob.digest: blob for blob in self.blobs}
        for child in self.children:
            found |= child.all_blobs()
        return found

    def all_manifests(self) -> list[Blob]:
        """Children before those that name them."""
        return [manifest for child in self.children for manifest in child.all_manifests()] + [self.manifest]


def image(word: str, architecture: str = NATIVE, *, docker: bool = False, padding: int = 0) -> Image:
    """An image that prints the word. ``padding``: a second layer, of so many bytes that no compression makes fewer."""
    manifest_type, config_type, layer_type = _DOCKER if docker else _OCI
    tars = [_tar("word", program(word, architecture), 0o755)]
    if padding:
        tars.append(_tar("padding", random.Random(word).randbytes(padding), 0o644))
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": "2024-05-06T07:08:09Z",
        "config": {"Entrypoint": ["/word"], "Labels": {"word": word}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in tars]},
        "history": [{"created": "2024-05-06T07:08:09Z", "created_by": "COPY"} for _ in tars],
    }
    layers = [Blob(layer_type, gzip.compress(tar, 1, mtime=0)) for tar in tars]
    return _manifest(manifest_type, Blob(config_type, _json(config)), *layers, architecture=architecture)


def index(*images: Image, docker: bool = False) -> Image:
    """An index of these images, each for its own architecture."""
    media_type = DOCKER_LIST if docker else OCI_INDEX
    listed = [
        image.manifest.descriptor(platform={"architecture": image.architecture, "os": "linux"}) for image in images
    ]
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": listed}
    return Image(Blob(media_type, _json(document)), children=images)


def artifact(kind: str, data: bytes, subject: Image | None = None) -> Image:
    """Something that is no image: one layer of that artifact type, perhaps about another manifest."""
    more: dict[str, Any] = {"artifactType": kind}
    if subject is not None:
        more["subject"] = subject.manifest.descriptor()
    return _manifest(OCI_MANIFEST, Blob(_OCI_EMPTY, b"{}"), Blob("text/plain", data), **more)


def referrers(*artifacts: Image) -> Image:
    """An index of what refers to a manifest, as it is kept under a tag where a registry has no better place."""
    listed = [
        found.manifest.descriptor(artifactType=json.loads(found.manifest.data)["artifactType"]) for found in artifacts
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    return Image(Blob(OCI_INDEX, _json(document)), children=artifacts)


def _manifest(media_type: str, config: Blob, *layers: Blob, architecture: str = "", **more: Any) -> Image:
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
        **more,
    }
    return Image(Blob(media_type, _json(document)), (config, *layers), architecture=architecture)


def write_layout(folder: Path, images: Mapping[str, Image]) -> None:
    """An OCI image layout with these tags."""
    for tagged in images.values():
        for blob in [*tagged.all_blobs().values(), *tagged.all_manifests()]:
            path = folder / "blobs" / "sha256" / blob.hex
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(blob.data)
    listed = [
        tagged.manifest.descriptor(annotations={"org.opencontainers.image.ref.name": tag})
        for tag, tagged in images.items()
    ]
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": listed}))


def write_archive(file: Path, images: Mapping[str, Image]) -> None:
    """What ``docker save`` writes for images of these names; no index among them."""
    listed = []
    with tarfile.open(file, "w") as archive:
        for name, tagged in images.items():
            config, *layers = tagged.blobs
            listed.append({"Config": config.hex + ".json", "RepoTags": [name], "Layers": [x.hex for x in layers]})
            _add(archive, config.hex + ".json", config.data, 0o644)
            for layer in layers:
                _add(archive, layer.hex, gzip.decompress(layer.data), 0o644)
        _add(archive, "manifest.json", _json(listed), 0o644)


def program(word: str, architecture: str = NATIVE) -> bytes:
    """A static Linux program that prints the word and a line end, and exits with 0."""
    text = word.encode() + b"\n"
    machine, code = (62, _amd64(len(text))) if architecture == "amd64" else (183, _arm64(len(text)))
    size = _HEAD + len(code) + len(text)
    ident = b"\x7fELF\x02\x01\x01"
    head = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, machine, 1, _BASE + _HEAD, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x1000)
    return head + segment + code + text


def _amd64(length: int) -> bytes:
    """write(1, what follows the code, length); exit(0)."""
    after = (
        b"\xba"
        + struct.pack("<I", length)  # mov edx, length
        + b"\xb8\x01\0\0\0\x0f\x05"  # mov eax, 1; syscall
        + b"\x31\xff\xb8\x3c\0\0\0\x0f\x05"  # xor edi, edi; mov eax, 60; syscall
    )
    return b"\xbf\x01\0\0\0\x48\x8d\x35" + struct.pack("<i", len(after)) + after  # mov edi, 1; lea rsi, [rip + …]


def _arm64(length: int) -> bytes:
    """The same."""
    move, call = 0xD2800000, 0xD4000001  # movz Xd, #value: value << 5 | d; svc #0
    text = 0x10000001 | 7 << 5  # adr x1, seven instructions on
    write = (move | 1 << 5, text, move | length << 5 | 2, move | 64 << 5 | 8, call)
    leave = (move, move | 93 << 5 | 8, call)
    return struct.pack("<8I", *write, *leave)


def _tar(name: str, data: bytes, mode: int) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        _add(archive, name, data, mode)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    archive.addfile(member, io.BytesIO(data))


def _json(document: Any) -> bytes:
    return json.dumps(document, indent=1).encode()  # as no registry would write it: whoever keeps the bytes shows it
