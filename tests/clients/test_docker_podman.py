"""podman and buildah against forked workers: what is published, what is proxied, as a mirror, over TLS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.engines import Containers, Tool
from tests.clients.registries import (
    FOR_NOBODY,
    MANIFEST_UNKNOWN,
    NO_REPOSITORY,
    NOBODY,
    NOT_TO_A_PROXY,
    Site,
    site,
    upstream_gone,
)
from tests.support.images import FOREIGN, NATIVE, image, index, program
from tests.support.registry import Registry

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

PLAIN = "--tls-verify=false"
# where docker.io itself would be there is nobody: a mirror answers, or nobody does
MIRROR = """
unqualified-search-registries = ["docker.io"]

[[registry]]
prefix = "docker.io"
location = "127.0.0.1:1"
insecure = true

[[registry.mirror]]
location = "{mirror}"
insecure = true
"""


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    client("docker-registry")
    folder = tmp_path_factory.mktemp("podman")
    with Registry(folder / "upstream") as upstream, site(folder, upstream) as there:
        yield there


@pytest.fixture
def home() -> Iterator[Containers]:
    with Containers() as home:
        yield home


@pytest.fixture
def podman(client: Callable[[str], str], home: Containers, there: Site) -> Tool:
    podman = home.tool(client("podman"))
    user, password = there.login
    podman("login", PLAIN, "--username", user, "--password-stdin", there.host, stdin=password)
    return podman


@pytest.fixture
def buildah(client: Callable[[str], str], home: Containers, podman: Tool) -> Tool:
    """At home with podman, and logged in with it."""
    return home.tool(client("buildah"))


def run(podman: Tool, name: str, *options: str) -> str:
    """What a container of the image prints; the image is pulled when it is not there."""
    return podman("run", "--rm", "--quiet", "--network", "none", PLAIN, *options, name)


def context(folder: Path, word: str, base: str = "scratch") -> str:
    folder.mkdir()
    (folder / "Dockerfile").write_text(f'FROM {base}\nCOPY word /word\nENTRYPOINT ["/word"]\n')
    (folder / "word").write_bytes(program(word))
    (folder / "word").chmod(0o755)
    return str(folder)


def test_an_image_is_built_pushed_pulled_and_run(tmp_path: Path, there: Site, podman: Tool) -> None:
    there.upstream.put("team/base", "1", image("base", padding=100_000))
    name = f"{there.host}/all/team/built:1.0"
    base = f"{there.host}/all/team/base:1"
    podman("build", PLAIN, "--tag", name, context(tmp_path / "context", "well met", base))
    podman("push", PLAIN, name)
    podman("push", PLAIN, "--format", "v2s2", name, f"docker://{there.host}/house/team/built:docker")
    podman("rmi", name)
    assert run(podman, name) == "well met\n"
    for tag in ("1.0", "docker"):
        assert run(podman, f"{there.host}/house/team/built:{tag}") == "well met\n"
    listed = podman("search", PLAIN, "--list-tags", "--format", "json", f"{there.host}/house/team/built")
    assert json.loads(listed)[0]["Tags"] == ["1.0", "docker"]
    found = podman("search", PLAIN, "--format", "{{.Name}}", f"{there.host}/built")
    assert {f"{there.host}/{repository}/team/built" for repository in ("house", "all")} <= set(found.split())


def test_an_index_is_pushed_with_buildah(there: Site, podman: Tool, buildah: Tool, tmp_path: Path) -> None:
    folder = context(tmp_path / "context", "ours")
    for architecture in (NATIVE, FOREIGN):
        container = buildah("from", "scratch").strip()
        buildah("copy", container, f"{folder}/word", "/word")
        buildah("config", "--entrypoint", '["/word"]', "--arch", architecture, container)
        buildah("commit", "--rm", container, f"localhost/made:{architecture}")
    buildah("manifest", "create", "both")
    for architecture in (NATIVE, FOREIGN):
        buildah("manifest", "add", "--arch", architecture, "both", f"containers-storage:localhost/made:{architecture}")
    name = f"{there.host}/house/both:1"
    buildah("manifest", "push", PLAIN, "--all", "both", f"docker://{name}")
    listed = json.loads(there.server.get("/v2/house/both/manifests/1").body)
    assert {child["platform"]["architecture"] for child in listed["manifests"]} == {NATIVE, FOREIGN}
    assert run(podman, name) == "ours\n"
    podman("pull", PLAIN, "--arch", FOREIGN, name)
    assert podman("image", "inspect", "--format", "{{.Architecture}}", name) == f"{FOREIGN}\n"
    assert "working-container" in buildah("from", PLAIN, "--pull-always", name)


def test_an_image_is_there_without_its_upstream(there: Site, podman: Tool) -> None:
    kept = index(image("kept", padding=3_000_000), image("theirs", FOREIGN))
    there.upstream.put("team/kept", "1", kept)
    name = f"{there.host}/hub/team/kept:1"
    assert run(podman, name) == "kept\n"
    podman("rmi", name)
    assert run(podman, name) == "kept\n"
    for blob in kept.children[0].blobs:
        assert there.upstream.count("GET", f"/v2/team/kept/blobs/{blob.digest}") == 1
    assert there.upstream.count("GET", f"/v2/team/kept/manifests/{kept.children[1].digest}") == 0
    podman("rmi", name)
    with upstream_gone(there):
        assert run(podman, name) == "kept\n"
        assert run(podman, f"{there.host}/all/team/kept@{kept.digest}") == "kept\n"
        said = podman.refused("pull", PLAIN, f"{there.host}/hub/never/seen:1")
        assert "unexpected HTTP status: 50" in said  # nobody knows that it is unknown


@pytest.mark.parametrize("whole_host", [False, True])
def test_a_mirror_of_docker_hub(client: Callable[[str], str], there: Site, whole_host: bool) -> None:
    there.upstream.put("library/greeter", "latest", index(image("mirrored"), image("theirs", FOREIGN)))
    there.upstream.put("someone/greeter", "2", image("of someone", docker=True))
    location = there.mirror if whole_host else f"{there.host}/hub"
    with Containers(MIRROR.format(mirror=location)) as home:
        podman = home.tool(client("podman"))
        assert run(podman, "docker.io/library/greeter") == "mirrored\n"
        assert run(podman, "someone/greeter:2") == "of someone\n"
        podman("rmi", "docker.io/library/greeter", "docker.io/someone/greeter:2")
        with upstream_gone(there):
            assert run(podman, "docker.io/greeter") == "mirrored\n"
        said = podman.refused("pull", "docker.io/library/nothing:1")
    assert MANIFEST_UNKNOWN in said
    assert "127.0.0.1:1" in said  # who comes after the mirror


def test_where_reading_needs_a_login_too(tmp_path: Path, client: Callable[[str], str]) -> None:
    with Registry(tmp_path / "upstream") as upstream, site(tmp_path, upstream, access=FOR_NOBODY) as there:
        upstream.put("library/greeter", "1", image("let in"))
        with Containers(MIRROR.format(mirror=f"{there.host}/hub")) as home:
            podman = home.tool(client("podman"))
            assert NOBODY in podman.refused("pull", "docker.io/library/greeter:1")
            assert upstream.requests() == []
            user, password = there.login
            podman("login", PLAIN, "--username", user, "--password-stdin", there.host, stdin=password)
            assert run(podman, "docker.io/library/greeter:1") == "let in\n"
            assert run(podman, f"{there.host}/hub/greeter:1") == "let in\n"


def test_over_tls(tmp_path: Path, there: Site, podman: Tool) -> None:
    trusted = f"--cert-dir={there.ca.parent / 'trusted'}"
    (there.ca.parent / "trusted").mkdir(exist_ok=True)
    (there.ca.parent / "trusted/ca.crt").write_bytes(there.ca.read_bytes())
    name = f"{there.secure_address}/house/sealed:1"
    user, password = there.login
    podman("login", trusted, "--username", user, "--password-stdin", there.secure_address, stdin=password)
    podman("build", "--tag", name, context(tmp_path / "context", "sealed"))
    podman("push", trusted, name)
    podman("rmi", name)
    assert "certificate" in podman.refused("pull", name)
    podman("pull", trusted, name)
    assert run(podman, name) == "sealed\n"


def test_what_was_deleted_is_unknown(tmp_path: Path, client: Callable[[str], str], there: Site, podman: Tool) -> None:
    name = f"{there.host}/house/gone:1"
    podman("build", "--tag", name, context(tmp_path / "context", "gone"))
    podman("push", PLAIN, name)
    podman("rmi", name)
    assert there.server.request("DELETE", "/v2/house/gone/manifests/1").status == 202
    assert MANIFEST_UNKNOWN in podman.refused("pull", PLAIN, name)


def test_what_the_user_reads(tmp_path: Path, there: Site, podman: Tool) -> None:
    for repository in ("house", "hub", "all"):
        assert MANIFEST_UNKNOWN in podman.refused("pull", PLAIN, f"{there.host}/{repository}/nothing:1")
    assert NO_REPOSITORY in podman.refused("pull", PLAIN, f"{there.host}/nowhere/app:1")
    podman("build", "--tag", "localhost/mine:1", context(tmp_path / "context", "mine"))
    assert NOT_TO_A_PROXY in podman.refused("push", PLAIN, "localhost/mine:1", f"docker://{there.host}/hub/mine:1")
    wrong = ("--username", "admin", "--password-stdin", there.host)
    assert "invalid username/password" in podman.refused("login", PLAIN, *wrong, stdin="wrong")
    podman("logout", there.host)
    assert NOBODY in podman.refused("push", PLAIN, "localhost/mine:1", f"docker://{there.host}/house/mine:1")
