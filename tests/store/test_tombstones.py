"""What a tombstone says and remembers. What may take the place of what: the table in ``suite.py``."""

from __future__ import annotations

import pytest

from mxart.model import Entry
from mxart.store.tombstones import tombstone, withdrawn
from tests.store.builders import digest_of, entry_of

ENTRY = entry_of("lib/1.0.zip", b"x", etag='"1"', checksums={"sha1": "ab"}, created=1.0)


def test_it_speaks_to_clients() -> None:
    made = tombstone(ENTRY, digest_of(b"x"), 86400.0 * 365)
    assert made.reason == "lib/1.0.zip was deleted on 1971-01-01; only the same content may be published there again"
    assert (made.repository, made.path, made.absent) == ("go", "lib/1.0.zip", 410)
    assert withdrawn(made) == digest_of(b"x")


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        entry_of("a", b"x", checksums={"sha256": "ab" * 32}),
        entry_of("a", None),
        Entry(repository="go", path="a", absent=410, reason="the upstream says: gone"),
        Entry(repository="go", path="a", absent=404, checksums={"sha256": "ab" * 32}),
    ],
)
def test_nothing_else_is_one(entry: Entry) -> None:
    assert withdrawn(entry) is None
