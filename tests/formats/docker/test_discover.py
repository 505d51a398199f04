"""What the container engines of a machine use: found by asking them, and by reading what dockerd has been told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from mxart.formats.docker.discover import Run, discover
from mxart.formats.docker.settings import DockerSettings

HUB = "https://registry-1.docker.io"
MIRROR = "https://mirror.example.org"
FROM_DAEMON = "registry-mirrors in /etc/docker/daemon.json"


def machine(*engines: str, daemon: str = "") -> Run:
    """These engines are on the path, and this is dockerd's file."""

    def run(command: Sequence[str]) -> str:
        if list(command) == ["cat", "/etc/docker/daemon.json"]:
            return daemon
        name, option = command
        assert option == "--version"
        return f"{name} version 1" if name in engines else ""

    return run


def found(run: Run, environ: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    proposals = discover(run, environ or {})
    assert all((each.name, each.format, each.needs) == ("dockerhub", "docker", "") for each in proposals)
    return [(each.upstream, each.origin) for each in proposals]


@pytest.mark.parametrize("engine", ["docker", "podman", "nerdctl", "ctr", "skopeo", "buildah"])
def test_each_engine_fetches_from_docker_hub(engine: str) -> None:
    assert found(machine(engine)) == [(HUB, f"{engine}'s default registry")]


def test_of_several_the_first_is_named() -> None:
    assert found(machine("skopeo", "podman")) == [(HUB, "podman's default registry")]


def test_nothing_where_no_engine_is() -> None:
    assert found(machine(daemon=json.dumps({"registry-mirrors": [MIRROR]}))) == []


def test_dockerds_mirrors_come_first_and_stand_for_docker_hub() -> None:
    daemon = json.dumps({"registry-mirrors": [f"{MIRROR}/", "http://127.0.0.1:5000/a/"], "debug": True})
    proposals = discover(machine("docker", daemon=daemon), {})
    assert [(each.upstream, each.origin) for each in proposals] == [
        (MIRROR, FROM_DAEMON),
        ("http://127.0.0.1:5000/a", FROM_DAEMON),
        (HUB, "docker's default registry"),
    ]
    assert [dict(each.options) for each in proposals] == [{"namespaces": ["docker.io"]}] * 2 + [{}]
    assert DockerSettings(namespaces=("docker.io",)).is_docker_hub


@pytest.mark.parametrize(
    "daemon",
    [
        "",
        "{",
        "null",
        "[]",
        '"x"',
        "{}",
        '{"registry-mirrors": null}',
        '{"registry-mirrors": "https://mirror.example.org"}',
        '{"registry-mirrors": {"a": "b"}}',
        '{"registry-mirrors": [1, null, [], {}, ""]}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:30],
)
def test_a_file_that_says_nothing_of_use(daemon: str) -> None:
    assert found(machine("docker", daemon=daemon)) == [(HUB, "docker's default registry")]


@pytest.mark.parametrize(
    "mirror",
    [
        "mirror.example.org",
        "//mirror.example.org",
        "ftp://mirror.example.org",
        "https://",
        "https:///path",
        "https://user:secret@mirror.example.org",
        "https://[::1",
    ],
)
def test_what_is_no_plain_url_is_left_out(mirror: Any) -> None:
    daemon = json.dumps({"registry-mirrors": [mirror, MIRROR]})
    assert found(machine("docker", daemon=daemon))[0] == (MIRROR, FROM_DAEMON)
