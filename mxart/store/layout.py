"""Every path below a data folder and every key in the index, made here and nowhere else. Pure.

::

    data/
      blobs/sha256/ab/ab12…     immutable content named by its digest, mode 0444
      incoming/                 downloads (d-…) and uploads (u-…) in progress
      quarantine/               damaged content that fsck --repair took out of blobs/
      scratch/                  folders in which tools work, NAME~…~UTC seconds from which they are nobody's
      index/data.mdb, lock.mdb  the LMDB environment
      locks/keys, locks/slots   files of which single bytes are locked; always empty
      admin-password            made at the first start, mode 0600
      reserve                   room that gc gives up on a full disk; it holds nothing

Index databases and their keys::

    entries    REPOSITORY NUL PATH              → Entry
    served     REPOSITORY NUL PATH              → time last served
    downloads  REPOSITORY NUL PATH              → Download
    blobs      32 bytes of SHA-256              → size, references
    loose      32 bytes of SHA-256              → since when nobody names the blob
    changes    sequence, 8 bytes big-endian     → Change
    trash      sequence, 8 bytes big-endian     → Entry and when it was deleted
    accounts   name                             → Account
    notes      name                             → bytes
    choices    REPOSITORY NUL PATH              → the member of a group that answers for it
               REPOSITORY NUL "=" DIGEST        → a path at which a proxy has that content
    meta       "sequence"                       → number of the newest change
               "changed" NUL REPOSITORY         → number of the newest change there

A *tombstone* is an entry without a digest, ``absent`` 410, that remembers in ``checksums["sha256"]`` what stood there.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mxart.model import Digest

DATABASES = (
    *("entries", "served", "downloads", "blobs", "loose", "changes", "trash", "accounts", "notes", "choices"),
    "meta",
)

SEQUENCE = b"sequence"  # in meta
MAX_KEY = 511  # bytes; LMDB's compiled-in limit
_SHORT = b"\0#"  # no path has a NUL, so this cannot be part of one
_DIGEST_BYTES = 32
MAX_PREFIX = MAX_KEY - len(_SHORT) - _DIGEST_BYTES  # bytes at the beginning of a key that no cut changes


def blobs_folder(data: Path) -> Path:
    return data / "blobs" / "sha256"


def blob_name(data: str, digest: Digest) -> str:
    """Where the blob lies below the folder ``data``: a string, because a `Path` costs more than the look-up itself.

    >>> blob_name("data", Digest("sha256", "ab12" + "0" * 60))[:24]
    'data/blobs/sha256/ab/ab1'
    """
    return f"{data}/blobs/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"


def blob_path(data: Path, digest: Digest) -> Path:
    """Where the blob lies."""
    return Path(blob_name(str(data), digest))


def incoming_folder(data: Path) -> Path:
    return data / "incoming"


def quarantine_folder(data: Path) -> Path:
    return data / "quarantine"


def scratch_folder(data: Path) -> Path:
    return data / "scratch"


def index_folder(data: Path) -> Path:
    return data / "index"


def locks_folder(data: Path) -> Path:
    return data / "locks"


def reserve_path(data: Path) -> Path:
    return data / "reserve"


def admin_password_path(data: Path) -> Path:
    return data / "admin-password"


def make_folders(data: Path) -> None:
    """Every folder exists after the call. Raises OSError."""
    for folder in (blobs_folder, incoming_folder, quarantine_folder, scratch_folder, index_folder, locks_folder):
        folder(data).mkdir(parents=True, exist_ok=True)


def entry_key(repository: str, path: str) -> bytes:
    """The key of an entry. A path too long for a key is cut and closed by its digest; the record has it whole.

    >>> entry_key("go", "example.com/m/@v/list")
    b'go\\x00example.com/m/@v/list'
    >>> len(entry_key("go", "a" * 4000))
    511
    """
    key = repository.encode() + b"\0" + path.encode()
    if len(key) <= MAX_KEY:
        return key
    return key[:MAX_PREFIX] + _SHORT + hashlib.sha256(path.encode()).digest()


def entry_prefix(repository: str, prefix: str) -> bytes:
    """What the keys of all entries below ``prefix`` start with; for a long prefix also those of some others.

    >>> entry_key("go", "a" * 600 + "/x").startswith(entry_prefix("go", "a" * 600))
    True
    """
    key = repository.encode() + b"\0" + prefix.encode()
    return key[:MAX_PREFIX]


def beyond(prefix: bytes) -> bytes:
    """What all keys that begin with ``prefix`` are less than; its last byte is one of UTF-8, so never the greatest.

    >>> beyond(entry_prefix("go", "a/"))
    b'go\\x00a0'
    """
    return prefix[:-1] + bytes((prefix[-1] + 1,))


def key_package(key: bytes, border: str) -> str:
    """The beginning of an entry's path up to the first ``border``; "" when it has none, or has it beyond the cut of a
    long key.

    >>> key_package(entry_key("hub", "library/nginx/-/tags/latest"), "/-/")
    'library/nginx'
    """
    path = key.split(b"\0", 2)[1]  # without the tail of a key that was cut, which may hold any bytes
    beginning, found, _ = path.partition(border.encode())
    return beginning.decode() if found else ""


def blob_lock(digest: Digest) -> str:
    """The key of the lock under which a blob comes, goes, or is judged."""
    return f"blob {digest}"


def fetch_lock(repository: str, path: str) -> str:
    """The key of the lock that whoever downloads this path holds."""
    return f"fetch {repository}/{path}"


def upload_lock(name: str) -> str:
    """The key of the lock that whoever writes this upload holds; ``name``: its file in incoming/."""
    return f"upload {name}"


def choice_lock(repository: str, path: str) -> str:
    """The key of the lock under which a group's choice for this path changes."""
    return f"choose {repository}/{path}"


def changed_key(repository: str) -> bytes:
    return b"changed\0" + repository.encode()


def sequence_key(sequence: int) -> bytes:
    return sequence.to_bytes(8, "big")
