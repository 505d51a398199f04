"""Deploying to a hosted repository over a real store, as Maven and Gradle do it, and as nobody should."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from mxart.contract import Context, Ingest
from mxart.errors import Conflict, Gone, Invalid, MxartError, NotFound, TooLarge, Unsupported
from mxart.formats.maven import publish
from mxart.formats.maven.documents import MAX_METADATA, Metadata, Plugin, Snapshot
from mxart.formats.maven.format import MavenFormat
from mxart.formats.maven.pom import MAX_POM
from mxart.formats.maven.settings import MavenSettings
from mxart.model import Bytes, Request, Resource
from mxart.repository.layer import Layer
from mxart.repository.rules import Blocking
from mxart.store import Store
from tests.formats.maven.depot import (
    ALGORITHMS,
    MARKER,
    Depot,
    build_of,
    builds_of,
    checksummed,
    drained,
    hex_of,
    jar,
    pieces,
    plugin,
    pom,
    release,
    versions_of,
)
from tests.formats.suite import Shelf
from tests.store.builders import open_store
from tests.support.descriptors import open_descriptors

LIB = "org/acme/lib"
JAR, POM = f"{LIB}/1.0/lib-1.0.jar", f"{LIB}/1.0/lib-1.0.pom"
SNAPSHOT = f"{LIB}/1.0-SNAPSHOT"
FIRST, SECOND, THIRD = "20240101.000000-1", "20240102.000000-2", "20240103.000000-3"


@pytest.fixture
def store(tmp_path: Path, io_loop: IOLoop) -> Iterator[Store]:
    store = open_store(tmp_path / "data")
    yield store
    io_loop.run_sync(store.index.close)


@pytest.fixture
def depot(store: Store) -> Iterator[Depot]:
    yield Depot(store)
    assert list((store.path / "incoming").iterdir()) == [], "every upload has come to its end"


async def refused(depot: Depot, method: str, path: str, data: bytes = b"") -> MxartError:
    with pytest.raises(MxartError) as caught:
        await depot.send(method, path, data)
    assert 20 < len(caught.value.message) < 600
    assert caught.value.message.isprintable()
    return caught.value


# --- whole deployments ---------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_maven_deploys_a_release(depot: Depot) -> None:
    files = release()
    assert await depot.put_all(checksummed(files)) == {201}
    assert await depot.put_all(checksummed(versions_of("1.0"))) == {201}
    for path, data in files.items():
        assert await depot.read(path) == data
        for algorithm in ALGORITHMS:
            assert await depot.read(f"{path}.{algorithm}") == hex_of(data, algorithm)
    found = await depot.metadata(LIB)
    assert (found.group, found.artifact, found.versions) == ("org.acme", "lib", ("1.0",))
    assert (found.release, found.latest) == ("1.0", "1.0")
    assert found.updated != "20010203040506", "it is made here"
    made = await depot.read(f"{LIB}/maven-metadata.xml")
    for algorithm in ALGORITHMS:
        assert await depot.read(f"{LIB}/maven-metadata.xml.{algorithm}") == hex_of(made, algorithm)
    assert len(await depot.paths()) == len(files), "nothing else is kept"


@pytest.mark.gen_test
async def test_gradle_publishes_a_release(depot: Depot) -> None:
    stem = f"{LIB}/1.0/lib-1.0"
    files = {
        f"{stem}.jar": jar("1"),
        f"{stem}.module": b'{"formatVersion": "1.1"}',
        f"{stem}.pom": pom(more=MARKER),
        f"{stem}-javadoc.jar": jar("doc"),
    }
    assert await depot.put_all(checksummed(files, ("sha1", "md5", "sha256", "sha512"))) == {201}
    assert await depot.put_all(checksummed(versions_of("1.0"), ("sha1", "md5", "sha256", "sha512"))) == {201}
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    assert await depot.read(f"{stem}.module") == files[f"{stem}.module"]


@pytest.mark.gen_test
async def test_maven_deploys_a_snapshot_twice(depot: Depot) -> None:
    for build in (FIRST, SECOND):
        assert await depot.put_all(checksummed(build_of(build))) == {201}
        sent = {**builds_of(build, "jar", "pom"), **versions_of("1.0-SNAPSHOT")}
        assert await depot.put_all(checksummed(sent)) == {201}
    found = await depot.metadata(SNAPSHOT)
    assert found.snapshot == Snapshot("20240102.000000", 2)
    assert {file.value for file in found.snapshot_versions} == {f"1.0-{SECOND}"}
    for build in (FIRST, SECOND):
        for path, data in build_of(build).items():
            assert await depot.read(path) == data
    of_artifact = await depot.metadata(LIB)
    assert (of_artifact.versions, of_artifact.latest, of_artifact.release) == (("1.0-SNAPSHOT",), "1.0-SNAPSHOT", "")


@pytest.mark.gen_test
async def test_a_snapshot_without_builds(depot: Depot) -> None:
    """As Gradle and old clients publish where it is told so: under its plain name, again and again."""
    for text in ("first", "second"):
        files = build_of("SNAPSHOT", text=text)
        assert await depot.put(f"{SNAPSHOT}/lib-1.0-SNAPSHOT.jar", files[f"{SNAPSHOT}/lib-1.0-SNAPSHOT.jar"]) == 201
        await depot.put_all(checksummed(files))
        assert await depot.read(f"{SNAPSHOT}/lib-1.0-SNAPSHOT.jar") == jar(text)
    assert (await depot.metadata(LIB)).versions == ("1.0-SNAPSHOT",)
    assert not await depot.has(f"{SNAPSHOT}/maven-metadata.xml"), "clients then ask by the plain name"


@pytest.mark.gen_test
async def test_a_plugin_of_maven_is_known_by_its_prefix(depot: Depot) -> None:
    stem = "org/acme/say-maven-plugin/1.0/say-maven-plugin-1.0"
    await depot.put(f"{stem}.jar", plugin("say-maven-plugin", "say"))
    await depot.put(f"{stem}-tests.jar", plugin("say-maven-plugin", "never"))
    await depot.put(f"{stem}.pom", pom("say-maven-plugin", packaging="maven-plugin"))
    await depot.put("org/acme/lib/1.0/lib-1.0.jar", plugin("say-maven-plugin", "stolen"))
    assert (await depot.metadata("org/acme")).plugins == (Plugin("say", "say-maven-plugin", "N"),)
    await depot.delete(f"{stem}.jar")
    assert (await depot.metadata("org/acme")).plugins == ()


@pytest.mark.gen_test
async def test_a_plugin_that_is_none_any_more(store: Store) -> None:
    depot = Depot(store, MavenSettings(redeploy="allow"))
    stem = "org/acme/say-maven-plugin/1.0-SNAPSHOT/say-maven-plugin-1.0-SNAPSHOT"
    await depot.put(f"{stem}.jar", plugin("say-maven-plugin", "say"))
    await depot.put(f"{stem}.jar", plugin("say-maven-plugin", "tell"))
    assert [found.prefix for found in (await depot.metadata("org/acme")).plugins] == ["tell"]
    await depot.put(f"{stem}.jar", jar())
    assert (await depot.metadata("org/acme")).plugins == ()


@pytest.mark.parametrize("packaging", ["pom", "jar"])
@pytest.mark.gen_test
async def test_a_pom_alone_is_a_version_when_it_says_so(depot: Depot, packaging: str) -> None:
    assert await depot.put(POM, pom(packaging=packaging)) == 201
    assert (await depot.metadata(LIB)).versions == (("1.0",) if packaging == "pom" else ())


@pytest.mark.gen_test
async def test_what_has_no_pom_is_a_version_once_it_was_named(depot: Depot) -> None:
    await depot.put(JAR, jar())
    assert await depot.metadata(LIB) == Metadata()
    await depot.put_all(versions_of("0.9", "1.0", "1.1"))
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    await depot.put(f"{SNAPSHOT}/lib-1.0-{FIRST}.jar", jar())
    await depot.put_all(builds_of(FIRST, "jar", "pom"))
    found = await depot.metadata(SNAPSHOT)
    assert [(file.extension, file.value) for file in found.snapshot_versions] == [("jar", f"1.0-{FIRST}")]


@pytest.mark.gen_test
async def test_metadata_without_a_list_of_files_names_a_build(depot: Depot) -> None:
    """As clients before Maven 3 send it."""
    await depot.put(f"{SNAPSHOT}/lib-1.0-{FIRST}.jar", jar())
    await depot.put_all(builds_of(FIRST))
    assert (await depot.metadata(SNAPSHOT)).snapshot == Snapshot("20240101.000000", 1)


# --- nothing half is named -----------------------------------------------------------------------------------------


async def builds_that_are_named(depot: Depot) -> set[str]:
    """In the metadata of the snapshot; each file that it promises is there, with its checksum."""
    named = set()
    for file in (await depot.metadata(SNAPSHOT)).snapshot_versions:
        classifier = f"-{file.classifier}" if file.classifier else ""
        path = f"{SNAPSHOT}/lib-{file.value}{classifier}.{file.extension}"
        assert await depot.has(path), path
        assert await depot.has(f"{path}.sha1"), path
        named.add(file.value.removeprefix("1.0-"))
    return named


WHOLE = {
    "jar and POM": ("", [".jar", ".pom"]),
    "jar, POM and sources": ("", [".jar", ".pom", "-sources.jar"]),
    "of Gradle": (MARKER, [".jar", ".pom", ".module"]),
    "of Gradle, with sources": (MARKER, [".jar", ".pom", ".module", "-sources.jar"]),
}


MADE_WITH = {"": (), MARKER: (".module",)}  # what a POM promises


def contents(more: str, version: str, endings: Sequence[str], stem: str) -> dict[str, bytes]:
    made = {".pom": pom("lib", version, more=more), ".module": b"{}"}
    return {f"{stem}{ending}": made.get(ending, jar(ending)) for ending in endings}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.gen_test(timeout=120)
async def test_at_no_instant_metadata_names_what_is_not_there(depot: Depot, kind: str) -> None:
    more, endings = WHOLE[kind]
    for number, order in enumerate(itertools.permutations(endings)):
        version, build = f"1.{number}", f"20240101.000000-{number + 1}"
        files = contents(more, version, order, f"{LIB}/{version}/lib-{version}")
        files_of_build = contents(more, "1.0-SNAPSHOT", order, f"{SNAPSHOT}/lib-1.0-{build}")
        for count, sent in enumerate(zip(files.items(), files_of_build.items(), strict=True), 1):
            assert await depot.put_all(sent) == {201}
            come = set(order[:count])
            is_whole = {".pom", *MADE_WITH[more]} <= come and ".jar" in come
            assert (version in (await depot.metadata(LIB)).versions) is is_whole, (order, come)
            assert (build in await builds_that_are_named(depot)) is is_whole, (order, come)


@pytest.mark.gen_test(timeout=120)
async def test_at_no_instant_metadata_names_what_is_not_there_however_it_comes(depot: Depot) -> None:
    """Metadata of clients among the files, in any order, with deletions."""
    chance = random.Random(1)
    files = {**build_of(FIRST), **build_of(SECOND), **release("1.0"), **release("1.1")}
    sent = [("PUT", path, data) for path, data in files.items()]
    sent += [("PUT", path, data) for path, data in builds_of(SECOND, "jar", "pom", "war").items()]
    sent += [("PUT", path, data) for path, data in versions_of("1.0-SNAPSHOT", "1.0", "1.1", "9").items()]
    sent += [("DELETE", path, b"") for path in (f"{SNAPSHOT}/lib-1.0-{SECOND}.jar", f"{LIB}/1.1/")]
    for _ in range(12):
        chance.shuffle(sent)
        for method, path, data in sent:
            try:
                await depot.send(method, path, data)
            except NotFound:
                assert method == "DELETE"
            held = await depot.paths()
            for version in (await depot.metadata(LIB)).versions:
                assert any(path.startswith(f"{LIB}/@/{version}/lib-") for path in held), version
            await builds_that_are_named(depot)
        await depot.delete(f"{LIB}/")
        assert await depot.metadata(LIB) == await depot.metadata(SNAPSHOT) == Metadata()


@pytest.mark.gen_test(timeout=60)
async def test_many_deploy_at_once(depot: Depot) -> None:
    def client(number: int) -> list[tuple[str, bytes]]:
        version, build = f"1.{number}", f"20240101.000000-{number + 1}"
        files, builds = release(version), build_of(build)
        last = {**builds_of(build, "jar", "pom"), **versions_of(version)}  # as if nobody else were there
        return [*checksummed(files), *checksummed(builds), *checksummed(last)]

    before = open_descriptors()
    statuses = await asyncio.gather(*(depot.put_all(client(number)) for number in range(20)))
    assert statuses == [{201}] * 20
    assert set((await depot.metadata(LIB)).versions) == {"1.0-SNAPSHOT", *(f"1.{number}" for number in range(20))}
    assert (await depot.metadata(SNAPSHOT)).snapshot == Snapshot("20240101.000000", 20)
    assert open_descriptors() == before
    assert await depot.store.index.miscounts() == []


# --- checksums -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.gen_test
async def test_a_checksum_that_agrees(depot: Depot, algorithm: str) -> None:
    await depot.put(JAR, b"content")
    right = hex_of(b"content", algorithm)
    for text in (right, right + b"\n", right.upper(), right + b"  lib-1.0.jar\n"):
        assert await depot.put(f"{JAR}.{algorithm}", text) == 201
    assert await depot.read(f"{JAR}.{algorithm}") == right


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.gen_test
async def test_a_fresh_file_that_is_contradicted_gives_way(depot: Depot, algorithm: str) -> None:
    damaged = jar("damaged")
    await depot.put(JAR, damaged)
    await depot.put(POM, pom())
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    error = await refused(depot, "PUT", f"{JAR}.{algorithm}", hex_of(jar(), algorithm))
    assert isinstance(error, Invalid)
    assert hex_of(damaged, algorithm).decode() in error.message
    assert await depot.metadata(LIB) == Metadata(), "nobody is to take it for what was meant"
    assert isinstance(await refused(depot, "PUT", *versions_of("1.0").popitem()), Conflict)

    assert await depot.put(JAR, jar()) == 201
    assert await depot.put(f"{JAR}.{algorithm}", hex_of(jar(), algorithm)) == 201
    assert await depot.put_all(versions_of("1.0")) == {201}
    assert await depot.read(JAR) == jar()
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    (trashed,) = await depot.store.index.trash()
    assert trashed.entry.path == "org/acme/lib/@/1.0/lib-1.0.jar"


@pytest.mark.gen_test
async def test_a_build_that_is_contradicted_is_not_named(depot: Depot) -> None:
    await depot.put_all(build_of(FIRST))
    await depot.put_all(build_of(SECOND))
    damaged = f"{SNAPSHOT}/lib-1.0-{SECOND}.jar"
    await refused(depot, "PUT", f"{damaged}.sha1", hex_of(b"other", "sha1"))
    assert await builds_that_are_named(depot) == {FIRST}
    assert isinstance(await refused(depot, "PUT", *builds_of(SECOND, "jar", "pom").popitem()), Conflict)
    assert await depot.put_all(builds_of(FIRST, "jar", "pom")) == {201}
    assert await depot.put(damaged, jar("meant")) == 201
    assert await builds_that_are_named(depot) == {SECOND}


@pytest.mark.gen_test
async def test_a_checksum_that_agrees_takes_back_what_one_of_its_kind_said(depot: Depot) -> None:
    await depot.put_all(release())
    await refused(depot, "PUT", f"{JAR}.sha1", hex_of(b"other", "sha1"))
    await depot.put(f"{JAR}.md5", hex_of(release()[JAR], "md5"))
    assert await depot.metadata(LIB) == Metadata()
    await depot.put(f"{JAR}.sha1", hex_of(release()[JAR], "sha1"))
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    assert isinstance(await refused(depot, "PUT", JAR, jar("other")), Conflict)


@pytest.mark.gen_test
async def test_what_was_contradicted_gives_way_whenever_it_comes(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployment failed; perhaps it is tried again on another day, and no build is like the one before."""
    await depot.put_all(release())
    await refused(depot, "PUT", f"{JAR}.sha1", hex_of(b"other", "sha1"))
    monkeypatch.setattr(publish, "_FRESH", 0.0)
    assert await depot.metadata(LIB) == Metadata()
    assert await depot.put(JAR, release()[JAR]) == 201, "the same again may be what was meant"
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    assert isinstance(await refused(depot, "PUT", JAR, jar("other")), Conflict)


