from __future__ import annotations

import pytest

from mxart.cli.mavenfiles import BOOKKEEPING, GENERATED, ORPHAN, OUTSIDE, Artifact, sort_out
from mxart.cli.trees import HIDDEN, Folder, Found, LeftOut, Reason

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
    assert list(sort_out(Folder(folder, [Found(name, 7)]))) == [Artifact(f"{folder}/{name}", 7)]


NOT_SENT = [
    ("org/acme/lib", "maven-metadata.xml", GENERATED),
    ("org/acme/lib", "maven-metadata.xml.sha1", GENERATED),
    ("org/acme/lib/1.0-SNAPSHOT", "maven-metadata.xml", GENERATED),
    ("org/acme", "maven-metadata.xml", GENERATED),
    ("org/acme/lib", "maven-metadata-local.xml", BOOKKEEPING),
    ("org/acme/lib", "maven-metadata-corp.xml.sha1", BOOKKEEPING),
    ("org/acme/lib/1.0", "_remote.repositories", BOOKKEEPING),
    ("org/acme/lib/1.0", "_maven.repositories", BOOKKEEPING),
    ("org/acme/lib/1.0", "lib-1.0.jar.lastUpdated", BOOKKEEPING),
    ("org/acme/lib/1.0", "lib-1.0.jar.lock", BOOKKEEPING),
    ("org/acme/lib/1.0", "m2e-lastUpdated.properties", BOOKKEEPING),
    ("org/acme/lib", "resolver-status.properties", BOOKKEEPING),
    ("org/acme/lib/1.0", ".lib-1.0.jar.swp", HIDDEN),
    ("", "archetype-catalog.xml", OUTSIDE),
    ("", "lib-1.0.jar", OUTSIDE),
    ("org/acme/lib/1.0", "lib-2.0.jar", OUTSIDE),
    ("org/acme/lib/1.0", "build.log", OUTSIDE),
    ("org/acme/lib/1.0", "build.log.sha1", OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0.jar.sha1.md5", OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0\x00.jar", OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0-\udcff.jar", OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0-" + "x" * 300 + ".jar", OUTSIDE),
    ("org/acme/lib/1.0", "lib-1.0.jar.sha1", ORPHAN),
    ("org/acme/lib/1.0", "lib-1.0.jar.asc.md5", ORPHAN),
]


@pytest.mark.parametrize(("folder", "name", "reason"), NOT_SENT)
def test_what_is_not_sent(folder: str, name: str, reason: Reason) -> None:
    found = Folder(folder, [Found(name)])
    assert list(sort_out(found)) == [LeftOut(found.path_of(name), reason)]


def test_checksums_go_with_their_file() -> None:
    found = [Found(name) for name in ("lib-1.0.jar.md5", "lib-1.0.jar.sha512", "lib-1.0.jar", "lib-1.0.jar.sha1")]
    folder = "org/acme/lib/1.0"
    assert list(sort_out(Folder(folder, found))) == [Artifact(f"{folder}/lib-1.0.jar", None, ("sha512", "sha1", "md5"))]


def test_only_a_snapshot_without_a_build_is_replaced() -> None:
    names = ["lib-1-SNAPSHOT.jar", "lib-1-20240101.000000-1.jar", "lib-1-SNAPSHOT-sources.jar", "lib-1-SNAPSHOT.pom"]
    sent = sort_out(Folder("g/lib/1-SNAPSHOT", [Found(name) for name in names]))
    assert [(each.path.rpartition("/")[2], each.is_replaced) for each in sent if isinstance(each, Artifact)] == [
        ("lib-1-20240101.000000-1.jar", False),
        ("lib-1-SNAPSHOT-sources.jar", True),
        ("lib-1-SNAPSHOT.jar", True),
        ("lib-1-SNAPSHOT.pom", True),
    ]


def test_poms_come_last() -> None:
    names = ["lib-1.pom.asc", "lib-1.pom", "lib-1.war", "lib-1.jar", "lib-1.pom.sigstore.json"]
    sent = [each.path.rpartition("/")[2] for each in sort_out(Folder("g/lib/1", [Found(name) for name in names]))]
    assert sent == ["lib-1.jar", "lib-1.war", "lib-1.pom", "lib-1.pom.asc", "lib-1.pom.sigstore.json"]
