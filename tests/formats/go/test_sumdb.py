"""Tiles and answers of checksum databases; the true ones are made by the test database that the go command accepts."""

from __future__ import annotations

import io

import pytest

from mxart.errors import Corrupt, Invalid
from mxart.formats.go import sumdb
from mxart.formats.go.sumdb import Tile
from tests.support.modules import Module
from tests.support.sumdb import SumDB

NAME = "sums.example.org"


@pytest.fixture(scope="module")
def database() -> SumDB:
    database, module = SumDB(NAME), Module("example.com/Hello", "v1.0.0", {"a.go": "package a\n"})
    for number in range(300):
        database.add(f"example.com/m{number}", "v1.0.0", module.zip_hash, module.gomod_hash)
    database.add(module.path, module.version, module.zip_hash, module.gomod_hash)
    return database


@pytest.mark.parametrize(
    ("path", "tile", "size"),
    [
        ("tile/8/0/000", Tile(height=8, level=0, index=0, width=256), 8192),
        ("tile/8/1/000.p/1", Tile(height=8, level=1, index=0, width=1), 32),
        ("tile/8/0/x001/x234/067.p/255", Tile(height=8, level=0, index=1234067, width=255), 8160),
        ("tile/8/63/999", Tile(height=8, level=63, index=999, width=256), 8192),
        ("tile/1/0/000", Tile(height=1, level=0, index=0, width=2), 64),
        ("tile/16/0/000", Tile(height=16, level=0, index=0, width=65536), 2 << 20),
        ("tile/8/data/x010/000.p/2", Tile(height=8, level=-1, index=10000, width=2), 2 * 64 << 10),
        ("tile/16/data/000", Tile(height=16, level=-1, index=0, width=65536), 16 << 20),
    ],
)
def test_tile_paths(path: str, tile: Tile, size: int) -> None:
    assert sumdb.parse_tile(path) == tile
    assert str(tile) == path
    assert tile.size == size


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0/000",
        "tile/17/0/000",
        "tile/30/0/000",
        "tile/8/64/000",
        "tile/8/0/000.p/256",
        "tile/8/0/x000/000",
        "tile",
    ],
)
def test_what_is_no_tile(path: str) -> None:
    with pytest.raises(Invalid):
        sumdb.parse_tile(path)


@pytest.mark.parametrize(
    "path", ["tile/8/0/000", "tile/8/0/000.p/7", "tile/8/0/001.p/45", "tile/8/1/000.p/1", "tile/8/data/001.p/45"]
)
def test_true_tiles(database: SumDB, path: str) -> None:
    status, _, data = database.answer(path)
    assert status == 200
    sumdb.check_tile(io.BytesIO(data), sumdb.parse_tile(path))


@pytest.mark.parametrize("path", ["tile/8/0/000", "tile/8/0/000.p/7", "tile/8/data/000.p/7"])
@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-1], lambda data: data + data])
def test_tiles_of_another_size(database: SumDB, path: str, damage: object) -> None:
    assert callable(damage)
    data = damage(database.answer(path)[2])
    with pytest.raises(Corrupt):
        sumdb.check_tile(io.BytesIO(data), sumdb.parse_tile(path))


def test_true_answers(database: SumDB) -> None:
    sumdb.check_tree_head(io.BytesIO(database.answer("latest")[2]), NAME)
    lookup = database.answer("lookup/example.com/!hello@v1.0.0")[2]
    sumdb.check_lookup(io.BytesIO(lookup), NAME, "example.com/Hello", "v1.0.0")


@pytest.mark.parametrize(
    ("module", "version"),
    [("example.com/hello", "v1.0.0"), ("example.com/Hello", "v1.0.1"), ("example.com/Hell", "v1.0.0")],
)
def test_a_record_of_something_else(database: SumDB, module: str, version: str) -> None:
    lookup = database.answer("lookup/example.com/!hello@v1.0.0")[2]
    with pytest.raises(Corrupt, match="does not name"):
        sumdb.check_lookup(io.BytesIO(lookup), NAME, module, version)


def test_a_tree_head_of_another_database(database: SumDB) -> None:
    with pytest.raises(Corrupt, match=r"signed by 'sums\.example\.org'"):
        sumdb.check_tree_head(io.BytesIO(database.tree_head()), "other.example.org")


HASH = b"A" * 43 + b"="
TREE = b"go.sum database tree\n1\n" + HASH + b"\n"
SIGNATURE = "— sums.example.org AAAAAAAA\n".encode()


@pytest.mark.parametrize(
    ("head", "true"),
    [
        (TREE + b"\n" + SIGNATURE, True),
        (TREE + b"\n" + SIGNATURE + "— witness.example.org AAAAAAAA\n".encode(), True),
        (TREE + b"an extension\n\n" + SIGNATURE, True),
        (b"", False),
        (TREE, False),
        (TREE + SIGNATURE, False),
        (TREE + b"\n", False),
        (TREE + b"\n" + SIGNATURE[:-1], False),
        (TREE + b"\n" + SIGNATURE + b"\n", False),
        (TREE + b"\n" + SIGNATURE * 101, False),
        (TREE + b"\n- sums.example.org AAAAAAAA\n", False),
        (TREE + "\n— sums.example.org AAAA\n".encode(), False),
        (TREE + "\n— sums.example.org ?\n".encode(), False),
        (TREE + "\n— sums.example.org é\n".encode(), False),
        (TREE + "\n— AAAAAAAA\n".encode(), False),
        (TREE.replace(b"\n1\n", b"\n01\n") + b"\n" + SIGNATURE, False),
        (TREE.replace(b"\n1\n", b"\n-1\n") + b"\n" + SIGNATURE, False),
        (TREE.replace(b"A=", b"=") + b"\n" + SIGNATURE, False),
        (TREE.replace(b"tree", b"forest") + b"\n" + SIGNATURE, False),
        (TREE + b"\x00\n\n" + SIGNATURE, False),
        (TREE + b"\xff\n\n" + SIGNATURE, False),
        (TREE + b"x" * (1 << 20) + b"\n\n" + SIGNATURE, False),
        (b"<html></html>", False),
    ],
    ids=lambda value: repr(value[-50:]) if isinstance(value, bytes) else str(value),
)
def test_tree_heads(head: bytes, true: bool) -> None:
    if true:
        sumdb.check_tree_head(io.BytesIO(head), NAME)
    else:
        with pytest.raises(Corrupt):
            sumdb.check_tree_head(io.BytesIO(head), NAME)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"7\n",
        b"x\nexample.com/m v1.0.0 h1:x\n\n" + TREE + b"\n" + SIGNATURE,
        b"-7\nexample.com/m v1.0.0 h1:x\n\n" + TREE + b"\n" + SIGNATURE,
        b"7\nexample.com/m v1.0.0 h1:x\n" + TREE + b"\n" + SIGNATURE,
        b"7\nexample.com/m v1.0.0 h1:x\n\n" + TREE,
        b"7\nexample.com/m v1.0.0 h1:x\n\n",
        b"not found: example.com/m@v1.0.0\n",
    ],
)
def test_what_is_no_record(answer: bytes) -> None:
    with pytest.raises(Corrupt):
        sumdb.check_lookup(io.BytesIO(answer), NAME, "example.com/m", "v1.0.0")
