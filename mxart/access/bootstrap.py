"""The account that a first start makes, so that somebody can log in."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from mxart.access.passwords import hash_password
from mxart.offload import offload
from mxart.store import Account, Accounts
from mxart.store.disk import fsync_folder, full_is_an_error

ADMIN = "admin"


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
