"""The grammar of paths, versions and file names: what may be one, and what each is made of."""

from __future__ import annotations

import time

import pytest

from mxart.errors import Invalid
from mxart.formats.maven import names
from mxart.formats.maven.names import FileName, parse_filename

BUILD = "20261125.101112-3"

# --- segments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "org/acme/lib/1.0/lib-1.0.jar",
        "1.0+build~1/(a)[b]/{c}/a,b;c=d/a&b!$'*",
        "a b/ä/日本/%2e%2e/a%2Fb/a?b#c",
        "_a/-a/~a/a./a../a...b/a@b/C:",
        ".meta/repository-metadata.xml",
        ".index/nexus-index.gz",
        "a" * 255,
        "/".join("a" * 64),
        "/".join(["a" * 159] * 3),
    ],
)
def test_segments(path: str) -> None:
    names.check_segments(path.split("/"))


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        ([""], "1 to 255"),
        (["a", "", "b"], "1 to 255"),
        (["a" * 256], "1 to 255"),
        (["."], "begins with"),
        ([".."], "begins with"),
        (["..."], "begins with"),
        (["a", ".."], "begins with"),
        ([".git", "config"], "begins with"),
        ([".htaccess"], "begins with"),
        (["a", ".meta", "x"], "begins with"),
        (["a", ".index"], "begins with"),
        ([".Meta"], "begins with"),
        ([".metadata"], "begins with"),
        (["@"], "begins with"),
        (["a", "@", "b"], "begins with"),
        (["a", "@plugins"], "begins with"),
        (["a", "1.0", "@announced", "b"], "begins with"),
        (["a\\b"], "a character"),
        (["..\\a"], "a character"),
        (["a/b"], "a character"),
        (["a\x00"], "a character"),
        (["a\n"], "a character"),
        (["a\x7f"], "a character"),
        (["a\x85"], "a character"),
        (["a\u202eb"], "a character"),
        (["a\u200b"], "a character"),
        (["\ufeffa"], "a character"),
        (["\udcff"], "a character"),
        (["a"] * 65, "64 segments"),
        (["a" * 160] * 3, "480 characters"),
        (["a"] * 1_000_000, "64 segments"),
        (["a" * 100_000_000], "480 characters"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_are_no_segments(segments: list[str], message: str) -> None:
    with pytest.raises(Invalid, match=message) as raised:
        names.check_segments(segments)
    assert len(raised.value.message) < 600
    assert raised.value.message.isprintable()


# --- versions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "is_snapshot", "is_build", "stem"),
    [
        ("1.0-SNAPSHOT", True, False, "1.0-"),
        ("SNAPSHOT", True, False, ""),
        ("1.0.SNAPSHOT", True, False, "1.0."),
        ("1.0.BUILD-SNAPSHOT", True, False, "1.0.BUILD-"),
        ("1.0SNAPSHOT", True, False, "1.0"),
        ("main-SNAPSHOT-SNAPSHOT", True, False, "main-SNAPSHOT-"),
        ("1.0-snapshot", False, False, "1.0-snapshot"),  # as the resolver sees it
        ("1.0-SNAPSHOT-1", False, False, "1.0-SNAPSHOT-1"),
        ("1.0-SNAPSHOTS", False, False, "1.0-SNAPSHOTS"),
        ("1.0", False, False, "1.0"),
        (f"1.0-{BUILD}", False, True, f"1.0-{BUILD}"),
        (f"1.0.{BUILD}", False, True, f"1.0.{BUILD}"),
        (BUILD, False, True, BUILD),
        (f"1.0{BUILD}", False, False, f"1.0{BUILD}"),
        (f"{BUILD}-SNAPSHOT", True, False, f"{BUILD}-"),
        ("1.0-20261125.101112", False, False, "1.0-20261125.101112"),
        ("1.0-20261125-3", False, False, "1.0-20261125-3"),
        ("3.7.1.R37x_v20110808-1106", False, False, "3.7.1.R37x_v20110808-1106"),
        ("20040616", False, False, "20040616"),
    ],
)
def test_versions(version: str, is_snapshot: bool, is_build: bool, stem: str) -> None:
    assert names.is_snapshot(version) is is_snapshot
    assert names.is_build_of_snapshot(version) is is_build
    assert names.is_release(version) is not (is_snapshot or is_build)
    assert names.stem(version) == stem


