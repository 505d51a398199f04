"""How Maven's resources are kept, checked, merged and answered; `FormatSuite` has what all formats must do."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from typing import ClassVar

import pytest

from mxart import errors
from mxart.contract import Checksum, Context, Format
from mxart.errors import Corrupt, Gone, Invalid, NotFound, Unsupported
from mxart.formats import FORMATS
from mxart.formats.maven import documents, paths
from mxart.formats.maven.documents import MAX_METADATA, Metadata
from mxart.formats.maven.format import MavenFormat
from mxart.formats.maven.paths import MavenResource
from mxart.formats.maven.pom import MAX_POM
from mxart.formats.maven.settings import MavenSettings
from mxart.model import Bytes, Entry, Redirect, Request, Resource
from tests.formats.maven.depot import jar, pom
from tests.formats.press import Press
from tests.formats.suite import FormatSuite, Shelf, in_pieces
from tests.store.builders import digest_of
from tests.support.children import children_of

MIB = 1 << 20
LIB = "org/acme/lib"
JAR = f"{LIB}/1.0/lib-1.0.jar"
BUILD = f"{LIB}/1.1-SNAPSHOT/lib-1.1-20240102.030405-6.jar"
MUTABLE = f"{LIB}/1.1-SNAPSHOT/lib-1.1-SNAPSHOT.jar"
METADATA = f"{LIB}/maven-metadata.xml"
BUILDS = f"{LIB}/1.1-SNAPSHOT/maven-metadata.xml"
PAGE = b"<!doctype html>\n<title>Please log in</title>\n"


def ask(path: str) -> MavenResource:
    return paths.parse(path)


def versions(*listed: str) -> bytes:
    return documents.render(Metadata(group="org.acme", artifact="lib", versions=listed))


class TestMaven(FormatSuite):
    factory = FORMATS["maven"]
    settings = MavenSettings()
    media_type_of_errors = "application/problem+json"
    media_types: ClassVar[Mapping[int, str]] = {404: "text/plain; charset=utf-8"}
    has_folders = True
    legal = frozenset({"", "C:/boot.ini", "%2e%2e/%2e%2e/etc/passwd", "-/health", "?", "#", "%", "%zz"})
    paths = (
        JAR,
        f"{LIB}/1.0/lib-1.0.pom",
        f"{LIB}/1.0/lib-1.0.module",
        f"{LIB}/1.0/lib-1.0-linux-x86_64.tar.gz",
        f"{LIB}/1.0/lib-1.0.jar.asc",
        f"{JAR}.md5",
        f"{JAR}.sha1",
        f"{JAR}.sha256",
        f"{JAR}.sha512",
        f"{JAR}.asc.sha1",
        BUILD,
        f"{BUILD}.sha1",
        MUTABLE,
        f"{MUTABLE}.sha1",
        METADATA,
        f"{METADATA}.sha1",
        BUILDS,
        f"{BUILDS}.sha512",
        "org/maven-metadata.xml",
        "junit/junit/4.13/junit-4.13.jar",
        "org/acme/lib/1.0+x~1/lib-1.0+x~1.jar",
        "org/acme/a.b/[1]/a.b-[1].jar",
        "org/acme/lib/1.0/README.txt",
        "archetype-catalog.xml",
        "archetype-catalog.xml.sha1",
    )
    uploads = (
        (JAR, jar(), b""),
        (f"{LIB}/1.0/lib-1.0.pom", pom(), b"<project/>"),
    )
    indexes = (
        (METADATA, (versions("1.0", "1.10"), versions("1.9", "1.0"), versions())),
        (BUILDS, (documents.render(Metadata(version="1.1-SNAPSHOT")), documents.render(Metadata(group="org.acme")))),
    )

    def asked_at(self, resource: Resource) -> str:
        assert isinstance(resource, MavenResource)
        return resource.url_path

    @pytest.mark.gen_test
    async def test_an_upload_that_is_refused_leaves_nothing(self, ecosystem: Format) -> None:
        """Of a jar nothing is: what is in it is the business of those who read it."""
        for path, _, refused in self.uploads[1:]:
            press = Press(ecosystem)
            with pytest.raises(Invalid):
                await self.put(ecosystem, press, path, in_pieces(refused))
            assert (press.held, press.left_behind) == ({}, [])

    @pytest.mark.gen_test
    async def test_indexes_are_never_published_or_deleted(self, ecosystem: Format) -> None:
        """Clients send their own, which are read and not kept."""
        for path, (document, *_) in self.indexes:
            press = Press(ecosystem)
            assert (await self.put(ecosystem, press, path, in_pieces(document))).status == 201
            with pytest.raises(Unsupported) as caught:
                await ecosystem.answer(Request(method="DELETE", path=path), ask(path), press, Context())
            assert "DELETE" not in caught.value.allowed
            assert "PUT" in caught.value.allowed
            assert (press.uploads, press.held) == ([], {})


# --- how it is kept ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "immutable", "media_type", "max_size", "document"),
    [
        (JAR, True, "application/java-archive", 64 << 30, False),
        (f"{LIB}/1.0/lib-1.0.pom", True, "application/xml", MAX_POM, True),
        (f"{LIB}/1.0/lib-1.0.module", True, "application/vnd.org.gradle.module+json", 64 << 30, False),
        (f"{LIB}/1.0/lib-1.0.pom.asc", True, "application/pgp-signature", 64 << 30, False),
        (BUILD, True, "application/java-archive", 64 << 30, False),
        (MUTABLE, False, "application/java-archive", 64 << 30, False),
        (f"{JAR}.sha1", True, "text/plain; charset=utf-8", 4096, True),
        (f"{BUILD}.sha1", True, "text/plain; charset=utf-8", 4096, True),
        (f"{MUTABLE}.sha1", False, "text/plain; charset=utf-8", 4096, True),
        (f"{METADATA}.sha1", False, "text/plain; charset=utf-8", 4096, True),
        (METADATA, False, "application/xml", MAX_METADATA, True),
        (BUILDS, False, "application/xml", MAX_METADATA, True),
        (f"{LIB}/1.0/README.txt", False, "text/plain; charset=utf-8", 64 << 30, False),
        ("archetype-catalog.xml", False, "application/xml", 64 << 30, False),
        ("org/acme/", False, "application/octet-stream", 64 << 30, False),
    ],
)
def test_policy(path: str, immutable: bool, media_type: str, max_size: int, document: bool) -> None:
    policy = MavenFormat(MavenSettings()).policy(ask(path))
    kept = (policy.immutable, policy.media_type, policy.max_size, policy.document)
    assert kept == (immutable, media_type, max_size, document)
    assert (policy.digest, policy.unit) == (None, None)


@pytest.mark.parametrize(
    ("path", "folder", "within"),
    [
        (JAR, f"{LIB}/@/", ""),
        (f"{JAR}.sha1", f"{LIB}/@/", ""),
        (METADATA, f"{LIB}/@/", f"{LIB}/@"),
        (BUILDS, f"{LIB}/@/", f"{LIB}/@/1.1-SNAPSHOT/"),
        ("org/maven-metadata.xml", "", "org/@plugins/"),
        ("archetype-catalog.xml", "", ""),
        ("org/acme/", "", ""),
    ],
)
def test_what_belongs_to_an_artifact(path: str, folder: str, within: str) -> None:
    policy = MavenFormat(MavenSettings()).policy(ask(path))
    assert (policy.folder, policy.within) == (folder, within)
    assert policy.index is path.endswith("maven-metadata.xml")


@pytest.mark.parametrize("redeploy", ["deny", "allow"])
def test_what_may_be_deployed_again(redeploy: str) -> None:
    ecosystem = MavenFormat(MavenSettings(redeploy=redeploy))
    assert ecosystem.policy(ask(JAR)).replaceable is (redeploy == "allow")
    assert ecosystem.policy(ask(BUILD)).replaceable
    assert ecosystem.policy(ask(MUTABLE)).replaceable


def test_checksum_files_are_of_their_files() -> None:
    ecosystem = MavenFormat(MavenSettings())
    for of in (JAR, f"{JAR}.asc", BUILD, METADATA, "archetype-catalog.xml"):
        policy = ecosystem.policy(ask(f"{of}.sha256"))
        assert (policy.checksum, policy.checksums, policy.proof) == (Checksum(ask(of), "sha256"), (), None)
        assert ecosystem.policy(ask(of)).checksums == ("md5", "sha1", "sha512")


@pytest.mark.parametrize(
    ("policy", "path", "must", "files"),
    [
        ("fail", JAR, True, ["sha1", "sha256", "sha512", "md5"]),
        ("warn", JAR, False, ["sha1", "sha256", "sha512", "md5"]),
        ("fail", BUILD, True, ["sha1", "sha256", "sha512", "md5"]),
        ("fail", MUTABLE, True, []),  # between two requests it may change
        ("warn", MUTABLE, False, []),
    ],
)
def test_what_proves_content(policy: str, path: str, must: bool, files: list[str]) -> None:
    ecosystem = MavenFormat(MavenSettings(checksum_policy=policy))
    proof = ecosystem.policy(ask(path)).proof
    assert proof is not None
    assert [document.path for document in proof.documents] == [f"{ask(path).path}.{kind}" for kind in files]
    assert proof.must is must
    for document in proof.documents:
        assert ecosystem.upstream_path(document) == f"{path}.{document.path.rpartition('.')[2]}"
        algorithm = document.path.rpartition(".")[2]
        found = proof.read(document, hashlib.new(algorithm, b"x").hexdigest().upper().encode() + b"  x.jar\n")
        assert found is not None
        assert (found.algorithm, found.hex) == (algorithm, hashlib.new(algorithm, b"x").hexdigest())
        assert proof.read(document, PAGE) is None
    stated = proof.stated({"x-checksum-sha1": hashlib.sha1(b"x").hexdigest(), "etag": '"1"'})
    assert [digest.algorithm for digest in stated] == ["sha1"]


@pytest.mark.parametrize("path", [METADATA, f"{JAR}.sha1", f"{LIB}/1.0/README.txt", "org/acme/"])
def test_what_is_not_proved(path: str) -> None:
    assert MavenFormat(MavenSettings()).policy(ask(path)).proof is None
    assert MavenFormat(MavenSettings(checksum_policy="ignore")).policy(ask(JAR)).proof is None


def test_a_resource_of_another_format_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        MavenFormat(MavenSettings()).policy(Resource(path="x", kind="artifact"))


# --- checks, merges, indexes ---------------------------------------------------------------------------------------

SHA1 = hashlib.sha1(b"x").hexdigest().encode()
RIGHT = {
    JAR: jar(),
    f"{LIB}/1.0/lib-1.0.pom": pom(),
    f"{JAR}.sha1": SHA1 + b"  lib-1.0.jar\n",
    METADATA: versions("1.0"),
    BUILDS: documents.render(Metadata(version="1.1-SNAPSHOT")),
    "archetype-catalog.xml": b"<archetype-catalog/>",
}


@pytest.mark.parametrize("path", RIGHT)
def test_each_kind_passes_its_check(path: str) -> None:
    file = io.BytesIO(RIGHT[path])
    file.read()  # whoever wrote it left the position at the end
    assert MavenFormat(MavenSettings()).check(ask(path), file) == ""


@pytest.mark.parametrize("path", RIGHT)
@pytest.mark.parametrize(
    "page",
    [
        PAGE,
        b"<html><body>404</body></html>",
        b"\xef\xbb\xbf \r\n<!DOCTYPE HTML PUBLIC>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">\n<html/>',
        b"<!-- generated --><HTML lang=en>",
    ],
)
def test_no_kind_takes_a_web_page(path: str, page: bytes) -> None:
    with pytest.raises(Corrupt) as caught:
        MavenFormat(MavenSettings()).check(ask(path), io.BytesIO(page))
    assert 10 < len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (f"{LIB}/1.0/lib-1.0.html", PAGE),  # it is meant to be one
        (f"{LIB}/1.0/lib-1.0-report.xhtml", PAGE),
        (JAR, b"see <html>"),
        (JAR, b""),
        (f"{LIB}/1.0/lib-1.0.pom", b"<project><name>&eacute;</name>"),  # clients read such ones
        (f"{LIB}/1.0/lib-1.0.xml", b"<!-- <html> --><htmlish/>"),
        (f"{LIB}/1.0/lib-1.0.xml", b"<!--" * 200),
    ],
)
def test_what_is_not_judged(path: str, content: bytes) -> None:
    assert MavenFormat(MavenSettings()).check(ask(path), io.BytesIO(content)) == ""


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"0123", SHA1[:-1], SHA1 + b"0", b"g" * 40, b"\xff" * 40, b"x" * 4000, hashlib.md5().digest()]
)
def test_a_checksum_file_holds_a_checksum(text: bytes) -> None:
    with pytest.raises(Corrupt, match="sha1"):
        MavenFormat(MavenSettings()).check(ask(f"{JAR}.sha1"), io.BytesIO(text))


@pytest.mark.parametrize("path", [JAR, f"{JAR}.sha1", f"{METADATA}.sha1", "archetype-catalog.xml"])
def test_files_are_neither_merged_nor_generated(path: str) -> None:
    with pytest.raises(Unsupported):
        MavenFormat(MavenSettings()).merge(ask(path), [], io.BytesIO())
    with pytest.raises(Unsupported):
        MavenFormat(MavenSettings()).generate(ask(path), [], io.BytesIO())


def entry(name: str, **facts: str) -> Entry:
    return Entry(repository="r", path=f"{LIB}/@/{name}", created=1e9, facts=facts)


def test_metadata_is_generated_from_what_is_whole() -> None:
    held = [
        entry("1.0/lib-1.0.pom", packaging="jar"),
        entry("1.0/lib-1.0.jar"),
        entry("1.1/lib-1.1.pom", packaging="jar"),
        entry("2.0/lib-2.0.jar"),
    ]
    out = io.BytesIO()
    MavenFormat(MavenSettings()).generate(ask(METADATA), held, out)
    found = documents.parse(io.BytesIO(out.getvalue()))
    assert (found.versions, found.release, found.updated) == (("1.0",), "1.0", "20010909014640")
    with pytest.raises(NotFound):
        MavenFormat(MavenSettings()).generate(ask(METADATA), held[2:], out)


@pytest.mark.parametrize(
    ("settings", "unused"),
    [
        (MavenSettings(), []),
        (MavenSettings(keep_snapshots=1), ["20240101.000000-1", "20240102.000000-2"]),
        (MavenSettings(keep_snapshots=2), ["20240101.000000-1"]),
        (MavenSettings(snapshot_max_age="1 h"), ["20240101.000000-1", "20240102.000000-2"]),
    ],
)
def test_builds_have_their_time(settings: MavenSettings, unused: list[str]) -> None:
    builds = ["20240101.000000-1", "20240102.000000-2", "20240103.000000-3"]
    held = [
        Entry(repository="r", path=f"{LIB}/@/1.0-SNAPSHOT/lib-1.0-{build}.{kind}", digest=digest_of(b""), created=1.0)
        for build in builds
        for kind in ("jar", "pom")
    ]
    gone = [Entry(repository="r", path=f"{LIB}/@/1.0-SNAPSHOT/lib-1.0-20250101.000000-9.{k}") for k in ("jar", "pom")]

    ecosystem = MavenFormat(settings)
    assert ecosystem.ages is bool(unused)
    found = ecosystem.outdated([*held, *gone], 10_000.0)
    assert sorted(each.path for each in found) == sorted(
        each.path for each in held if any(build in each.path for build in unused)
    )


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "redeploy", "expected"),
    [
        (JAR, "deny", "max-age=31536000, immutable"),
        (f"{LIB}/1.0/lib-1.0.pom", "deny", "max-age=31536000, immutable"),
        (BUILD, "deny", "no-cache"),  # it may be deployed again
        (JAR, "allow", "no-cache"),
        (MUTABLE, "deny", "no-cache"),
        (METADATA, "deny", "no-cache"),
        (f"{METADATA}.sha1", "deny", "no-cache"),
        ("archetype-catalog.xml", "deny", "no-cache"),
    ],
)
@pytest.mark.gen_test
async def test_caches_are_told_how_long(path: str, redeploy: str, expected: str) -> None:
    ecosystem = MavenFormat(MavenSettings(redeploy=redeploy))
    response = await ecosystem.answer(Request(method="HEAD", path=path), ask(path), Shelf(), Context())
    assert response.headers["Cache-Control"] == expected
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.gen_test
async def test_checksums_that_are_known_go_along() -> None:
    ecosystem = MavenFormat(MavenSettings())
    press, request = Press(ecosystem), Request(method="PUT", path=JAR, body=in_pieces(b"content"))
    await ecosystem.answer(request, ask(JAR), press, Context())
    response = await ecosystem.answer(Request(method="GET", path=JAR), ask(JAR), press, Context())
    assert response.headers["X-Checksum-SHA256"] == hashlib.sha256(b"content").hexdigest()
    assert response.content is not None
    response.content.close()


@pytest.mark.gen_test
async def test_a_place_to_fetch_from_is_not_told_for_ever() -> None:
    class Elsewhere(Shelf):
        async def get(self, resource: Resource, context: Context) -> Redirect:
            return Redirect(url="https://blobs.example.org/1?signature=2")

    response = await MavenFormat(MavenSettings()).answer(
        Request(method="GET", path=JAR), ask(JAR), Elsewhere(), Context()
    )
    assert isinstance(response.content, Redirect)
    assert response.headers == {}


class Folder(Shelf):
    """Nothing but one jar."""

    async def children(self, folder, after, limit, context):  # type: ignore[no-untyped-def]
        held = Entry(repository="r", path=ask(JAR).path, digest=digest_of(b""))
        return children_of([held], folder.path, after, limit)


@pytest.mark.parametrize(
    ("method", "accept", "path", "status"),
    [
        ("GET", "text/html,*/*;q=0.8", "org/acme", 302),
        ("GET", "text/html", "org/acme/lib", 302),
        ("GET", "text/html", "org/acme/lib/1.0", 302),
        ("GET", "text/html", "org/acme/other", 404),
        ("GET", "text/html", JAR, 404),
        ("GET", "*/*", "org/acme", 404),
        ("GET", "", "org/acme", 404),
        ("HEAD", "text/html", "org/acme", 404),
        ("GET", "", "org/acme/", 200),
        ("GET", "", "org/acme/lib/1.0/", 200),
        ("HEAD", "", "", 200),
        ("GET", "text/html", "org/other/", 404),
    ],
)
@pytest.mark.gen_test
async def test_people_are_led_to_the_pages_of_folders(method: str, accept: str, path: str, status: int) -> None:
    request = Request(method=method, path=path, headers={"accept": accept}, base_url="https://example.org/maven")
    shelf = Folder(failure=None)
    shelf.get = absent  # type: ignore[method-assign]
    ecosystem = MavenFormat(MavenSettings())
    if status == 404:
        with pytest.raises(NotFound):
            await ecosystem.answer(request, ask(path), shelf, Context())
        return
    response = await ecosystem.answer(request, ask(path), shelf, Context())
    assert response.status == status
    if status == 302:
        assert response.content == Redirect(url=f"https://example.org/maven/{path}/")
    else:
        assert isinstance(response.content, Bytes)
        assert response.content.media_type == "text/html; charset=utf-8"


async def absent(resource: Resource, context: Context) -> Bytes:
    raise NotFound(f"{resource.path} is not here")


@pytest.mark.parametrize("failure", [errors.Denied("blocked"), errors.Unavailable("away"), errors.BadUpstream("odd")])
@pytest.mark.gen_test
async def test_people_are_told_of_failures_too(failure: errors.MxartError) -> None:
    request = Request(method="GET", path="org/acme", headers={"accept": "text/html"})
    with pytest.raises(type(failure)):
        await MavenFormat(MavenSettings()).answer(request, ask("org/acme"), Shelf(failure=failure), Context())


@pytest.mark.parametrize(
    ("failure", "status", "told"),
    [
        (NotFound("not here"), 404, 404),
        (Gone("deleted on a Monday"), 410, 404),  # older clients know no other word for it
        (errors.Conflict("other content"), 409, 409),
        (errors.StoreFull("no room"), 507, 507),
    ],
)
def test_errors_are_told_in_the_status_line_too(failure: errors.MxartError, status: int, told: int) -> None:
    response = MavenFormat(MavenSettings()).failure(failure, status)
    assert (response.status, response.reason) == (told, failure.message)
