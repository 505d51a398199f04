from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest

from mxart.errors import BadUpstream, Unavailable
from mxart.upstream.blocking import Stopped
from mxart.upstream.download import Answered
from mxart.upstream.patience import Patience

DOWN = Unavailable("down")


def scripted(*steps: int | Exception) -> Callable[[], Answered]:
    left = iter(steps)

    def question() -> Answered:
        step = next(left)
        if isinstance(step, Exception):
            raise step
        return Answered(step)

    return question


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ((200,), 200),
        ((404,), 404),
        ((503, 200), 200),
        ((500, 429, 404), 404),
        ((DOWN, 502, 201), 201),
        ((502, 503, 504), 504),
        ((507,), 507),
    ],
)
def test_it_is_asked_until_it_is_answered(steps: tuple[int | Exception, ...], status: int) -> None:
    assert Patience(Event(), (0.0, 0.0)).ask(scripted(*steps)).status == status


def test_it_comes_to_an_end() -> None:
    with pytest.raises(Unavailable):
        Patience(Event(), (0.0, 0.0)).ask(scripted(DOWN, 503, DOWN))


def test_what_will_not_pass_is_raised_at_once() -> None:
    with pytest.raises(BadUpstream):
        Patience(Event(), (0.0,)).ask(scripted(BadUpstream("odd"), 200))


def test_nobody_waits_for_what_nobody_wants() -> None:
    stop = Event()
    stop.set()
    with pytest.raises(Stopped):
        Patience(stop, (3600.0,)).ask(scripted(503, 200))