@pytest.mark.parametrize(
    ("text", "is_build"),
    [
        (BUILD, True),
        ("20261125.101112-123456789", True),
        ("20261125.101112-1234567890", False),
        ("20261125.101112", False),
        ("20261125.101112-", False),
        ("2026112.101112-3", False),
        ("20261125-101112-3", False),
        ("SNAPSHOT", False),
        ("", False),
        (f"{BUILD}\n", False),
        (f"1.0-{BUILD}", False),
        ("٢٠٢٦١١٢٥.101112-3", False),
    ],
)
def test_builds(text: str, is_build: bool) -> None:
    assert names.is_build(text) is is_build


def test_builds_are_ordered_by_time_and_then_as_numbers() -> None:
    builds = ["20261125.101112-10", "20261125.101112-9", "20261124.235959-11", "20270101.000000-1"]
    assert sorted(builds, key=names.build_order) == [builds[2], builds[1], builds[0], builds[3]]


# --- file names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "classifier", "extension"),
    [
        (".jar", "", "jar"),
        (".pom", "", "pom"),
        (".module", "", "module"),
        ("-sources.jar", "sources", "jar"),
        ("-tests.pom", "tests", "pom"),
        ("-build.pom", "build", "pom"),
        ("-linux-x86_64-fedora.jar", "linux-x86_64-fedora", "jar"),
        ("-jdk1.5.jar", "jdk1.5", "jar"),
        ("--.jar", "-", "jar"),
        ("-2.0.jar", "2.0", "jar"),
        (".tar", "", "tar"),
        (".tar.gz", "", "tar.gz"),
        ("-bin.tar.bz2", "bin", "tar.bz2"),
        ("-tar.gz", "tar", "gz"),
        ("-1.tar.zst", "1", "tar.zst"),
        (".7z", "", "7z"),
        ("-src.7z", "src", "7z"),
        (".spdx.json", "", "spdx.json"),
        (".jar.pack.gz", "", "jar.pack.gz"),
        ("-cyclonedx.json", "cyclonedx", "json"),
        ("-kotlin-tooling-metadata.json", "kotlin-tooling-metadata", "json"),
        (".klib", "", "klib"),
        (".jar.asc", "", "jar.asc"),
        (".pom.asc", "", "pom.asc"),
        ("-sources.jar.asc", "sources", "jar.asc"),
        ("-bin.tar.gz.asc", "bin", "tar.gz.asc"),
        (".jar.sigstore", "", "jar.sigstore"),
        ("-sources.jar.sigstore", "sources", "jar.sigstore"),
        (".jar.sigstore.json", "", "jar.sigstore.json"),
        ("-sources.jar.sigstore.json", "sources", "jar.sigstore.json"),
        ("-sources.jar.sigstore.json.asc", "sources", "jar.sigstore.json.asc"),
        ("-sources.jar.asc.sigstore.json", "sources", "jar.asc.sigstore.json"),
        (".json", "", "json"),
        ("-sigstore.json", "sigstore", "json"),
        (".RELEASE.jar", "", "RELEASE.jar"),
        ("-a b+~(c)[d].jar", "a b+~(c)[d]", "jar"),
    ],
)
@pytest.mark.parametrize(
    ("artifact", "version", "beginning", "build"),
    [
        ("lib", "1.0", "lib-1.0", ""),
        ("lib.core_2.13", "1.0+b~1(x)[y]", "lib.core_2.13-1.0+b~1(x)[y]", ""),
        ("lib", "1.0-SNAPSHOT", f"lib-1.0-{BUILD}", BUILD),
        ("lib", "1.0-SNAPSHOT", "lib-1.0-SNAPSHOT", "SNAPSHOT"),
        ("lib", "SNAPSHOT", f"lib-{BUILD}", BUILD),
        ("lib", "SNAPSHOT", "lib-SNAPSHOT", "SNAPSHOT"),
        ("lib", "1.0.SNAPSHOT", f"lib-1.0.{BUILD}", BUILD),
        ("a.gradle.plugin", "1-SNAPSHOT", "a.gradle.plugin-1-20261125.101112-123456789", "20261125.101112-123456789"),
        ("a-SNAPSHOT", "1", "a-SNAPSHOT-1", ""),
    ],
)
def test_file_names(
    artifact: str, version: str, beginning: str, build: str, rest: str, classifier: str, extension: str
) -> None:
    assert parse_filename(beginning + rest, artifact, version) == FileName(build, classifier, extension)


