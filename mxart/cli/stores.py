"""What the commands that work on stores share: which ones, and how to run over each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click

from mxart.cli.options import WRONG_USAGE, settings_or_exit
from mxart.errors import MxartError
from mxart.settings import StoreSettings
from mxart.store.layout import index_folder

if TYPE_CHECKING:
    from mxart.store import Store

F = TypeVar("F", bound=Callable[..., object])
T = TypeVar("T")


def store_option(function: F) -> F:
    """The command takes ``--store NAME`` as ``store: str | None``; without it, it works on each configured store."""
    return click.option("--store", metavar="NAME", help="Only this store; each of them when left out.")(function)


def json_option(function: F) -> F:
    """The command takes ``--json`` as ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def chosen(config: Path | None, name: str | None) -> tuple[StoreSettings, ...]:
    """The stores that are meant. Ends the command with exit code 2 and a sentence when one is not there."""
    stores = settings_or_exit(config).stores
    if name is not None and name not in stores:
        exit_with(f"there is no store {name!r}: the configuration has {', '.join(sorted(stores))}")
    meant = tuple(stores.values()) if name is None else (stores[name],)
    for settings in meant:
        if not (index_folder(settings.path) / "data.mdb").exists():
            exit_with(f"there is no store in {settings.path} yet: the server makes it when it first starts")
    return meant


def run(settings: StoreSettings, work: Callable[[Store], Awaitable[T]]) -> T:
    """What ``work`` gives for the store. Ends the command with exit code 2 and a sentence when it cannot be used."""
    try:
        return asyncio.run(_opened(settings, work))
    except (MxartError, OSError) as error:
        exit_with(f"store {settings.name}: {error}")


async def _opened(settings: StoreSettings, work: Callable[[Store], Awaitable[T]]) -> T:
    from mxart.assembly import open_store

    store = open_store(settings)
    try:
        return await work(store)
    finally:
        await store.index.close()


def exit_with(sentence: str) -> NoReturn:
    """Ends the command: the sentence on standard error, exit code 2."""
    click.echo(f"mxart: {sentence}", err=True)
    raise SystemExit(WRONG_USAGE)
