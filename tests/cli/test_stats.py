from __future__ import annotations

import json
from pathlib import Path

from mxart.store import Store
from tests.cli.stored import Stored, stored
from tests.store.builders import entry_of, keep

TEXT = """\
store default
  go: 2 entries, 14 B, 1 absences
  sums: 1 entries, 3 B
  on disk: 2 blobs, 10 B; 14 B saved by storing the same content once
  for gc: 0 blobs, 0 B
  trash: 1 entries, 7 B
"""


def filled(folder: Path) -> Stored:
    site = stored(folder)

    async def more(store: Store) -> None:
        await store.index.put(entry_of("absent", None))
        await keep(store, "x", b"sum", "sums")
        await keep(store, "c", b"content")
        await store.index.delete("go", "c", 1.0)

    site.work(more)
    return site


def test_what_the_stores_hold(tmp_path: Path) -> None:
    site = filled(tmp_path)
    ran = site.run("stats", "--store", "default")
    assert (ran.exit_code, ran.stdout) == (0, TEXT)
    assert "store second\n  on disk: 0 blobs, 0 B\n" in site.run("stats").stdout


def test_as_json(tmp_path: Path) -> None:
    first, second = json.loads(filled(tmp_path).run("stats", "--json").stdout)["stores"]
    assert first == {
        "name": "default",
        "repositories": [
            {"name": "go", "entries": 2, "absences": 1, "bytes": 14},
            {"name": "sums", "entries": 1, "absences": 0, "bytes": 3},
        ],
        "blobs": 2,
        "blob_bytes": 10,
        "saved_bytes": 14,
        "loose": 0,
        "loose_bytes": 0,
        "trashed": 1,
        "trashed_bytes": 7,
    }
    assert second["blobs"] == 0
