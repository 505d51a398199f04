"""Container images: mxart as a proxy, beside Debian's docker-registry."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.bench.load import pull, requests_per_second
from tests.bench.peer import DockerRegistry, Nginx
from tests.bench.row import Row
from tests.support.images import image
from tests.support.registryclient import ACCEPT, RegistryClient
from tests.support.server import Server, docker_proxy

_NAME = "library/app"
_CLIENTS = 16  # of a cold layer
_QUIET = "access_log = false"


def cached_manifest(folder: Path, seconds: int) -> list[Row]:
    """The same manifest, which docker-registry has from a push and mxart from docker-registry."""
    made = image("well met")
    rows = []
    with (
        DockerRegistry(folder / "registry") as peer,
        RegistryClient(peer.port, "/v2") as client,
        Server(folder / "manifests", docker_proxy(peer.url, 'ttl = "1 h"'), server=_QUIET) as server,
    ):
        client.push(_NAME, "1", made)
        for reference, by in ((made.digest, "digest"), ("1", "tag")):
            path = f"{_NAME}/manifests/{reference}"
            RegistryClient(server.port, "/v2/hub").manifest(_NAME, reference)
            ours = requests_per_second(f"{server.url}/v2/hub/{path}", 32, seconds, accept=ACCEPT)
            theirs = requests_per_second(f"{peer.url}/v2/{path}", 32, seconds, accept=ACCEPT)
            measure = f"manifest by {by}, cached, 32 connections, beside docker-registry, requests/s"
            rows.append(Row(measure, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}", ">= 1"))
    return rows


def cold_layer(folder: Path, root: Path, nginx: Nginx, size: int) -> list[Row]:
    """A layer that nobody has yet, from an upstream that nginx plays; docker-registry as a pull-through cache."""
    path = _layer(root, size)
    direct = pull(nginx.upstream + path, 1)
    before = nginx.upstream_requests(path)
    with Server(folder / "layers", docker_proxy(nginx.upstream), server=_QUIET) as server:
        ours = pull(server.url + path.replace("/v2/", "/v2/hub/", 1), _CLIENTS)
    between = nginx.upstream_requests(path)
    with DockerRegistry(folder / "cache", nginx.upstream) as peer:
        theirs = pull(peer.url + path, _CLIENTS)
    after = nginx.upstream_requests(path)
    o, t = ours.last_done / direct.last_done, theirs.last_done / direct.last_done
    what = f"layer of {size >> 20} MiB cold, {_CLIENTS} clients, beside docker-registry"
    return [
        Row(f"{what}: upstream requests", str(between - before), str(after - between), "", "1"),
        Row("the same: last client / direct download", f"{o:.2f}", f"{t:.2f}", f"{o / t:.2f}", "<= 1.15"),
    ]


def _layer(root: Path, size: int) -> str:
    """Random bytes below the root, where a registry has them. Returns their path."""
    data = os.urandom(size)
    path = f"/v2/{_NAME}/blobs/sha256:{hashlib.sha256(data).hexdigest()}"
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    (root / "v2" / "index.html").write_text("{}")  # asked for by whoever wants to know whether this is a registry
    return path
