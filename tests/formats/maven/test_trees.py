from __future__ import annotations

from io import BytesIO

import pytest

from mxart.formats.maven import documents
from mxart.formats.maven.trees import Artifact, LeftOut, Why, naming, sort_out

SENT = [
    ("org/acme/lib/1.0", "lib-1.0.jar"),
    ("org/acme/lib/1.0", "lib-1.0.pom"),
    ("org/acme/lib/1.0", "lib-1.0.module"),
    ("org/acme/lib/1.0", "lib-1.0.jar.asc"),
    ("org/acme/lib/1.0", "lib-1.0.jar.sigstore.json"),
    ("org/acme/lib/1.0", "lib-1.0-linux-x86_64.tar.gz"),
    ("lib/lib/1.0", "lib-1.0.klib"),
    ("org/acme/lib/1.0-SNAPSHOT", "lib-1.0-20240101.000000-1.jar"),
    ("org/acme/lib/1.0+x~1", "lib-1.0+x~1.jar"),
]


@pytest.mark.parametrize(("folder", "name"), SENT)
def test_artifacts(folder: str, name: str) -> None:
    assert list(sort_out(folder, {name: 7})) == [Artifact(f"{folder}/{name}", 7)]


NOT_SENT = [
    ("org/acme/lib", "maven-metadata.xml", Why.GENERATED),
    ("org/acme/lib", "maven-metadata.xml.sha1", Why.GENERATED),
    ("org/acme/lib/1.0-SNAPSHOT", "maven-metadata.xml", Why.GENERATED),
    ("org/acme", "maven-metadata.xml", Why.GENERATED),
    ("org/acme/lib", "maven-metadata-local.xml", Why.BOOKKEEPING),
    ("org/acme/lib", "maven-metadata-corp.xml.sha1", Why.BOOKKEEPING),
    ("org/acme/lib/1.0", "_remote.repositories", Why.BOOKKEEPING),
    ("org/acme/lib/1.0", "_maven.repositories", Why.BOOKKEEPING),
    ("org/acme/lib/1.0", "lib-1.0.jar.lastUpdated", Why.BOOKKEEPING),
    ("org/acme/lib/1.0", "lib-1.0.jar.lock", Why.BOOKKEEPING),
    ("org/acme/lib/1.0", "m2e-lastUpdated.properties", Why.BOOKKEEPING),
    ("org/acme/lib", "resolver-status.properties", Why.BOOKKEEPING),
    ("org/acme/lib/1.0", ".lib-1.0.jar.swp", Why.HIDDEN),
    ("", "archetype-catalog.xml", Why.OUTSIDE),
    ("", "lib-1.0.jar", Why.OUTSIDE),
    ("org/acme/lib/1.0", "lib-2.0.jar", Why.OUTSIDE),
    ("org/acme/lib/1.0", "build.log", Why.OUTSIDE),
    ("org/acme/lib/1.0", "build.log.sha1", Why.OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0.jar.sha1.md5", Why.OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0\x00.jar", Why.OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0-\udcff.jar", Why.OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0-" + "x" * 300 + ".jar", Why.OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0.jar.sha1", Why.ORPHAN),
    ("org/acme/lib/1.0", "lib-1.0.jar.asc.md5", Why.ORPHAN),
]


@pytest.mark.parametrize(("folder", "name", "why"), NOT_SENT)
def test_what_is_not_sent(folder: str, name: str, why: Why) -> None:
    assert list(sort_out(folder, {name: None})) == [LeftOut(f"{folder}/{name}".lstrip("/"), why)]


def test_checksums_go_with_their_file() -> None:
    names = ["lib-1.0.jar.md5", "lib-1.0.jar.sha512", "lib-1.0.jar", "lib-1.0.jar.sha1"]
    folder = "org/acme/lib/1.0"
    assert list(sort_out(folder, dict.fromkeys(names))) == [
        Artifact(f"{folder}/lib-1.0.jar", None, ("sha512", "sha1", "md5"))
    ]


def test_only_a_snapshot_without_a_build_is_replaced() -> None:
    names = ["lib-1-SNAPSHOT.jar", "lib-1-20240101.000000-1.jar", "lib-1-SNAPSHOT-sources.jar", "lib-1-SNAPSHOT.pom"]
    sent = sort_out("g/lib/1-SNAPSHOT", dict.fromkeys(names))
    assert [(each.path.rpartition("/")[2], each.is_replaced) for each in sent if isinstance(each, Artifact)] == [
        ("lib-1-20240101.000000-1.jar", False),
        ("lib-1-SNAPSHOT-sources.jar", True),
        ("lib-1-SNAPSHOT.jar", True),
        ("lib-1-SNAPSHOT.pom", True),
    ]


def test_poms_come_last() -> None:
    names = ["lib-1.pom.asc", "lib-1.pom.sigstore", "lib-1.pom", "lib-1.war", "lib-1.jar", "lib-1.pom.sigstore.json"]
    sent = [each.path.rpartition("/")[2] for each in sort_out("g/lib/1", dict.fromkeys(names))]
    assert sent[:3] == ["lib-1.jar", "lib-1.war", "lib-1.pom"]
    assert sent[3:] == ["lib-1.pom.asc", "lib-1.pom.sigstore", "lib-1.pom.sigstore.json"]


def named(*files: str) -> tuple[str, documents.Metadata] | None:
    found = naming([Artifact(f"org/acme/lib/{file}", 1) for file in files])
    return None if found is None else (found[0], documents.parse(BytesIO(found[1])))


def test_what_has_a_pom_need_not_be_named() -> None:
    assert named() is None
    assert named("1.0/lib-1.0.jar", "1.0/lib-1.0.pom") is None
    build = "1.0-SNAPSHOT/lib-1.0-20240101.000000-1"
    assert named(f"{build}.jar", f"{build}.pom") is None


@pytest.mark.parametrize(
    ("files", "is_named"),
    [
        (["lib-1.0.pom", "lib-1.0-sources.jar"], True),
        (["lib-1.0.pom", "lib-1.0-linux.so", "lib-1.0-linux.so.asc"], True),
        (["lib-1.0.pom", "lib-1.0.jar", "lib-1.0-sources.jar"], False),
        (["lib-1.0.pom"], False),
        (["lib-1.0.pom", "lib-1.0.pom.asc", "lib-1.0.module"], False),
    ],
)
def test_what_has_nothing_but_classified_files_beside_its_pom_is_named(files: list[str], is_named: bool) -> None:
    assert (named(*(f"1.0/{file}" for file in files)) is not None) is is_named


def test_a_release_without_a_pom_is_named() -> None:
    found = named("1.0/lib-1.0.jar", "1.0/lib-1.0-sources.jar")
    assert found is not None
    assert found[0] == "org/acme/lib/maven-metadata.xml"
    assert found[1].versions == ("1.0",)


def test_of_a_snapshot_the_builds_without_a_pom_are_named() -> None:
    builds = [f"1.0-SNAPSHOT/lib-1.0-20240101.000000-{number}" for number in (1, 2, 3)]
    found = named(f"{builds[0]}.jar", f"{builds[1]}.jar", f"{builds[1]}.pom", f"{builds[2]}-tests.jar")
    assert found is not None
    assert found[0] == "org/acme/lib/1.0-SNAPSHOT/maven-metadata.xml"
    assert [(each.classifier, each.value) for each in found[1].snapshot_versions] == [
        ("", "1.0-20240101.000000-1"),
        ("tests", "1.0-20240101.000000-3"),
    ]
