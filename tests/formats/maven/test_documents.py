"""maven-metadata.xml: what is read, written and merged, and that nothing hostile gets further."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from time import process_time

import pytest

from mxart.errors import Corrupt
from mxart.formats.maven import documents
from mxart.formats.maven.documents import MAX_LISTED, MAX_METADATA, Metadata, Plugin, Snapshot, SnapshotVersion

# as Maven 3.8's own writer writes it
WRITTEN = """<?xml version="1.0" encoding="UTF-8"?>
<metadata modelVersion="1.1.0">
  <groupId>org.example</groupId>
  <artifactId>a</artifactId>
  <versioning>
    <latest>2-SNAPSHOT</latest>
    <release>1</release>
    <versions>
      <version>1</version>
      <version>2-SNAPSHOT</version>
    </versions>
    <lastUpdated>20240102030405</lastUpdated>
    <snapshot>
      <timestamp>20240102.030405</timestamp>
      <buildNumber>3</buildNumber>
      <localCopy>true</localCopy>
    </snapshot>
    <snapshotVersions>
      <snapshotVersion>
        <classifier>sources</classifier>
        <extension>jar</extension>
        <value>2-20240102.030405-3</value>
        <updated>20240102030405</updated>
      </snapshotVersion>
      <snapshotVersion>
        <extension>pom</extension>
        <value>2-20240102.030405-3</value>
        <updated>20240102030405</updated>
      </snapshotVersion>
    </snapshotVersions>
  </versioning>
  <version>2-SNAPSHOT</version>
  <plugins>
    <plugin>
      <name>Example Plugin</name>
      <prefix>example</prefix>
      <artifactId>example-maven-plugin</artifactId>
    </plugin>
  </plugins>
