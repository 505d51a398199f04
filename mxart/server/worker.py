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

    Called in a process of its own. ``ready``: descriptor to write READY to when connections are taken. ``parent``:
    descriptor that is readable when the parent is gone.
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

    def _orphaned(self, parent: int) -> None:
        asyncio.get_running_loop().remove_reader(parent)
        _log.warning("the parent process is gone; worker %d stops", os.getpid())
        self.stop.set()


async def _leave(serving: Serving, told: _Told, grace: float) -> None:
    """True after: this worker was told to leave, and no connection is left."""
    stop = asyncio.create_task(told.stop.wait())
    retire = asyncio.create_task(told.retire.wait())
    await asyncio.wait({stop, retire}, return_when=asyncio.FIRST_COMPLETED)
    retire.cancel()
    if not stop.done():
        retiring = asyncio.create_task(serving.retire(grace))
        await asyncio.wait({stop, retiring}, return_when=asyncio.FIRST_COMPLETED)
        if retiring.done():
            stop.cancel()
            return
        retiring.cancel()
    await serving.drain(grace)
