"""Records ↔ msgpack, versioned. Pure.

A record is an array whose first item is the version of its layout; fields are only ever added at the end, so an older
record reads with today's defaults for what it lacks. Times are UTC seconds, sizes are bytes.
"""

from __future__ import annotations

from typing import Any

import msgpack

from mxart.errors import Corrupt
from mxart.model import Digest, Entry
from mxart.store import Account, BlobRecord, Change, Download, Trashed

_VERSION = 1

Record = bytes | memoryview  # what LMDB hands out


def _pack(*fields: object) -> bytes:
    packed: bytes = msgpack.packb((_VERSION, *fields))
    return packed


def _unpack(record: Record) -> list[Any]:
    try:
        fields = msgpack.unpackb(record)
    except (ValueError, msgpack.UnpackException) as error:
        raise Corrupt(f"the index holds what is no record: {error}") from error
    if not isinstance(fields, list) or not fields or not isinstance(fields[0], int):
        raise Corrupt("the index holds what is no record of ours")
    if fields[0] > _VERSION:
        raise Corrupt(f"the index holds a record of version {fields[0]}; this mxart reads up to {_VERSION}: upgrade it")
    return fields


def _digest_bytes(digest: Digest | None) -> bytes | None:
    return None if digest is None else bytes.fromhex(digest.hex)


def _digest(raw: bytes | None) -> Digest | None:
    return None if raw is None else Digest("sha256", raw.hex())


def pack_entry(entry: Entry) -> bytes:
    return _pack(
        entry.repository,
        entry.path,
        _digest_bytes(entry.digest),
        entry.size,
        entry.media_type,
        dict(entry.checksums),
        entry.etag,
        entry.last_modified,
        entry.absent,
        entry.reason,
        entry.published,
        entry.created,
        entry.checked,
        entry.sequence,
        dict(entry.facts),
    )


def unpack_entry(record: Record, served: float = 0.0) -> Entry:
    f = _unpack(record)
    return Entry(
        repository=f[1],
        path=f[2],
        digest=_digest(f[3]),
        size=f[4],
        media_type=f[5],
        checksums=f[6],
        etag=f[7],
        last_modified=f[8],
        absent=f[9],
        reason=f[10],
        published=f[11],
        created=f[12],
        checked=f[13],
        sequence=f[14],
        facts=f[15] if len(f) > 15 else {},  # older records have none
        served=served,
    )


def unpack_named(record: Record) -> tuple[bytes | None, int]:
    """Of an entry's record: the key of the blob it names, and its size in bytes."""
    f = _unpack(record)
    return f[3], f[4]


def pack_time(when: float) -> bytes:
    return _pack(when)


def unpack_time(record: Record | None) -> float:
    return 0.0 if record is None else float(_unpack(record)[1])


def pack_number(number: int) -> bytes:
    return _pack(number)


def unpack_number(record: Record | None) -> int:
    return 0 if record is None else int(_unpack(record)[1])


def pack_choice(chosen: str) -> bytes:
    return _pack(chosen)


def unpack_choice(record: Record | None) -> str:
    return "" if record is None else str(_unpack(record)[1])


def pack_change(change: Change) -> bytes:
    return _pack(change.repository, change.path, change.action, _digest_bytes(change.digest), change.time)


def unpack_change(sequence: int, record: Record) -> Change:
    f = _unpack(record)
    return Change(sequence, f[1], f[2], f[3], _digest(f[4]), f[5])


def pack_trashed(trashed: Trashed) -> bytes:
    return _pack(trashed.deleted, pack_entry(trashed.entry), trashed.batch, trashed.batch_size)


def unpack_trashed(trash_id: int, record: Record) -> Trashed:
    f = _unpack(record)
    batch, batch_size = f[3:5] or (trash_id, 1)  # older records have none: each was deleted by itself
    return Trashed(trash_id, unpack_entry(f[2]), f[1], batch, batch_size)


def unpack_trashed_named(record: Record) -> tuple[bytes | None, int]:
    """The same of a trashed entry's record."""
    return unpack_named(_unpack(record)[2])


def pack_blob(size: int, references: int) -> bytes:
    return _pack(size, references)


def unpack_blob(key: Record, record: Record, loose_since: float = 0.0) -> BlobRecord:
    f = _unpack(record)
    return BlobRecord(Digest("sha256", key.hex()), f[1], f[2], loose_since)


def pack_account(account: Account) -> bytes:
    return _pack(account.name, account.password_hash, account.admin, account.created)


def unpack_account(record: Record) -> Account:
    f = _unpack(record)
    return Account(name=f[1], password_hash=f[2], admin=f[3], created=f[4])


def pack_download(download: Download) -> bytes:
    return _pack(
        download.repository,
        download.path,
        download.attempt,
        download.state,
        download.file,
        download.length,
        download.etag,
        download.last_modified,
        download.resumable,
        download.failure,
        download.message,
        download.retry_after,
        download.changed,
    )


def unpack_download(record: Record) -> Download:
    f = _unpack(record)
    return Download(
        repository=f[1],
        path=f[2],
        attempt=f[3],
        state=f[4],
        file=f[5],
        length=f[6],
        etag=f[7],
        last_modified=f[8],
        resumable=f[9],
        failure=f[10],
        message=f[11],
        retry_after=f[12],
        changed=f[13],
    )
