from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from mxart.store import Store
from tests.store.builders import open_store


@pytest.fixture
def store(tmp_path: Path, io_loop: IOLoop) -> Iterator[Store]:
    store = open_store(tmp_path / "data")
    yield store
    io_loop.run_sync(store.index.close)
