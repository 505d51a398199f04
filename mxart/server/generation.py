"""One generation of workers: the processes that serve one configuration, from the first fork to the last exit."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mxart.server.listeners import Listening
from mxart.server.processes import Processes
from mxart.server.worker import READY, RETIRE
from mxart.settings import Settings

_log = logging.getLogger("mxart.server")

YOUNG = 10.0  # seconds; a worker that dies earlier will likely do so again
FIRST_DELAY = 0.1  # seconds before such a worker is replaced, doubled each time
LAST_DELAY = 10.0
READY_WITHIN = 60.0  # seconds for all workers to serve
OUTSTAY = 5.0  # seconds beyond the grace, after which a worker is killed


@dataclass(slots=True)
class _Place:
    """One of the workers that there should be; processes come and go in it."""

    pid: int = 0
    born: float = 0.0  # monotonic
    delay: float = 0.0  # seconds, before the next one when this one dies young
    reading: int = -1  # what the worker says: READY, and the end when it takes no more connections
    ready: bool = False


class Generation:
    """The workers of one configuration."""

    def __init__(
        self,
        processes: Processes,
        settings: Settings,
        listenings: Sequence[Listening],
        live: Callable[[Generation, int], int],
    ) -> None:
        """``live``: a worker's life, called in its process with the descriptor that takes READY."""
        self.settings = settings
        self.listenings = listenings
        self._processes = processes
        self._live = live
        self._places: list[_Place] = []
        self._leaving = False
        self._settled: Callable[[bool], None] | None = None
        self._silent: Callable[[], None] | None = None

    @property
    def workers(self) -> int:
        """How many there should be."""
        return len(self._places)

    def start(self, workers: int, settled: Callable[[bool], None]) -> None:
        """Fork ``workers`` processes; ``settled`` is called once: with True when all of them serve, with False when
        one has failed before that, or time is up."""
        self._settled = settled
        self._places = [_Place() for _ in range(workers)]
        for place in self._places:
            self._fork(place)
        self._processes.later(READY_WITHIN, lambda: self._settle(False))

    def retire(self, silent: Callable[[], None]) -> None:
        """Let another generation take over: every worker finishes what its clients have begun, and leaves.

        ``silent`` is called once none of them takes a connection any more.
        """
        self._silent = silent
        self._leave(RETIRE)
        self._check_silent()

    def stop(self) -> None:
        """Every worker finishes what is under way, and leaves."""
        self._leave(signal.SIGTERM)

    def _leave(self, number: signal.Signals) -> None:
        self._leaving = True
        self._settled = None
        for place in self._places:
            self._processes.kill(place.pid, number)
        self._processes.later(self.settings.server.shutdown_grace + OUTSTAY, self._kill)

    def _kill(self) -> None:
        for place in self._places:
            if place.pid:
                _log.error("worker %d has outstayed its grace and is killed", place.pid)
                self._processes.kill(place.pid, signal.SIGKILL)

    def _fork(self, place: _Place) -> None:
        if self._leaving:
            return
        reading, writing = os.pipe()

        def life() -> int:
            return self._live(self, writing)

        place.ready, place.born, place.reading = False, time.monotonic(), reading
        self._processes.watch(reading, lambda: self._hear(place))
        place.pid = self._processes.fork(life, lambda status: self._exited(place, status))
        os.close(writing)

    def _hear(self, place: _Place) -> None:
        if os.read(place.reading, 1) != READY:
            self._hear_no_more(place)
            return
        place.ready = True
        if all(place.ready for place in self._places):
            self._settle(True)

    def _hear_no_more(self, place: _Place) -> None:
        self._processes.unwatch(place.reading)
        place.reading = -1
        self._check_silent()

    def _check_silent(self) -> None:
        if self._silent is not None and all(place.reading < 0 for place in self._places):
            silent, self._silent = self._silent, None
            silent()

    def _settle(self, serving: bool) -> None:
        if self._settled is not None:
            settled, self._settled = self._settled, None
            settled(serving)

    def _exited(self, place: _Place, status: int) -> None:
        pid, place.pid, place.ready = place.pid, 0, False
        if place.reading >= 0:
            self._hear_no_more(place)
        if self._leaving:
            return
        _log.error("worker %d has died (%s)", pid, _reason(status))
        if self._settled is not None:
            self._settle(False)
            return
        young = time.monotonic() - place.born < YOUNG
        place.delay = min(LAST_DELAY, max(FIRST_DELAY, place.delay * 2)) if young else 0.0
        self._processes.later(place.delay, lambda: self._fork(place))


def _reason(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