@pytest.mark.parametrize(("kept", "status"), [(1, 201), (0, 409)])
@pytest.mark.gen_test
async def test_a_build_that_others_have_overtaken_is_deployed_in_vain(store: Store, kept: int, status: int) -> None:
    """Its client goes on, and need not fail for it."""
    depot = Depot(store, MavenSettings(keep_snapshots=kept))
    file = f"{SNAPSHOT}/lib-1.0-{FIRST}.jar"
    if kept:
        await depot.put(file, jar("slow"))
    await depot.put_all(build_of(SECOND))
    assert not await depot.has(file)
    if status == 201:
        assert await depot.put(f"{file}.sha1", hex_of(jar("slow"), "sha1")) == status
    else:
        assert isinstance(await refused(depot, "PUT", f"{file}.sha1", hex_of(jar("slow"), "sha1")), Conflict)


@pytest.mark.gen_test
async def test_an_old_file_that_is_contradicted_stays(store: Store) -> None:
    depot = Depot(store, clock=lambda: time.time() - 601)
    await depot.put(JAR, b"content")
    assert isinstance(await refused(depot, "PUT", f"{JAR}.sha1", hex_of(b"other", "sha1")), Invalid)
    assert await depot.read(JAR) == b"content"


@pytest.mark.parametrize("path", [JAR, f"{SNAPSHOT}/lib-1.0-SNAPSHOT.jar"])
@pytest.mark.gen_test
async def test_a_reader_is_told_the_checksum_of_what_it_was_given(store: Store, path: str) -> None:
    depot = Depot(store, MavenSettings(redeploy="allow"))

    async def read(path: str) -> bytes:
        request = Request(method="GET", path=path, connection=1)
        return drained(await depot.format.answer(request, depot.format.parse(request), depot.repository, Context()))

    await depot.put(path, b"old")
    assert await read(path) == b"old"
    await depot.put(path, b"new")
    assert await read(f"{path}.sha1") == hex_of(b"old", "sha1")
    assert await depot.read(f"{path}.sha1") == hex_of(b"new", "sha1"), "by another connection"


