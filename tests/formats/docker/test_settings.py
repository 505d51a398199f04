"""The keys of container repositories in a configuration."""

from __future__ import annotations

import pytest

from mxart.errors import Invalid
from mxart.formats.docker.settings import DockerSettings, namespace_of, registry_host


def test_by_default_a_proxy_answers_for_its_upstream_and_everything_moves() -> None:
    settings = DockerSettings()
    assert settings.namespaces == ("upstream",)
    assert (dict(settings.tag_ttl), settings.immutable_tags, settings.sparse_indexes) == ({}, (), False)
    assert not settings.is_docker_hub


@pytest.mark.parametrize(
    "name", ["upstream", "docker.io", "ghcr.io", "localhost:5000", "127.0.0.1", "registry.k8s.io", "a", "a_b-c.d:65535"]
)
def test_namespaces(name: str) -> None:
    assert DockerSettings(namespaces=(name, "x")).namespaces == (name, "x")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "https://docker.io",
        "docker.io/library",
        "Docker.io",
        "a b",
        "a\n",
        ".a",
        "-a",
        "a.",
        "*",
        "a:",
        "a:x",
        "a:123456",
        "ä",
        "[::1]:5000",
        "a@b",
    ],
)
def test_what_is_no_namespace(name: str) -> None:
    with pytest.raises(Invalid, match="no namespace"):
        DockerSettings(namespaces=("docker.io", name))


@pytest.mark.parametrize(
    ("namespaces", "is_hub"),
    [
        (("docker.io",), True),
        (("ghcr.io", "docker.io"), True),
        (("upstream",), False),
        (("registry-1.docker.io",), False),
    ],
)
def test_who_has_the_official_images(namespaces: tuple[str, ...], is_hub: bool) -> None:
    assert DockerSettings(namespaces=namespaces).is_docker_hub is is_hub


GLOBS = ["*", "latest", "v*", "v1.?", "[0-9]*", "[!v]*", "_", "A-b_c.d", "[", "x" * 128]
NO_GLOBS = ["", "a b", "a/b", "a:b", "v*,latest", "a\n", "ä", "{a,b}", "^v", "v+", "x" * 129]


@pytest.mark.parametrize("glob", GLOBS)
def test_globs_on_tags(glob: str) -> None:
    assert DockerSettings(immutable_tags=("latest", glob)).immutable_tags[1] == glob
    assert DockerSettings(tag_ttl={glob: "1 s"}).tag_ttl[glob] == "1 s"


@pytest.mark.parametrize("glob", NO_GLOBS)
def test_what_is_no_glob_on_tags(glob: str) -> None:
    with pytest.raises(Invalid, match="in immutable_tags is no glob"):
        DockerSettings(immutable_tags=("latest", glob))
    with pytest.raises(Invalid, match="in tag_ttl is no glob"):
        DockerSettings(tag_ttl={glob: "1 s"})


@pytest.mark.parametrize("text", ["0 s", "30 s", "1 d", "2 h", "1"])
def test_lifetimes(text: str) -> None:
    assert DockerSettings(tag_ttl={"v*": text}).tag_ttl == {"v*": text}


@pytest.mark.parametrize("text", ["", "x", "-1 s", "1 s 2", "s", "1 fortnight", "9" * 5000 + " s", "nan s", "1e999 s"])
def test_what_is_no_lifetime(text: str) -> None:
    with pytest.raises(Invalid, match=r"tag_ttl of 'v\*'"):
        DockerSettings(tag_ttl={"latest": "1 s", "v*": text})


@pytest.mark.parametrize(
    ("host", "registry", "namespace"),
    [
        ("docker.io", "registry-1.docker.io", "docker.io"),
        ("index.docker.io", "registry-1.docker.io", "docker.io"),
        ("registry-1.docker.io", "registry-1.docker.io", "docker.io"),
        ("hub.docker.com", "registry-1.docker.io", "docker.io"),
        ("registry.hub.docker.com", "registry-1.docker.io", "docker.io"),
        ("Docker.io", "registry-1.docker.io", "docker.io"),
        ("registry-1.docker.io:443", "registry-1.docker.io", "docker.io"),
        ("quay.io", "quay.io", "quay.io"),
        ("Quay.io:443", "Quay.io:443", "quay.io"),
        ("mirror.docker.io", "mirror.docker.io", "mirror.docker.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000", "127.0.0.1:5000"),
    ],
)
def test_docker_hub_has_many_names(host: str, registry: str, namespace: str) -> None:
    assert (registry_host(host), namespace_of(host)) == (registry, namespace)
