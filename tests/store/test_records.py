"""Records read as they were written, and those of older versions with today's defaults."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import pytest

from mxart.errors import Corrupt
from mxart.model import Digest, Entry
from mxart.store import Account, BlobRecord, Change, Download, Trashed, records
from tests.store.builders import digest_of, entry_of
from tests.store.suite import download

FULL = Entry(
    repository="go",
    path="ü/@v/v1.zip",
    digest=digest_of(b"x"),
    size=1 << 40,
    media_type="application/zip",
    checksums={"sha1": "ab", "h1": "x="},
    etag='W/"1"',
    last_modified="Tue, 14 Nov 2023 22:13:20 GMT",
    absent=0,
    reason="",
    published=1.5,
    created=2.5,
    checked=3.5,
    served=4.5,
    facts={"artifactType": "application/vnd.example+type", "ü": ""},
    sequence=1 << 40,
)
KEY = bytes.fromhex(digest_of(b"x").hex)


@pytest.mark.parametrize("entry", [FULL, entry_of("", None, reason="gone\n"), entry_of("a", b"")])
def test_entries(entry: Entry) -> None:
    assert records.unpack_entry(records.pack_entry(entry), entry.served) == entry


@pytest.mark.parametrize(
    "record",
    [
        download(),
        download(length=0, etag='"1"', resumable=True, retry_after=1.5, changed=2.5, state="failed", message="ä"),
    ],
)
def test_downloads(record: Download) -> None:
    assert records.unpack_download(records.pack_download(record)) == record


def test_the_rest() -> None:
    change = Change(7, "go", "a", "put", digest_of(b"x"), 1.5)
    assert records.unpack_change(7, records.pack_change(change)) == change
    absent = Change(8, "go", "a", "absent", None, 1.5)
    assert records.unpack_change(8, records.pack_change(absent)) == absent
    trashed = Trashed(9, entry_of("a", b"x"), 2.5, batch=8, batch_size=3)
    assert records.unpack_trashed(9, records.pack_trashed(trashed)) == trashed
    assert [records.unpack_choice(record) for record in (records.pack_choice("go-ü"), None)] == ["go-ü", ""]
    account = Account(name="ü", password_hash="$", admin=True, created=1.0)
    assert records.unpack_account(records.pack_account(account)) == account
    assert records.unpack_blob(KEY, records.pack_blob(5, 2)) == BlobRecord(digest_of(b"x"), 5, 2)
    assert records.unpack_blob(KEY, records.pack_blob(5, 0), 1.5).loose_since == 1.5
    assert (records.unpack_time(records.pack_time(1.5)), records.unpack_time(None)) == (1.5, 0.0)
    assert (records.unpack_number(records.pack_number(5)), records.unpack_number(None)) == (5, 0)


def test_what_names_which_blob() -> None:
    assert records.unpack_named(records.pack_entry(FULL)) == (KEY, 1 << 40)
    assert records.unpack_trashed_named(records.pack_trashed(Trashed(1, FULL, 2.0))) == (KEY, 1 << 40)
    assert records.unpack_named(records.pack_entry(entry_of("a", None))) == (None, 0)


def test_a_record_with_fields_of_a_later_mxart_reads() -> None:
    fields = [*msgpack.unpackb(records.pack_entry(FULL)), "a field more"]
    assert records.unpack_entry(msgpack.packb(fields), FULL.served) == FULL


def test_an_entry_of_an_older_mxart_has_no_facts() -> None:
    older = msgpack.packb(msgpack.unpackb(records.pack_entry(FULL))[:15])
    assert records.unpack_entry(older, FULL.served) == replace(FULL, facts={})
    assert records.unpack_named(older) == (KEY, 1 << 40)


def test_what_was_deleted_before_there_were_batches_is_one_by_itself() -> None:
    version, deleted, entry, *_ = msgpack.unpackb(records.pack_trashed(Trashed(9, FULL, 2.5)))
    trashed = records.unpack_trashed(9, msgpack.packb([version, deleted, entry]))
    assert trashed == Trashed(9, replace(FULL, served=0.0), 2.5, batch=9, batch_size=1)


@pytest.mark.parametrize(
    "record",
    [msgpack.packb([2, "go"]), b"", b"\xc1", b"\x01", msgpack.packb([]), msgpack.packb({"a": 1}), b"\x92\x01"],
)
def test_what_is_no_record_of_ours_is_corrupt(record: bytes) -> None:
    with pytest.raises(Corrupt):
        records.unpack_entry(record)


def test_digests_are_sha256() -> None:
    assert records.unpack_entry(records.pack_entry(FULL)).digest == Digest("sha256", KEY.hex())
