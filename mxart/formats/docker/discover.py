"""What the container engines of this machine use today, as proposals of a proxy.

Engines fetch from the registry that an image's name begins with, and from Docker Hub when it begins with none; so that
is what is proposed, or the mirror of it that dockerd has been told of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from mxart.formats.docker.settings import DOCKER_HUB, DOCKER_HUB_HOST
from mxart.registration import Proposal

Run = Callable[[Sequence[str]], str]

_ENGINES = ("docker", "podman", "nerdctl", "ctr", "skopeo", "buildah")
_DAEMON = "/etc/docker/daemon.json"
_NAME = "dockerhub"


def discover(run: Run, environ: Mapping[str, str]) -> Sequence[Proposal]:
    """The mirrors of Docker Hub that dockerd uses, then Docker Hub itself, as choices; nothing where no engine is."""
    engine = next((name for name in _ENGINES if run([name, "--version"])), "")
    if not engine:
        return ()
    return [*_mirrors(run(["cat", _DAEMON])), _proposal(f"https://{DOCKER_HUB_HOST}", f"{engine}'s default registry")]


def _mirrors(text: str) -> Iterator[Proposal]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    mirrors = document.get("registry-mirrors") if isinstance(document, dict) else None
    for mirror in mirrors if isinstance(mirrors, list) else ():
        if isinstance(mirror, str) and _is_plain(mirror):
            yield _proposal(mirror.rstrip("/"), f"registry-mirrors in {_DAEMON}", DOCKER_HUB)


def _is_plain(url: str) -> bool:
    """Whether it is an http or https URL without credentials."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def _proposal(upstream: str, origin: str, namespace: str = "") -> Proposal:
    options = {"namespaces": [namespace]} if namespace else {}
    return Proposal(name=_NAME, format="docker", upstream=upstream, origin=origin, options=options)
