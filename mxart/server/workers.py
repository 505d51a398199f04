"""The parent process: binds the sockets, keeps the workers alive, and replaces them by a new generation on SIGHUP.

It never opens a store, a loop or a connection, so that a fork of it is clean. A reload runs like a start: read the
configuration, bind what is new, prepare the stores in a child, fork the workers, wait until all of them serve. Only
then is the old generation told to retire. Whatever fails before that leaves the old one in place.

===============  ====================================================================
SIGTERM, SIGINT  finish what is under way within ``shutdown_grace``, then exit with 0
the second one   exit at once
SIGHUP           reload
===============  ====================================================================
"""

from __future__ import annotations

import logging
import os
import resource
import signal
from collections.abc import Callable

import mxart
from mxart.errors import MxartError
from mxart.server import Application, accesslog, listeners, worker
from mxart.server.generation import Generation
from mxart.server.listeners import CannotListen, Listening
from mxart.server.processes import Processes
from mxart.settings import Settings

_log = logging.getLogger("mxart.server")

FEW_FILES = 4096  # below this many descriptors a busy worker may run out: two for each client, one for each upstream


def run(
    load: Callable[[], Settings], build: Callable[[Settings], Application], prepare: Callable[[Settings], None]
) -> int:
    """The exit status, once the server has been told to stop and has stopped; 1 when it could not start.

    ``load``: read the configuration; called again for each reload. What it raises at the first call comes through.
    ``build``: make the application; called in each worker. ``prepare``: make the stores ready; called in a child of
    its own before any worker is forked.
    """
    settings = load()
    accesslog.configure(settings.server)
    _raise_descriptor_limit()
    return _Supervisor(load, build, prepare).run(settings)


class _Supervisor:
    def __init__(
        self,
        load: Callable[[], Settings],
        build: Callable[[Settings], Application],
        prepare: Callable[[Settings], None],
    ) -> None:
        self._load = load
        self._build = build
        self._prepare = prepare
        self._processes = Processes(self._signalled)
        self._bound: dict[str, Listening] = {}  # of the serving generation, by address
        self._arriving: dict[str, Listening] = {}  # of the one that is being started
        self._serving: Generation | None = None
        self._coming: Generation | None = None
        self._preparing = False
        self._reload_again = False
        self._stopping = False
        self._status = 0
        # its writing end ends with this process, and that is how workers notice
        self._alive, self._alive_writer = os.pipe()

    def run(self, settings: Settings) -> int:
        with self._processes:
            self._introduce(settings)
            while len(self._processes) or not self._stopping:
                self._processes.wait()
        self._close_sockets(self._bound | self._arriving)
        os.close(self._alive_writer)
        os.close(self._alive)
        return self._status

    # --- a new generation

    def _introduce(self, settings: Settings) -> None:
        try:
            self._arriving = listeners.bind(settings.listeners, self._bound)
        except CannotListen as error:
            self._fail(str(error), 1)
            return
        self._preparing = True
        self._processes.fork(
            lambda: _prepared(self._prepare, settings), lambda status: self._populate(settings, status)
        )

    def _populate(self, settings: Settings, status: int) -> None:
        self._preparing = False
        if self._stopping:
            return
        if status:
            self._fail("the stores could not be made ready", status if status > 0 else 1)
            return
        generation = Generation(self._processes, settings, tuple(self._arriving.values()), self._live)
        self._coming = generation
        workers = settings.server.workers or len(os.sched_getaffinity(0))
        generation.start(workers, self._settled)

    def _live(self, generation: Generation, ready: int) -> int:
        """A worker's whole life, in its own process."""
        os.close(self._alive_writer)
        own = {bound for listening in generation.listenings for bound in listening.sockets}
        for listening in [*self._bound.values(), *self._arriving.values()]:
            for bound in listening.sockets:
                if bound not in own:
                    bound.close()  # else an address that is given up would stay bound by us
        return worker.work(generation.settings, self._build, generation.listenings, ready, self._alive)

    def _settled(self, serving: bool) -> None:
        if not serving:
            self._fail("a worker failed to start", 1)
            return
        generation, self._coming = self._coming, None
        old, self._serving = self._serving, generation
        dropped = {address: self._bound[address] for address in self._bound.keys() - self._arriving.keys()}
        self._bound, self._arriving = self._arriving, {}
        if generation is not None:
            accesslog.configure(generation.settings.server)
            if old is None:
                self._announce(generation)
            else:
                # told only now: from here on every connection meets the new configuration
                old.retire(lambda: self._announce(generation))
        self._close_sockets(dropped)
        self._catch_up()

    def _fail(self, reason: str, status: int) -> None:
        """True after: what has been begun is undone; without an old generation to fall back on, the server ends."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.retire(lambda: None)  # those that serve already may have clients
        self._close_sockets({a: self._arriving[a] for a in self._arriving.keys() - self._bound.keys()})
        self._arriving = {}
        if self._serving is None:
            _log.error("cannot start: %s", reason)
            self._status = status
            self._stopping = True
            return
        _log.error("cannot reload, and goes on as before: %s", reason)
        self._catch_up()

    def _announce(self, generation: Generation) -> None:
        if self._stopping:  # told to stop before the old generation had let go: the sockets are closed
            return
        urls = ", ".join(listening.url for listening in generation.listenings)
        count = generation.workers
        _log.info("mxart %s listening on %s with %d worker%s", mxart.__version__, urls, count, "s" * (count > 1))

    # --- signals

    def _signalled(self, number: signal.Signals) -> None:
        if number is signal.SIGHUP:
            self._reload()
        elif self._stopping:
            self._processes.kill_all(signal.SIGKILL)
        else:
            self._stop()

    def _stop(self) -> None:
        self._stopping = True
        _log.info("stopping")
        for generation in (self._serving, self._coming):
            if generation is not None:
                generation.stop()
        # also those of generations that have retired, and a preparation under way
        self._processes.kill_all(signal.SIGTERM)
        self._close_sockets(self._arriving | self._bound)
        self._arriving, self._bound = {}, {}

    def _reload(self) -> None:
        if self._stopping:
            return
        if self._preparing or self._coming is not None:
            self._reload_again = True
            return
        try:
            settings = self._load()
        except Exception as error:  # whatever is wrong with the new configuration, the old one goes on
            _log.error("cannot reload, and goes on as before: %s", error)
            return
        _log.info("reloading %s", settings.source)
        self._introduce(settings)

    def _catch_up(self) -> None:
        """Do the reload that was asked for while another one was under way."""
        if self._reload_again:
            self._reload_again = False
            self._reload()

    @staticmethod
    def _close_sockets(listenings: dict[str, Listening]) -> None:
        for listening in listenings.values():
            listeners.close(listening)


def _prepared(prepare: Callable[[Settings], None], settings: Settings) -> int:
    try:
        prepare(settings)
    except (MxartError, OSError) as error:
        _log.error("%s", error)
        return 1
    return 0


def _raise_descriptor_limit() -> None:
    """True after: this process and its children may open as many files as the system lets them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < FEW_FILES:
        _log.warning("only %d files may be open in a worker; a busy server needs more (ulimit -Hn)", hard)
