"""The peers: nginx, which serves files from disk, is the upstream of a cold fetch, and caches before that upstream; and
docker-registry, which keeps images, or caches before an upstream."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.support.registry import wait_for_port
from tests.support.server import free_port

_CONFIG = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=1000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=cache:10m max_size=20g;
    log_format path "$request_uri";

    server {{
        listen 127.0.0.1:{files};
        root {root};
    }}
    server {{
        listen 127.0.0.1:{upstream};
        root {root};
        limit_rate {rate};
        access_log {folder}/upstream.log path;
    }}
    server {{
        listen 127.0.0.1:{cache};
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_cache cache;
            proxy_cache_valid 200 1h;
            proxy_cache_lock on;
            proxy_cache_lock_timeout 600s;
            proxy_cache_lock_age 600s;
        }}
    }}
}}
"""


class Nginx:
    """An nginx over ``root``: ``files`` serves it, ``upstream`` serves it at ``rate`` bytes a second for each
    connection (0: unlimited), ``cache`` is a cache before that."""

    def __init__(self, folder: Path, root: Path, rate: int) -> None:
        folder.mkdir()
        self._folder = folder
        self.files, self.upstream, self.cache = (f"http://127.0.0.1:{port}" for port in self._ports(folder, root, rate))
        self._process: subprocess.Popen[bytes] | None = None

    def _ports(self, folder: Path, root: Path, rate: int) -> tuple[int, int, int]:
        files, upstream, cache = free_port(), free_port(), free_port()
        config = _CONFIG.format(folder=folder, root=root, rate=rate, files=files, upstream=upstream, cache=cache)
        (folder / "nginx.conf").write_text(config)
        return files, upstream, cache

    def __enter__(self) -> Self:
        command = ["nginx", "-e", str(self._folder / "error.log"), "-c", str(self._folder / "nginx.conf")]
        if os.geteuid() == 0:
            command += ["-g", "user root;"]  # its workers would become somebody who may not enter our folders
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while len(self.workers()) < 2:
            assert time.monotonic() < deadline, (self._folder / "error.log").read_text()
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def workers(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def upstream_requests(self, path: str) -> int:
        """How often the upstream was asked for ``path``."""
        log = self._folder / "upstream.log"
        return log.read_text().splitlines().count(path) if log.exists() else 0


class DockerRegistry:
    """Debian's docker-registry, which keeps what is pushed to it, or is a pull-through cache of ``remote``."""

    def __init__(self, folder: Path, remote: str = "") -> None:
        folder.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "registry.log"
        self._config = folder / "registry.json"
        document = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
            "http": {"addr": f"127.0.0.1:{self.port}"},
        }
        if remote:
            document["proxy"] = {"remoteurl": remote}
        self._config.write_text(json.dumps(document))  # its configuration is YAML, which JSON is
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            command = ["docker-registry", "serve", str(self._config)]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_port(self.port, self._process, self._log)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