@pytest.mark.parametrize(
    ("filename", "version"),
    [
        ("", "1.0"),
        ("lib.jar", "1.0"),
        ("lib-1.0", "1.0"),
        ("lib-1.0.", "1.0"),
        ("lib-1.0..", "1.0"),
        ("lib-1.0..jar", "1.0"),
        ("lib-1.0.a..jar", "1.0"),
        ("lib-1.0-.jar", "1.0"),
        ("lib-1.0-.tar.gz", "1.0"),
        ("lib-1.0-sources", "1.0"),
        ("lib-1.0-sources.", "1.0"),
        ("lib-1.0.1.jar", "1.0"),  # a file of another version
        ("lib-1.0.1.tar.gz", "1.0"),
        ("lib-1.01.jar", "1.0"),
        ("lib-1.0_2.13.jar", "1.0"),
        ("lib-1.0 .jar", "1.0"),
        ("LIB-1.0.jar", "1.0"),
        ("lib_2.12_1.0-1.0.jar", "1.0"),
        ("libx-1.0.jar", "1.0"),
        ("lib-2.0.jar", "1.0"),
        ("lib-1.0.asc", "1.0"),
        ("lib-1.0.sigstore.json", "1.0"),
        ("lib-1.0.asc.asc", "1.0"),
        ("lib-1.0-sources.asc", "1.0"),
        ("ivy-1.0.xml", "1.0"),
        ("maven-metadata.xml", "1.0"),
        (f"lib-1.0.{BUILD}.jar", "1.0-SNAPSHOT"),
        (f"lib-1.1-{BUILD}.jar", "1.0-SNAPSHOT"),
        ("lib-1.0-.jar", "1.0-SNAPSHOT"),
        ("lib-1.0-snapshot.jar", "1.0-SNAPSHOT"),
        ("lib-1.0-SNAPSHOTS.jar", "1.0-SNAPSHOT"),
        ("lib-1.0-20261125.101112.jar", "1.0-SNAPSHOT"),
        ("lib-1.0-20261125.101112-1234567890.jar", "1.0-SNAPSHOT"),
        ("lib-1.0-٢٠٢٦١١٢٥.101112-3.jar", "1.0-SNAPSHOT"),
        (f"lib-1.0-{BUILD}", "1.0-SNAPSHOT"),
        ("lib-1.0.jar", "1.0-SNAPSHOT"),
    ],
)
def test_files_that_are_not_called_after_their_version(filename: str, version: str) -> None:
    assert parse_filename(filename, "lib", version) is None


def test_a_pattern_in_a_name_is_no_pattern() -> None:
    assert parse_filename("lib-1.0.jar", "l.b", "1.0") is None
    assert parse_filename("lib-1.0-SNAPSHOT.jar", ".*", "1.0-SNAPSHOT") is None


def test_long_names_are_parsed_at_once() -> None:
    beginning = time.process_time()
    for rest in ("." * 250, "-" * 250, ".asc" * 60, ".tar" * 60, ".a.lock" * 35, "1.a" * 80):
        parse_filename(f"l-1{rest}", "l", "1")
        names.is_bookkeeping(f"l-1{rest}")
    assert time.process_time() - beginning < 5


# --- notes of clients --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "filename",
    [
        "_remote.repositories",
        "_remote.repositories.lock",
        "_maven.repositories",
        "resolver-status.properties",
        "resolver-status.properties.tmp",
        "m2e-lastUpdated.properties",
        "maven-metadata-central.xml",
        "maven-metadata-local.xml",
        "maven-metadata-a.b.xml.sha1",
        "maven-metadata-.xml",
        "lib-1.0.jar.lastUpdated",
        "lib-1.0.jar.part",
        "lib-1.0.jar.part.lock",
        "lib-1.0.jar.lock",
        "lib-1.0.pom.123456789.tmp",
        "maven-metadata-central.xml.9.tmp",
    ],
)
def test_notes_of_clients(filename: str) -> None:
    assert names.is_bookkeeping(filename)


@pytest.mark.parametrize(
    "filename",
    [
        "maven-metadata.xml",
        "maven-metadata.xml.sha1",
        "lib-1.0.jar",
        "lib-1.0.lock",
        "lib-1.0-yarn.lock",
        "lib-1.0.Final-yarn.lock",
        "lib-1.0-dependencies.lock",
        "lib-1.0-disk.part",
        "lastUpdated",
        "_remote.repositories.xml",
        "x_remote.repositories",
        "resolver-status.property",
    ],
)
def test_what_are_none(filename: str) -> None:
    assert not names.is_bookkeeping(filename)
