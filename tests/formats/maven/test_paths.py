"""URL paths: every valid one means one thing, stands at one place in the index, and is found again from there."""

from __future__ import annotations

from fnmatch import fnmatchcase
from urllib.parse import unquote

import pytest

from mxart.errors import Invalid, NotFound
from mxart.formats.maven import names, paths
from mxart.formats.maven.names import FileName
from mxart.formats.maven.paths import MavenResource, parse

BUILD = "20261125.101112-3"

# --- artifacts ---------------------------------------------------------------------------------------------------

ARTIFACTS = [
    ("org/acme/lib/1.0/lib-1.0.jar", "org.acme", "lib", "1.0", FileName("", "", "jar")),
    ("junit/junit/4.13.2/junit-4.13.2.pom", "junit", "junit", "4.13.2", FileName("", "", "pom")),
    ("a/b/1/b-1-tests.pom", "a", "b", "1", FileName("", "tests", "pom")),
    (
        "com/acme/x/com.acme.x.gradle.plugin/1.0/com.acme.x.gradle.plugin-1.0.pom",
        *("com.acme.x", "com.acme.x.gradle.plugin", "1.0", FileName("", "", "pom")),
    ),
    ("org/acme/lib_2.13/1.0/lib_2.13-1.0.jar.asc", "org.acme", "lib_2.13", "1.0", FileName("", "", "jar.asc")),
    (
        "org/acme/sbt-x_2.12_1.0/0.1/sbt-x_2.12_1.0-0.1-sources.jar",
        *("org.acme", "sbt-x_2.12_1.0", "0.1", FileName("", "sources", "jar")),
    ),
    (
        "p2/osgi/bundle/org.acme.core/3.7.1.R37x_v2011-1106/org.acme.core-3.7.1.R37x_v2011-1106.jar",
        *("p2.osgi.bundle", "org.acme.core", "3.7.1.R37x_v2011-1106", FileName("", "", "jar")),
    ),
    (
        "org/acme/lib/1.0+b~1(x)[y]/lib-1.0+b~1(x)[y].tar.gz",
        *("org.acme", "lib", "1.0+b~1(x)[y]", FileName("", "", "tar.gz")),
    ),
    (
        f"org/acme/lib/1.0-SNAPSHOT/lib-1.0-{BUILD}-bin.zip",
        *("org.acme", "lib", "1.0-SNAPSHOT", FileName(BUILD, "bin", "zip")),
    ),
    (
        "org/acme/lib/1.0-SNAPSHOT/lib-1.0-SNAPSHOT.jar",
        *("org.acme", "lib", "1.0-SNAPSHOT", FileName("SNAPSHOT", "", "jar")),
    ),
    (f"a/b/SNAPSHOT/b-{BUILD}.jar", "a", "b", "SNAPSHOT", FileName(BUILD, "", "jar")),
    (f"a/b/1.SNAPSHOT/b-1.{BUILD}.jar", "a", "b", "1.SNAPSHOT", FileName(BUILD, "", "jar")),
    (f"a/b/1-{BUILD}/b-1-{BUILD}.jar", "a", "b", f"1-{BUILD}", FileName("", "", "jar")),
    ("a/b/1/b-1.jar.sigstore.json", "a", "b", "1", FileName("", "", "jar.sigstore.json")),
    ("a/b/1/b-1-yarn.lock", "a", "b", "1", FileName("", "yarn", "lock")),
    ("a/maven-metadata.xml/1/maven-metadata.xml-1.jar", "a", "maven-metadata.xml", "1", FileName("", "", "jar")),
    ("a/b.sha1/1.md5/b.sha1-1.md5.jar", "a", "b.sha1", "1.md5", FileName("", "", "jar")),
    ("a/b@c/1@2/b@c-1@2.jar", "a", "b@c", "1@2", FileName("", "", "jar")),
    ("ä b/日本/%2e/日本-%2e.jar", "ä b", "日本", "%2e", FileName("", "", "jar")),
]


@pytest.mark.parametrize(("path", "group", "artifact", "version", "name"), ARTIFACTS)
def test_artifacts(path: str, group: str, artifact: str, version: str, name: FileName) -> None:
    resource = parse(path)
    folders, _, filename = path.rpartition("/")
    assert resource == MavenResource(
        path=f"{folders.removesuffix(version)}@/{version}/{filename}",
        url_path=path,
        kind="artifact",
        package=f"{group}:{artifact}",
        group=group,
        artifact=artifact,
        version=version,
        name=name,
    )
    assert resource.filename == filename
    assert resource.title == path
    assert resource.path.startswith(paths.folder(group, artifact))
    assert resource.is_snapshot is version.endswith("SNAPSHOT")
    assert resource.build == (BUILD if name.build == BUILD else "")