@pytest.mark.gen_test
async def test_who_is_refused_takes_nothing_away_by_a_checksum(depot: Depot) -> None:
    await depot.put_all(checksummed(release()))
    assert isinstance(await refused(depot, "PUT", JAR, jar("other")), Conflict)
    assert isinstance(await refused(depot, "PUT", f"{JAR}.sha1", hex_of(jar("other"), "sha1")), Invalid)
    assert await depot.read(JAR) == release()[JAR]
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    assert await depot.delete(f"{LIB}/1.0/")
    assert "@contested" not in "".join(await depot.paths())


@pytest.mark.gen_test
async def test_of_many_who_deploy_one_release_exactly_one_does(depot: Depot) -> None:
    async def client(text: str) -> bool:
        """It does not look at answers before it goes on; was its file taken?"""
        taken = False
        for path, data in ((JAR, jar(text)), (f"{JAR}.sha1", hex_of(jar(text), "sha1"))):
            with contextlib.suppress(Conflict, Invalid):
                taken = await depot.put(path, data) == 201 or taken
        return taken

    texts = [f"of client {number}" for number in range(8)]
    taken = [text for text, is_taken in zip(texts, await asyncio.gather(*map(client, texts)), strict=True) if is_taken]
    assert [jar(text) for text in taken] == [await depot.read(JAR)]


