"""Blocking work off the loop, and work that no cancellation may leave behind."""

from __future__ import annotations

import asyncio
import threading

import pytest

from mxart.offload import offload, undisturbed


@pytest.mark.gen_test
async def test_what_a_function_returns_or_raises_comes_through() -> None:
    assert await offload(threading.get_ident) != threading.get_ident()
    assert await offload(int, "ff", base=16) == 255
    with pytest.raises(ValueError, match="invalid literal"):
        await offload(int, "x")


@pytest.mark.gen_test
async def test_undisturbed_gives_what_the_work_gives() -> None:
    assert await undisturbed(offload(int, "1")) == 1
    with pytest.raises(ValueError, match="invalid literal"):
        await undisturbed(offload(int, "x"))


@pytest.mark.parametrize("cancels", [1, 3])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.gen_test
async def test_a_cancellation_comes_when_the_work_is_over(cancels: int, fails: bool) -> None:
    release = threading.Event()
    ended: list[bool] = []

    def work() -> None:
        release.wait(10)
        ended.append(True)
        if fails:
            raise ValueError

    task = asyncio.ensure_future(undisturbed(offload(work)))
    for _ in range(cancels):
        await asyncio.sleep(0.005)
        task.cancel()
    await asyncio.sleep(0.005)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]


@pytest.mark.gen_test
async def test_a_time_limit_around_it_is_still_one() -> None:
    release = threading.Event()
    asyncio.get_running_loop().call_later(0.02, release.set)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await undisturbed(offload(release.wait, 10))
    assert release.is_set()
