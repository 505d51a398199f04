"""The text answers: what the go command could not use is refused, and nothing else."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from mxart.errors import Corrupt, NotFound
from mxart.formats.go import documents
from mxart.formats.go.documents import VersionRecord
from mxart.model import Entry

PSEUDO_OLD = "v0.0.0-20200102030405-0123456789ab"
PSEUDO_NEW = "v0.0.0-20240102030405-0123456789ab"


def record(version: str, time: str | None = None, **more: object) -> bytes:
    return json.dumps({"Version": version, **({"Time": time} if time else {}), **more}).encode()


@pytest.mark.parametrize(
    ("data", "version", "time"),
    [
        (record("v1.0.0"), "v1.0.0", None),
        (b'{"Version":"v1.0.0","Time":null}', "v1.0.0", None),
        (record("v1.0.0", "2024-05-06T07:08:09Z"), "v1.0.0", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        (record("v1.0.0", "2024-05-06T07:08:09.123456789Z"), "v1.0.0", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        (record("v1.0.0", "2024-05-06T07:08:09+02:00"), "v1.0.0", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)),
        (record("v1.0.0", "0001-01-01T00:00:00Z"), "v1.0.0", datetime(1, 1, 1, tzinfo=UTC)),
        (record("v1.0.0", Origin={"VCS": "git"}, Name="x"), "v1.0.0", None),
        (b'{"version":"v1.0.0","TIME":"2024-05-06T07:08:09Z"}', "v1.0.0", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        (b' \n{"Version":"v2.0.0+incompatible"}\n', "v2.0.0+incompatible", None),
        (b'{"Version":"v1.0.0","version":"v1.0.1","Version":"v1.0.2"}', "v1.0.2", None),
        ('{"Version":"v1.0.0","Ver\u017fion":"v1.0.1"}'.encode(), "v1.0.1", None),
        (b'{"Version":"v1.0.0","Origin":{"Ref":"\xff"}}', "v1.0.0", None),
    ],
)
def test_version_records(data: bytes, version: str, time: datetime | None) -> None:
    assert documents.parse_record(data) == VersionRecord(version, time)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"v1.0.0",
        b"null",
        b"[]",
        b'"v1.0.0"',
        b"{}",
        b'{"Version":"v1.0.0"',
        b'{"Version":"v1.0.0"}x',
        b'{"Version":null}',
        b'{"Version":1}',
        b'{"Version":["v1.0.0"]}',
        b'{"Version":""}',
        b'{"Version":"main"}',
        b'{"Version":"v1"}',
        b'{"Version":"v1.0.0+meta"}',
        b'{"Version":"v1.0.0\\n"}',
        b'{"Version":"v1.0.0","Time":""}',
        b'{"Version":"v1.0.0","Time":5}',
        b'{"Version":"v1.0.0","Time":"yesterday"}',
        b'{"Version":"v1.0.0","Time":"2024-05-06"}',
        b'{"Version":"v1.0.0","Time":"2024-05-06 07:08:09Z"}',
        b'{"Version":"v1.0.0","Time":"2024-13-06T07:08:09Z"}',
        b'{"Version":"v1.0.0","Time":"2024-05-06T07:08:09"}',
        b'{"Version":"v1.0.0","Time":"0001-01-01T00:00:00+05:00"}',
        b"\xff\xfe",
        b"\xef\xbb\xbf" + record("v1.0.0"),
        record("v1.0.0").decode().encode("utf-16"),
        b'{"Version":"v1.0.0","x":NaN}',
        b'{"Version":"v1.0.0","x":-Infinity}',
        record("v1.0.0-" + "a." * 120 + "a"),
        b"<html></html>",
        b"[" * 100_000,
        b'{"Version":"v1.0.0","x":' + b"9" * 10_000 + b"}",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_version_record(data: bytes) -> None:
    with pytest.raises(Corrupt):
        documents.parse_record(data)


@pytest.mark.parametrize(
    ("module", "asked", "answered", "fits"),
    [
        ("example.com/m", "v1.0.0", "v1.0.0", True),
        ("example.com/m", "v1.0.0", "v1.0.1", False),
        ("example.com/m", PSEUDO_NEW, PSEUDO_NEW, True),
        ("example.com/m", PSEUDO_NEW, PSEUDO_OLD, False),
        ("example.com/m", "main", PSEUDO_NEW, True),
        ("example.com/m", "v1", "v1.9.0", True),
        ("example.com/m", "v2.0.0", "v2.0.0+incompatible", True),
        ("example.com/m", "v2.0.0+incompatible", "v2.0.0", False),
        ("example.com/m/v2", "v2.0.0", "v2.0.1", False),
    ],
)
def test_a_version_is_answered_by_itself(module: str, asked: str, answered: str, fits: bool) -> None:
    if fits:
        documents.check_info(record(answered), module, asked)
    else:
        with pytest.raises(Corrupt, match="is that of"):
            documents.check_info(record(answered), module, asked)


@pytest.mark.parametrize(
    "data",
    [
        b"module example.com/m\n",
        b"module example.com/other\n",  # a fork, used by a replace directive
        b"\n// Deprecated: x\nmodule example.com/m // y\n\ngo 1.21\n",
        b'\tmodule "example.com/m"\r\n',
        b"module `example.com/m`",
        b"module (\n\texample.com/m\n)\n",
        b"module(\n\texample.com/m\n)\n",
        b'module"example.com/m"\n',
        b"module example.com/m\n// caf\xe9\n",
    ],
)
def test_gomods(data: bytes) -> None:
    documents.check_gomod(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"go 1.21\n",
        b"// module example.com/m\n",
        b"modules x\n",
        b"module\n",
        b"<html>\nmodule x\n",
        b"module x\0",
    ],
)
def test_what_is_no_gomod(data: bytes) -> None:
    with pytest.raises(Corrupt):
        documents.check_gomod(data)


@pytest.mark.parametrize("data", [b"", b"\n", b"v1.0.0\n", b"v1.0.0 2024-05-06T07:08:09Z\n", b"v1.0.0\r\nx\n", b"junk"])
def test_lists(data: bytes) -> None:
    documents.check_list(data)


@pytest.mark.parametrize("data", [b"<!doctype html>", b"  \n<html>", b"v1.0.0\n\0"])
def test_what_is_no_list(data: bytes) -> None:
    with pytest.raises(Corrupt):
        documents.check_list(data)


@pytest.mark.parametrize(
    ("lists", "merged"),
    [
        ([], b""),
        ([b""], b""),
        ([b"v1.10.0\nv1.9.0\n"], b"v1.9.0\nv1.10.0\n"),
        ([b"v1.0.0\n", b"v1.0.0\nv0.1.0\n"], b"v0.1.0\nv1.0.0\n"),
        ([b"v1.0.0\nv1.0.0-rc.1\n", b"v2.0.0+incompatible"], b"v1.0.0-rc.1\nv1.0.0\nv2.0.0+incompatible\n"),
        ([f"{PSEUDO_NEW}\nv1.0.0\n".encode()], b"v1.0.0\n"),
        ([b"v1.0.0 2024-05-06T07:08:09Z\r\n\r\n junk\n\xff\xfe\n"], b"v1.0.0\n"),
        ([b"v1.0.0\x0bv1.1.0\nv1.2.0\xe2\x80\xa8v1.3.0\n"], b"v1.0.0\nv1.2.0\n"),
        ([b"v1.0.0-" + b"a." * 120 + b"a\nv1.0.0\n"], b"v1.0.0\n"),
    ],
)
def test_lists_are_merged(lists: list[bytes], merged: bytes) -> None:
    assert documents.merge_lists(map(io.BytesIO, lists)) == merged


@pytest.mark.parametrize(
    ("members", "latest"),
    [
        ([record("v1.0.0")], 0),
        ([record("v1.0.0"), record("v1.1.0")], 1),
        ([record("v1.0.0"), record("v1.1.0-rc.1")], 0),
        ([record("v1.0.0-rc.1"), record("v1.0.0-rc.2")], 1),
        ([record("v1.0.0-rc.1"), record(PSEUDO_NEW)], 0),
        ([record(PSEUDO_OLD), record(PSEUDO_NEW)], 1),
        ([record(PSEUDO_OLD, "2025-01-01T00:00:00Z"), record(PSEUDO_NEW)], 0),
        ([record(PSEUDO_OLD, "0001-01-01T00:00:00Z"), record(PSEUDO_OLD)], 1),
        ([record("v1.0.0", Name="first"), record("v1.0.0", Name="second")], 0),
        ([record("v9.0.0"), record("v10.0.0")], 1),
    ],
)
def test_the_latest_of_members(members: list[bytes], latest: int) -> None:
    assert documents.merge_latest(members) == members[latest]


def test_lists_of_more_versions_than_any_module_has_are_refused() -> None:
    lists = [[b"v1.0.%d\n" % patch for patch in range(start, start + 50_001)] for start in (0, 50_001)]
    assert documents.merge_lists([lists[0], lists[0]]).count(b"\n") == 50_001
    with pytest.raises(Corrupt, match="more than 100000 versions"):
        documents.merge_lists(lists)


def held(version: str, kinds: str = "info mod zip", published: float = 0.0, absent: int = 0) -> list[Entry]:
    path = f"example.com/!m/@v/{version}"
    return [Entry(repository="r", path=f"{path}.{kind}", published=published, absent=absent) for kind in kinds.split()]


def test_a_list_names_what_is_held_whole() -> None:
    entries = [
        *held("v1.1.0"),
        *held("v1.0.0"),
        *held("v1.0.0-!r!c1"),
        *held("v1.2.0", "info mod"),
        *held("v1.3.0", absent=404),
        *held(PSEUDO_NEW),
        *held("v2.0.0"),
        Entry(repository="r", path="example.com/!m/@v/list"),
        Entry(repository="r", path="example.com/!m/v2/@v/v2.0.0.zip"),
        Entry(repository="r", path="example.com/!m/@latest"),
    ]
    assert documents.generate_list("example.com/M", entries) == b"v1.0.0-RC1\nv1.0.0\nv1.1.0\n"


def test_a_module_of_pseudo_versions_has_an_empty_list_and_a_latest() -> None:
    entries = [*held(PSEUDO_NEW), *held(PSEUDO_OLD)]
    assert documents.generate_list("example.com/M", entries) == b""
    assert json.loads(documents.generate_latest("example.com/M", entries)) == {"Version": PSEUDO_NEW}


def test_the_latest_tells_when_it_was_published() -> None:
    entries = [*held("v1.0.0", published=1714979289.0), *held("v1.1.0-rc.1")]
    latest = documents.generate_latest("example.com/M", entries)
    assert json.loads(latest) == {"Version": "v1.0.0", "Time": "2024-05-06T07:08:09Z"}
    assert documents.parse_record(latest).version == "v1.0.0"


def test_the_latest_has_the_time_of_its_info() -> None:
    entries = [*held("v1.0.0", "mod zip", published=2e9), *held("v1.0.0", "info", published=1714979289.0)]
    assert json.loads(documents.generate_latest("example.com/M", entries))["Time"] == "2024-05-06T07:08:09Z"


@pytest.mark.parametrize("entries", [[], held("v1.0.0", "info mod"), held("v1.0.0", absent=410)])
def test_what_is_not_held_is_not_found(entries: list[Entry]) -> None:
    with pytest.raises(NotFound):
        documents.generate_list("example.com/M", entries)
    with pytest.raises(NotFound):
        documents.generate_latest("example.com/M", entries)