@pytest.mark.parametrize("path", [row[0] for row in ARTIFACTS])
def test_an_artifact_is_found_again_from_everywhere(path: str) -> None:
    resource = parse(path)
    assert parse(resource.url_path) == resource
    assert paths.of_entry(resource.path) == resource
    assert paths.url_path(resource.path) == path
    assert paths.artifact(resource.group, resource.artifact, resource.version, resource.filename) == resource
    assert unquote(paths.quoted(path)) == path


def test_an_artifact_is_called_after_its_version() -> None:
    with pytest.raises(Invalid, match=r"lib-2\.0\.jar is not called after lib 1\.0"):
        paths.artifact("org.acme", "lib", "1.0", "lib-2.0.jar")


@pytest.mark.parametrize("path", [row[0] for row in ARTIFACTS])
@pytest.mark.parametrize("signature", ["", ".asc", ".sigstore.json"])
@pytest.mark.parametrize("algorithm", names.ALGORITHMS)
def test_checksums_of_artifacts_and_of_their_signatures(path: str, signature: str, algorithm: str) -> None:
    resource, of = parse(f"{path}{signature}.{algorithm}"), parse(path + signature)
    assert (resource.kind, resource.algorithm, resource.of) == ("checksum", algorithm, of)
    assert of.kind == "artifact"
    assert (resource.path, resource.url_path) == (f"{of.path}.{algorithm}", f"{of.url_path}.{algorithm}")
    assert (resource.package, resource.also) == (of.package, of.also)
    assert (resource.group, resource.artifact, resource.version) == (of.group, of.artifact, of.version)
    assert paths.url_path(resource.path) == resource.url_path


# --- metadata ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "place", "package", "also", "version"),
    [
        ("junit/maven-metadata.xml", "junit/@plugins/maven-metadata.xml", "junit:", (), ""),
        ("junit/junit/maven-metadata.xml", "junit/junit/@/maven-metadata.xml", "junit:junit", ("junit.junit:",), ""),
        (
            "org/acme/lib/maven-metadata.xml",
            *("org/acme/lib/@/maven-metadata.xml", "org.acme:lib", ("org.acme.lib:",), ""),
        ),
        ("org/acme/lib_2.13/maven-metadata.xml", "org/acme/lib_2.13/@/maven-metadata.xml", "org.acme:lib_2.13", (), ""),
        (
            "a/x/a.x.gradle.plugin/maven-metadata.xml",
            *("a/x/a.x.gradle.plugin/@/maven-metadata.xml", "a.x:a.x.gradle.plugin", (), ""),
        ),
        ("org/acme/lib/1.0/maven-metadata.xml", "org/acme/lib/1.0/@/maven-metadata.xml", "org.acme.lib:1.0", (), ""),
        (
            "org/acme/lib/1.0-SNAPSHOT/maven-metadata.xml",
            *("org/acme/lib/@/1.0-SNAPSHOT/maven-metadata.xml", "org.acme:lib", (), "1.0-SNAPSHOT"),
        ),
        ("a/b/SNAPSHOT/maven-metadata.xml", "a/b/@/SNAPSHOT/maven-metadata.xml", "a:b", (), "SNAPSHOT"),
        ("a/b/1.SNAPSHOT/maven-metadata.xml", "a/b/@/1.SNAPSHOT/maven-metadata.xml", "a:b", (), "1.SNAPSHOT"),
        (
            "org/acme/lib_2.13/1.0-SNAPSHOT/maven-metadata.xml",
            *("org/acme/lib_2.13/@/1.0-SNAPSHOT/maven-metadata.xml", "org.acme:lib_2.13", (), "1.0-SNAPSHOT"),
        ),
        (
            "a/x/a.x.gradle.plugin/1-SNAPSHOT/maven-metadata.xml",
            *("a/x/a.x.gradle.plugin/@/1-SNAPSHOT/maven-metadata.xml", "a.x:a.x.gradle.plugin", (), "1-SNAPSHOT"),
        ),
        (
            "a/1-SNAPSHOT/maven-metadata.xml",
            "a/1-SNAPSHOT/@/maven-metadata.xml",
            "a:1-SNAPSHOT",
            ("a.1-SNAPSHOT:",),
            "",
        ),
    ],
)
def test_metadata(path: str, place: str, package: str, also: tuple[str, ...], version: str) -> None:
    resource = parse(path)
    assert (resource.kind, resource.path, resource.url_path) == ("metadata", place, path)
    assert (resource.package, resource.also, resource.version) == (package, also, version)
    group, _, artifact = package.partition(":")
    assert (resource.group, resource.artifact) == ((group, artifact) if artifact else ("", ""))
    folder = path.removesuffix("/maven-metadata.xml")
    assert resource == (paths.snapshot_metadata(group, artifact, version) if version else paths.metadata(folder))
    checksum = parse(f"{path}.sha512")
    assert checksum == paths.checksum(resource, "sha512")
    assert checksum.also == also


