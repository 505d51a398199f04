"""Run every measure and print a table. Figures of mxart stand beside the peer's, and the goal beside both."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mxart.model import Digest, Entry
from mxart.store.index import LmdbIndex
from mxart.store.layout import make_folders
from tests.bench.images import cached_manifest, cold_layer
from tests.bench.load import processor_seconds, pull, requests_per_second, resident_now
from tests.bench.peer import Nginx
from tests.bench.row import Row
from tests.support.modules import module_zip
from tests.support.server import Server, go_proxy, resident

_MIB = 1 << 20
_MODULE, _VERSION = "example.com/bench", "v1.0.0"
_UPSTREAM_RATE = 24 * _MIB  # bytes a second of the upstream of a cold fetch

_GROUPS = """
[[repository]]
name = "house"
format = "go"
kind = "hosted"

[[repository]]
name = "inner"
format = "go"
kind = "group"
members = ["house", "go"]

[[repository]]
name = "all"
format = "go"
kind = "group"
members = ["inner"]
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measure needs."""

    folder: Path
    root: Path  # what nginx serves, and mxart's upstream is
    nginx: Nginx
    seconds: int
    cold_size: int
    entries: int

    def path(self, name: str) -> str:
        return f"/{_MODULE}/{name}/@v/{_VERSION}.zip"

    @contextmanager
    def mxart(self, name: str, upstream: str, workers: int = 2) -> Iterator[Server]:
        config = go_proxy(upstream, "max_connections = 64") + _GROUPS
        with Server(self.folder / name, config, workers=workers, server="access_log = false") as server:
            yield server


def module(bench: Bench, name: str, size: int) -> str:
    """A module zip of about ``size`` bytes below the root. Returns its path."""
    path = bench.path(name)
    file = bench.root / path.lstrip("/")
    file.parent.mkdir(parents=True)
    data = os.urandom(size)
    file.write_bytes(module_zip(f"{_MODULE}/{name}", _VERSION, {"blob.bin": data}))
    return path


def small(bench: Bench) -> list[Row]:
    path = f"/{_MODULE}/small/@v/{_VERSION}.mod"
    file = bench.root / path.lstrip("/")
    file.parent.mkdir(parents=True)
    text = f"module {_MODULE}/small\n"
    file.write_text(text + "/" * (1024 - len(text) - 1) + "\n")
    file.with_suffix(".info").write_text(f'{{"Version":"{_VERSION}"}}')
    theirs = requests_per_second(bench.nginx.files + path, 32, bench.seconds)
    rows = []
    with bench.mxart("small", bench.nginx.upstream) as server:
        for through, repository in (("", "go"), (", through a group of a group", "all")):
            server.get(f"/{repository}{path}")
            ours = requests_per_second(f"{server.url}/{repository}{path}", 32, bench.seconds)
            measure = f"1 KiB cached, 32 connections{through}, requests/s"
            rows.append(Row(measure, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}", ">= 1"))
    return rows


def large(bench: Bench) -> list[Row]:
    path = module(bench, "large", 300 * _MIB)
    with bench.mxart("large", bench.nginx.files) as server:
        server.get("/go" + path, timeout=120)
        ours = _throughput(server.url + "/go" + path, server.workers)
    theirs = _throughput(bench.nginx.files + path, bench.nginx.workers)
    return [
        Row(
            "300 MB cached, 1 connection, MiB/s",
            f"{ours[0]:,.0f}",
            f"{theirs[0]:,.0f}",
            f"{ours[0] / theirs[0]:.2f}",
            "0.95 - 1.05",
        ),
        Row(
            "the same, server CPU seconds per GB",
            f"{ours[1]:.2f}",
            f"{theirs[1]:.2f}",
            f"{ours[1] / max(theirs[1], 0.01):.2f}",
            "0.95 - 1.05",
        ),
    ]


def _throughput(url: str, workers: Callable[[], list[int]]) -> tuple[float, float]:
    """MiB a second (median of 5), and processor seconds per 10^9 bytes."""
    before, pulls = processor_seconds(workers()), [pull(url, 1) for _ in range(5)]
    used = processor_seconds(workers()) - before
    size = pulls[0].bytes_each
    return statistics.median(size / _MIB / p.last_done for p in pulls), used / (5 * size / 1e9)


def cold(bench: Bench) -> list[Row]:
    path = module(bench, "cold", 64 * _MIB)
    direct = pull(bench.nginx.upstream + path, 1)
    asked = bench.nginx.upstream_requests(path)
    with bench.mxart("cold", bench.nginx.upstream) as server:
        ours = pull(server.url + "/go" + path, 64)
        our_requests = bench.nginx.upstream_requests(path) - asked
    theirs = pull(bench.nginx.cache + path, 64)
    their_requests = bench.nginx.upstream_requests(path) - asked - our_requests
    o, t = ours.last_done / direct.last_done, theirs.last_done / direct.last_done
    return [
        Row("64 MiB cold, 64 clients: upstream requests", str(our_requests), str(their_requests), "", "1"),
        Row("the same: last client / direct download", f"{o:.2f}", f"{t:.2f}", f"{o / t:.2f}", "<= 1.15"),
    ]


def first_byte(bench: Bench) -> Row:
    """One client, so that what is measured is the server and not who of 64 is woken first; a new module each time."""
    paths = [module(bench, f"first{i}", _MIB) for i in range(9)]
    with bench.mxart("first", bench.nginx.upstream) as server:
        pull(server.url + "/go" + paths.pop(), 1)  # the first one also opens the connection
        late: dict[str, list[float]] = {"mxart": [], "nginx": []}
        for path in paths:
            direct = pull(bench.nginx.upstream + path, 1).first_byte
            late["mxart"].append(pull(server.url + "/go" + path, 1).first_byte - direct)
            late["nginx"].append(pull(bench.nginx.cache + path, 1).first_byte - direct)
    ours, theirs = (statistics.median(late[who]) * 1e3 for who in ("mxart", "nginx"))
    return Row("1 MiB cold: first byte, ms after the upstream's", f"{ours:,.1f}", f"{theirs:,.1f}", "", "<= 10")


def memory(bench: Bench) -> Row:
    path = module(bench, "memory", min(bench.cold_size, 480 * _MIB))
    with bench.mxart("memory", bench.nginx.files) as server:
        pull(server.url + "/go" + path, 64)
        ours = max(resident(pid) for pid in server.workers())
    pull(bench.nginx.files + path, 64)
    theirs = max(resident(pid) for pid in bench.nginx.workers())
    size = bench.cold_size // _MIB
    return Row(
        f"worker memory, 64 clients, {size} MiB cold, MB", f"{ours / 1e6:.0f}", f"{theirs / 1e6:.0f}", "", "< 100"
    )


def start(bench: Bench) -> list[Row]:
    with bench.mxart("start", bench.nginx.upstream) as server:
        server.stop()
        begun = time.monotonic()
        server.start()
        ours = time.monotonic() - begun
        idle = max(resident_now(pid) for pid in server.workers())
    begun = time.monotonic()
    with Nginx(bench.folder / "nginx-start", bench.root, 0) as nginx:
        theirs = time.monotonic() - begun
        their_idle = max(resident_now(pid) for pid in nginx.workers())
    return [
        Row("start to first answer, s", f"{ours:.2f}", f"{theirs:.2f}", "", "< 1"),
        Row("idle memory of a worker, MB", f"{idle / 1e6:.0f}", f"{their_idle / 1e6:.0f}", "", "< 50"),
    ]


def index(bench: Bench) -> list[Row]:
    data = bench.folder / "index"
    make_folders(data)
    return asyncio.run(_index(LmdbIndex(data, 64 << 30), bench.entries))


async def _index(lmdb: LmdbIndex, entries: int) -> list[Row]:
    for first in range(0, entries, 1000):
        await asyncio.gather(*(lmdb.put(_entry(i), durable=False) for i in range(first, min(first + 1000, entries))))
    places = [hash(i) * 7919 % entries for i in range(20000)]
    begun = time.perf_counter()
    for i in places:
        assert await lmdb.get("go", _path(i)) is not None
    read = (time.perf_counter() - begun) / len(places)
    begun = time.perf_counter()
    for i in places[:200]:
        assert len(await lmdb.list("go", _path(i).rpartition("/")[0] + "/")) == 10
    listing = (time.perf_counter() - begun) / 200
    await lmdb.close()
    return [
        Row(f"index of {entries:,} entries: a read, µs", f"{read * 1e6:.1f}", "", "", "< 20"),
        Row("the same: listing a package of 10, µs", f"{listing * 1e6:.0f}", "", "", "independent of the total"),
    ]


def _path(i: int) -> str:
    return f"example.com/m{i // 10}/@v/v1.0.{i % 10}.zip"


def _entry(i: int) -> Entry:
    digest = Digest("sha256", hashlib.sha256(str(i).encode()).hexdigest())
    return Entry(repository="go", path=_path(i), digest=digest, size=1000, checked=1.0, created=1.0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tox -e bench --", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller loads: a look, not a measurement")
    quick = parser.parse_args().quick
    missing = [tool for tool in ("nginx", "wrk", "docker-registry") if shutil.which(tool) is None]
    if missing:
        print(f"missing: {' and '.join(missing)} (apt-get install nginx-light wrk docker-registry)", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="mxart-bench-") as name:
        folder = Path(name)
        root = folder / "root"
        root.mkdir()
        with Nginx(folder / "nginx", root, _UPSTREAM_RATE) as nginx:
            bench = Bench(
                folder, root, nginx, 2 if quick else 10, (128 if quick else 480) * _MIB, 50_000 if quick else 1_000_000
            )
            _print(
                [
                    *small(bench),
                    *large(bench),
                    *cold(bench),
                    first_byte(bench),
                    memory(bench),
                    *start(bench),
                    *index(bench),
                    *cached_manifest(folder, bench.seconds),
                    *cold_layer(folder, root, nginx, (64 if quick else 300) * _MIB),
                ]
            )
    return 0


def _print(rows: list[Row]) -> None:
    table = [Row("measure", "mxart", "peer", "ratio", "goal"), *rows]
    widths = [max(len(getattr(row, field)) for row in table) for field in ("measure", "mxart", "peer", "ratio", "goal")]
    for row in table:
        cells = (row.measure, row.mxart, row.peer, row.ratio, row.goal)
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


if __name__ == "__main__":
    sys.exit(main())