@pytest.mark.gen_test
async def test_a_checksum_before_its_file(depot: Depot) -> None:
    error = await refused(depot, "PUT", f"{JAR}.sha1", hex_of(b"content", "sha1"))
    assert isinstance(error, Conflict)
    assert "lib-1.0.jar is not here" in error.message
    await depot.put(f"{JAR}.asc", b"signature")  # another file whose name begins so
    assert isinstance(await refused(depot, "PUT", f"{JAR}.sha1", hex_of(b"content", "sha1")), Conflict)


@pytest.mark.parametrize("path", [JAR, f"{LIB}/maven-metadata.xml"])
@pytest.mark.parametrize("text", [b"", b"none", b"0" * 39, b"\xff" * 40, b"<html>"])
@pytest.mark.gen_test
async def test_what_is_no_checksum(depot: Depot, path: str, text: bytes) -> None:
    await depot.put(JAR, b"content")
    assert isinstance(await refused(depot, "PUT", f"{path}.sha1", text), Invalid)
    assert await depot.read(JAR) == b"content", "it contradicts nothing"


@pytest.mark.gen_test
async def test_signatures_and_their_checksums(depot: Depot) -> None:
    await depot.put(f"{JAR}.asc", b"signature")
    assert await depot.put(f"{JAR}.asc.sha1", hex_of(b"signature", "sha1")) == 201
    assert await depot.read(f"{JAR}.asc.md5") == hex_of(b"signature", "md5")


@pytest.mark.parametrize("text", [b"0" * 40, hex_of(b"x", "sha1")])
@pytest.mark.gen_test
async def test_checksums_of_a_clients_own_metadata(depot: Depot, text: bytes) -> None:
    assert await depot.put(f"{LIB}/maven-metadata.xml.sha1", text) == 201
    assert await depot.paths() == []


