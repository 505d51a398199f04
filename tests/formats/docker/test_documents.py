"""Manifests, indexes and lists: what is read of them, merged and made, and that nothing hostile gets further."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mxart.errors import Corrupt, NotFound
from mxart.formats.docker import documents
from mxart.formats.docker.documents import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MAX_INDEX,
    MAX_MANIFEST,
    MEDIA_TYPES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
)
from mxart.model import Digest, Entry
from tests.formats.docker.shop import CONFIG, LAYER, as_json, descriptor, index, manifest
from tests.formats.press import digest

SUBJECT = manifest(b"subject")
SHA512 = Digest("sha512", "cd" * 64)
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
NONDISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
NOTES: dict[str, Any] = {"org.example.note": "ä", "": ""}

FULL = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "artifactType": "application/vnd.example.sbom",
    "config": descriptor(b"{}", CONFIG, data="e30="),
    "layers": [descriptor(b"one", annotations={"a": "b"}), descriptor(b"two")],
    "subject": descriptor(SUBJECT, OCI_MANIFEST),
    "annotations": NOTES,
}
FULL_INDEX = {
    "schemaVersion": 2,
    "mediaType": OCI_INDEX,
    "artifactType": "application/vnd.example.set",
    "manifests": [
        descriptor(b"one", OCI_MANIFEST, platform={"architecture": "amd64", "os": "linux"}),
        descriptor(b"two", OCI_INDEX),
    ],
    "subject": descriptor(SUBJECT, OCI_MANIFEST),
    "annotations": NOTES,
}
FULL_ARTIFACT = {
    "mediaType": OCI_ARTIFACT,
    "artifactType": "application/vnd.example.sbom",
    "blobs": [descriptor(b"one")],
    "subject": descriptor(SUBJECT, OCI_MANIFEST),
    "annotations": NOTES,
}


# --- manifests ---------------------------------------------------------------------------------------------------


def test_all_that_a_manifest_says() -> None:
    assert documents.parse_manifest(as_json(FULL)) == Manifest(
        media_type=OCI_MANIFEST,
        blobs=(digest(b"{}"), digest(b"one"), digest(b"two")),
        subject=digest(SUBJECT),
        artifact_type="application/vnd.example.sbom",
        annotations=NOTES,
    )


def test_all_that_an_index_says() -> None:
    assert documents.parse_manifest(as_json(FULL_INDEX)) == Manifest(
        media_type=OCI_INDEX,
        manifests=(digest(b"one"), digest(b"two")),
        subject=digest(SUBJECT),
        artifact_type="application/vnd.example.set",
        annotations=NOTES,
    )


def test_all_that_an_artifact_of_the_release_candidate_says() -> None:
    assert documents.parse_manifest(as_json(FULL_ARTIFACT)) == Manifest(
        media_type=OCI_ARTIFACT,
        blobs=(digest(b"one"),),
        subject=digest(SUBJECT),
        artifact_type="application/vnd.example.sbom",
        annotations=NOTES,
    )
    assert documents.parse_manifest(as_json({"mediaType": OCI_ARTIFACT})).blobs == ()


def test_digests_by_another_algorithm() -> None:
    found = documents.parse_manifest(manifest(layers=[{**descriptor(b""), "digest": str(SHA512)}]))
    assert found.blobs == (digest(b"{}"), SHA512)


@pytest.mark.parametrize(
    ("more", "artifact_type"),
    [
        ({}, CONFIG),
        ({"artifactType": "a/b"}, "a/b"),
        ({"artifactType": ""}, CONFIG),
        ({"artifactType": 1}, CONFIG),
        ({"config": descriptor(b"{}", "")}, ""),
        ({"config": {"digest": str(digest(b"{}")), "size": 2}}, ""),
    ],
)
def test_an_artifact_has_the_type_that_it_says_else_that_of_its_config(more: Any, artifact_type: str) -> None:
    plain = {**FULL, "artifactType": None, **more}
    assert documents.parse_manifest(as_json(plain)).artifact_type == artifact_type


def test_an_index_has_only_the_type_that_it_says() -> None:
    assert documents.parse_manifest(index()).artifact_type == ""


@pytest.mark.parametrize(
    "layer",
    [
        descriptor(b"far", FOREIGN),
        descriptor(b"far", NONDISTRIBUTABLE),
        descriptor(b"far", LAYER, urls=["https://layers.example.org/far"]),
        descriptor(b"far", FOREIGN, urls=["https://layers.example.org/far"]),
    ],
)
def test_layers_that_lie_elsewhere_need_not_be_here(layer: dict[str, Any]) -> None:
    found = documents.parse_manifest(manifest(layers=[descriptor(b"near"), layer]))
    assert found.blobs == (digest(b"{}"), digest(b"near"))
    assert found.elsewhere == (digest(b"far"),)


def test_a_layer_with_an_empty_list_of_places_lies_here() -> None:
    found = documents.parse_manifest(manifest(layers=[descriptor(b"near", urls=[])]))
    assert found.blobs == (digest(b"{}"), digest(b"near"))


@pytest.mark.parametrize(
    ("media_type", "is_manifest"),
    [
        *((media_type, True) for media_type in MEDIA_TYPES),
        ("", True),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", True),
        (LAYER, False),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", False),
        ("application/vnd.buildkit.cacheconfig.v0", False),  # BuildKit keeps its cache in indexes of layers
        ("application/octet-stream", False),
    ],
)
def test_an_index_may_name_blobs(media_type: str, is_manifest: bool) -> None:
    found = documents.parse_manifest(index(manifests=[descriptor(b"child", media_type)]))
    assert (found.manifests, found.blobs) == (((digest(b"child"),), ()) if is_manifest else ((), (digest(b"child"),)))


# --- media types ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
def test_the_media_type_that_is_stated(media_type: str) -> None:
    assert documents.media_type(as_json({"mediaType": media_type})) == media_type


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (manifest(b"layer", mediaType=None), OCI_MANIFEST),
        (index(mediaType=None), OCI_INDEX),
        (index(b"child", mediaType=None, schemaVersion=None), OCI_INDEX),
    ],
)
def test_the_media_type_that_follows_from_the_shape(data: bytes, media_type: str) -> None:
    assert documents.media_type(data) == media_type


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"\xff{}", "not JSON"),
        (b"{}{}", "not JSON"),
        (b'{"schemaVersion": NaN}', "not JSON"),
        (b'{"schemaVersion": Infinity}', "not JSON"),
        (b'{"schemaVersion": -Infinity}', "not JSON"),
        (b'{"schemaVersion": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"2", "not a JSON object"),
        (b" " * (MAX_MANIFEST + 1), "larger than 4194304 bytes"),
        (b"{" + b" " * (5 << 20) + b"}", "larger than 4194304 bytes"),
        (b'{"layers": [' + b"[]," * 300_000 + b"1]}", "more than 300000 lists and tables"),
        (b'{"layers": [' + b"{}," * 300_000 + b"1]}", "more than 300000 lists and tables"),
        (b"{}", "neither a manifest nor an index"),
        (as_json({"config": {}}), "neither"),
        (as_json({"layers": []}), "neither"),
        (as_json({"layers": [], "config": []}), "neither"),
        (as_json({"manifests": {}}), "neither"),
        (as_json({"mediaType": 2}), "mediaType '2' is not one of"),
        (as_json({"mediaType": [1]}), "mediaType"),
        (as_json({"mediaType": {}}), "mediaType"),
        (as_json({"mediaType": ""}), "mediaType"),
        (as_json({"mediaType": OCI_MANIFEST.upper()}), "mediaType"),
        (as_json({"mediaType": f"{OCI_MANIFEST}; charset=utf-8"}), "mediaType"),
        (as_json({"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"}), "mediaType"),
        (as_json({"mediaType": "x" * 100_000}), "mediaType"),
        (as_json({"schemaVersion": 1, "fsLayers": [], "history": []}), "schema 1"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_what_is_no_manifest(data: bytes, message: str) -> None:
    for read in (documents.media_type, documents.parse_manifest):
        with pytest.raises(Corrupt, match=message) as caught:
            read(data)
        assert len(caught.value.message) < 1000


@pytest.mark.parametrize(
    "data",
    [
        manifest(b"layer", manifests=[descriptor(b"child", OCI_MANIFEST)]),
        manifest(b"layer", mediaType=None, manifests=[descriptor(b"child", OCI_MANIFEST)]),
        manifest(b"layer", mediaType=DOCKER_MANIFEST, manifests={"x": 1}),
        index(b"child", layers=[descriptor(b"layer")]),
        index(b"child", config=descriptor(b"{}", CONFIG)),
        index(b"child", mediaType=None, config=descriptor(b"{}", CONFIG)),
        index(b"child", mediaType=DOCKER_LIST, layers=[{}]),
        manifest(b"layer", fsLayers=[{"blobSum": str(digest(b"layer"))}]),
    ],
)
def test_what_is_two_things_at_once(data: bytes) -> None:
    """Clients that took it for the one, and for the other, would run different things by one digest."""
    for read in (documents.media_type, documents.parse_manifest):
        with pytest.raises(Corrupt, match="at once"):
            read(data)


@pytest.mark.parametrize("nothing", [[], None, {}, 0, ""])
def test_what_has_nothing_of_the_other_is_one_thing(nothing: Any) -> None:
    assert documents.media_type(manifest(b"layer", manifests=nothing)) == OCI_MANIFEST
    assert documents.media_type(index(b"child", layers=nothing, config=nothing)) == OCI_INDEX


def test_of_duplicate_keys_the_last_counts_for_everybody() -> None:
    """As the clients read it, too."""
    data = manifest(b"layer")
    twice = data.replace(b"{", b'{"layers": [{}], "mediaType": "x/y",', 1)
    assert documents.parse_manifest(twice) == documents.parse_manifest(data)


@pytest.mark.parametrize("version", [None, 1, 3, 2.5, "2", True, [2], {}])
def test_the_version_of_the_schema_must_be_right(version: Any) -> None:
    for document in (FULL, FULL_INDEX):
        with pytest.raises(Corrupt, match="schemaVersion"):
            documents.parse_manifest(as_json({**document, "schemaVersion": version}))


# --- what may be wrong in one ------------------------------------------------------------------------------------

WRONG: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1 << 70,
    10**4000,
    0.5,
    1e308,
    float("inf"),
    "",
    "x",
    "\ud800",
    "\x00",
    "sha256:" + "a" * 63,
    "md5:" + "a" * 32,
    [],
    [None],
    [[]],
    [{}],
    ["x"],
    {},
    {"x": None},
    {"digest": 1},
    {"digest": "x", "size": 1, "mediaType": "x"},
    {"": []},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    document = copy.deepcopy(document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return document


def without(document: Any, path: tuple[Any, ...]) -> Any:
    document = copy.deepcopy(document)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return document


def variants(document: Any) -> Iterator[bytes]:
    """The document with each value replaced by each that is wrong, or left out."""
    for path in places(document):
        if path:
            yield json.dumps(without(document, path)).encode()
        for value in WRONG:
            yield json.dumps(changed(document, path, value)).encode()


def fine_or_corrupt(read: Any, data: bytes) -> Any:
    """What was read, or None when it was refused in the one way in which it may be."""
    try:
        return read(data)
    except Corrupt as error:
        assert error.message.isprintable()
        assert len(error.message) < 1000
        return None


@pytest.mark.parametrize("document", [FULL, FULL_INDEX, FULL_ARTIFACT], ids=["manifest", "index", "artifact"])
def test_whatever_is_wrong_in_a_manifest_it_is_fine_or_corrupt(document: dict[str, Any]) -> None:
    refused = 0
    for data in variants(document):
        found = fine_or_corrupt(documents.parse_manifest, data)
        refused += found is None
        fine_or_corrupt(documents.media_type, data)
        if found is not None:
            assert found.media_type in MEDIA_TYPES
            assert all(isinstance(text, str) for text in found.annotations.values())
            facts = documents.descriptor_facts(found, SHA512, 7)
            listed = documents.generate_referrers([Entry(repository="r", path="p", facts=facts)])
            assert documents.descriptors(listed)[0]["size"] == 7
            assert all(text.encode() for text in facts.values())
    assert refused > 100


@pytest.mark.parametrize("document", [FULL, FULL_INDEX, FULL_ARTIFACT], ids=["manifest", "index", "artifact"])
def test_whatever_is_wrong_in_a_list_it_is_fine_or_corrupt(document: dict[str, Any]) -> None:
    for data in variants(document):
        found = fine_or_corrupt(documents.descriptors, data)
        if found is not None:
            written = documents.format_referrers(documents.united(found))
            assert json.loads(written, parse_constant=pytest.fail)["manifests"] == documents.descriptors(written)
            assert documents.merge_referrers([data, data]) == written
    for data in variants({"name": "a/b", "tags": ["one", "two"], "more": {"x": [1]}}):
        tags = fine_or_corrupt(documents.read_tags, data)
        assert tags is None or set(tags) <= {"one", "two", "x"}


@pytest.mark.parametrize("depth", [*range(940, 1010), 10_000, 1_000_000])
def test_however_deep_it_is_it_is_fine_or_corrupt(depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    for data in (
        b'{"schemaVersion": 2, "manifests": [], "x": %s}' % nested,
        b'{"mediaType": %s}' % nested,
        b'{"manifests": [{"digest": "%s", "size": 1, "x": %s}]}' % (str(digest(b"")).encode(), nested),
        b'{"manifests": %s}' % nested,
        b'{"tags": %s}' % nested,
    ):
        for read in (documents.parse_manifest, documents.media_type, documents.read_tags):
            fine_or_corrupt(read, data)
        found = fine_or_corrupt(documents.descriptors, data)
        if found is not None:
            documents.format_referrers(found)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"digest": str(digest(b""))},
        {"digest": str(digest(b"")), "size": -1},
        {"digest": str(digest(b"")), "size": 1.0},
        {"digest": str(digest(b"")), "size": "1"},
        {"digest": str(digest(b"")), "size": True},
        {"digest": str(digest(b"")), "size": 1, "mediaType": None},
        {"digest": "sha256:../../x", "size": 1},
        {"digest": ["sha256"], "size": 1},
        {"size": 1},
        "sha256",
        None,
    ],
)
def test_descriptors_that_are_none(broken: Any) -> None:
    for data in (
        manifest(layers=[broken]),
        manifest(subject=broken) if broken is not None else manifest(subject="x"),
        as_json({**FULL, "config": broken or {}}),
        index(manifests=[broken]),
    ):
        with pytest.raises(Corrupt, match="descriptor"):
            documents.parse_manifest(data)
    with pytest.raises(Corrupt, match="descriptor"):
        documents.descriptors(index(manifests=[descriptor(b"fine"), broken]))


# --- who refers to what ------------------------------------------------------------------------------------------


def noted(data: bytes) -> Entry:
    facts = documents.descriptor_facts(documents.parse_manifest(data), digest(data), len(data))
    return Entry(repository="r", path=str(digest(data)), digest=digest(data), facts=facts)


def test_the_index_of_referrers() -> None:
    full, plain = as_json(FULL), manifest(b"plain", artifactType="a/b")
    made = documents.generate_referrers([noted(full), Entry(repository="r", path="no/facts"), noted(plain)])
    assert json.loads(made) == {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            descriptor(full, OCI_MANIFEST, artifactType="application/vnd.example.sbom", annotations=NOTES),
            descriptor(plain, OCI_MANIFEST, artifactType="a/b"),
        ],
    }
    assert documents.media_type(made) == OCI_INDEX
    assert len(documents.descriptors(made)) == 2


def test_nothing_refers_to_it() -> None:
    for entries in ([], [Entry(repository="r", path="p")]):
        with pytest.raises(NotFound):
            documents.generate_referrers(entries)
    assert documents.descriptors(documents.format_referrers([])) == []


def test_of_each_digest_the_first_descriptor_counts() -> None:
    first, other = descriptor(b"one", "a/first"), descriptor(b"one", "a/other")
    merged = documents.merge_referrers(
        [as_json({"manifests": [first]}), as_json({"manifests": [other, descriptor(b"two")]})]
    )
    assert json.loads(merged)["manifests"] == [first, descriptor(b"two")]


def test_a_tag_remembers_the_digest_that_its_content_does_not_tell() -> None:
    assert documents.tagged_digest(documents.tag_facts(digest(b""))) is None
    assert documents.tagged_digest(documents.tag_facts(SHA512)) == SHA512
    assert documents.tagged_digest({}) is None


# --- lists, in pages or not --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "tags"),
    [
        (b'{"name": "a", "tags": ["b", "a"]}', ["a", "b"]),
        (b'{"name": "a", "tags": []}', []),
        (b'{"name": "a", "tags": null}', []),
        (b'{"tags": ["a", "a"]}', ["a"]),
        (b'{"tags": ["B", "a", "_", "0"]}', ["0", "B", "_", "a"]),
        (b'{"tags": ["", "-x", "a/b", 1, null, ["c"], {}, "ok", "\\ud800"]}', ["ok"]),
        (b'{"tags": ["c"]}{"tags": ["a"]}\n\n{"tags": ["b"]}\n', ["a", "b", "c"]),
        (b'  {"tags": ["c"]}\r\n\t {"tags": null}{"tags": ["c"]}  ', ["c"]),
        (b'{"tags": ["a"]}' * 2000, ["a"]),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_tags(data: bytes, tags: list[str]) -> None:
    assert documents.read_tags(data) == tags


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"<html>",
        b"[]",
        b"null",
        b'["a"]',
        b"{}",
        b'{"name": "a"}',
        b'{"errors": [{"code": "DENIED"}]}',
        b'{"tags": "a"}',
        b'{"tags": {"a": 1}}',
        b'{"tags": 7}',
        b'{"tags": ["a"]}]',
        b'{"tags": ["a"]}{',
        b'{"tags": ["a"]},{"tags": ["b"]}',
        b'{"tags": ["a"]}[]',
        b'{"tags": ["a"]}\xff',
        b'{"tags": ["a"]}' * 2001,
        b"[" * 100_000,
        b'{"tags":' * 100_000,
        b" " * (MAX_INDEX + 1),
        b'{"tags": ["a"], "more": [' + b"[]," * 300_000 + b"1]}",
        b'{"tags": ["a"]}' + b'{"tags": [' + b"{}," * 300_000 + b"1]}",
        as_json({"tags": [f"{number:x}" for number in range(500_001)]}),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_list_of_tags(data: bytes) -> None:
    with pytest.raises(Corrupt, match="list of tags"):
        documents.read_tags(data)


def test_an_image_with_very_many_tags_and_layers_is_one() -> None:
    tags = [f"{number:06}" for number in range(200_000)]
    assert documents.read_tags(documents.format_tags("x", tags)) == tags
    layers = [{"digest": f"sha256:{number:064x}", "size": 1} for number in range(30_000)]
    assert len(documents.parse_manifest(manifest(layers=layers)).blobs) == 30_001


def test_referrers_in_pages() -> None:
    pages = index(b"one") + b"\n" + index(b"two", b"one") + index()
    assert [each["digest"] for each in documents.descriptors(pages)] == [
        str(digest(data)) for data in (b"one", b"two", b"one")
    ]
    assert documents.descriptors(b'{"manifests": null}') == []


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"manifests": {"a": 1}}', b'{"manifests": "x"}', b'{"manifests": [1]}', index(b"one") + b"[]"],
    ids=repr,
)
def test_what_is_no_index_of_referrers(data: bytes) -> None:
    with pytest.raises(Corrupt):
        documents.descriptors(data)


def test_the_list_of_what_is_held() -> None:
    held = [
        Entry(repository="r", path=f"a/b/-/{place}")
        for place in ("tags/v2", "tags/v10", "tags/V1", "manifests/x", "tags", "blobs/tags/x")
    ]
    made = documents.generate_tags("a/b", "a/b/-/tags/", held)
    assert json.loads(made) == {"name": "a/b", "tags": ["V1", "v10", "v2"]}
    with pytest.raises(NotFound, match="a/b has no tags"):
        documents.generate_tags("a/b", "a/b/-/tags/", held[3:])


def test_the_union_of_lists() -> None:
    lists = [b'{"tags": ["b"]}{"tags": ["d"]}', b'{"tags": ["c", "b"]}', b'{"tags": null}']
    assert json.loads(documents.merge_tags("a/b", lists)) == {"name": "a/b", "tags": ["b", "c", "d"]}
    assert json.loads(documents.merge_tags("a/b", [])) == {"name": "a/b", "tags": []}
    with pytest.raises(Corrupt):
        documents.merge_tags("a/b", [*lists, b"<html>"])


def test_dockers_documents_are_read_like_ocis() -> None:
    found = documents.parse_manifest(manifest(b"layer", mediaType=DOCKER_MANIFEST))
    assert (found.media_type, found.blobs) == (DOCKER_MANIFEST, (digest(b"{}"), digest(b"layer")))
    listed = documents.parse_manifest(index(b"child", mediaType=DOCKER_LIST))
    assert (listed.media_type, listed.manifests) == (DOCKER_LIST, (digest(b"child"),))


def test_what_is_read_and_cannot_be_written_is_corrupt() -> None:
    """The same depth of nesting may be too much where more calls lie below it."""
    deepest = next(
        found for depth in range(1000, 0, -1) if (found := fine_or_corrupt(documents.descriptors, nested(depth)))
    )

    def below(calls: int) -> bytes:
        return below(calls - 1) if calls else documents.format_referrers(deepest)

    assert below(0)
    with pytest.raises(Corrupt, match="too deeply"):
        below(200)


def nested(depth: int) -> bytes:
    each = b'{"digest": "%s", "size": 1, "x": %s}' % (str(digest(b"")).encode(), b"[" * depth + b"]" * depth)
    return b'{"manifests": [%s]}' % each


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000])
def test_numbers_that_are_none(number: bytes) -> None:
    """Python writes what it reads of these, and no client reads that."""
    each = b'{"digest": "%s", "size": 1, "x": %s}' % (str(digest(b"")).encode(), number)
    with pytest.raises(Corrupt, match="not JSON"):
        documents.descriptors(b'{"manifests": [%s]}' % each)
    with pytest.raises(Corrupt, match="not JSON"):
        documents.read_tags(b'{"tags": [%s]}' % number)
    with pytest.raises(Corrupt, match="not JSON"):
        documents.media_type(b'{"mediaType": "%s", "x": %s}' % (OCI_INDEX.encode(), number))


@pytest.mark.parametrize("config", ["x", 1, True, [1], [], {}, {"mediaType": 1}, None])
def test_an_artifact_of_the_release_candidate_has_no_config(config: Any) -> None:
    found = documents.parse_manifest(as_json({**FULL_ARTIFACT, "artifactType": None, "config": config}))
    assert found.artifact_type == ""
