"""Narrow tiles cut from wider ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mxart.contract import Context
from mxart.errors import NotFound, Unavailable
from mxart.formats.go import paths, tiles
from mxart.formats.go.sumdb import parse_tile
from mxart.model import Blob, Bytes, Content, Digest, Entry, Resource

HASHES = bytes(range(256)) * 32  # 256 hashes
DIGEST = Digest("sha256", "ab" * 32)


def resource(path: str) -> paths.GoResource:
    return paths.tile("sums.example.org", parse_tile(path))


@dataclass
class Held:
    """A repository that holds some tiles, and has an upstream that cannot be reached."""

    tiles: Sequence[str]
    folder: Path | None = None  # where blobs are made; None: content in memory
    asked_upstream: list[str] = field(default_factory=list)
    lost: bool = False
    name: str = "go"

    async def get(self, resource: Resource, context: Context) -> Content:
        assert isinstance(resource, paths.GoResource)
        assert resource.tile is not None
        if str(resource.tile) not in self.tiles or (self.lost and context.cached_only):
            if context.cached_only:
                raise NotFound("not held")
            self.asked_upstream.append(str(resource.tile))
            raise Unavailable("down")
        data = HASHES[: resource.tile.size]
        if self.folder is None:
            return Bytes(data=data, etag='"tag"')
        file = self.folder / "blob"
        file.write_bytes(data)
        return Blob(file=file.open("rb", buffering=0), size=len(data), digest=DIGEST)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        assert context.cached_only
        held = [Entry(repository="go", path=f"sumdb/sums.example.org/{tile}", digest=DIGEST) for tile in self.tiles]
        return [entry for entry in held if entry.path.startswith(resource.path)]


ROWS: list[tuple[str, Sequence[str], str]] = [  # asked, held, cut from
    ("tile/8/0/000.p/5", ["tile/8/0/000.p/5", "tile/8/0/000"], ""),
    ("tile/8/0/000.p/5", ["tile/8/0/000"], "tile/8/0/000"),
    ("tile/8/0/000.p/5", ["tile/8/0/000.p/4", "tile/8/0/000.p/9", "tile/8/0/000.p/7"], "tile/8/0/000.p/7"),
    ("tile/8/1/x001/012.p/244", ["tile/8/1/x001/012.p/247"], "tile/8/1/x001/012.p/247"),
]


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize(("asked", "held", "source"), ROWS)
@pytest.mark.gen_test
async def test_the_narrowest_that_is_wide_enough(
    tmp_path: Path, asked: str, held: Sequence[str], source: str, in_memory: bool
) -> None:
    repository = Held(held, None if in_memory else tmp_path)
    context = Context()
    content = await tiles.get(resource(asked), repository, context)  # type: ignore[arg-type]
    data = content.data if isinstance(content, Bytes) else (tmp_path / "blob").read_bytes()
    assert data == HASHES[: parse_tile(asked).size]
    cuts = [facts["cut_from"] for step, facts in context.trail.steps if step == "tile"]
    assert cuts == ([f"sumdb/sums.example.org/{source}"] if source else [])
    assert repository.asked_upstream == []
    assert not context.cached_only
    content.close()
    if isinstance(content, Bytes) and not in_memory:
        assert content.etag == f'"{DIGEST.hex}-{parse_tile(asked).width}"', "not the one of the wider tile"


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ("tile/8/0/000.p/5", []),
        ("tile/8/0/000.p/5", ["tile/8/0/000.p/4"]),
        ("tile/8/0/000.p/5", ["tile/8/0/001", "tile/8/1/000", "tile/8/0/x000/000"]),
        ("tile/8/0/000", ["tile/8/0/000.p/255"]),
        ("tile/8/data/000.p/5", ["tile/8/data/000"]),
    ],
)
@pytest.mark.gen_test
async def test_all_else_is_the_upstreams_to_answer(asked: str, held: Sequence[str]) -> None:
    repository = Held(held)
    with pytest.raises(Unavailable):
        await tiles.get(resource(asked), repository, Context())  # type: ignore[arg-type]
    assert repository.asked_upstream == [asked]


@pytest.mark.gen_test
async def test_a_wider_one_that_was_lost_is_no_answer() -> None:
    repository = Held(["tile/8/0/000"], lost=True)
    with pytest.raises(Unavailable):
        await tiles.get(resource("tile/8/0/000.p/5"), repository, Context())  # type: ignore[arg-type]