# --- metadata of clients -------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_stale_metadata_takes_nothing_back(depot: Depot) -> None:
    for version in ("1.0", "1.1", "2.0"):
        await depot.put_all(release(version))
    before = await depot.read(f"{LIB}/maven-metadata.xml")
    assert await depot.put_all(versions_of("1.0")) == {201}
    assert await depot.read(f"{LIB}/maven-metadata.xml") == before


@pytest.mark.gen_test
async def test_however_much_is_named_no_more_than_one_file_is_open_for_it(store: Store) -> None:
    class Counted(Layer):
        number = 0

        async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
            Counted.number += 1
            return await super().ingest(resource, context, resume)

    depot = Depot(store, within=Counted)
    versions = [f"1.{number}" for number in range(20)]
    for version in versions:
        await depot.put(f"{LIB}/{version}/lib-{version}.jar", b"content")
    assert await depot.metadata(LIB) == Metadata()
    Counted.number = 0
    await depot.put_all(versions_of(*versions))
    assert Counted.number == 1
    assert (await depot.metadata(LIB)).versions == tuple(versions)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html/>",
        b"<metadata>",
        b'<!DOCTYPE m [<!ENTITY a "b">]><metadata>&a;</metadata>',
        b'<?xml version="1.0" encoding="UTF-7"?><metadata/>',
        b"\xff\xfe\xff",
    ],
)
@pytest.mark.gen_test
async def test_what_is_no_metadata(depot: Depot, document: bytes) -> None:
    assert isinstance(await refused(depot, "PUT", f"{LIB}/maven-metadata.xml", document), Invalid)


@pytest.mark.parametrize(
    "path", [f"{LIB}/maven-metadata.xml", f"{SNAPSHOT}/maven-metadata.xml", "org/maven-metadata.xml"]
)
@pytest.mark.gen_test
async def test_where_nothing_can_be_published_there_is_no_metadata_to_be_told(path: str) -> None:
    ecosystem = MavenFormat(MavenSettings())
    request = Request(method="PUT", path=path, body=pieces(b"<metadata/>"))
    with pytest.raises(Unsupported):
        await ecosystem.answer(request, ecosystem.parse(request), Shelf(), Context())


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "data", "word"),
    [
        (POM, b"", "POM"),
        (POM, b"<project/>", "groupId"),
        (POM, pom()[:-5], "well-formed"),
        (POM, b"<!DOCTYPE project [<!ENTITY a 'b'>]>" + pom(), "document type"),
    ],
)
@pytest.mark.gen_test
async def test_what_is_no_pom(depot: Depot, path: str, data: bytes, word: str) -> None:
    error = await refused(depot, "PUT", path, data)
    assert isinstance(error, Invalid)
    assert word in error.message
    assert await depot.paths() == []


@pytest.mark.parametrize(
    ("path", "data", "remark"),
    [
        (POM, pom(artifact="other"), "Its artifactId is other"),
        (POM, pom(group="org.other"), "Its groupId is org.other"),
        (POM, pom(version="1.1"), "Its version is 1.1"),
        (f"{SNAPSHOT}/lib-1.0-{FIRST}.pom", pom(version=f"1.0-{SECOND}"), f"Its version is 1.0-{SECOND}"),
        (f"{SNAPSHOT}/lib-1.0-{FIRST}.pom", pom(version="1.0"), "Its version is 1.0,"),
        (f"{SNAPSHOT}/lib-1.0-{FIRST}.pom", pom(version=f"1.0-{FIRST}"), ""),
        (POM, pom(), ""),
    ],
)
@pytest.mark.gen_test
async def test_a_pom_of_something_else_is_remarked_upon(depot: Depot, path: str, data: bytes, remark: str) -> None:
    """Clients deploy the POM that they find in a jar under another name."""
    answer = await depot.send("PUT", path, data)
    assert isinstance(answer.content, Bytes)
    said = answer.content.data.decode()
    assert (answer.status, remark in said, "though" in said) == (201, True, bool(remark))
    assert await depot.read(path) == data


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (POM, pom(version="${revision}")),
        (POM, pom(group="${project.parent.groupId}")),
        (f"{LIB}/1.0/lib-1.0-tests.pom", b"attached, and read by nobody"),
        (f"{LIB}/1.0/lib-1.0.pom.asc", b"signature"),
        (f"{SNAPSHOT}/lib-1.0-{FIRST}.pom", pom(version="1.0-SNAPSHOT")),
        (f"{SNAPSHOT}/lib-1.0-{FIRST}.pom", pom(version=f"1.0-{FIRST}")),
    ],
)
@pytest.mark.gen_test
async def test_a_pom_that_agrees_as_far_as_it_says(depot: Depot, path: str, data: bytes) -> None:
    assert await depot.put(path, data) == 201


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "org/",
        f"{LIB}/1.0/",
        "lib-1.0.jar",
        "org/acme/lib-1.0.jar",
        f"{LIB}/1.0/other-1.0.jar",
        f"{LIB}/1.0/lib-1.1.jar",
        f"{LIB}/1.0/lib.jar",
        f"{LIB}/1.0/README.txt",
        f"{LIB}/1.0/README.txt.sha1",
        f"{LIB}/1.0/lib-1.0",
        f"{LIB}/1.0/lib-1.0.jar/x",
        f"{LIB}/1.0-SNAPSHOT/lib-1.0.jar",
        f"{LIB}/1.0-{FIRST}/lib-1.0-{FIRST}.jar",
        "archetype-catalog.xml",
        ".index/nexus-maven-repository-index.gz",
        f"{LIB}/@/1.0/lib-1.0.jar",
        f"{LIB}/../lib/1.0/lib-1.0.jar",
        f"{LIB}//1.0/lib-1.0.jar",
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.gen_test
async def test_what_has_no_place_in_the_layout(depot: Depot, method: str, path: str) -> None:
    assert isinstance(await refused(depot, method, path, b"x"), Invalid)
    assert await depot.store.index.list("depot") == []


