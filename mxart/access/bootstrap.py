"""What a first start makes, so that somebody can log in: an account, and the key under which tokens are signed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Protocol

from mxart.access.passwords import hash_password
from mxart.offload import offload
from mxart.store import Account, Accounts
from mxart.store.disk import fsync_folder, full_is_an_error

ADMIN = "admin"

_TOKEN_KEY = "token-key"  # the name of the note
_KEY_LENGTH = 32  # bytes; as much as HS256 can use (RFC 7518 §3.2)


class Notes(Protocol):
    """The narrow view of the index that the key is kept in."""

    async def note(self, name: str) -> bytes | None: ...

    async def put_note(self, name: str, value: bytes) -> None: ...


async def first_admin(accounts: Accounts, password_file: Path, now: float) -> str | None:
    """True after: there is an account ``admin``. Returns its password when it was made just now, else None.

    The password is in ``password_file``, readable by its owner alone, before the account is durable: a crash between
    the two leaves a file that the next start replaces, never an account whose password nobody knows. ``now``: UTC
    seconds. Raises OSError, StoreFull.
    """
    if await accounts.account(ADMIN) is not None:
        return None
    password = secrets.token_urlsafe(18)
    await offload(_write_secret, password_file, password)
    await accounts.put_account(
        Account(name=ADMIN, password_hash=await hash_password(password), admin=True, created=now)
    )
    return password


async def token_key(notes: Notes) -> bytes:
    """The secret key for `Tokens`, the same for all who ask later; the first call makes it, before there are others.

    A power failure just after may lose it: then clients ask for their next token some minutes sooner. Raises
    StoreFull, Unavailable.
    """
    key = await notes.note(_TOKEN_KEY)
    if key is None:
        key = secrets.token_bytes(_KEY_LENGTH)
        await notes.put_note(_TOKEN_KEY, key)
    return key


def _write_secret(file: Path, secret: str) -> None:
    """``file`` holds ``secret`` and a line end, durably, in place of whatever was there."""
    part = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with full_is_an_error(f"the password of {ADMIN}"), open(part, "x", opener=_owner_only) as out:
            out.write(secret + "\n")
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    fsync_folder(file.parent)


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
