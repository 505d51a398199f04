"""Accounts in memory, and password hashes that cost nothing to check."""

from __future__ import annotations

from argon2 import PasswordHasher

from mxart.store import Account

_cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def account(name: str, password: str, *, admin: bool = False) -> Account:
    return Account(name=name, password_hash=_cheap.hash(password), admin=admin)


class MemoryAccounts:
    """`store.Accounts`."""

    def __init__(self, *accounts: Account) -> None:
        self.held = {each.name: each for each in accounts}

    async def account(self, name: str) -> Account | None:
        return self.held.get(name)

    async def put_account(self, account: Account) -> None:
        self.held[account.name] = account
