"""What checksum files and fields say; whoever says something else says nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping

import pytest

from mxart.formats.maven import checksums, names
from mxart.formats.maven.checksums import parse, stated
from mxart.model import Digest

HEX = {algorithm: hashlib.new(algorithm, b"lib").hexdigest() for algorithm in names.ALGORITHMS}
SHA1 = HEX["sha1"]

# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", names.ALGORITHMS)
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "{}\n",
        "{}\r\n",
        "\r\n\n  {}  \n\n",
        "{}  lib-1.0.jar",
        "{} *lib-1.0.jar\n",
        "{}\tlib-1.0.jar\n",
        "{} /home/me/a b/lib-1.0.jar\n",
        "{}\nff  another\n",
        "SHA1(lib-1.0.jar)= {}\n",
        "MD5 (lib 1.0.jar) = {}",
        "SHA1(a=b.jar)={}",
        "{}  ÿlib.jar",
    ],
)
def test_checksum_files(form: str, algorithm: str) -> None:
    digest = Digest(algorithm, HEX[algorithm])
    assert parse(form.format(digest.hex).encode("latin-1"), algorithm) == digest
    assert parse(form.format(digest.hex.upper()).encode("latin-1"), algorithm) == digest
    assert parse((form + "\n" + "x" * 100_000).format(digest.hex).encode("latin-1"), algorithm) == digest


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b" ",
        SHA1[:-1].encode(),
        f"{SHA1}0".encode(),
        f"{SHA1}lib.jar".encode(),
        f"x{SHA1}".encode(),
        f"lib-1.0.jar  {SHA1}".encode(),
        f"lib-1.0.jar: {SHA1}".encode(),
        f"# a comment\n{SHA1}\n".encode(),
        f"{SHA1[:20]} {SHA1[20:]}".encode(),
        f"g{SHA1[1:]}".encode(),
        f"{SHA1}\x00".encode(),
        f"={SHA1}".encode(),
        "١" * 40,
        b"\xff" * 40,
        SHA1.encode("utf-16"),
        b"<html><body>404 Not Found</body></html>",
        b"<!DOCTYPE html>\n" + SHA1.encode(),
        b"null",
        b" " * checksums.MAX_CHECKSUM + SHA1.encode(),
    ],
    ids=lambda data: repr(data[:24]),
)
def test_what_is_no_checksum(data: bytes | str) -> None:
    assert parse(data if isinstance(data, bytes) else data.encode(), "sha1") is None


@pytest.mark.parametrize("algorithm", names.ALGORITHMS)
def test_a_checksum_by_another_algorithm_is_none(algorithm: str) -> None:
    others = [other for other in names.ALGORITHMS if other != algorithm]
    assert [parse(HEX[other].encode(), algorithm) for other in others] == [None] * 3


@pytest.mark.parametrize("piece", [b"=", b"= ", b"=a", b"a =", b"=\t a", b"\r"])
def test_odd_files_are_read_at_once(piece: bytes) -> None:
    beginning = time.process_time()
    assert parse(piece * 1_000_000 + b"!", "sha1") is None
    assert time.process_time() - beginning < 5


# --- fields of a head --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, []),
        ({"x-checksum-sha1": SHA1}, ["sha1"]),
        ({"x-checksum-sha1": f" {SHA1.upper()} "}, ["sha1"]),
        ({"x-checksum-md5": HEX["md5"], "x-checksum-sha1": SHA1}, ["md5", "sha1"]),
        ({f"x-checksum-{each}": HEX[each] for each in names.ALGORITHMS}, list(names.ALGORITHMS)),
        ({"x-goog-meta-checksum-sha1": SHA1}, ["sha1"]),
        ({"x-amz-meta-checksum-sha256": HEX["sha256"]}, ["sha256"]),
        ({"x-checksum-sha1": SHA1, "x-goog-meta-checksum-sha1": SHA1, "etag": f'"{{SHA1{{{SHA1}}}}}"'}, ["sha1"]),
        ({"etag": f'"{{SHA1{{{SHA1}}}}}"'}, ["sha1"]),
        ({"etag": f"{{SHA1{{{SHA1}}}}}"}, ["sha1"]),
        ({"etag": f'"{SHA1}"'}, []),
        ({"etag": f'W/"{{SHA1{{{SHA1}}}}}"'}, []),
        ({"etag": f'"{{SHA1{{{SHA1[1:]}}}}}"'}, []),
        ({"etag": f'"x{{SHA1{{{SHA1}}}}}"'}, []),
        ({"etag": '"{SHA1{' + "١" * 40 + '}}"'}, []),
        ({"x-checksum-sha1": HEX["md5"]}, []),
        ({"x-checksum-sha1": f"{SHA1}, {SHA1}"}, []),
        ({"x-checksum-sha1": f"sha1:{SHA1}"}, []),
        ({"x-checksum-sha1": ""}, []),
        ({"x-checksum-sha1": "\udcff" * 40}, []),
        ({"x-checksum-crc32": "deadbeef", "content-md5": HEX["md5"]}, []),
    ],
)
def test_fields(headers: Mapping[str, str], found: list[str]) -> None:
    assert stated(headers) == tuple(Digest(algorithm, HEX[algorithm]) for algorithm in found)


def test_fields_that_contradict_each_other_are_all_given() -> None:
    other = hashlib.sha1(b"other").hexdigest()
    found = stated({"x-checksum-sha1": SHA1, "etag": f'"{{SHA1{{{other}}}}}"'})
    assert found == (Digest("sha1", SHA1), Digest("sha1", other))