@pytest.mark.parametrize(
    ("path", "plugin_group"),
    [
        ("junit/maven-metadata.xml", "junit"),
        ("org/acme/maven-metadata.xml", "org.acme"),
        ("org/acme/lib/maven-metadata.xml", "org.acme.lib"),
        ("org/acme/lib.core/maven-metadata.xml", ""),
        ("lib.core/maven-metadata.xml", ""),
        ("org/acme/lib/1.0-SNAPSHOT/maven-metadata.xml", ""),
    ],
)
def test_whose_plugins_metadata_names(path: str, plugin_group: str) -> None:
    assert parse(path).plugin_group == plugin_group


@pytest.mark.parametrize("rule", ["org.acme.lib:*", "org.acme:lib", "org.acme:*"])
def test_a_rule_for_either_name_of_metadata_holds(rule: str) -> None:
    resource = parse("org/acme/lib/maven-metadata.xml")
    assert any(fnmatchcase(name, rule) for name in (resource.package, *resource.also))


# --- what else there is ------------------------------------------------------------------------------------------

IVY = "org.acme.x.scala_2.12.sbt_1.0.1.ivys:"


@pytest.mark.parametrize(
    ("path", "place", "package"),
    [
        ("archetype-catalog.xml", "archetype-catalog.xml", ""),
        ("maven-metadata.xml", "maven-metadata.xml", ""),
        (".meta/repository-metadata.xml", ".meta/repository-metadata.xml", ".meta:"),
        (".index/nexus-maven-repository-index.gz", ".index/nexus-maven-repository-index.gz", ".index:"),
        (".index/a/b/c.gz", ".index/a/b/c.gz", ".index.a.b:"),
        ("org/acme/readme.txt", "org/acme/readme.txt", "org.acme:"),
        ("acme/1.0/acme-1.0.jar", "acme/1.0/acme-1.0.jar", "acme.1.0:"),
        ("org/acme/lib/1.0/readme.txt", "org/acme/lib/@/1.0/readme.txt", "org.acme:lib"),
        ("org/acme/lib/1.0", "org/acme/@/lib/1.0", "org:acme"),
        ("org/acme/lib/1.0/maven-metadata.xml.asc", "org/acme/lib/@/1.0/maven-metadata.xml.asc", "org.acme:lib"),
        # sbt's plugins before 1.9, and what Ivy makes of it
        ("org/acme/x_2.12_1.0/1/x-1.jar", "org/acme/x_2.12_1.0/@/1/x-1.jar", "org.acme:x_2.12_1.0"),
        ("org.acme/x/scala_2.12/sbt_1.0/1/ivys/ivy.xml", "org.acme/x/scala_2.12/sbt_1.0/1/ivys/ivy.xml", IVY),
        # a dot in a segment of a group: no group has one
        ("org.acme/lib/1.0/lib-1.0.jar", "org.acme/lib/1.0/lib-1.0.jar", "org.acme.lib.1.0:"),
        ("org.acme/x/lib/1.0/lib-1.0.jar", "org.acme/x/lib/1.0/lib-1.0.jar", "org.acme.x.lib.1.0:"),
        ("a.b/lib/1-SNAPSHOT/maven-metadata.xml", "a.b/lib/1-SNAPSHOT/maven-metadata.xml", "a.b.lib.1-SNAPSHOT:"),
        ("lib.core/1.0/maven-metadata.xml", "lib.core/1.0/maven-metadata.xml", "lib.core.1.0:"),
    ],
)
def test_files(path: str, place: str, package: str) -> None:
    resource = parse(path)
    assert (resource.kind, resource.path, resource.url_path) == ("file", place, path)
    assert resource.package == package
    assert paths.url_path(resource.path) == path
    assert parse(resource.url_path) == resource


@pytest.mark.parametrize(
    ("path", "place"), [("", "/"), ("org/", "org/"), ("org/acme/lib/1.0/", "org/acme/lib/1.0/"), (".meta/", ".meta/")]
)
def test_folders(path: str, place: str) -> None:
    resource = parse(path)
    assert (resource.kind, resource.path, resource.url_path, resource.package) == ("directory", place, path, "")


