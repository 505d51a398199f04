"""The format as a whole: what every format must do, how each kind is kept, and what readers see beside the bytes."""

from __future__ import annotations

import json
from typing import ClassVar

from mxart.formats import FORMATS
from mxart.formats.docker import paths
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.paths import DockerResource
from mxart.formats.docker.settings import DockerSettings
from mxart.model import Request, Resource
from tests.formats.docker.shop import index
from tests.formats.press import digest
from tests.formats.suite import FormatSuite

HUB = DockerSettings(namespaces=("docker.io",))
D, D512 = f"sha256:{'ab' * 32}", f"sha512:{'cd' * 64}"
NO_TAGS = b'{"name": "library/nginx", "tags": []}'
NO_REFERRERS = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'


def ask(path: str, settings: DockerSettings | None = None) -> DockerResource:
    return DockerFormat(settings or DockerSettings()).parse(Request(method="GET", path=path))


def tags(*names: str) -> bytes:
    return json.dumps({"name": "upstream/name", "tags": names}).encode()


class TestDocker(FormatSuite):
    factory = FORMATS["docker"]
    settings = DockerSettings()
    media_type_of_errors = "application/json"
    paths = (
        "",
        "_catalog",
        "library/nginx/manifests/latest",
        f"library/nginx/manifests/{D}",
        f"library/nginx/manifests/{D512}",
        "library/nginx/tags/list",
        f"library/nginx/blobs/{D}",
        f"library/nginx/referrers/{D}",
        "library/nginx/blobs/uploads/",
        "library/nginx/blobs/uploads/u-1",
        "nginx/manifests/1.27",
        "manifests/blobs/uploads/tags/manifests/tags",
    )
    legal = frozenset({""})
    unread = frozenset({"library/nginx/blobs/uploads/", "library/nginx/blobs/uploads/u-1"})
    rewritten: ClassVar = {
        "_catalog": (b"", 0),
        "library/nginx/tags/list": (NO_TAGS, 1),
        f"library/nginx/referrers/{D}": (NO_REFERRERS, 2),
    }
    statuses: ClassVar = {410: 404}
    repeated = 201
    uploads = (
        ("library/nginx/manifests/latest", index(), index()[:-1]),
        (f"library/nginx/manifests/{digest(index())}", index(), index() + b" "),
    )
    base_url = "https://artifacts.example.org/v2/here"
    address = "artifacts.example.org/here"
    indexes = (
        ("library/nginx/tags/list", (tags("b", "a"), tags("c", "b"), tags())),
        (
            f"library/nginx/referrers/{D}",
            (index(b"one"), index(b"two", b"one", annotations={"of": "the index"}), index()),
        ),
    )

    def asked_at(self, resource: Resource) -> str:
        assert isinstance(resource, DockerResource)
        return paths.url_path(resource)


class TestDockerHub(TestDocker):
    settings = HUB
