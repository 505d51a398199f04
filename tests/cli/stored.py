"""A configured store with something in it, for the commands that work on stores."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from click.testing import CliRunner, Result

from mxart.cli import main
from mxart.store import Store
from tests.store.builders import keep, open_store

T = TypeVar("T")


class Stored:
    """A folder with mxart.toml and the stores "default" and "second"."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "mxart.toml"
        self.config.write_text('[store.default]\npath = "data"\ntrash_age = "1 h"\n[store.second]\npath = "second"\n')

    def work(self, work: Callable[[Store], Awaitable[T]], name: str = "data") -> T:
        """What ``work`` gives for the store in the folder ``name``, open only meanwhile."""

        async def opened() -> T:
            store = open_store(self.folder / name)
            try:
                return await work(store)
            finally:
                await store.index.close()

        return asyncio.run(opened())

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["--config", str(self.config), *arguments])


def stored(folder: Path) -> Stored:
    """Both stores are made; the first holds "a" and "b" of the repository go, with the same content."""
    made = Stored(folder)

    async def nothing(store: Store) -> None: ...

    async def two(store: Store) -> None:
        await keep(store, "a", b"content")
        await keep(store, "b", b"content")

    made.work(two)
    made.work(nothing, "second")
    return made
