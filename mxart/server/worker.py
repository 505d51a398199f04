"""The life of one worker process: build the application, serve, and leave as it is told.

==========  ==============================================================================================
SIGTERM     stop accepting, close idle connections, finish what is under way, leave
SIGUSR1     the same, but idle connections may still send a last request: a newer generation has taken over
SIGKILL     what the supervisor sends to a worker that outstays its grace
==========  ==============================================================================================

A worker whose parent dies stops as if it had been told to: the pipe to the parent ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence

from mxart.server import Application, accesslog
from mxart.server.listeners import Listening
from mxart.server.serving import Serving
from mxart.settings import Settings

_log = logging.getLogger("mxart.server")

RETIRE = signal.SIGUSR1
READY = b"r"


def work(
    settings: Settings,
    build: Callable[[Settings], Application],
    listenings: Sequence[Listening],
    ready: int,
    parent: int,
) -> int:
    """The exit status of a worker, once it has served and left.

    Called in a process of its own. ``ready``: descriptor to write READY to when connections are taken, and to close
    when none is taken any more. ``parent``: descriptor that is readable when the parent is gone.
    """
    # a terminal sends these to the whole group; the parent decides what they mean
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    accesslog.configure(settings.server)
    try:
        asyncio.run(_live(settings, build, listenings, ready, parent))
    except Exception:  # the edge of the process: whatever it is, the parent must see that this worker failed
        _log.exception("worker %d failed", os.getpid())
        return 1
    return 0


async def _live(
    settings: Settings,
    build: Callable[[Settings], Application],
    listenings: Sequence[Listening],
    ready: int,
    parent: int,
) -> None:
    told = _Told(parent)
    application = build(settings)
    await application.start()
    try:
        serving = Serving(application, settings.server)
        serving.listen(listenings)
        os.write(ready, READY)
        await told.leave()
        serving.stop_accepting()
        os.close(ready)
        await _leave(serving, told, settings.server.shutdown_grace)
    finally:
        await application.stop()


class _Told:
    """What this worker has been told to do."""

    def __init__(self, parent: int) -> None:
        self.retire = asyncio.Event()
        self.stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(RETIRE, self.retire.set)
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        loop.add_reader(parent, self._orphaned, parent)

    async def leave(self) -> None:
        """Return when told to leave, either way."""
        waiting = [asyncio.create_task(event.wait()) for event in (self.retire, self.stop)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def _orphaned(self, parent: int) -> None:
        asyncio.get_running_loop().remove_reader(parent)
        _log.warning("the parent process is gone; worker %d stops", os.getpid())
        self.stop.set()


async def _leave(serving: Serving, told: _Told, grace: float) -> None:
    """True after: no connection is left."""
    stop = asyncio.create_task(told.stop.wait())
    retiring = asyncio.create_task(serving.retire(grace))
    if not told.stop.is_set():
        await asyncio.wait({stop, retiring}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if told.stop.is_set():
        retiring.cancel()
        await serving.drain(grace)
    else:
        await retiring
