"""What nothing of an image leads to: found from tags down, and never what somebody may still want."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from mxart.formats.docker import documents, paths
from mxart.formats.docker.documents import OCI_MANIFEST
from mxart.formats.docker.unused import unused
from mxart.model import Digest, Entry
from tests.formats.docker.shop import IMAGE, LAYER, descriptor, index, manifest
from tests.formats.press import digest

BEFORE = 1000.0  # UTC seconds: what was made or served later is spared
OLD, RECENT = 1.0, 2000.0


def sha512(data: bytes) -> Digest:
    return Digest("sha512", hashlib.sha512(data).hexdigest())


@dataclass
class Image:
    """What a repository holds of one image; all of it long ago, unless it is said otherwise."""

    entries: dict[str, Entry] = field(default_factory=dict)
    contents: dict[Digest, bytes] = field(default_factory=dict)
    trashed: list[Entry] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def put(self, path: str, data: bytes, created: float, facts: Mapping[str, str] | None = None) -> None:
        self.contents[digest(data)] = data
        self.entries[path] = Entry(
            repository="r", path=path, digest=digest(data), size=len(data), created=created, facts=facts or {}
        )

    def blob(self, data: bytes, name: Digest | None = None, created: float = OLD) -> None:
        self.put(paths.blob(IMAGE, name or digest(data)).path, data, created)

    def manifest(self, data: bytes, *tags: str, name: Digest | None = None, created: float = OLD) -> bytes:
        """As `Publisher` puts it there."""
        name, found = name or digest(data), documents.parse_manifest(data)
        self.put(paths.manifest(IMAGE, name).path, data, created)
        for tag in tags:
            self.put(paths.tag(IMAGE, tag).path, data, created, documents.tag_facts(name))
        if found.subject is not None:
            self.put(paths.referrer(IMAGE, found.subject, name).path, data, created)
        return data

    def image(self, word: bytes, *tags: str, **more: Any) -> bytes:
        """A manifest with a config and a layer of its own."""
        self.blob(b"config of " + word)
        self.blob(word)
        return self.manifest(manifest(word, config=b"config of " + word, **more), *tags)

    def trash(self, *places: str) -> None:
        self.trashed += [self.entries.pop(path) for path in places]

    def unused(self, before: float = BEFORE) -> set[str]:
        """The paths, without what all of them begin with."""

        def read(entry: Entry) -> bytes:
            self.read.append(entry.path)
            return self.contents.get(entry.digest, b"") if entry.digest else b""

        found = unused(list(self.entries.values()), self.trashed, before, read)
        return {entry.path.removeprefix(f"{IMAGE}/-/") for entry in found}


def blobs(*contents: bytes) -> set[str]:
    return {f"blobs/{digest(data)}" for data in contents}


def manifests(*contents: bytes) -> set[str]:
    return {f"manifests/{digest(data)}" for data in contents}


def of(word: bytes, data: bytes) -> set[str]:
    """All of an image."""
    return blobs(word, b"config of " + word) | manifests(data)


def about(data: bytes) -> Mapping[str, Any]:
    return descriptor(data, OCI_MANIFEST)


def referrer(subject: bytes, data: bytes) -> set[str]:
    return {f"referrers/{digest(subject)}/{digest(data)}"}


def test_nothing_of_nothing() -> None:
    assert Image().unused() == set()


def test_a_tag_leads_to_its_manifest_and_that_to_its_blobs() -> None:
    image = Image()
    image.image(b"kept", "1", "latest")
    gone = image.image(b"gone")
    assert image.unused() == of(b"gone", gone)


def test_a_blob_that_two_share_stays_for_the_one_that_is_wanted() -> None:
    image = Image()
    image.image(b"kept", "1", layers=[descriptor(b"kept"), descriptor(b"shared")])
    gone = image.image(b"gone", layers=[descriptor(b"gone"), descriptor(b"shared")])
    image.blob(b"shared")
    assert image.unused() == of(b"gone", gone)


def test_blobs_only() -> None:
    image = Image()
    image.blob(b"pushed and never used")
    assert image.unused() == blobs(b"pushed and never used")
    assert image.read == []


def test_an_index_leads_to_its_manifests_and_those_to_their_blobs() -> None:
    image = Image()
    one, two, other = image.image(b"one"), image.image(b"two"), image.image(b"other")
    inner = image.manifest(index(one))
    image.manifest(index(inner, two), "1")
    lost = image.manifest(index(other))
    assert image.unused() == of(b"other", other) | manifests(lost)


def test_an_index_may_name_what_is_not_here() -> None:
    image = Image()
    image.manifest(index(b"elsewhere"), "1")
    assert image.unused() == set()


def test_an_index_of_layers_keeps_them() -> None:
    """As BuildKit keeps its cache."""
    image = Image()
    image.blob(b"layer")
    image.blob(b"cache")
    image.blob(b"other")
    kept = [descriptor(b"layer", LAYER), descriptor(b"cache", "application/vnd.buildkit.cacheconfig.v0")]
    image.manifest(index(manifests=kept), "cache")
    assert image.unused() == blobs(b"other")


def test_layers_that_may_lie_elsewhere_stay_where_they_were_pushed() -> None:
    """As dockerd pushes them with allow-nondistributable-artifacts."""
    image = Image()
    layers = [
        descriptor(b"foreign", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        descriptor(b"with urls", urls=["https://layers.example.org/1"]),
    ]
    for data in (b"config of it", b"foreign", b"with urls", b"other"):
        image.blob(data)
    image.manifest(manifest(config=b"config of it", layers=layers), "1")
    assert image.unused() == blobs(b"other")


# --- referrers ---------------------------------------------------------------------------------------------------


def test_who_refers_to_what_is_wanted_is_wanted() -> None:
    image = Image()
    kept, gone = image.image(b"kept", "1"), image.image(b"gone")
    signature = image.image(b"signature", subject=about(kept))
    image.image(b"note on the signature", subject=about(signature))
    other = image.image(b"other signature", subject=about(gone))
    assert image.unused() == of(b"gone", gone) | of(b"other signature", other) | referrer(gone, other)


def test_who_refers_to_a_manifest_in_an_index_is_wanted() -> None:
    image = Image()
    child = image.image(b"child")
    image.manifest(index(child), "1")
    image.image(b"signature", subject=about(child))
    assert image.unused() == set()


def test_who_refers_to_what_is_gone_stays_for_the_sake_of_a_tag() -> None:
    image = Image()
    gone = image.image(b"gone")
    image.image(b"signature", "signed", subject=about(gone))
    image.image(b"signature of nothing", "unsigned", subject=about(b"never pushed"))
    assert image.unused() == of(b"gone", gone), "a referrer does not lead to its subject"


def test_who_refers_to_what_never_was_goes() -> None:
    image = Image()
    lonely = image.image(b"lonely", subject=about(b"never pushed"))
    assert image.unused() == of(b"lonely", lonely) | referrer(b"never pushed", lonely)


def test_what_clients_list_under_a_tag_is_wanted() -> None:
    image = Image()
    kept = image.image(b"kept", "1")
    signature = image.image(b"signature")
    image.manifest(index(signature), paths.fallback_tag(digest(kept)))
    assert image.unused() == set()


def test_those_that_refer_to_each_other_in_a_circle_go() -> None:
    """No digest can be made so; what is noted of them might."""
    image = Image()
    one, two = image.image(b"one"), image.image(b"two")
    for subject, data in ((one, two), (two, one)):
        image.put(paths.referrer(IMAGE, digest(subject), digest(data)).path, data, OLD)
    everything = of(b"one", one) | of(b"two", two) | referrer(one, two) | referrer(two, one)
    assert image.unused() == everything
    image.put(paths.tag(IMAGE, "1").path, one, OLD)
    assert image.unused() == set()


def test_a_document_that_leads_to_itself_is_read_once() -> None:
    image = Image()
    data = index(b"child")
    image.manifest(data, "1", "2")
    image.put(paths.referrer(IMAGE, digest(data), digest(data)).path, data, OLD)
    assert image.unused() == set()
    assert len(image.read) == 1


# --- trash -------------------------------------------------------------------------------------------------------


def tag(name: str) -> str:
    return paths.tag(IMAGE, name).path


def place(data: bytes) -> str:
    return paths.manifest(IMAGE, digest(data)).path


def test_what_a_trashed_tag_would_lead_to_stays() -> None:
    image = Image()
    child = image.image(b"child")
    image.manifest(index(child), "1")
    image.image(b"signature", subject=about(child))
    image.trash(tag("1"))
    assert image.unused() == set()
    image.trashed.clear()
    assert len(image.unused()) == 8


def test_what_a_trashed_manifest_would_lead_to_stays() -> None:
    image = Image()
    child = image.image(b"child")
    outer = image.manifest(index(child), "1")
    image.image(b"signature", subject=about(outer))
    image.trash(tag("1"), place(outer))
    assert image.unused() == set()


def test_what_is_between_trash_and_trash_stays() -> None:
    image = Image()
    child = image.image(b"child")
    outer = image.manifest(index(child), "1")
    image.trash(tag("1"), place(outer), place(child))
    assert image.unused() == set()


def test_a_trashed_blob_leads_to_nothing() -> None:
    image = Image()
    image.blob(b"trashed")
    image.blob(b"other")
    image.trash(paths.blob(IMAGE, digest(b"trashed")).path)
    assert image.unused() == blobs(b"other")


def test_who_refers_to_a_trashed_manifest_by_its_sha512_stays() -> None:
    image = Image()
    data = manifest(config=b"config")
    image.blob(b"config")
    image.manifest(data, "1", name=sha512(data))
    image.image(b"signature", subject={**about(data), "digest": str(sha512(data))})
    image.trash(tag("1"), paths.manifest(IMAGE, sha512(data)).path)
    assert image.unused() == set()


# --- the recent --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field_", ["created", "served"])
def test_what_was_pushed_or_pulled_lately_stays_with_all_that_it_leads_to(field_: str) -> None:
    image = Image()
    child = image.image(b"child")
    outer = image.manifest(index(child))
    entry = image.entries[place(outer)]
    times: Any = {field_: RECENT}
    image.entries[place(outer)] = Entry(repository="r", path=entry.path, digest=entry.digest, size=entry.size, **times)
    assert image.unused() == set()
    assert image.unused(before=RECENT) == of(b"child", child) | manifests(outer)


def test_a_blob_that_has_just_come_waits_for_its_manifest() -> None:
    image = Image()
    image.blob(b"just come", created=RECENT)
    image.blob(b"old")
    assert image.unused() == blobs(b"old")


def test_that_a_recent_manifest_refers_to_another_stays_noted() -> None:
    image = Image()
    gone = image.image(b"gone")
    image.blob(b"{}")
    image.manifest(manifest(subject=about(gone)), created=RECENT)
    assert image.unused() == of(b"gone", gone)


# --- names and damages -------------------------------------------------------------------------------------------


def test_names_by_sha512() -> None:
    image = Image()
    for data in (b"config", b"layer", b"other"):
        image.blob(data, sha512(data))
    names = {data: {**descriptor(data), "digest": str(sha512(data))} for data in (b"config", b"layer")}
    kept = manifest(config=b"", layers=[names[b"layer"]])
    kept = kept.replace(str(digest(b"")).encode(), str(sha512(b"config")).encode())
    image.manifest(kept, "1", name=sha512(kept))
    gone = manifest(b"gone", config=b"gone")
    image.manifest(gone, name=sha512(gone))
    assert image.unused() == {f"blobs/{sha512(b'other')}", f"manifests/{sha512(gone)}"}


def test_one_content_under_two_names_stays_under_both() -> None:
    image = Image()
    data = image.image(b"kept", "1")
    image.manifest(data, name=sha512(data))
    image.blob(b"kept", sha512(b"kept"))
    image.image(b"signature", subject={**about(data), "digest": str(sha512(data))})
    assert image.unused() == {f"blobs/{sha512(b'kept')}"}, "no manifest calls it so"


@pytest.mark.parametrize("damaged", [b"", b"{", b"\x00" * 100, b"[" * 100_000, manifest(schemaVersion=1)], ids=len)
def test_where_a_manifest_is_damaged_nothing_goes(damaged: bytes) -> None:
    image = Image()
    image.image(b"fine", "1")
    broken = image.image(b"broken", "2")
    image.image(b"gone")
    image.contents[digest(broken)] = damaged
    assert image.unused() == set()
    image.trash(tag("2"), place(broken))
    assert image.unused() == set(), "it may be restored, once its content is"
    image.trashed.clear()
    assert len(image.unused()) == 5


def test_a_damaged_manifest_that_nobody_wants_goes() -> None:
    image = Image()
    image.image(b"fine", "1")
    broken = image.image(b"broken")
    image.contents[digest(broken)] = b"{"
    assert image.unused() == of(b"broken", broken)


def test_what_is_made_here_is_left_alone() -> None:
    image = Image()
    for path in ("tags", f"referrers/{digest(b'')}", "uploads", "elsewhere/x", "blobs", "manifests"):
        image.put(f"{IMAGE}/-/{path}", b"made", OLD)
    image.entries["absent"] = Entry(repository="r", path=f"{IMAGE}/-/blobs/{digest(b'')}", absent=410)
    assert image.unused() <= {"blobs", "manifests"}


def test_many_at_once() -> None:
    image = Image()
    every = [image.image(b"%d" % number, f"v{number}") for number in range(500)]
    image.manifest(index(*every), "all")
    assert image.unused() == set()
    assert len(image.read) == 501