@pytest.mark.parametrize(
    "name",
    ["_remote.repositories", "lib-1.0.jar.lastUpdated", "resolver-status.properties", "maven-metadata-central.xml",
     "lib-1.0.jar.sha1.md5", "lib-1.0.jar.part"],
)  # fmt: skip
@pytest.mark.gen_test
async def test_notes_of_clients_are_not_taken(depot: Depot, name: str) -> None:
    assert isinstance(await refused(depot, "PUT", f"{LIB}/1.0/{name}", b"x"), NotFound)
    assert await depot.store.index.list("depot") == []


@pytest.mark.gen_test
async def test_post_deploys_too_and_other_methods_do_not(depot: Depot) -> None:
    assert (await depot.send("POST", JAR, b"content")).status == 201
    assert await depot.read(JAR) == b"content"
    for method in ("PATCH", "MKCOL", "PROPFIND"):
        error = await refused(depot, method, JAR)
        assert isinstance(error, Unsupported)
        assert error.allowed == ("GET", "HEAD", "PUT", "POST", "DELETE")


@pytest.mark.parametrize(
    ("policy", "path", "taken"),
    [
        ("release", JAR, True),
        ("release", f"{SNAPSHOT}/lib-1.0-{FIRST}.jar", False),
        ("release", f"{SNAPSHOT}/lib-1.0-SNAPSHOT.jar", False),
        ("release", f"{SNAPSHOT}/maven-metadata.xml", False),
        ("release", f"{LIB}/maven-metadata.xml", True),
        ("snapshot", JAR, False),
        ("snapshot", f"{SNAPSHOT}/lib-1.0-{FIRST}.jar", True),
        ("snapshot", f"{SNAPSHOT}/maven-metadata.xml", True),
        ("snapshot", f"{LIB}/maven-metadata.xml", True),
        ("mixed", JAR, True),
        ("mixed", f"{SNAPSHOT}/lib-1.0-{FIRST}.jar", True),
    ],
)
@pytest.mark.gen_test
async def test_which_versions_are_taken(store: Store, policy: str, path: str, taken: bool) -> None:
    depot = Depot(store, MavenSettings(version_policy=policy))
    data = b"<metadata/>" if path.endswith(".xml") else jar()
    if taken:
        assert await depot.put(path, data) == 201
    else:
        error = await refused(depot, "PUT", path, data)
        assert isinstance(error, Invalid)
        assert f'version_policy = "{policy}"' in error.message


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        (POM, MAX_POM),
        (f"{JAR}.sha1", 4096),
        (f"{LIB}/maven-metadata.xml", MAX_METADATA),
        (f"{LIB}/maven-metadata.xml.sha1", 4096),
    ],
)
@pytest.mark.gen_test
async def test_bodies_that_are_too_large(depot: Depot, path: str, limit: int) -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1 << 16
            yield b" " * (1 << 16)

    await depot.put(JAR, b"content")
    with pytest.raises(TooLarge) as caught:
        await depot.send("PUT", path, body=endless())
    assert caught.value.limit == limit
    assert taken <= limit + (1 << 16)
    assert await depot.read(JAR) == b"content"


@pytest.mark.parametrize("path", [JAR, POM, f"{JAR}.sha1", f"{LIB}/maven-metadata.xml"])
@pytest.mark.gen_test
async def test_a_client_that_leaves(depot: Depot, path: str) -> None:
    arrived = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"some"
        arrived.set()
        await asyncio.Event().wait()

    sending = asyncio.create_task(depot.send("PUT", path, body=body()))
    await arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await depot.store.index.list("depot") == []


# --- again ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("redeploy", ["deny", "allow"])
@pytest.mark.gen_test
async def test_the_same_again_is_no_change(store: Store, redeploy: str) -> None:
    depot = Depot(store, MavenSettings(redeploy=redeploy))
    await depot.put_all(release())
    sequence = await store.index.latest_change()
    for path, data in release().items():
        response = await depot.send("PUT", path, data)
        assert response.status == 200
        assert b"here already" in drained(response)
    assert await store.index.latest_change() == sequence


@pytest.mark.gen_test
async def test_a_release_stays_as_it_is(depot: Depot) -> None:
    await depot.put_all(release())
    for path in release():
        error = await refused(depot, "PUT", path, pom(more="<name>new</name>") if path == POM else jar("new"))
        assert isinstance(error, Conflict)
        assert 'redeploy = "deny"' in error.message
    for path, data in release().items():
        assert await depot.read(path) == data


@pytest.mark.gen_test
async def test_a_release_changes_where_that_is_allowed(store: Store) -> None:
    depot = Depot(store, MavenSettings(redeploy="allow"))
    await depot.put_all(checksummed(release()))
    assert await depot.put_all(checksummed(release(text="new"))) == {200, 201}
    assert await depot.read(JAR) == jar("new")
    assert await depot.read(f"{JAR}.sha1") == hex_of(jar("new"), "sha1")
    await depot.delete(JAR)
    assert await depot.put(JAR, jar("newer")) == 201, "also what was deleted"


