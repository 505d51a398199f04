"""containerd and ctr against forked workers: what is published, and every way of being a mirror."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.clients.engines import Containerd
from tests.clients.registries import FOR_NOBODY, Site, site, upstream_gone
from tests.support.images import FOREIGN, image, index, write_archive
from tests.support.registry import Registry

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

HTTP = "--plain-http"
# where the registry itself would be there is nobody: a mirror answers, or nobody does
MIRROR = """
server = "http://127.0.0.1:1"

[host."{url}"]
capabilities = ["pull", "resolve"]
{more}
"""
SECURE = """
server = "https://{host}"

[host."https://{host}"]
capabilities = ["pull", "resolve", "push"]
{more}
"""


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    client("docker-registry")
    folder = tmp_path_factory.mktemp("containerd")
    with Registry(folder / "upstream") as upstream, site(folder, upstream) as there:
        yield there


@pytest.fixture
def containerd(client: Callable[[str], str]) -> Iterator[Containerd]:
    with Containerd(client) as containerd:
        yield containerd


def user(there: Site) -> tuple[str, str, str]:
    return HTTP, "--user", ":".join(there.login)


def load(containerd: Containerd, folder: Path, name: str, word: str) -> None:
    """True after: containerd holds an image of that name."""
    write_archive(folder / "saved.tar", {name: image(word)})
    containerd("images", "import", "--no-unpack", str(folder / "saved.tar"))


def test_an_image_is_pushed_pulled_and_run(tmp_path: Path, there: Site, containerd: Containerd) -> None:
    name = f"{there.host}/house/team/app:1.0"
    load(containerd, tmp_path, name, "well met")
    containerd.push(name, *user(there))
    containerd.push(name, *user(there))  # nothing is sent twice
    containerd.forget(name)
    for found in (name, f"{there.host}/all/team/app:1.0"):
        containerd.pull(found, HTTP)
        assert containerd.run(found) == "well met\n"
    pushed = f"{there.host}/all/team/second:1"
    containerd("images", "tag", name, pushed)
    containerd.push(pushed, *user(there))
    containerd.pull(f"{there.host}/house/team/second:1", HTTP)


def test_an_index_with_all_its_images(there: Site, containerd: Containerd) -> None:
    both = index(image("ours"), image("theirs", FOREIGN))
    there.upstream.put("team/multi", "1", both)
    name, copy = f"{there.host}/hub/team/multi:1", f"{there.host}/house/multi:1"
    containerd.pull(name, HTTP, "--all-platforms")
    containerd("images", "tag", name, copy)
    containerd.push(copy, *user(there))
    containerd.forget(name)
    containerd.forget(copy)
    containerd.pull(copy, HTTP, "--platform", f"linux/{FOREIGN}")
    assert both.digest in containerd("images", "list", f"name=={copy}")
    assert both.children[1].digest in containerd("content", "list")
    containerd.forget(copy)
    containerd.pull(copy, HTTP)
    assert containerd.run(copy) == "ours\n"


MIRRORS: Mapping[str, Callable[[Site], tuple[str, str]]] = {
    "by the name that is asked for": lambda there: (f"http://{there.host}", ""),
    "by a path": lambda there: (f"http://{there.host}/v2/hub", "override_path = true"),
    "by a path of a group": lambda there: (f"http://{there.host}/v2/all", "override_path = true"),
    "by a host of its own": lambda there: (f"http://{there.mirror}", ""),
    "over TLS": lambda there: (f"https://{there.secure_address}", f'ca = "{there.ca}"'),
}


@pytest.mark.parametrize("way", MIRRORS)
def test_a_mirror_of_docker_hub(client: Callable[[str], str], there: Site, way: str) -> None:
    word = way.replace(" ", "-").lower()
    name = f"docker.io/library/{word}:1"
    mirrored = index(image(word, padding=100_000), image("theirs", FOREIGN))
    there.upstream.put(f"library/{word}", "1", mirrored)
    url, more = MIRRORS[way](there)
    with Containerd(client, hosts={"docker.io": MIRROR.format(url=url, more=more)}) as containerd:
        containerd.pull(name)
        assert containerd.run(name) == f"{word}\n"
        containerd.forget(name)
        with upstream_gone(there):
            containerd.pull(name)
            assert containerd.run(name) == f"{word}\n"
        said = containerd.pull_refused("docker.io/library/nothing:1")
        assert "StatusNotFound" in said  # of the mirror; the next one is asked
    for blob in mirrored.children[0].blobs:
        assert there.upstream.count("GET", f"/v2/library/{word}/blobs/{blob.digest}") == 1


def test_a_registry_that_no_proxy_stands_for_is_not_answered(client: Callable[[str], str], there: Site) -> None:
    there.upstream.put("library/other", "1", image("other"))
    hosts = {"quay.io": MIRROR.format(url=f"http://{there.host}", more="")}
    with Containerd(client, hosts=hosts) as containerd:
        assert "StatusNotFound" in containerd.pull_refused("quay.io/library/other:1")
    assert there.upstream.count("GET", "library/other") == 0


def test_where_reading_needs_a_login_too(tmp_path: Path, client: Callable[[str], str]) -> None:
    with Registry(tmp_path / "upstream") as upstream, site(tmp_path, upstream, access=FOR_NOBODY) as there:
        upstream.put("library/greeter", "1", image("let in"))
        url = f"http://{there.host}"
        with Containerd(client, hosts={"docker.io": MIRROR.format(url=url, more="")}) as containerd:
            name = "docker.io/library/greeter:1"
            assert "401 Unauthorized" in containerd.pull_refused(name)
            assert upstream.requests() == []
            containerd.pull(name, "--user", ":".join(there.login))
            assert containerd.run(name) == "let in\n"


def test_over_tls(tmp_path: Path, client: Callable[[str], str], there: Site) -> None:
    name = f"{there.secure_address}/house/sealed:1"
    hosts = SECURE.format(host=there.secure_address, more=f'ca = "{there.ca}"')
    with Containerd(client, hosts={there.secure_address: hosts}) as containerd:
        load(containerd, tmp_path, name, "sealed")
        containerd.push(name, "--user", ":".join(there.login))
        containerd.forget(name)
        containerd.pull(name)
        assert containerd.run(name) == "sealed\n"
    strange = SECURE.format(host=there.secure_address, more="")
    with Containerd(client, hosts={there.secure_address: strange}) as containerd:
        assert "certificate signed by unknown authority" in containerd.pull_refused(name)


def test_what_was_deleted_is_unknown(tmp_path: Path, there: Site, containerd: Containerd) -> None:
    name = f"{there.host}/house/gone:1"
    load(containerd, tmp_path, name, "gone")
    containerd.push(name, *user(there))
    containerd.forget(name)
    assert there.server.request("DELETE", "/v2/house/gone/manifests/1").status == 202
    assert "not found" in containerd.pull_refused(name, HTTP)


def test_what_the_user_reads(tmp_path: Path, there: Site, containerd: Containerd) -> None:
    for repository in ("house", "hub", "all"):
        assert "not found" in containerd.pull_refused(f"{there.host}/{repository}/nothing:1", HTTP)
    name, other = f"{there.host}/house/mine:1", f"{there.host}/hub/mine:1"
    load(containerd, tmp_path, name, "mine")
    containerd("images", "tag", name, other)
    assert "405" in containerd.push_refused(other, *user(there))
    assert "insufficient_scope: authorization failed" in containerd.push_refused(name, HTTP)
    assert "401" in containerd.push_refused(name, HTTP, "--user", "admin:wrong")


def test_a_push_of_which_only_the_manifest_is_left_is_refused_at_once(there: Site, containerd: Containerd) -> None:
    """It sends that while it waits for nothing, so what is answered before it has come is lost on it."""
    there.upstream.put("library/held", "1", image("held"))
    name, other = f"{there.host}/hub/library/held:1", f"{there.host}/hub/library/held:2"
    containerd.pull(name, HTTP)
    containerd("images", "tag", name, other)
    for _ in range(5):
        assert "405" in containerd.push_refused(other, *user(there))
        containerd.push_refused(other, HTTP)  # its words for that are its own: "closed pipe", mostly
