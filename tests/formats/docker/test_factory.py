"""What is registered: where upstreams begin, which names are theirs, what groups take, what people copy."""

from __future__ import annotations

import pytest

from mxart import errors
from mxart.formats import FORMATS
from mxart.formats.docker.settings import DockerSettings
from mxart.settings import UpstreamSettings

FACTORY = FORMATS["docker"]


@pytest.mark.parametrize(
    ("url", "begins"),
    [
        ("https://docker.io", "https://registry-1.docker.io/v2"),
        ("https://index.docker.io", "https://registry-1.docker.io/v2"),
        ("https://hub.docker.com", "https://registry-1.docker.io/v2"),
        ("https://registry-1.docker.io", "https://registry-1.docker.io/v2"),
        ("https://registry-1.docker.io/v2", "https://registry-1.docker.io/v2"),
        ("https://ghcr.io", "https://ghcr.io/v2"),
        ("https://ghcr.io/example", "https://ghcr.io/v2/example"),
        ("https://registry.example.org/v2/team", "https://registry.example.org/v2/team"),
        ("https://registry.example.org/v20", "https://registry.example.org/v2/v20"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/v2"),
        ("http://[::1]:5000/a/b", "http://[::1]:5000/v2/a/b"),
    ],
)
def test_where_an_upstream_begins(url: str, begins: str) -> None:
    assert FACTORY.upstream_url(url) == begins


@pytest.mark.parametrize(
    ("url", "given", "namespaces", "renames"),
    [
        ("https://registry-1.docker.io", ("upstream",), ("docker.io",), True),
        ("https://ghcr.io/example", ("upstream",), ("ghcr.io",), False),
        ("http://127.0.0.1:5000", ("upstream",), ("127.0.0.1:5000",), False),
        ("https://mirror.example.org", ("docker.io",), ("docker.io",), True),
        ("https://mirror.example.org", ("docker.io", "upstream"), ("docker.io", "mirror.example.org"), True),
        ("https://docker.io", ("docker.io", "upstream"), ("docker.io",), True),
        ("https://ghcr.io", (), (), False),
    ],
)
def test_a_proxy_answers_for_its_upstream(
    url: str, given: tuple[str, ...], namespaces: tuple[str, ...], renames: bool
) -> None:
    settled = FACTORY.settled(DockerSettings(namespaces=given), UpstreamSettings(url=url))
    assert FACTORY.namespaces(settled) == namespaces
    assert FACTORY.build(settled).renames is renames


def test_hosted_repositories_and_groups_rename_nothing() -> None:
    assert FACTORY.build(DockerSettings()).renames is False
    hub = DockerSettings(namespaces=("docker.io",))
    assert FACTORY.build(FACTORY.combined(DockerSettings(), [hub], None)).renames is False


@pytest.mark.parametrize(("own", "member", "combined"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)])
def test_a_group_takes_sparse_indexes_when_a_member_does(own: int, member: int, combined: int) -> None:
    settings = FACTORY.combined(
        DockerSettings(sparse_indexes=bool(own)), [DockerSettings(), DockerSettings(sparse_indexes=bool(member))], None
    )
    assert settings.sparse_indexes is bool(combined)


def test_no_program_stands_in_for_an_upstream() -> None:
    assert FACTORY.tools == ()
    with pytest.raises(errors.Unsupported):
        FACTORY.tool("vcs", UpstreamSettings(url="", tool="vcs"), DockerSettings())


@pytest.mark.parametrize(
    ("base_url", "pull", "push"),
    [
        (
            "http://127.0.0.1:8080/v2/hub",
            "docker pull 127.0.0.1:8080/hub/IMAGE:TAG",
            "docker login 127.0.0.1:8080 && docker push 127.0.0.1:8080/hub/IMAGE:TAG",
        ),
        (
            "https://hub.example.org/v2",
            "docker pull hub.example.org/IMAGE:TAG",
            "docker login hub.example.org && docker push hub.example.org/IMAGE:TAG",
        ),
        (
            "https://example.org/art/v2/hub",
            "docker pull example.org/hub/IMAGE:TAG",
            "docker login example.org && docker push example.org/hub/IMAGE:TAG",
        ),
    ],
)
def test_the_lines_to_copy(base_url: str, pull: str, push: str) -> None:
    assert FACTORY.client_lines(base_url, "proxy") == [pull]
    assert FACTORY.publish_lines(base_url) == [push]


@pytest.mark.parametrize("path", ["/hub", "/team/hub", "/a.b", "/a__b", "/a--b"])
def test_what_names_of_images_can_begin_with(path: str) -> None:
    FACTORY.check_base(path)


@pytest.mark.parametrize("path", ["/Hub", "/hub-", "/hub.", "/a..b", "/a~b", "/a._b", "/" + "a" * 256])
def test_what_no_client_could_ask_below(path: str) -> None:
    with pytest.raises(errors.Invalid, match="no name of an image"):
        FACTORY.check_base(path)