# --- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/", "//", "a//", "a//b", "/a", "a/./b", "a/../b", "../a", "a/..", "..", ".", "./", "a/../", "\x00", "a\nb"),
        *("a\\b", "a\\..\\b/c", ".git/config", "a/.meta/x", ".hidden", "a/b/1/.b-1.jar", "@", "@/a", "a/@"),
        *("a/b/@/1/b-1.jar", "a/@plugins/b/b-1.jar", "a/@plugins/", "a/b/1/@announced/x", "a/b/@/maven-metadata.xml"),
        *("a/.sha1", ".sha1", "a/..sha1", "a/.md5.sha1", "a/.asc.sha1", "a\u202e/b", "\udcff"),
        *("a/" * 65, "a/" * 64 + "b", "a" * 256, "a" * 256 + "/", "a/" * 50_000, "a" * 100_000, ("a" * 250 + "/") * 6),
    ],
    ids=lambda path: repr(path[:24]),
)
def test_hostile_paths(path: str) -> None:
    with pytest.raises(Invalid) as raised:
        parse(path)
    assert len(raised.value.message) < 600
    assert raised.value.message.isprintable()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (".meta/prefixes.txt", "is not served"),
        (".meta/prefixes.txt.sha1", "is not served"),
        ("a/b/1/_remote.repositories", "a note of a client"),
        ("a/b/1/b-1.jar.lastUpdated", "a note of a client"),
        ("a/b/1/b-1.jar.lastUpdated.sha1", "a note of a client"),
        ("a/b/maven-metadata-central.xml", "a note of a client"),
        ("a/b/maven-metadata-central.xml.sha1", "a note of a client"),
        ("_maven.repositories", "a note of a client"),
        ("a/b/1/b-1.jar.sha1.md5", "no checksums of checksum files"),
        ("a/b/1/b-1.jar.sha512.sha512", "no checksums of checksum files"),
        ("a/b/maven-metadata.xml.md5.sha1", "no checksums of checksum files"),
    ],
)
def test_what_none_serves(path: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        parse(path)


def test_no_path_leads_into_the_folder_of_another_package() -> None:
    folder = paths.folder("org.acme", "lib")
    alike = ["org/acme/lib/1.0/lib-1.0.jar", "org/acme/lib/x/1.0/x-1.0.jar", "org/acme/lib-x/1.0/lib-x-1.0.jar"]
    assert [parse(path).path.startswith(folder) for path in alike] == [True, False, False]


# --- marks, and what stands in the index -------------------------------------------------------------------------


def test_a_mark_lies_beside_those_of_its_group() -> None:
    of = parse("org/acme/say-maven-plugin/1.0/say-maven-plugin-1.0.jar")
    mark = paths.mark(of)
    assert mark.path == "org/acme/@plugins/say-maven-plugin/say-maven-plugin-1.0.jar"
    assert (mark.kind, mark.package, mark.url_path) == ("mark", "org.acme:say-maven-plugin", of.url_path)
    assert mark.path.startswith(paths.marks_folder("org.acme"))
    assert paths.is_mark(mark.path)
    assert not paths.is_mark(of.path)
    assert paths.of_entry(mark.path).kind == "mark"
    assert paths.of_entry(mark.path).path == mark.path


def test_marks_of_builds_of_one_snapshot_differ() -> None:
    marks = {
        paths.mark(parse(f"a/b/{version}/b-{base}.jar")).path
        for version, base in [("1-SNAPSHOT", f"1-{BUILD}"), ("1-SNAPSHOT", f"1-{BUILD}4"), ("1", "1"), ("2", "2")]
    }
    assert len(marks) == 4


@pytest.mark.parametrize(
    ("path", "kind", "package"),
    [
        ("org/acme/lib/@/1.0/lib-1.0.jar", "artifact", "org.acme:lib"),
        ("junit/junit/@/1/junit-1.pom.asc", "artifact", "junit:junit"),
        ("org/acme/lib/@/1.0/@announced/", "mark", "org.acme:lib"),
        (f"org/acme/lib/@/1.0-SNAPSHOT/@announced/{BUILD}", "mark", "org.acme:lib"),
        ("org/acme/lib/@/1.0/readme.txt", "mark", "org.acme:lib"),
        ("org/acme/lib/@/maven-metadata.xml", "mark", "org.acme:lib"),
        ("org/acme/@plugins/lib/lib-1.0.jar", "mark", ""),
        ("archetype-catalog.xml", "file", ""),
    ],
)
def test_what_stands_in_the_index(path: str, kind: str, package: str) -> None:
    resource = paths.of_entry(path)
    assert (resource.path, resource.kind, resource.package) == (path, kind, package)


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("org/acme/lib/1.0+b~1/lib-1.0+b~1.jar", "org/acme/lib/1.0+b~1/lib-1.0+b~1.jar"),
        ("a/[1,2)/(x)", "a/%5B1,2)/(x)"),
        ("a b?c#d%e", "a%20b%3Fc%23d%25e"),
        ("日本/ä", "%E6%97%A5%E6%9C%AC/%C3%A4"),
        ('"<>^`{|}', "%22%3C%3E%5E%60%7B%7C%7D"),
        ("a:b@c", "a:b%40c"),
        ("com/acme;x/lib", "com/acme%3Bx/lib"),
    ],
)
def test_quoting(path: str, url: str) -> None:
    assert paths.quoted(path) == url
    assert unquote(url) == path