# --- builds that have had their time -------------------------------------------------------------------------------


async def deploy_builds(depot: Depot, *builds: str) -> None:
    for build in builds:
        await depot.put_all(checksummed(build_of(build)))
        await depot.put_all(checksummed({**builds_of(build, "jar", "pom"), **versions_of("1.0-SNAPSHOT")}))


@pytest.mark.parametrize(("keep", "left"), [(0, 3), (1, 1), (2, 2), (3, 3)])
@pytest.mark.gen_test
async def test_so_many_builds_are_kept(store: Store, keep: int, left: int) -> None:
    depot = Depot(store, MavenSettings(keep_snapshots=keep))
    await deploy_builds(depot, FIRST, SECOND, THIRD)
    builds = [FIRST, SECOND, THIRD]
    for number, build in enumerate(builds):
        for path in build_of(build):
            assert await depot.has(path) is (number >= len(builds) - left), path
    assert len(await store.index.trash()) == 2 * (3 - left)
    assert [entry for entry in await store.index.list("depot") if entry.digest is None] == [], "no tombstone"
    assert (await depot.metadata(SNAPSHOT)).snapshot == Snapshot("20240103.000000", 3)
    assert await store.index.miscounts() == []


@pytest.mark.gen_test
async def test_a_build_comes_back_from_the_trash_whole(store: Store) -> None:
    depot = Depot(store, MavenSettings(keep_snapshots=1))
    await deploy_builds(depot, FIRST, SECOND)
    trashed = await store.index.trash()
    assert {each.batch for each in trashed} == {trashed[0].id}
    await store.index.restore(trashed[-1].id, time.time())
    for path, data in build_of(FIRST).items():
        assert await depot.read(path) == data


@pytest.mark.gen_test
async def test_anything_may_come_where_a_build_was(store: Store) -> None:
    depot = Depot(store, MavenSettings(keep_snapshots=1))
    await deploy_builds(depot, FIRST, SECOND)
    assert await depot.put_all(build_of(FIRST, text="other")) == {201}
    await deploy_builds(depot, SECOND)
    assert not await depot.has(f"{SNAPSHOT}/lib-1.0-{FIRST}.jar")


@pytest.mark.gen_test
async def test_the_build_before_stays_until_the_next_one_is_whole(store: Store) -> None:
    depot = Depot(store, MavenSettings(keep_snapshots=1))
    await deploy_builds(depot, FIRST)
    (jar_path, content), (pom_path, text) = build_of(SECOND).items()
    await depot.put(jar_path, content)
    assert await depot.has(f"{SNAPSHOT}/lib-1.0-{FIRST}.jar")
    assert (await depot.metadata(SNAPSHOT)).snapshot == Snapshot("20240101.000000", 1)
    await depot.put(pom_path, text)
    assert not await depot.has(f"{SNAPSHOT}/lib-1.0-{FIRST}.jar")
    assert (await depot.metadata(SNAPSHOT)).snapshot == Snapshot("20240102.000000", 2)


@pytest.mark.gen_test
async def test_old_builds_go_and_the_newest_never(store: Store) -> None:
    now = time.time()
    days = iter([now - 9 * 86400] * 100)
    depot = Depot(store, MavenSettings(snapshot_max_age="7 d"), clock=lambda: next(days, now))
    await deploy_builds(depot, FIRST)
    assert await depot.has(f"{SNAPSHOT}/lib-1.0-{FIRST}.jar"), "the only one"
    for _ in days:
        pass
    await deploy_builds(depot, SECOND)
    assert not await depot.has(f"{SNAPSHOT}/lib-1.0-{FIRST}.jar")
    assert await depot.has(f"{SNAPSHOT}/lib-1.0-{SECOND}.jar")


@pytest.mark.gen_test
async def test_what_was_announced_of_a_build_goes_with_it(store: Store) -> None:
    depot = Depot(store, MavenSettings(keep_snapshots=1))
    for build in (FIRST, SECOND):
        await depot.put(f"{SNAPSHOT}/lib-1.0-{build}.jar", jar(build))  # without a POM
        await depot.put_all(builds_of(build, "jar"))
    assert (await depot.metadata(SNAPSHOT)).snapshot == Snapshot("20240102.000000", 2)
    assert not [path for path in await depot.paths() if FIRST in path]


@pytest.mark.gen_test
async def test_builds_of_plugins_go_with_what_is_noted_of_them(store: Store) -> None:
    depot = Depot(store, MavenSettings(keep_snapshots=1))
    folder = "org/acme/lib/1.0-SNAPSHOT"
    for build, prefix in ((FIRST, "first"), (SECOND, "second")):
        await depot.put(f"{folder}/lib-1.0-{build}.jar", plugin("lib", prefix))
        await depot.put(f"{folder}/lib-1.0-{build}.pom", pom("lib", "1.0-SNAPSHOT", "maven-plugin"))
    assert not [path for path in await depot.paths() if FIRST in path]
    await depot.delete(f"{folder}/lib-1.0-{SECOND}.jar")
    assert await depot.metadata("org/acme") == Metadata()


# --- deletions -----------------------------------------------------------------------------------------------------


