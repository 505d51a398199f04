"""What container registries register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from mxart.errors import Unsupported
from mxart.formats.docker import discover, names, wire
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.settings import UPSTREAM, DockerSettings, namespace_of, registry_host
from mxart.registration import Proposal, Tool
from mxart.settings import Kind, UpstreamSettings


class DockerFactory:
    """Registers container registries."""

    name = "docker"
    kinds: tuple[str, ...] = ("proxy", "hosted", "group")
    tools: tuple[str, ...] = ()
    root = "/v2"
    settings = DockerSettings
    examples = ("team/*", "shared/*")

    def build(self, settings: DockerSettings) -> DockerFormat:
        return DockerFormat(settings)

    def check_base(self, path: str) -> None:
        """It is what the names of all images begin with."""
        names.check_image(path.removeprefix("/"))

    def path_of(self, package: str) -> str:
        return f"{package}/tags/list"

    def pattern(self, text: str) -> str:
        return text

    def upstream_url(self, url: str) -> str:
        """Images are below ``/v2`` of the host; a path is the beginning of their names, as in ``HOST/PATH/IMAGE``.

        >>> DockerFactory().upstream_url("https://ghcr.io/example")
        'https://ghcr.io/v2/example'
        """
        parts = urlsplit(url)
        path = parts.path if parts.path == "/v2" or parts.path.startswith("/v2/") else f"/v2{parts.path}"
        return f"{parts.scheme}://{registry_host(parts.netloc)}{path}"

    def upstreams(self, settings: DockerSettings) -> Mapping[str, str]:
        return {}

    def settled(self, settings: DockerSettings, upstream: UpstreamSettings) -> DockerSettings:
        """The host of the upstream has become a name."""
        host = namespace_of(urlsplit(upstream.url).netloc)
        names = (host if name == UPSTREAM else name for name in settings.namespaces)
        return replace(settings, namespaces=tuple(dict.fromkeys(names)))

    def namespaces(self, settings: DockerSettings) -> Sequence[str]:
        return settings.namespaces

    def combined(
        self, settings: DockerSettings, members: Sequence[DockerSettings], taker: DockerSettings | None
    ) -> DockerSettings:
        """A group takes sparse indexes when a member does that it could pass them to."""
        sparse = any(source.sparse_indexes for source in (settings, *members))
        return replace(settings, sparse_indexes=sparse)

    def tool(self, word: str, upstream: UpstreamSettings, settings: DockerSettings) -> Tool:
        raise Unsupported(f'upstream = "{word}" is not for container registries: want the URL of one.')

    def client_lines(self, base_url: str, kind: Kind) -> Sequence[str]:
        return [f"docker pull {_prefix(base_url)}/IMAGE:TAG"]

    def publish_lines(self, base_url: str) -> Sequence[str]:
        prefix = _prefix(base_url)
        return [f"docker login {prefix.partition('/')[0]} && docker push {prefix}/IMAGE:TAG"]

    def discover(self, run: discover.Run, environ: Mapping[str, str]) -> Sequence[Proposal]:
        return discover.discover(run, environ)


def _prefix(base_url: str) -> str:
    """What the names of images in a repository begin with: the host, and the path below the protocol's root.

    >>> _prefix("http://127.0.0.1:8080/v2/hub"), _prefix("https://hub.example.org/v2")
    ('127.0.0.1:8080/hub', 'hub.example.org')
    """
    name = wire.image_name(base_url, "")
    return urlsplit(base_url).netloc + (f"/{name}" if name else "")
