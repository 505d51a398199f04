"""What metadata follows from what is held: nothing of which a part is missing is named."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping

import pytest

from mxart.errors import NotFound
from mxart.formats.maven import holdings, paths
from mxart.formats.maven.documents import Metadata, Plugin, Snapshot, SnapshotVersion
from mxart.formats.maven.holdings import Build, Keeping, builds, metadata, outdated, outdated_entries
from mxart.model import Digest, Entry

LIB = paths.folder("org.acme", "lib")
OF_LIB = paths.parse("org/acme/lib/maven-metadata.xml")
OF_SNAPSHOT = paths.parse("org/acme/lib/1.0-SNAPSHOT/maven-metadata.xml")
DAY = 86_400.0
JAR = {holdings.PACKAGING: "jar"}
POM = {holdings.PACKAGING: "pom"}
GRADLE = {**JAR, holdings.GRADLE: "yes"}


def entry(path: str, created: float = 0.0, facts: Mapping[str, str] = JAR) -> Entry:
    return Entry(
        repository="hosted",
        path=path,
        digest=Digest("sha256", "ab" * 32),
        created=created,
        facts=facts if path.endswith(".pom") or paths.is_mark(path) else {},
    )


def release(version: str, *endings: str, created: float = 0.0, facts: Mapping[str, str] = JAR) -> list[Entry]:
    return [entry(f"{LIB}{version}/lib-{version}{ending}", created, facts) for ending in endings]


def snapshot(build: str, *endings: str, created: float = 0.0, facts: Mapping[str, str] = JAR) -> list[Entry]:
    return [entry(f"{LIB}1.0-SNAPSHOT/lib-1.0-{build}{ending}", created, facts) for ending in endings]


def announced(version: str, build: str = "") -> Entry:
    return entry(paths.announcement("org.acme", "lib", version, build).path)


def build_of(day: int, number: int) -> str:
    return f"202611{day:02}.101112-{number}"


# --- what is whole -----------------------------------------------------------------------------------------------

WHOLE: list[tuple[list[str], Mapping[str, str], bool]] = [
    ([".pom", ".jar"], JAR, True),
    ([".pom", "-sources.jar"], JAR, False),
    ([".pom", ".tar.gz"], JAR, True),
    ([".pom", ".aar"], {holdings.PACKAGING: "aar"}, True),
    ([".pom"], JAR, False),
    ([".jar"], JAR, False),
    ([".jar", "-sources.jar", ".jar.asc", ".module"], JAR, False),
    ([".jar", "-tests.pom"], POM, False),  # a POM with a classifier is another file
    ([".pom", "-build.pom"], JAR, False),
    ([".pom", ".pom.asc", ".pom.sigstore.json", ".pom.sigstore", ".jar.asc"], JAR, False),
    ([".pom"], POM, True),
    ([".pom", ".pom.asc"], POM, True),
    ([".pom"], {}, False),
    ([".pom", ".jar"], {}, True),
    ([".pom", ".jar"], GRADLE, False),
    ([".pom", ".jar", "-x.module", ".module.asc"], GRADLE, False),
    ([".pom", ".module"], GRADLE, False),
    ([".pom", ".jar", ".module"], GRADLE, True),
    ([".pom", ".module"], {**GRADLE, **POM}, True),  # a platform
    ([".pom"], {**GRADLE, **POM}, False),
    ([".pom", ".jar", ".module"], JAR, True),
]


@pytest.mark.parametrize(("endings", "facts", "is_whole"), WHOLE)
def test_what_is_whole(endings: list[str], facts: Mapping[str, str], is_whole: bool) -> None:
    for entries in (release("1.0", *endings, facts=facts), snapshot(build_of(1, 1), *endings, facts=facts)):
        for each in itertools.islice(itertools.permutations(entries), 24):
            ((build,),) = ([*held.values()] for held in builds("lib", each).values())
            assert build.is_whole is is_whole
    assert is_named("1.0", release("1.0", *endings, facts=facts)) is is_whole


@pytest.mark.parametrize("endings", [row[0] for row in WHOLE])
def test_what_a_client_has_named_is_whole(endings: list[str]) -> None:
    assert is_named("1.0", [*release("1.0", *endings, facts=GRADLE), announced("1.0")])
    assert is_named("1.0", [announced("1.0"), *release("1.0", *endings, facts=GRADLE)])


def is_named(version: str, entries: Iterable[Entry]) -> bool:
    try:
        return version in metadata(OF_LIB, list(entries)).versions
    except NotFound:
        return False


def test_what_a_client_has_named_and_not_sent_is_not() -> None:
    entries = [announced("2.0"), announced("1.0-SNAPSHOT", build_of(1, 1)), *release("1.0", ".pom", ".jar")]
    assert metadata(OF_LIB, entries).versions == ("1.0",)
    assert {version for version, held in builds("lib", entries).items() if held} == {"1.0"}


def test_a_note_is_of_one_version_and_build_only() -> None:
    first, second = build_of(1, 1), build_of(2, 2)
    entries = [*snapshot(first, ".jar"), *snapshot(second, ".jar"), announced("1.0-SNAPSHOT", first)]
    entries += [*release("1.0", ".jar"), announced("1.0.1"), announced("1.0-SNAPSHOT", "")]
    found = builds("lib", entries)
    assert {b: held.is_whole for b, held in found["1.0-SNAPSHOT"].items()} == {first: True, second: False}
    assert metadata(OF_LIB, entries).versions == ("1.0-SNAPSHOT",)


# --- builds ------------------------------------------------------------------------------------------------------


def test_files_are_sorted_by_version_build_and_kind() -> None:
    build = build_of(1, 1)
    entries = [
        *release("1.0", ".pom", ".jar", "-sources.jar", ".jar.asc"),
        *snapshot(build, ".jar", "-x.tar.gz"),
        *snapshot("SNAPSHOT", ".jar"),
        entry(f"{LIB}1.0/readme.txt"),
        entry(f"{LIB}1.0/lib-1.0.1.jar"),
        entry(f"{LIB}maven-metadata.xml"),
        entry(f"{LIB}1.0/deep/lib-1.0.jar"),
    ]
    random.Random(1).shuffle(entries)
    found = builds("lib", entries)
    assert {(v, b): sorted(held.files) for v, each in found.items() for b, held in each.items()} == {
        ("1.0", ""): [("", "jar"), ("", "jar.asc"), ("", "pom"), ("sources", "jar")],
        ("1.0-SNAPSHOT", build): [("", "jar"), ("x", "tar.gz")],
        ("1.0-SNAPSHOT", "SNAPSHOT"): [("", "jar")],
    }


@pytest.mark.parametrize("entries", [[], [entry(f"{LIB}1.0/readme.txt")], [announced("1.0")]])
def test_nothing_that_could_be_named(entries: list[Entry]) -> None:
    for resource in (OF_LIB, OF_SNAPSHOT, paths.parse("org/maven-metadata.xml")):
        with pytest.raises(NotFound, match=resource.title):
            metadata(resource, entries)


# --- versions ----------------------------------------------------------------------------------------------------


def whole(*versions: str) -> list[Entry]:
    return [each for version in versions for each in release(version, ".pom", ".jar")]


@pytest.mark.parametrize(
    ("held", "versions", "latest", "release"),
    [
        (["1.0"], ["1.0"], "1.0", "1.0"),
        (["1.10", "1.9", "1.10-rc1"], ["1.9", "1.10-rc1", "1.10"], "1.10", "1.10"),
        (["1.0", "1.1-SNAPSHOT"], ["1.0", "1.1-SNAPSHOT"], "1.1-SNAPSHOT", "1.0"),
        (["1.1", "1.1-SNAPSHOT"], ["1.1-SNAPSHOT", "1.1"], "1.1", "1.1"),
        (["1.0-SNAPSHOT", "SNAPSHOT"], ["SNAPSHOT", "1.0-SNAPSHOT"], "1.0-SNAPSHOT", ""),
        (["1.0.SNAPSHOT"], ["1.0.SNAPSHOT"], "1.0.SNAPSHOT", ""),
        (["1", "1.0", "1.0.0"], ["1", "1.0", "1.0.0"], "1.0.0", "1.0.0"),
        (["2.0-rc1", "1.0"], ["1.0", "2.0-rc1"], "2.0-rc1", "2.0-rc1"),
        (["1+b", "(1)", "[1,2)"], ["(1)", "[1,2)", "1+b"], "1+b", "1+b"),
    ],
)
def test_versions(held: list[str], versions: list[str], latest: str, release: str) -> None:
    for order in itertools.islice(itertools.permutations(held), 6):
        entries = [
            entry(f"{LIB}{version}/lib-{version}{ending}", created=1_700_000_000.0)
            for version in order
            for ending in (".jar", ".pom")
        ]
        assert metadata(OF_LIB, entries) == Metadata(
            group="org.acme",
            artifact="lib",
            versions=tuple(versions),
            latest=latest,
            release=release,
            updated="20231114221320",
        )


def test_the_time_is_that_of_the_newest_file_of_what_is_named() -> None:
    entries = [
        *release("1.0", ".pom", ".jar", created=1_700_000_000.0),
        *release("0.9", ".pom", ".jar", created=1_600_000_000.0),
        *release("1.1", ".pom", created=1_800_000_000.0),
    ]
    assert metadata(OF_LIB, entries).updated == "20231114221320"
    entries += release("0.9", "-sources.jar", created=1_700_000_060.0)
    assert metadata(OF_LIB, entries).updated == "20231114221420"


def test_a_snapshot_is_named_once_however_many_builds_it_has() -> None:
    entries = [*snapshot(build_of(1, 1), ".pom", ".jar"), *snapshot(build_of(2, 2), ".pom", ".jar")]
    entries += [*snapshot("SNAPSHOT", ".pom", ".jar"), *snapshot(build_of(3, 3), ".jar")]
    assert metadata(OF_LIB, entries).versions == ("1.0-SNAPSHOT",)


# --- plugins -----------------------------------------------------------------------------------------------------

OF_GROUP = paths.parse("org/maven-metadata.xml")


def mark(artifact: str, prefix: str, name: str = "", version: str = "1.0", created: float = 0.0) -> Entry:
    facts = {holdings.PREFIX: prefix, holdings.NAME: name}
    return entry(f"{paths.marks_folder('org')}{artifact}/{artifact}-{version}.jar", created, facts)


@pytest.mark.parametrize(
    ("marks", "plugins"),
    [
        ([mark("say-maven-plugin", "say", "Says it")], [("say", "say-maven-plugin", "Says it")]),
        ([mark("b", "z"), mark("a", "y"), mark("c", "x")], [("x", "c", ""), ("y", "a", ""), ("z", "b", "")]),
        # one artifact, as its last file says
        ([mark("a", "new", created=2), mark("a", "old", version="2.0", created=1)], [("new", "a", "")]),
        ([mark("a", "say", "1"), mark("a", "say", "2", version="2.0")], [("say", "a", "2")]),
        # one prefix, of the artifact that was published last under it
        ([mark("b", "say", created=1), mark("a", "say", created=2)], [("say", "a", "")]),
        ([mark("a", "say", created=1), mark("b", "say", created=2)], [("say", "b", "")]),
        (
            [mark("a", "say", created=1), mark("b", "say", created=2), mark("a", "say", version="2", created=3)],
            [("say", "a", "")],
        ),
        (
            [mark("a", "say", created=1), mark("b", "say", created=2), mark("b", "tell", version="2", created=3)],
            [("say", "a", ""), ("tell", "b", "")],
        ),
    ],
)
def test_plugins_of_a_group(marks: list[Entry], plugins: list[tuple[str, str, str]]) -> None:
    expected = tuple(Plugin(prefix=prefix, artifact=artifact, name=name) for prefix, artifact, name in plugins)
    for order in itertools.islice(itertools.permutations(marks), 6):
        assert metadata(OF_GROUP, order) == Metadata(plugins=expected)


def test_a_prefix_falls_back_to_whoever_has_it_still() -> None:
    first, second = mark("a", "say", created=1), mark("b", "say", created=2)
    assert [plugin.artifact for plugin in metadata(OF_GROUP, [first, second]).plugins] == ["b"]
    assert [plugin.artifact for plugin in metadata(OF_GROUP, [first]).plugins] == ["a"]
    with pytest.raises(NotFound):
        metadata(OF_GROUP, [])


def test_one_document_names_versions_and_the_plugins_of_the_group_of_that_name() -> None:
    of_lib = entry("org/acme/lib/@plugins/x/x-1.jar", facts={holdings.PREFIX: "x"})
    made = metadata(OF_LIB, [of_lib, *whole("1.0")])
    assert (made.versions, made.plugins) == (("1.0",), (Plugin(prefix="x", artifact="x", name=""),))
    alone = metadata(OF_LIB, [of_lib, *release("1.0", ".jar")])
    assert alone == Metadata(plugins=made.plugins)


# --- builds of a snapshot ----------------------------------------------------------------------------------------


def version_of(build: str, extension: str = "jar", classifier: str = "") -> SnapshotVersion:
    return SnapshotVersion(
        extension=extension,
        value=f"1.0-{build}",
        updated=build.partition("-")[0].replace(".", ""),
        classifier=classifier,
    )


def test_the_builds_of_a_snapshot() -> None:
    build = build_of(25, 3)
    assert metadata(OF_SNAPSHOT, snapshot(build, ".pom", ".jar", "-sources.jar", ".jar.asc")) == Metadata(
        group="org.acme",
        artifact="lib",
        version="1.0-SNAPSHOT",
        updated="20261125101112",
        snapshot=Snapshot(timestamp="20261125.101112", build=3),
        snapshot_versions=(
            version_of(build),
            version_of(build, "jar.asc"),
            version_of(build, "pom"),
            version_of(build, "jar", "sources"),
        ),
    )


def test_each_kind_of_file_is_of_the_newest_build_that_has_it_and_is_whole() -> None:
    first, second, third, fourth = (build_of(day, day) for day in (9, 10, 11, 12))
    entries = [
        *snapshot(first, ".pom", ".jar", "-docs.zip"),
        *snapshot(second, ".pom", ".jar", "-linux.so"),
        *snapshot(third, ".pom", ".jar"),
        *snapshot(fourth, ".jar", "-linux.so"),  # its POM is still on its way
        *snapshot("SNAPSHOT", ".pom", ".jar", "-mac.so"),
    ]
    random.Random(2).shuffle(entries)
    made = metadata(OF_SNAPSHOT, entries)
    assert made.snapshot == Snapshot(timestamp="20261111.101112", build=11)
    assert made.updated == "20261111101112"
    assert set(made.snapshot_versions) == {
        version_of(third),
        version_of(third, "pom"),
        version_of(first, "zip", "docs"),
        version_of(second, "so", "linux"),
    }


def test_builds_of_one_second_are_ordered_by_their_numbers() -> None:
    entries = [*snapshot(build_of(1, 9), ".pom", ".jar"), *snapshot(build_of(1, 10), ".pom", ".jar")]
    assert metadata(OF_SNAPSHOT, entries).snapshot == Snapshot(timestamp="20261101.101112", build=10)


@pytest.mark.parametrize("version", ["SNAPSHOT", "1.0.SNAPSHOT"])
def test_odd_snapshots(version: str) -> None:
    build, stem = build_of(1, 1), version.removesuffix("SNAPSHOT")
    entries = [entry(f"{LIB}{version}/lib-{stem}{build}{ending}") for ending in (".pom", ".jar")]
    made = metadata(paths.snapshot_metadata("org.acme", "lib", version), entries)
    assert {file.value for file in made.snapshot_versions} == {f"{stem}{build}"}


@pytest.mark.parametrize(
    "entries",
    [
        snapshot("SNAPSHOT", ".pom", ".jar"),
        snapshot(build_of(1, 1), ".jar"),
        snapshot(build_of(1, 1), ".pom"),
        whole("1.0", "1.1-SNAPSHOT"),
    ],
)
def test_a_snapshot_without_a_whole_build_has_no_metadata(entries: list[Entry]) -> None:
    with pytest.raises(NotFound, match=r"1\.0-SNAPSHOT"):
        metadata(OF_SNAPSHOT, entries)


# --- builds that have had their time -----------------------------------------------------------------------------


def held(*kinds: str) -> dict[str, Build]:
    """Builds of the days 1, 2, …: each "whole", or "half" when its POM is missing. Last day first."""
    entries = [
        each
        for day, kind in enumerate(kinds, 1)
        for each in snapshot(build_of(day, day), *(".pom", ".jar")[kind == "half" :], created=day * DAY)
    ]
    return dict(builds("lib", entries[::-1])["1.0-SNAPSHOT"])


def days(found: Iterable[Build]) -> list[int]:
    return sorted(int(build.build.rpartition("-")[2]) for build in found)


@pytest.mark.parametrize(
    ("kinds", "most", "max_age", "gone"),
    [
        ("whole whole whole", 0, None, []),
        ("whole whole whole", 1, None, [1, 2]),
        ("whole whole whole", 2, None, [1]),
        ("whole whole whole", 3, None, []),
        ("whole whole whole", 99, None, []),
        ("whole", 1, None, []),
        ("whole whole whole", 0, 8.5, [1]),
        ("whole whole whole", 0, 8.0, [1]),  # the second is of 8 days ago
        ("whole whole whole", 0, 0.0, [1, 2]),  # never the newest
        ("whole whole whole", 2, 7.5, [1, 2]),
        ("whole whole whole", 1, 99.0, [1, 2]),
        ("whole", 0, 0.0, []),
        # what has come after the newest whole one may be whole soon
        ("whole whole half half", 1, None, [1]),
        ("whole half half", 1, 0.0, []),
        ("half half half", 1, 0.0, []),
        ("half", 1, 0.0, []),
        ("", 1, 0.0, []),
        # what has not become whole before it goes with those around it, and counts as none that is kept
        ("half whole half whole", 1, None, [1, 2, 3]),
        ("half whole half whole", 2, None, [1]),
        ("half half whole", 1, None, [1, 2]),
        ("half half whole", 0, 9.5, []),
        ("half half whole", 0, 8.5, [1]),
        ("whole half whole half whole half", 2, None, [1, 2]),
    ],
)
def test_builds_that_have_had_their_time(kinds: str, most: int, max_age: float | None, gone: list[int]) -> None:
    keeping = Keeping(most, None if max_age is None else max_age * DAY)
    assert days(outdated(held(*kinds.split()) if kinds else {}, keeping, now=10 * DAY)) == gone


def test_a_build_without_a_time_of_its_own_is_never_outdated() -> None:
    entries = [*snapshot("SNAPSHOT", ".pom", ".jar"), *snapshot(build_of(1, 1), ".pom", ".jar", created=DAY)]
    assert list(outdated(builds("lib", entries)["1.0-SNAPSHOT"], Keeping(1, 0.0), now=99 * DAY)) == []


def test_the_age_of_a_build_is_that_of_its_last_file() -> None:
    entries = [*snapshot(build_of(1, 1), ".pom", ".jar", created=DAY), *snapshot(build_of(2, 2), ".pom", ".jar")]
    late = snapshot(build_of(1, 1), "-sources.jar", created=9 * DAY)
    keeping = Keeping(0, 5 * DAY)
    assert days(outdated(builds("lib", entries)["1.0-SNAPSHOT"], keeping, now=10 * DAY)) == [1]
    assert days(outdated(builds("lib", [*entries, *late])["1.0-SNAPSHOT"], keeping, now=10 * DAY)) == []


@pytest.mark.parametrize(
    ("keeping", "is_endless"),
    [(Keeping(0, None), True), (Keeping(1, None), False), (Keeping(0, 0.0), False), (Keeping(1, 1.0), False)],
)
def test_whether_anything_ends(keeping: Keeping, is_endless: bool) -> None:
    assert keeping.is_endless is is_endless


def test_outdated_entries_are_all_files_of_outdated_builds_and_their_notes() -> None:
    first, second = build_of(1, 1), build_of(2, 2)
    gone = [*snapshot(first, ".jar", ".jar.asc", "-x.tar.gz"), announced("1.0-SNAPSHOT", first)]
    kept = [
        *snapshot(second, ".pom", ".jar"),
        announced("1.0-SNAPSHOT", second),
        *snapshot("SNAPSHOT", ".pom", ".jar"),
        *whole("1.0"),
        announced("1.0"),
        entry(f"{LIB}1.0-SNAPSHOT/readme.txt"),
        entry(f"{LIB}2.0-SNAPSHOT/lib-2.0-{first}.jar"),
        entry(f"{LIB}2.0-SNAPSHOT/lib-2.0-{first}.pom"),
        entry(f"{LIB}2.0-SNAPSHOT/@announced/{first}"),
    ]
    entries = [*gone, *kept]
    random.Random(3).shuffle(entries)
    found = {each.path for each in outdated_entries(entries, Keeping(1, None), now=DAY)}
    assert found == {each.path for each in gone}


def test_of_nothing_nothing_is_outdated() -> None:
    assert list(outdated_entries([], Keeping(1, 0.0), now=DAY)) == []
