from __future__ import annotations

import asyncio
import threading

import argon2
import pytest

from mxart.access.passwords import (
    MOST_AT_ONCE,
    MOST_REMEMBERED,
    MOST_WAITING,
    REMEMBERED,
    Passwords,
    hash_password,
    matches,
)
from mxart.errors import Unavailable
from mxart.offload import offload
from tests.support.accounts import account

HASH = account("ada", "sésame, ouvre-toi").password_hash

CHECKS = [
    ("the right one", HASH, "sésame, ouvre-toi", True),
    ("a wrong one", HASH, "sesame, ouvre-toi", False),
    ("none", HASH, "", False),
    ("the hash itself", HASH, HASH, False),
    ("a start of it", HASH, "sésame", False),
    ("a hash cut short", HASH[:-5], "sésame, ouvre-toi", False),
    ("an empty hash", "", "", False),
    ("no hash at all", "sésame, ouvre-toi", "sésame, ouvre-toi", False),
    ("another kind of hash", "$2b$12$abcdefghijklmnopqrstuv", "x", False),
]


class Count:
    """Checks that say what they are told to, and are counted."""

    def __init__(self, right: bool) -> None:
        self.right = right
        self.stored: list[str] = []

    def __call__(self, stored: str, password: str) -> bool:
        self.stored.append(stored)
        return self.right

    @property
    def calls(self) -> int:
        return len(self.stored)


class Held:
    """Checks that end only when the test says so."""

    def __init__(self) -> None:
        self.begun = 0
        self._changed = threading.Condition()
        self._ended = threading.Event()

    def __call__(self, stored: str, password: str) -> bool:
        with self._changed:
            self.begun += 1
            self._changed.notify_all()
        assert self._ended.wait(20)
        return True

    async def until_begun(self, count: int) -> None:
        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: self.begun >= count, 20)

        assert await offload(wait)

    def end(self) -> None:
        self._ended.set()


async def settled() -> None:
    """True after: whatever could be handed to a thread by now has been."""
    for _ in range(10):
        await offload(lambda: None)


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.mark.parametrize(("what", "stored", "password", "right"), CHECKS, ids=[row[0] for row in CHECKS])
@pytest.mark.gen_test
async def test_checks(what: str, stored: str, password: str, right: bool) -> None:
    assert await Passwords().verify("ada", password, stored) is right
    assert matches(stored, password) is right


@pytest.mark.gen_test
async def test_a_hash_has_the_parameters_and_a_salt_of_its_own() -> None:
    one, other = await hash_password("x"), await hash_password("x")
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await Passwords().verify("ada", "x", one)


@pytest.mark.gen_test
async def test_a_name_without_account_costs_as_much_as_one_with() -> None:
    count = Count(right=True)
    assert await Passwords(count).verify("nobody", "x", None) is False
    (stored,) = count.stored
    assert argon2.extract_parameters(stored) == argon2.extract_parameters(await hash_password("x"))
    assert matches(stored, "") is False  # it is a hash that can be checked, and nothing matches it


@pytest.mark.gen_test
async def test_nobody_is_never_remembered() -> None:
    count = Count(right=True)
    passwords = Passwords(count)
    for _ in range(2):
        assert await passwords.verify("nobody", "x", None) is False


@pytest.mark.gen_test
async def test_right_is_remembered_for_a_while() -> None:
    count, clock = Count(right=True), [1000.0]
    passwords = Passwords(count, lambda: clock[0])
    for later, calls in [(0.0, 1), (REMEMBERED - 1, 1), (REMEMBERED, 2), (2 * REMEMBERED - 1, 2)]:
        clock[0] = 1000.0 + later
        assert await passwords.verify("ada", "x", HASH)
        assert count.calls == calls


@pytest.mark.gen_test
async def test_wrong_is_checked_each_time() -> None:
    count = Count(right=False)
    passwords = Passwords(count)
    for _ in range(3):
        assert not await passwords.verify("ada", "x", HASH)
    assert count.calls == 3


@pytest.mark.parametrize(
    ("name", "password", "stored"),
    [("ad", "ax", "h"), ("a", "dax", "h"), ("ada", "", "xh"), ("ada", "x", "changed"), ("", "adax", "h")],
)
@pytest.mark.gen_test
async def test_what_is_remembered_holds_for_nothing_else(name: str, password: str, stored: str) -> None:
    count = Count(right=True)
    passwords = Passwords(count)
    assert await passwords.verify("ada", "x", "h")
    count.right = False
    assert not await passwords.verify(name, password, stored)
    assert await passwords.verify("ada", "x", "h")


@pytest.mark.gen_test
async def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    count = Count(right=True)
    passwords = Passwords(count)
    for number in range(MOST_REMEMBERED + 1):
        await passwords.verify("ada", str(number), HASH)
    await passwords.verify("ada", str(MOST_REMEMBERED), HASH)
    assert count.calls == MOST_REMEMBERED + 1
    await passwords.verify("ada", "0", HASH)
    assert count.calls == MOST_REMEMBERED + 2


@pytest.mark.gen_test
async def test_a_few_run_at_once(held: Held) -> None:
    passwords = Passwords(held)
    checks = [asyncio.ensure_future(passwords.verify("ada", str(number), HASH)) for number in range(6)]
    await held.until_begun(MOST_AT_ONCE)
    await settled()
    assert held.begun == MOST_AT_ONCE
    held.end()
    assert await asyncio.gather(*checks) == [True] * 6


@pytest.mark.gen_test
async def test_connections_of_one_client_share_a_check(held: Held) -> None:
    passwords = Passwords(held)
    checks = [asyncio.ensure_future(passwords.verify("ada", "x", HASH)) for _ in range(20)]
    await held.until_begun(MOST_AT_ONCE)
    held.end()
    assert await asyncio.gather(*checks) == [True] * 20
    assert held.begun == MOST_AT_ONCE


@pytest.mark.gen_test
async def test_a_client_that_leaves_frees_no_place_before_its_thread_ends(held: Held) -> None:
    passwords = Passwords(held)
    left = [asyncio.ensure_future(passwords.verify("ada", str(number), HASH)) for number in range(MOST_AT_ONCE)]
    await held.until_begun(MOST_AT_ONCE)
    for check in left:
        check.cancel()
    last = asyncio.ensure_future(passwords.verify("ada", "last", HASH))
    await settled()
    assert held.begun == MOST_AT_ONCE
    held.end()
    assert await last


@pytest.mark.gen_test
async def test_a_flood_is_told_to_come_back(held: Held) -> None:
    passwords = Passwords(held)
    numbers = range(MOST_AT_ONCE + MOST_WAITING)
    waiting = [asyncio.ensure_future(passwords.verify("ada", str(number), HASH)) for number in numbers]
    await held.until_begun(MOST_AT_ONCE)
    with pytest.raises(Unavailable) as raised:
        await passwords.verify("eve", "x", HASH)
    assert raised.value.retry_after > 0
    held.end()
    assert all(await asyncio.gather(*waiting))
    assert await passwords.verify("eve", "x", HASH)
