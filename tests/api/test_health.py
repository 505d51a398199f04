from __future__ import annotations

import json

import pytest

from mxart import __version__
from mxart.api.health import Ready, health
from mxart.errors import MxartError, StoreFull, Unavailable
from mxart.model import Bytes, Request, Response

REQUEST = Request(method="GET", path="-/ready")


def body(response: Response) -> object:
    assert isinstance(response.content, Bytes)
    return json.loads(response.content.data)


@pytest.mark.gen_test
async def test_health() -> None:
    response = await health(REQUEST)
    assert response.status == 200
    assert body(response) == {"status": "ok", "version": __version__}


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (None, 200, {"status": "ready"}),
        (StoreFull("The disk is full."), 503, {"status": "unready", "reason": "The disk is full."}),
        (Unavailable("Not yet."), 503, {"status": "unready", "reason": "Not yet."}),
    ],
)
@pytest.mark.gen_test
async def test_ready(error: MxartError | None, status: int, said: dict[str, str]) -> None:
    async def check() -> None:
        if error:
            raise error

    response = await Ready(check)(REQUEST)
    assert response.status == status
    assert body(response) == {**said, "version": __version__}


@pytest.mark.gen_test
async def test_a_check_that_breaks_is_not_taken_for_an_answer() -> None:
    async def check() -> None:
        raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError):
        await Ready(check)(REQUEST)
