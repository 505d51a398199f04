"""Password hashes: Argon2id (RFC 9106) with OWASP's low-memory parameters, made and checked off the event loop.

One check costs 19 MiB and some 20 ms on purpose, which a build with thousands of requests cannot pay each time: that
a password was right is remembered for minutes, under a key that tells nothing about it. That it was wrong is not.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mxart.errors import Unavailable
from mxart.offload import offload, undisturbed

REMEMBERED = 300.0  # seconds for which a right password needs no second check
MOST_REMEMBERED = 1024
MOST_AT_ONCE = 2  # checks; each takes 19 MiB and a whole core
MOST_WAITING = 200  # checks that wait for their turn: some 2 s of work; more are told to come back

_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)


async def hash_password(password: str) -> str:
    """The hash to store for ``password``, with its own salt and parameters in it (PHC string)."""
    return await offload(_hasher.hash, password)


def matches(stored: str, password: str) -> bool:
    """Whether ``stored`` is a hash of ``password``; False also for what is no hash. Blocking: run it in a thread."""
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


class Passwords:
    """Checks passwords, a few at a time; of one process and one event loop."""

    def __init__(
        self, matches: Callable[[str, str], bool] = matches, now: Callable[[], float] = time.monotonic
    ) -> None:
        """``matches``: (hash, password) → is it of that password; slow, run in a thread. ``now``: seconds on a clock
        that never goes back."""
        self._matches = matches
        self._now = now
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, float] = {}  # HMAC → until when it counts; in the order in which they end
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._waiting = 0
        self._nobody = _hash_of_nothing()

    async def verify(self, name: str, password: str, stored: str | None) -> bool:
        """Whether ``password`` is the one that ``stored`` was made of.

        ``stored`` is None for a name without an account: the answer is no, and takes as long as for any other name.
        Raises Unavailable when too many checks are waiting already.
        """
        right = await self._verify(self._mark(name, password, stored or self._nobody), stored or self._nobody, password)
        return right and stored is not None

    async def _verify(self, mark: bytes, stored: str, password: str) -> bool:
        if self._remembers(mark):
            return True
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many passwords are being checked at this moment; try again.", retry_after=2)
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            # undisturbed: when the client leaves, the thread that its check is in runs on, and keeps its place
            return await undisturbed(self._check(mark, stored, password))
        finally:
            self._places.release()

    async def _check(self, mark: bytes, stored: str, password: str) -> bool:
        if self._remembers(mark):  # another connection of the client has had it checked meanwhile
            return True
        right = await offload(self._matches, stored, password)
        if right:
            self._remember(mark)
        return right

    def _mark(self, name: str, password: str, stored: str) -> bytes:
        """Depends on the stored hash: a password that was changed is asked for again at once."""
        parts = [part.encode() for part in (name, password, stored)]
        message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.digest(self._key, message, hashlib.sha256)

    def _remembers(self, mark: bytes) -> bool:
        return self._right.get(mark, float("-inf")) > self._now()

    def _remember(self, mark: bytes) -> None:
        self._right.pop(mark, None)
        self._right[mark] = self._now() + REMEMBERED
        if len(self._right) > MOST_REMEMBERED:
            del self._right[next(iter(self._right))]


def _hash_of_nothing() -> str:
    """A hash of the same cost that no password has: its parts are random."""
    salt, tag = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    return f"$argon2id$v=19$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}${salt}${tag}"
