"""What is special to a hosted repository; what it shares with all others is in ``suite.py``."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mxart.contract import Repository
from mxart.repository.hosted import Hosted, HostedParts
from mxart.store import Store
from tests.repository.parts import Clock, PlainFormat
from tests.repository.suite import Make, PublishingSuite, publish


def hosted(store: Store, clock: Clock | None = None) -> Hosted:
    return Hosted(HostedParts(name="house", format=PlainFormat(), store=store, clock=clock or Clock()))


class TestHosted(PublishingSuite):
    owning = True

    @pytest.fixture
    def make(self, store: Store) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            repository = hosted(store)
            await publish(repository, held)
            return repository

        return make
