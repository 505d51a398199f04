from __future__ import annotations

import stat
from base64 import b64encode
from pathlib import Path

import pytest

from mxart.access.bootstrap import first_admin, token_key
from mxart.access.identify import Access
from mxart.access.tokens import Tokens
from mxart.errors import StoreFull
from mxart.model import Principal, Request
from mxart.store import Account
from mxart.store.index import LmdbIndex
from mxart.store.layout import make_folders
from tests.support.accounts import MemoryAccounts, account

NOW = 1_700_000_000.0


class FullAccounts(MemoryAccounts):
    """Accounts without room for another."""

    async def put_account(self, account: Account) -> None:
        raise StoreFull("the index is full")


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.mark.gen_test
async def test_the_first_start_makes_an_admin_that_can_log_in(tmp_path: Path) -> None:
    accounts, file = MemoryAccounts(), tmp_path / "admin-password"
    password = await first_admin(accounts, file, NOW)
    assert password is not None
    assert len(password) >= 24
    assert file.read_text() == password + "\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert names(tmp_path) == ["admin-password"]
    assert accounts.held["admin"].created == NOW
    field = "Basic " + b64encode(f"admin:{password}".encode()).decode()
    request = Request(method="GET", path="", headers={"authorization": field})
    assert await Access(accounts, "none", Tokens(bytes(32))).identify(request) == Principal("admin", admin=True)


@pytest.mark.gen_test
async def test_later_starts_change_nothing(tmp_path: Path) -> None:
    accounts, file = MemoryAccounts(account("admin", "chosen", admin=True)), tmp_path / "admin-password"
    before = accounts.held["admin"]
    assert await first_admin(accounts, file, NOW) is None
    assert accounts.held["admin"] is before
    assert not file.exists()


@pytest.mark.gen_test
async def test_a_start_that_ended_between_file_and_account_is_made_good(tmp_path: Path) -> None:
    file = tmp_path / "admin-password"
    with pytest.raises(StoreFull):
        await first_admin(FullAccounts(), file, NOW)
    lost = file.read_text()
    accounts = MemoryAccounts()
    password = await first_admin(accounts, file, NOW)
    assert file.read_text() == f"{password}\n" != lost


@pytest.mark.gen_test
async def test_no_account_without_a_file(tmp_path: Path) -> None:
    accounts = MemoryAccounts()
    with pytest.raises(FileNotFoundError):
        await first_admin(accounts, tmp_path / "missing" / "admin-password", NOW)
    assert accounts.held == {}


@pytest.mark.gen_test
async def test_a_link_in_its_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    elsewhere, file = tmp_path / "elsewhere", tmp_path / "admin-password"
    elsewhere.write_text("precious")
    file.symlink_to(elsewhere)
    await first_admin(MemoryAccounts(), file, NOW)
    assert elsewhere.read_text() == "precious"
    assert not file.is_symlink()


@pytest.mark.gen_test
async def test_the_key_for_tokens_is_made_once_and_is_every_process_s_own(tmp_path: Path) -> None:
    make_folders(tmp_path / "store")
    make_folders(tmp_path / "other")
    index = LmdbIndex(tmp_path / "store", 1 << 24)
    key = await token_key(index)
    assert len(key) == 32
    assert await token_key(index) == key
    assert await index.note("token-key") == key
    await index.close()
    worker = LmdbIndex(tmp_path / "store", 1 << 24)
    assert await token_key(worker) == key
    await worker.close()
    stranger = LmdbIndex(tmp_path / "other", 1 << 24)
    assert await token_key(stranger) != key
    await stranger.close()