</metadata>
"""
FULL = Metadata(
    group="org.example",
    artifact="a",
    version="2-SNAPSHOT",
    versions=("1", "2-SNAPSHOT"),
    latest="2-SNAPSHOT",
    release="1",
    updated="20240102030405",
    snapshot=Snapshot("20240102.030405", 3, local_copy=True),
    snapshot_versions=(
        SnapshotVersion("jar", "2-20240102.030405-3", "20240102030405", "sources"),
        SnapshotVersion("pom", "2-20240102.030405-3", "20240102030405"),
    ),
    plugins=(Plugin("example", "example-maven-plugin", "Example Plugin"),),
)


def parse(text: str | bytes) -> Metadata:
    return documents.parse(io.BytesIO(text.encode() if isinstance(text, str) else text))


def versioning(body: str) -> Metadata:
    return parse(f"<metadata><versioning>{body}</versioning></metadata>")


def entry(**parts: str) -> str:
    return "".join(f"<{name}>{text}</{name}>" for name, text in parts.items())


# --- reading -----------------------------------------------------------------------------------------------------


def test_all_that_is_read() -> None:
    assert parse(WRITTEN) == FULL


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("", Metadata()),
        ("<versioning/><plugins/>", Metadata()),
        ("<versioning><versions/><snapshot/><snapshotVersions/></versioning>", Metadata()),
        ("<groupId>g</groupId>", Metadata(group="g")),
        ("<groupId>\n g\t</groupId><artifactId/>", Metadata(group="g")),
        ("<groupId>g</groupId><groupId>h</groupId>", Metadata(group="g")),
        ("<groupId/><groupId>h</groupId>", Metadata(group="h")),
        ("<groupId>g<!-- c --><x>x</x><![CDATA[<h>]]></groupId>", Metadata(group="g<h>")),
        ("<version>1-SNAPSHOT</version>", Metadata(version="1-SNAPSHOT")),
        ("<unknown><groupId>g</groupId><versioning><latest>1</latest></versioning></unknown>", Metadata()),
        ("<latest>1</latest><versions><version>1</version></versions>", Metadata()),
        ("text<?pi?><!-- <groupId>g</groupId> -->", Metadata()),
        (
            "<versioning><latest>1</latest></versioning><versioning><release>2</release></versioning>",
            Metadata(latest="1", release="2"),
        ),
    ],
)
@pytest.mark.parametrize(
    "root", ["metadata", 'metadata modelVersion="1.1.0" xmlns="http://example.org/METADATA" x="y"']
)
def test_what_is_read(root: str, body: str, found: Metadata) -> None:
    assert parse(f"<{root}>{body}</metadata>") == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("<version>1</version><version>1</version>", ("1", "1")),
        ("<version> 1\n</version><version/><version> </version><other>2</other>", ("1",)),
        ("<version>[1,2)</version><version>1+2~3</version><version>é</version>", ("[1,2)", "1+2~3", "é")),
    ],
)
def test_versions(body: str, found: tuple[str, ...]) -> None:
    assert versioning(f"<versions>{body}</versions>").versions == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20240102030405", "20240102030405"),
        (" 20240102030405\n", "20240102030405"),
        ("", ""),
        ("null", ""),
        ("20240102", ""),
        ("2024010203040", ""),
        ("202401020304055", ""),
        ("20240102.030405", ""),
        ("٢٠٢٤٠١٠٢٠٣٠٤٠٥", ""),
        ("99999999999999x", ""),
    ],
)
def test_times_of_updates(text: str, found: str) -> None:
    assert versioning(f"<lastUpdated>{text}</lastUpdated>").updated == found
    file = entry(extension="jar", value="1", updated=text)
    listed = versioning(f"<snapshotVersions><snapshotVersion>{file}</snapshotVersion></snapshotVersions>")
    assert listed.snapshot_versions == (SnapshotVersion("jar", "1", found),)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"timestamp": "20240102.030405", "buildNumber": "3"}, Snapshot("20240102.030405", 3)),
        ({"timestamp": "20240102.030405", "buildNumber": "0003"}, Snapshot("20240102.030405", 3)),
        ({"timestamp": "20240102.030405"}, Snapshot("20240102.030405")),
        ({"timestamp": "20240102030405", "buildNumber": "2147483647"}, Snapshot("", 2147483647)),
        ({"timestamp": "zzzzzzzz.zzzzzz", "buildNumber": "2147483648"}, None),
        ({"buildNumber": "-1"}, None),
        ({"buildNumber": "garbage"}, None),
        ({"buildNumber": "1.5"}, None),
        ({"buildNumber": "٣"}, None),
        ({"buildNumber": "9" * 10_000}, None),
        ({"localCopy": "true"}, Snapshot(local_copy=True)),
        ({"localCopy": "TRUE"}, Snapshot(local_copy=True)),
        ({"localCopy": "yes"}, None),
        ({"localCopy": "false"}, None),
        ({"timestamp": "", "buildNumber": "", "localCopy": "", "other": "1"}, None),
    ],
)
def test_snapshots(parts: dict[str, str], found: Snapshot | None) -> None:
    assert versioning(f"<snapshot>{entry(**parts)}</snapshot>").snapshot == found


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"extension": "jar", "value": "1"}, SnapshotVersion("jar", "1", "")),
        ({"value": "1", "classifier": "c", "extension": "tar.gz"}, SnapshotVersion("tar.gz", "1", "", "c")),
        ({"value": "1"}, SnapshotVersion("", "1", "")),
        ({"extension": "jar", "version": "1"}, None),
        ({"extension": "jar", "value": ""}, None),
        ({}, None),
    ],
)
def test_files_of_snapshots(parts: dict[str, str], found: SnapshotVersion | None) -> None:
    other = "<snapshotVersion><value>9</value></snapshotVersion>"
    listed = versioning(
        f"<snapshotVersions><snapshotVersion>{entry(**parts)}</snapshotVersion>{other}</snapshotVersions>"
    )
    assert listed.snapshot_versions == ((found,) if found else ()) + (SnapshotVersion("", "9", ""),)


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"name": "n", "prefix": "p", "artifactId": "a"}, Plugin("p", "a", "n")),
        ({"artifactId": "a", "prefix": "p"}, Plugin("p", "a")),
        ({"artifactId": "a", "name": "n"}, None),
        ({"prefix": "p", "artifactId": ""}, None),
        ({}, None),
    ],
)
def test_plugins(parts: dict[str, str], found: Plugin | None) -> None:
    other = "<plugin><prefix>q</prefix><artifactId>b</artifactId></plugin>"
    text = f"<metadata><plugins><plugin>{entry(**parts)}</plugin>{other}</plugins></metadata>"
    assert parse(text).plugins == ((found,) if found else ()) + (Plugin("q", "b"),)


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(codec: str) -> None:
    text = "<metadata><groupId>é</groupId></metadata>"
    assert parse(text.encode(codec)) == Metadata(group="é")
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?>' + text
    assert parse(latin.encode("latin-1")) == Metadata(group="é")


BAD = {
    "nothing": ("", "not well-formed XML"),
    "a page": ("<!DOCTYPE html><html></html>", "document type declaration"),
    "a page in XML": ("<html></html>", "not a <metadata> document"),
    "a POM": ("<project/>", "not a <metadata> document"),
    "JSON": ("{}", "not well-formed XML"),
    "cut": (WRITTEN[:-5], "not well-formed XML"),
    "two": (WRITTEN + WRITTEN, "not well-formed XML"),
    "laughs": ('<!DOCTYPE metadata [<!ENTITY l "lol">]><metadata>&l;</metadata>', "document type declaration"),
    "deep": ("<metadata>" + "<a>" * 100_000, "more than 200 elements"),
    "large": ("<metadata>" + " " * MAX_METADATA, f"more than {MAX_METADATA} bytes"),
    "a long version": (
        f"<metadata><versioning><versions><version>{'1' * 20_000}</version></versions></versioning></metadata>",
        "more than 16384 characters",
    ),
    "versions": (
        f"<metadata><versioning><versions>{'<version>1</version>' * (MAX_LISTED + 1)}",
        f"more than {MAX_LISTED} versions",
    ),
    "files": (
        "<metadata><versioning><snapshotVersions>"
        + "<snapshotVersion><value>1</value></snapshotVersion>" * (MAX_LISTED + 1),
        f"more than {MAX_LISTED} versions",
    ),
    "plugins": (
        "<metadata><plugins>" + "<plugin><prefix>p</prefix><artifactId>a</artifactId></plugin>" * (MAX_LISTED + 1),
        f"more than {MAX_LISTED} versions",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_what_is_no_metadata(text: str, message: str) -> None:
    with pytest.raises(Corrupt, match=message):
        parse(text)


# --- writing -----------------------------------------------------------------------------------------------------


def test_what_is_written() -> None:
    assert documents.render(FULL) == WRITTEN.encode()


def test_nothing_is_written_of_what_is_not_said() -> None:
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n<metadata>\n'
    assert documents.render(Metadata()) == head + b"</metadata>\n"
    found = documents.render(Metadata(group="g", snapshot=Snapshot(), plugins=(Plugin("p", "a"),)))
    assert b"versioning" not in found and b"<name>" not in found
    found = documents.render(Metadata(snapshot=Snapshot("20240102.030405")))
    assert b"buildNumber" not in found and b"localCopy" not in found and b"modelVersion" not in found


@pytest.mark.parametrize("text", ["<&>]]>\"'", "é日😀", "a\rb", "a\r\nb\tc", "&amp;", "<!--", "\x85\u2028\xa0", "${x}"])
def test_any_text_is_written_so_that_it_is_read_again(text: str) -> None:
    metadata = Metadata(
        *(text, text, text),
        versions=(text, text + "2"),
        latest=text,
        release=text,
        snapshot_versions=(SnapshotVersion(text, text, "", text),),
        plugins=(Plugin(text, text, text),),
    )
    assert parse(documents.render(metadata)) == metadata


# --- merging -----------------------------------------------------------------------------------------------------

A = Metadata(
    group="g",
    artifact="a",
    versions=("1", "1.10", "1.9", "2.0-SNAPSHOT"),
    latest="1.9",
    release="1.9",
    updated="20240101000000",
)
B = Metadata(
    artifact="b", versions=("1.0", "2.0-rc1", "1.9"), latest="2.0-rc1", release="2.0-rc1", updated="20230101000000"
)
SNAPSHOTS = Metadata(versions=("3-SNAPSHOT", "3-20240102.030405-1"))
STATED = Metadata(group="h", latest="7", release="5")
OLD = Metadata(
    group="g",
    version="1-SNAPSHOT",
    updated="20240101000000",
    snapshot=Snapshot("20240101.000000", 7),
    snapshot_versions=(
        SnapshotVersion("jar", "1-20240101.000000-7", "20240101000000"),
        SnapshotVersion("jar", "1-20230101.000000-6", "20230101000000", "sources"),
        SnapshotVersion("pom", "1-20240101.000000-9", "20240101000000"),
    ),
)
NEW = Metadata(
    version="1-SNAPSHOT",
    updated="20240202000000",
    snapshot=Snapshot("20240202.000000", 2),
    snapshot_versions=(
        SnapshotVersion("pom", "1-20240101.000000-10", "20240101000000"),
        SnapshotVersion("jar", "1-20240202.000000-2", "20240202000000"),
        SnapshotVersion("jar", "1-SNAPSHOT", "", "sources"),
        SnapshotVersion("tar.gz", "1-20240202.000000-2", "20240202000000", "bin"),
    ),
)
LOCAL = Metadata(version="1-SNAPSHOT", snapshot=Snapshot(local_copy=True), updated="20250101000000")
PLUGINS = Metadata(plugins=(Plugin("x", "x-maven-plugin"), Plugin("a", "a-maven-plugin", "A")))
OTHERS = Metadata(plugins=(Plugin("b", "b-maven-plugin"), Plugin("a", "evil-maven-plugin"), Plugin("b", "c")))
ALL = (A, B, SNAPSHOTS, STATED, OLD, NEW, LOCAL, PLUGINS, OTHERS, FULL, Metadata())


@pytest.mark.parametrize(
    ("found", "versions", "latest", "release"),
    [
        ([], (), "", ""),
        ([Metadata()], (), "", ""),
        ([A], ("1", "1.9", "1.10", "2.0-SNAPSHOT"), "2.0-SNAPSHOT", "1.10"),
        ([A, B], ("1", "1.0", "1.9", "1.10", "2.0-rc1", "2.0-SNAPSHOT"), "2.0-SNAPSHOT", "2.0-rc1"),
        ([SNAPSHOTS], ("3-SNAPSHOT", "3-20240102.030405-1"), "3-20240102.030405-1", ""),
        ([STATED], (), "7", "7"),
        ([STATED, Metadata(release="6", latest="8-SNAPSHOT")], (), "8-SNAPSHOT", "7"),
        ([STATED, Metadata(versions=("1",))], ("1",), "1", "1"),
        ([Metadata(versions=("1", "", "1"))], ("1",), "1", "1"),
    ],
)
def test_versions_are_united_in_their_order(
    found: list[Metadata], versions: tuple[str, ...], latest: str, release: str
) -> None:
    for order in (found, found[::-1]):
        merged = documents.merge(order)
        assert (merged.versions, merged.latest, merged.release) == (versions, latest, release)


def test_who_it_is_about_is_what_the_first_says_that_says_it() -> None:
    merged = documents.merge([Metadata(artifact="z"), A, OLD, STATED])
    assert (merged.group, merged.artifact, merged.version) == ("g", "z", "1-SNAPSHOT")


def test_it_was_updated_when_the_last_of_them_was() -> None:
    assert documents.merge([A, NEW, B]).updated == "20240202000000"
    assert documents.merge([PLUGINS]).updated == ""


@pytest.mark.parametrize(
    ("found", "snapshot"),
    [
        ([A, B], None),
        ([OLD, NEW], Snapshot("20240202.000000", 2)),
        ([OLD, LOCAL], Snapshot("20240101.000000", 7)),
        ([LOCAL, A], Snapshot(local_copy=True)),
        ([LOCAL, Metadata(snapshot=Snapshot("", 4))], Snapshot("", 4, local_copy=True)),
        ([OLD, Metadata(snapshot=Snapshot("20240101.000000", 8))], Snapshot("20240101.000000", 8)),
        ([OLD, Metadata(snapshot=Snapshot("20240101.000000", 7, True))], Snapshot("20240101.000000", 7)),
        ([OLD, Metadata(snapshot=Snapshot("20990101.000000", 0))], Snapshot("20240101.000000", 7)),
        ([OLD, Metadata(snapshot=Snapshot("", 99))], Snapshot("20240101.000000", 7)),
    ],
)
def test_the_newest_build_of_a_snapshot(found: list[Metadata], snapshot: Snapshot | None) -> None:
    assert documents.merge(found).snapshot == snapshot
    assert documents.merge(found[::-1]).snapshot == snapshot


def test_the_newest_file_of_each_kind() -> None:
    expected = (
        SnapshotVersion("jar", "1-20240202.000000-2", "20240202000000"),
        SnapshotVersion("pom", "1-20240101.000000-10", "20240101000000"),
        SnapshotVersion("tar.gz", "1-20240202.000000-2", "20240202000000", "bin"),
        SnapshotVersion("jar", "1-20230101.000000-6", "20230101000000", "sources"),
    )
    assert documents.merge([OLD, NEW]).snapshot_versions == expected
    assert documents.merge([NEW, OLD]).snapshot_versions == expected


def test_of_each_prefix_the_first_plugin() -> None:
    a, b, x = Plugin("a", "a-maven-plugin", "A"), Plugin("b", "b-maven-plugin"), Plugin("x", "x-maven-plugin")
    assert documents.merge([PLUGINS, OTHERS]).plugins == (x, a, b)
    assert documents.merge([OTHERS, PLUGINS]).plugins == (b, Plugin("a", "evil-maven-plugin"), x)


def test_a_group_and_an_artifact_with_the_same_url() -> None:
    merged = documents.merge([A, PLUGINS])
    assert merged.plugins == PLUGINS.plugins and merged.versions == documents.merge([A]).versions


def test_one_that_was_merged_stays_as_it_is() -> None:
    merged = documents.merge(ALL)
    assert documents.merge([merged]) == merged
    assert documents.merge([merged, merged]) == merged
    assert documents.merge([merged, *ALL]) == merged
    assert parse(documents.render(merged)) == merged


def test_it_matters_not_who_is_merged_first() -> None:
    for one, two, three in itertools.permutations(ALL, 3):
        whole = documents.merge([one, two, three])
        assert documents.merge([documents.merge([one, two]), three]) == whole
        assert documents.merge([one, documents.merge([two, three])]) == whole


def test_thousands_of_versions() -> None:
    many = tuple(f"{number // 100}.{number % 100}" for number in range(20_000))
    begun = process_time()
    merged = documents.merge([Metadata(versions=many[::2]), Metadata(versions=many[::-1])])
    assert merged.versions == many and merged.release == "199.99"
    assert parse(documents.render(merged)) == merged
    assert process_time() - begun < 20


@pytest.mark.parametrize("members", [2, 11])
def test_too_many_to_merge(members: int) -> None:
    each = [
        Metadata(
            versions=tuple(f"{member}.{number}" for number in range(0, MAX_LISTED, 10)),
            plugins=tuple(Plugin(f"{member}.{number}", "a") for number in range(0, MAX_LISTED, 10)),
            snapshot_versions=tuple(
                SnapshotVersion("jar", "1", "", f"{member}.{number}") for number in range(0, MAX_LISTED, 10)
            ),
        )
        for member in range(members)
    ]
    for field in ("versions", "plugins", "snapshot_versions"):
        found = [replace(Metadata(), **{field: getattr(metadata, field)}) for metadata in each]
        if members == 2:
            assert len(getattr(documents.merge(found), field)) == MAX_LISTED // 5
        else:
            with pytest.raises(Corrupt, match=f"more than {MAX_LISTED} versions"):
                documents.merge(found)


@pytest.mark.parametrize(
    "versions",
    [
        [f"{number}.{'1.2.' * 4000}" for number in range(70)],
        [f"{number}{'-a' * 8000}" for number in range(70)],
    ],
)
def test_versions_that_would_take_long_to_sort(versions: list[str]) -> None:
    begun = process_time()
    with pytest.raises(Corrupt, match="more than 1048576 characters"):
        documents.merge([Metadata(versions=(version,)) for version in versions])
    assert process_time() - begun < 1
