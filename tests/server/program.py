"""A server program for tests of the processes: ``python -m tests.server.program FILE``, configured by a JSON file.

Keys: ``listeners`` (name → addresses), ``tls`` (listener → [certificate, key]), ``workers``, ``grace`` (seconds),
``access_log``, ``label`` (which every answer carries), and ``prepare``, ``build`` and ``load`` (a message to fail with,
or "").
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from mxart.errors import Invalid, MxartError, StoreFull
from mxart.model import Bytes, Request, Response
from mxart.server import failures, workers
from mxart.server.mounts import MountTable
from mxart.settings import ListenerSettings, ServerSettings, Settings, TlsSettings

CONFIGURATION = Path(sys.argv[-1])


def told() -> dict[str, str]:
    return {key: str(value) for key, value in json.loads(CONFIGURATION.read_text()).items()}


def load() -> Settings:
    values = json.loads(CONFIGURATION.read_text())
    if values["load"]:
        raise Invalid(values["load"])
    tls = {name: (TlsSettings(certificate=Path(c), key=Path(k)),) for name, (c, k) in values["tls"].items()}
    return Settings(
        source=values["label"],
        server=ServerSettings(
            workers=values["workers"], shutdown_grace=values["grace"], access_log=values["access_log"]
        ),
        listeners=tuple(
            ListenerSettings(name=name, listen=tuple(addresses), tls=tls.get(name, ()))
            for name, addresses in values["listeners"].items()
        ),
    )


def prepare(_settings: Settings) -> None:
    if message := told()["prepare"]:
        raise StoreFull(message)


class Answers:
    """``/`` tells label and process; ``/-/slow?SECONDS`` takes its time; ``/-/size?BYTES`` is as large as that."""

    body_limit = 0

    def __init__(self, label: str) -> None:
        self._label = label

    async def handle(self, request: Request) -> Response:
        if request.path == "-/slow":
            await asyncio.sleep(float(request.query))
        if request.path == "-/size":
            return Response(200, Bytes(data=bytes(int(request.query))))
        told = {"label": self._label, "pid": os.getpid(), "base_url": request.base_url, "peer": request.peer}
        return Response(200, Bytes(data=json.dumps(told).encode()))

    def failure(self, error: MxartError) -> Response:
        return failures.plain(error)


class Site:
    """`server.Application`."""

    pseudonym = "mxart-program"

    def __init__(self, settings: Settings) -> None:
        if message := told()["build"]:
            raise RuntimeError(message)
        self.mounts = MountTable(Answers(settings.source), {})

    async def start(self) -> None:
        await asyncio.sleep(0)

    async def stop(self) -> None:
        print(f"stopped {os.getpid()}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(workers.run(load, Site, prepare))