@pytest.mark.gen_test
async def test_a_file_is_deleted(depot: Depot) -> None:
    await depot.put_all({**release("1.0"), **release("1.1")})
    assert "mxart trash restore" in await depot.delete(f"{LIB}/1.1/lib-1.1.pom")
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    assert await depot.has(f"{LIB}/1.1/lib-1.1.jar")
    for path in (f"{LIB}/1.1/lib-1.1.pom", f"{LIB}/1.1/lib-1.1.pom.sha1"):
        with pytest.raises(Gone):
            await depot.read(path)
    assert isinstance(await refused(depot, "DELETE", f"{LIB}/1.1/lib-1.1.pom"), Gone)
    error = await refused(depot, "PUT", f"{LIB}/1.1/lib-1.1.pom", pom(version="1.1", more="<name>n</name>"))
    assert isinstance(error, Conflict)
    assert await depot.put(f"{LIB}/1.1/lib-1.1.pom", pom(version="1.1")) == 201
    assert (await depot.metadata(LIB)).versions == ("1.0", "1.1")


@pytest.mark.parametrize(
    ("folder", "left"),
    [
        (f"{LIB}/1.1/", {"1.0", "1.0-SNAPSHOT"}),
        (f"{LIB}/1.0/", {"1.1", "1.0-SNAPSHOT"}),  # and not what only begins so
        (f"{SNAPSHOT}/", {"1.0", "1.1"}),
        (f"{LIB}/", set()),
    ],
)
@pytest.mark.gen_test
async def test_a_folder_is_deleted_as_a_whole(depot: Depot, folder: str, left: set[str]) -> None:
    await depot.put_all({**release("1.0"), **release("1.1"), **build_of(FIRST)})
    await depot.put_all({**builds_of(FIRST, "jar"), **versions_of("1.0", "1.1", "1.0-SNAPSHOT")})
    others = {**release("1.0", "lib2"), "org/acme/lib/sub/1.0/sub-1.0.jar": jar()}
    await depot.put_all(others)
    held = await depot.paths()
    await depot.delete(folder)
    assert set((await depot.metadata(LIB)).versions) == left
    for path, data in others.items():
        assert await depot.read(path) == data
    trashed = await depot.store.index.trash()
    assert {each.batch for each in trashed} == {trashed[0].id}
    await depot.store.index.restore(trashed[0].id, time.time())
    assert await depot.paths() == held


@pytest.mark.gen_test
async def test_what_a_deleted_folder_had_comes_back_only_as_it_was(depot: Depot) -> None:
    await depot.put_all(release())
    await depot.delete(f"{LIB}/1.0/")
    assert isinstance(await refused(depot, "PUT", JAR, jar("other")), Conflict)
    assert await depot.put_all(release()) == {201}
    assert (await depot.metadata(LIB)).versions == ("1.0",)


@pytest.mark.parametrize(
    "path",
    ["", "org/", "org/acme/", f"{LIB}/9/", f"{LIB}/1.0/x/", "com/", JAR, f"{LIB}/1.0/README.txt", "lib-1.0.jar"],
)
@pytest.mark.gen_test
async def test_nothing_is_deleted_where_nothing_is(depot: Depot, path: str) -> None:
    others = release("2.0")
    await depot.put_all(others)
    sequence = await depot.store.index.latest_change()
    assert isinstance(await refused(depot, "DELETE", path), NotFound)
    assert await depot.store.index.latest_change() == sequence


@pytest.mark.parametrize("path", [f"{LIB}/maven-metadata.xml", f"{SNAPSHOT}/maven-metadata.xml", f"{JAR}.sha1"])
@pytest.mark.gen_test
async def test_what_follows_from_files_is_not_deleted(depot: Depot, path: str) -> None:
    await depot.put_all({**release(), **build_of(FIRST)})
    error = await refused(depot, "DELETE", path)
    assert isinstance(error, Unsupported)
    assert "DELETE" not in error.allowed
    assert await depot.has(path)


@pytest.mark.gen_test
async def test_a_rule_that_admits_an_artifact_admits_all_of_it(store: Store) -> None:
    """Also what is noted of it."""
    depot = Depot(store, within=lambda inner: Blocking(inner, [], ["org.acme:*"]))
    await depot.put(JAR, plugin("lib", "lib"))
    await depot.put_all(versions_of("1.0"))
    assert (await depot.metadata(LIB)).versions == ("1.0",)
    await depot.delete(f"{LIB}/1.0/")
    assert await depot.paths() == []


@pytest.mark.gen_test
async def test_a_rule_that_does_not_admit_an_artifact(store: Store) -> None:
    open_to_all = Depot(store)
    await open_to_all.put_all(release())
    closed = Depot(store, within=lambda inner: Blocking(inner, ["org.acme:*"], []))
    for method, path in (("PUT", JAR), ("PUT", f"{JAR}.sha1"), ("DELETE", JAR), ("DELETE", f"{LIB}/"), ("GET", JAR)):
        with pytest.raises(MxartError, match=r"block"):
            await closed.send(method, path, hex_of(b"", "sha1"))
    assert len(await open_to_all.paths()) == len(release())


@pytest.mark.parametrize("folder", [f"{LIB}/1.0", LIB])
@pytest.mark.gen_test
async def test_who_deletes_a_folder_has_to_say_so(depot: Depot, folder: str) -> None:
    await depot.put_all(release())
    error = await refused(depot, "DELETE", folder)
    assert isinstance(error, Invalid)
    assert "end the URL with a slash" in error.message
    assert await depot.read(JAR) == release()[JAR]
    assert isinstance(await refused(depot, "DELETE", "org/acme/none/1.0"), NotFound)
