"""The docker command and dockerd against forked workers: what is published, what is proxied, as a mirror, over TLS."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.engines import Docker
from tests.clients.registries import (
    FOR_NOBODY,
    MANIFEST_UNKNOWN,
    NAME,
    NO_REPOSITORY,
    NOBODY,
    NOT_TO_A_PROXY,
    WRONG_PASSWORD,
    Site,
    site,
    upstream_gone,
)
from tests.support.images import FOREIGN, image, index, program, write_archive
from tests.support.registry import Registry

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

DOCKERFILE = 'FROM {base}\nCOPY word /word\nENTRYPOINT ["/word"]\n'


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    client("docker-registry")
    folder = tmp_path_factory.mktemp("docker")
    with Registry(folder / "upstream") as upstream, site(folder, upstream) as there:
        yield there


@pytest.fixture(scope="module")
def docker(client: Callable[[str], str], there: Site) -> Iterator[Docker]:
    mirrors = [f"http://{there.mirror}"]
    with Docker(client, mirrors=mirrors, names={NAME: "::1"}, trusted={there.secure: there.ca}) as docker:
        docker.login(there.host, *there.login)
        docker.login(there.secure, *there.login)
        yield docker


def build(docker: Docker, folder: Path, name: str, word: str, base: str = "scratch") -> None:
    """True after: dockerd holds an image of that name, made from a Dockerfile."""
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE.format(base=base))
    (folder / "word").write_bytes(program(word))
    (folder / "word").chmod(0o755)
    docker("build", "--tag", name, str(folder))


def test_an_image_is_built_pushed_pulled_and_run(tmp_path: Path, there: Site, docker: Docker) -> None:
    name = f"{there.host}/house/team/built:1.0"
    build(docker, tmp_path / "context", name, "well met")
    assert "Pushed" in docker("push", name)
    assert "Layer already exists" in docker("push", name)
    docker("rmi", name)
    assert "Downloaded newer image" in docker("pull", name)
    assert docker.run(name) == "well met\n"
    assert docker.run(f"{there.host}/all/team/built:1.0") == "well met\n"  # pulled by run, through the group


def test_what_is_pushed_to_a_group_is_in_its_hosted_member(tmp_path: Path, there: Site, docker: Docker) -> None:
    there.upstream.put("team/base", "1", image("base", docker=True, padding=10_000_000))
    name = f"{there.host}/all/derived:1"
    build(docker, tmp_path / "context", name, "derived", base=f"{there.host}/all/team/base:1")
    assert "Mounted from all/team/base" in docker("push", name)  # what the proxy has is not sent
    docker("rmi", name)
    assert docker.run(f"{there.host}/house/derived:1") == "derived\n"
    assert there.upstream.count("GET", "/derived/") == 0


def test_all_tags(tmp_path: Path, there: Site, docker: Docker) -> None:
    name = f"{there.host}/house/tagged"
    build(docker, tmp_path / "context", f"{name}:1", "tagged")
    docker("tag", f"{name}:1", f"{name}:2")
    docker("push", "--all-tags", name)
    docker("rmi", f"{name}:1", f"{name}:2")
    docker("pull", "--all-tags", f"{there.host}/all/tagged")
    for tag in ("1", "2"):
        assert docker("inspect", "--format", "{{.Os}}", f"{there.host}/all/tagged:{tag}") == "linux\n"


def test_the_image_of_ones_own_architecture_is_taken_from_an_index(there: Site, docker: Docker) -> None:
    for kind, docker_types in (("oci", False), ("list", True)):
        images = [image("ours", docker=docker_types), image("theirs", FOREIGN, docker=docker_types)]
        tagged = index(*images, docker=docker_types)
        there.upstream.put(f"multi/{kind}", "1", tagged)
        name = f"{there.host}/hub/multi/{kind}:1"
        assert f"Digest: {tagged.digest}" in docker("pull", name)
        assert docker.run(name) == "ours\n"
        docker("pull", "--platform", f"linux/{FOREIGN}", name)
        assert docker("inspect", "--format", "{{.Architecture}} {{.Config.Labels.word}}", name) == f"{FOREIGN} theirs\n"
        docker("rmi", name)
        assert docker.run(f"{there.host}/hub/multi/{kind}@{tagged.digest}") == "ours\n"


def test_an_image_is_there_without_its_upstream(there: Site, docker: Docker) -> None:
    big = image("kept", padding=3_000_000)
    there.upstream.put("team/kept", "1", big)
    name = f"{there.host}/hub/team/kept:1"
    docker("pull", name)
    docker("rmi", name)
    docker("pull", name)
    for blob in big.blobs:
        assert there.upstream.count("GET", f"/v2/team/kept/blobs/{blob.digest}") == 1
    docker("rmi", name)
    with upstream_gone(there):
        assert docker.run(name) == "kept\n"
        assert docker.run(f"{there.host}/all/team/kept@{big.digest}") == "kept\n"
        assert "unexpected HTTP status: 50" in docker.refused("pull", f"{there.host}/hub/never/seen:1")  # not "unknown"


def test_a_mirror_of_docker_hub(there: Site, docker: Docker) -> None:
    there.upstream.put("library/greeter", "latest", index(image("mirrored"), image("theirs", FOREIGN)))
    there.upstream.put("someone/greeter", "2", image("of someone", docker=True))
    assert docker.run("greeter") == "mirrored\n"
    assert docker.run("someone/greeter:2") == "of someone\n"
    assert there.upstream.count("GET", "/v2/library/greeter/manifests/") > 0
    assert docker.run(f"{there.host}/all/greeter") == "mirrored\n"  # official images need no "library/" here, either
    docker("rmi", "greeter", "someone/greeter:2")
    with upstream_gone(there):
        assert docker.run("greeter:latest") == "mirrored\n"
    assert "registry-1.docker.io" in docker.refused("pull", "nobody/greeter:1")  # asked when the mirror has none


def test_over_tls(tmp_path: Path, client: Callable[[str], str], there: Site, docker: Docker) -> None:
    name = f"{there.secure}/house/sealed:1"
    build(docker, tmp_path / "context", name, "sealed")
    docker("push", name)
    docker("rmi", name)
    assert docker.run(name) == "sealed\n"
    with Docker(client, names={NAME: "::1"}) as stranger:
        assert "certificate signed by unknown authority" in stranger.refused("pull", name)


def test_an_engine_that_tries_tls_first_is_told_at_once_that_there_is_none(there: Site) -> None:
    """dockerd and podman do, and wait ten seconds for an answer: for each command."""
    context = ssl.create_default_context()
    address = "127.0.0.1", there.server.port
    with socket.create_connection(address, timeout=5) as plain, pytest.raises(ssl.SSLError):  # no TimeoutError
        context.wrap_socket(plain, server_hostname="localhost")


def test_what_was_deleted_is_unknown(tmp_path: Path, there: Site, docker: Docker) -> None:
    gone, kept = f"{there.host}/house/gone:1", f"{there.host}/house/gone:kept"
    build(docker, tmp_path / "context", gone, "gone")
    docker("tag", gone, kept)
    docker("push", gone)
    docker("push", kept)
    digest = docker("inspect", "--format", "{{index .RepoDigests 0}}", gone).strip().partition("@")[2]
    docker("rmi", gone, kept)

    assert there.server.request("DELETE", "/v2/house/gone/manifests/1").status == 202
    assert MANIFEST_UNKNOWN in docker.refused("pull", gone)
    assert docker.run(kept) == "gone\n"
    docker("rmi", kept)
    assert there.server.request("DELETE", f"/v2/house/gone/manifests/{digest}").status == 202
    assert MANIFEST_UNKNOWN in docker.refused("pull", kept)
    assert there.server.get(f"/v2/house/gone/manifests/{digest}").status == 404  # dockerd may still have it itself
    collected = there.server.run("gc")
    assert collected.returncode == 0, collected.stderr
    assert there.server.run("fsck").returncode == 0


def test_what_the_user_reads(tmp_path: Path, there: Site, docker: Docker) -> None:
    for repository in ("house", "hub", "all"):
        assert MANIFEST_UNKNOWN in docker.refused("pull", f"{there.host}/{repository}/nothing:1")
    assert NO_REPOSITORY in docker.refused("pull", f"{there.host}/nowhere/app:1")
    wrong = ("--username", "admin", "--password-stdin", there.host)
    assert WRONG_PASSWORD in docker.refused("login", *wrong, stdin="wrong")
    write_archive(tmp_path / "saved.tar", {f"{there.host}/hub/mine:1": image("mine")})
    docker("load", "--input", str(tmp_path / "saved.tar"))
    assert NOT_TO_A_PROXY in docker.refused("push", f"{there.host}/hub/mine:1")


def test_where_reading_needs_a_login_too(tmp_path: Path, client: Callable[[str], str]) -> None:
    with (
        Registry(tmp_path / "upstream") as upstream,
        site(tmp_path, upstream, access=FOR_NOBODY) as there,
        Docker(client, mirrors=[f"http://{there.mirror}"]) as docker,
    ):
        upstream.put("library/greeter", "1", image("let in"))
        name = f"{there.host}/hub/greeter:1"
        assert NOBODY in docker.refused("pull", name)
        assert upstream.requests() == []
        docker.login(there.host, *there.login)
        assert docker.run(name) == "let in\n"
        assert "registry-1.docker.io" in docker.refused("pull", "greeter:1")  # a mirror is sent no password


def test_a_push_needs_a_login(tmp_path: Path, client: Callable[[str], str], there: Site) -> None:
    name = f"{there.host}/house/stranger:1"
    with Docker(client) as docker:
        write_archive(tmp_path / "saved.tar", {name: image("stranger")})
        docker("load", "--input", str(tmp_path / "saved.tar"))
        assert "requested access to the resource is denied" in docker.refused("push", name)
        docker.login(there.host, *there.login)
        docker("push", name)
        docker("logout", there.host)
        docker("rmi", name)
        assert docker.run(name) == "stranger\n"  # whoever may read need not log in
