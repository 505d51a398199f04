from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from mxart.store import Store
from tests.repository.parts import Worker
from tests.store.builders import open_store
from tests.support.disk import file_limit
from tests.support.upstream import ScriptedUpstream


@pytest.fixture
def store(tmp_path: Path, io_loop: IOLoop) -> Iterator[Store]:
    store = open_store(tmp_path / "data")
    yield store
    io_loop.run_sync(store.index.close)


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


@pytest.fixture
def make_worker(store: Store, upstream: ScriptedUpstream, io_loop: IOLoop) -> Iterator[Callable[..., Worker]]:
    """Makes workers over the one store and the one upstream; they are closed at the end."""
    made: list[Worker] = []

    def make(**fields: object) -> Worker:
        made.append(Worker(store, upstream.url, **fields))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for worker in made:
        io_loop.run_sync(worker.close)


@pytest.fixture
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker()


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """See `file_limit`."""
    with file_limit() as limit:
        yield limit
