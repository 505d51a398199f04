"""skopeo against forked workers: copies whose every byte is as it was, deletion, and upstreams that ask who one is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.engines import Containers, Tool
from tests.clients.registries import (
    MANIFEST_UNKNOWN,
    NO_REPOSITORY,
    NOBODY,
    NOT_TO_A_PROXY,
    WRONG_PASSWORD,
    Site,
    hub,
    site,
)
from tests.support.images import FOREIGN, Image, artifact, image, index, write_layout
from tests.support.registry import PASSWORD, USER, Registry, TokenServer
from tests.support.server import Server

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

PLAIN_SOURCE, PLAIN_TARGET, PLAIN = "--src-tls-verify=false", "--dest-tls-verify=false", "--tls-verify=false"


@pytest.fixture(scope="module")
def there(client: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    client("docker-registry")
    folder = tmp_path_factory.mktemp("skopeo")
    pinned = 'tag_ttl = { "pinned" = "1 h" }'
    with Registry(folder / "upstream") as upstream, site(folder, upstream, pinned) as there:
        yield there


@dataclass(slots=True)
class Skopeo:
    """skopeo, with the words that all its commands need."""

    tool: Tool
    folder: Path

    def push(self, layout: Path, tag: str, name: str, login: tuple[str, str]) -> None:
        creds = ("--dest-creds", ":".join(login))
        self.tool("copy", "--all", "--quiet", PLAIN_TARGET, *creds, f"oci:{layout}:{tag}", f"docker://{name}")

    def pull(self, name: str, *options: str) -> dict[str, bytes]:
        """The blobs and manifests of an image, by digest, as they are in a layout afterwards."""
        layout = self.folder / f"pulled-{len(list(self.folder.iterdir()))}"
        self.tool("copy", "--all", "--quiet", PLAIN_SOURCE, *options, f"docker://{name}", f"oci:{layout}:1")
        return {"sha256:" + file.name: file.read_bytes() for file in (layout / "blobs/sha256").iterdir()}

    def raw(self, name: str, *options: str) -> str:
        """The manifest or index, as it is."""
        return self.tool("inspect", "--raw", PLAIN, *options, f"docker://{name}")

    def tags(self, name: str) -> list[str]:
        found: list[str] = json.loads(self.tool("list-tags", PLAIN, f"docker://{name}"))["Tags"]
        return found


@pytest.fixture
def skopeo(client: Callable[[str], str]) -> Iterator[Skopeo]:
    with Containers() as home:
        yield Skopeo(home.tool(client("skopeo")), home.folder)


def whole(image: Image) -> dict[str, bytes]:
    """What a layout must hold of it."""
    return {blob.digest: blob.data for blob in [*image.all_blobs().values(), *image.all_manifests()]}


def layout(folder: Path, **tagged: Image) -> Path:
    write_layout(folder / "layout", tagged)
    return folder / "layout"


def test_an_index_is_published_as_it_is(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    oci = index(image("ours"), image("theirs", FOREIGN))
    docker = index(image("ours", docker=True), image("theirs", FOREIGN, docker=True), docker=True)
    made = layout(tmp_path, oci=oci)
    skopeo.push(made, "oci", f"{there.host}/house/team/whole:1", there.login)
    assert skopeo.pull(f"{there.host}/house/team/whole:1") == whole(oci)
    assert skopeo.pull(f"{there.host}/all/team/whole@{oci.digest}") == whole(oci)
    for tag in ("docker", "1.0", "latest"):
        there.upstream.put("other/whole", tag, docker)
    assert skopeo.raw(f"{there.host}/hub/other/whole:docker") == docker.manifest.data.decode()
    assert skopeo.raw(f"{there.host}/all/other/whole:docker") == docker.manifest.data.decode()
    assert skopeo.tags(f"{there.host}/all/other/whole") == ["1.0", "docker", "latest"]
    assert skopeo.tags(f"{there.host}/all/team/whole") == ["1"]


def test_a_published_name_is_not_had_from_an_upstream(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    ours, theirs = image("ours"), image("an impostor's")
    there.upstream.put("team/claimed", "1", theirs)
    there.upstream.put("team/claimed", "2", theirs)
    assert skopeo.raw(f"{there.host}/all/team/claimed:1") == theirs.manifest.data.decode()
    skopeo.push(layout(tmp_path, ours=ours), "ours", f"{there.host}/all/team/claimed:1", there.login)
    assert skopeo.raw(f"{there.host}/all/team/claimed:1") == ours.manifest.data.decode()
    for unknown in (f"{there.host}/all/team/claimed:2", f"{there.host}/all/team/claimed@{theirs.digest}"):
        assert MANIFEST_UNKNOWN in skopeo.tool.refused("inspect", PLAIN, f"docker://{unknown}")
    assert skopeo.tags(f"{there.host}/all/team/claimed") == ["1"]


def test_a_copy_from_one_repository_to_another(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    proxied = index(image("travelled", padding=200_000), image("theirs", FOREIGN))
    there.upstream.put("team/travelled", "1", proxied)
    login = ("--dest-creds", ":".join(there.login))
    for source, target in (("hub/team/travelled", "house/travelled"), ("house/travelled", "house/further/on")):
        names = f"docker://{there.host}/{source}:1", f"docker://{there.host}/{target}:1"
        skopeo.tool("copy", "--all", "--quiet", PLAIN_SOURCE, PLAIN_TARGET, *login, *names)
    assert skopeo.pull(f"{there.host}/house/further/on:1") == whole(proxied)


def test_what_was_deleted_is_unknown(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    first, second = image("first"), image("second")
    made = layout(tmp_path, first=first, second=second)
    name = f"{there.host}/house/gone"
    for tag, pushed in (("1", "first"), ("one", "first"), ("2", "second")):
        skopeo.push(made, pushed, f"{name}:{tag}", there.login)
    creds = ("--creds", ":".join(there.login))
    assert NOBODY in skopeo.tool.refused("delete", PLAIN, f"docker://{name}:1")
    assert skopeo.tags(name) == ["1", "2", "one"]
    skopeo.tool("delete", PLAIN, *creds, f"docker://{name}:1")  # the manifest, and so each tag of it
    assert skopeo.tags(name) == ["2"]
    for gone in (f"{name}:1", f"{name}:one", f"{name}@{first.digest}"):
        assert MANIFEST_UNKNOWN in skopeo.tool.refused("inspect", PLAIN, f"docker://{gone}")
    collected = there.server.run("gc")
    assert collected.returncode == 0, collected.stderr
    assert skopeo.pull(f"{name}:2") == whole(second)
    skopeo.push(made, "first", f"{name}:1", there.login)
    assert skopeo.pull(f"{name}:1") == whole(first)


def test_a_tag_that_moves(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    before, after = image("before"), image("after")
    name = f"{there.host}/hub/team/moving"
    for tag in ("moving", "pinned"):
        there.upstream.put("team/moving", tag, before)
        assert skopeo.raw(f"{name}:{tag}") == before.manifest.data.decode()
        there.upstream.put("team/moving", tag, after)
    deadline = time.monotonic() + 20
    while skopeo.raw(f"{name}:moving") != after.manifest.data.decode():  # fresh for a second
        assert time.monotonic() < deadline
        threading.Event().wait(0.1)
    assert skopeo.raw(f"{name}:pinned") == before.manifest.data.decode()
    assert skopeo.pull(f"{name}@{before.digest}") == whole(before)


def test_one_download_for_all_who_wait(there: Site, skopeo: Skopeo) -> None:
    large = image("large", padding=30_000_000)
    there.upstream.put("team/large", "1", large)
    folders = [skopeo.folder / f"at-once-{number}" for number in range(4)]

    def pull(folder: Path) -> bytes:
        source = f"docker://{there.host}/hub/team/large:1"
        skopeo.tool("copy", "--quiet", PLAIN_SOURCE, source, f"oci:{folder}:1")
        return (folder / "blobs/sha256" / large.blobs[2].hex).read_bytes()

    with ThreadPoolExecutor(len(folders)) as pool:
        assert set(pool.map(pull, folders)) == {large.blobs[2].data}
    for blob in large.blobs:
        assert there.upstream.count("GET", f"/v2/team/large/blobs/{blob.digest}") == 1


def test_over_tls(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    sealed = image("sealed")
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "ca.crt").write_bytes(there.ca.read_bytes())
    name = f"docker://{there.secure_address}/house/sealed:1"
    login = ("--dest-creds", ":".join(there.login), "--dest-cert-dir", str(trusted))
    source = f"oci:{layout(tmp_path, sealed=sealed)}:sealed"
    skopeo.tool("copy", "--quiet", *login, source, name)
    assert skopeo.tool("inspect", "--raw", "--cert-dir", str(trusted), name) == sealed.manifest.data.decode()
    assert "certificate" in skopeo.tool.refused("inspect", name)


def test_tags_that_say_what_they_are_about(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    """As signatures are kept under the digest of what they sign."""
    signed = image("signed")
    signature = artifact("application/vnd.example.signature", b"signed by nobody")
    made = layout(tmp_path, signed=signed, signature=signature)
    tag = signed.digest.replace(":", "-") + ".sig"
    skopeo.push(made, "signed", f"{there.host}/house/signed:1", there.login)
    skopeo.push(made, "signature", f"{there.host}/house/signed:{tag}", there.login)
    assert skopeo.tags(f"{there.host}/all/signed") == ["1", tag]
    assert skopeo.pull(f"{there.host}/all/signed:{tag}") == whole(signature)


def test_what_the_user_reads(tmp_path: Path, there: Site, skopeo: Skopeo) -> None:
    made = layout(tmp_path, mine=image("mine"))
    target = ("copy", "--quiet", PLAIN_TARGET)
    for creds, reason in (((), NOBODY), (("--dest-creds", "admin:wrong"), WRONG_PASSWORD)):
        said = skopeo.tool.refused(*target, *creds, f"oci:{made}:mine", f"docker://{there.host}/house/mine:1")
        assert reason in said
    creds = ("--dest-creds", ":".join(there.login))
    said = skopeo.tool.refused(*target, *creds, f"oci:{made}:mine", f"docker://{there.host}/hub/mine:1")
    assert NOT_TO_A_PROXY in said
    assert NO_REPOSITORY in skopeo.tool.refused("inspect", PLAIN, f"docker://{there.host}/nowhere/mine:1")
    for name in ("house/nothing:1", "hub/nothing:1", "all/nothing:1", f"house/nothing@{image('mine').digest}"):
        assert MANIFEST_UNKNOWN in skopeo.tool.refused("inspect", PLAIN, f"docker://{there.host}/{name}")


# --- upstreams that ask who one is ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Asking:
    """An upstream that asks, and what mxart is told to answer."""

    upstream: Registry
    tokens: TokenServer | None
    auth: str

    @property
    def config(self) -> str:
        return hub(self.upstream.url, 'ttl = "1 s"', *([self.auth] if self.auth else []))


RIGHT = f'auth = {{ username = "{USER}", password = "{PASSWORD}" }}'
WRONG = f'auth = {{ username = "{USER}", password = "wrong" }}'
KINDS: Mapping[str, tuple[bool, bool | None]] = {  # a password; a token server, private or not
    "password": (True, None),
    "tokens": (False, False),
    "private tokens": (False, True),
}


@pytest.fixture
def asking(client: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[[str, str], Asking]]:
    client("docker-registry")
    with ExitStack() as stack:

        def start(kind: str, auth: str) -> Asking:
            password, private = KINDS[kind]
            tokens = None
            if private is not None:
                tokens = stack.enter_context(TokenServer(tmp_path / "tokens", private=private))
            registry = Registry(tmp_path / "upstream", password=password, tokens=tokens)
            return Asking(stack.enter_context(registry), tokens, auth)

        yield start


@pytest.mark.parametrize(
    ("kind", "auth", "asker"),
    [("password", RIGHT, None), ("tokens", "", ""), ("tokens", RIGHT, USER), ("private tokens", RIGHT, USER)],
)
def test_an_upstream_that_asks(
    tmp_path: Path,
    skopeo: Skopeo,
    asking: Callable[[str, str], Asking],
    kind: str,
    auth: str,
    asker: str | None,
) -> None:
    there = asking(kind, auth)
    apps = ["library/app", "library/other"]
    images = {name: index(image(name), image("foreign " + name, FOREIGN)) for name in apps}
    for name, tagged in images.items():
        there.upstream.put(name, "1", tagged)
    with Server(tmp_path / "server", there.config, workers=1) as server:
        host = f"127.0.0.1:{server.port}"
        for name, tagged in images.items():
            assert skopeo.pull(f"{host}/hub/{name}:1") == whole(tagged)
            for digest in tagged.all_blobs():
                assert there.upstream.count("GET", f"/v2/{name}/blobs/{digest}") == 1
        if there.tokens is not None:
            assert sorted(there.tokens.asked) == [((f"repository:{name}:pull",), asker) for name in images]
        there.upstream.stop()
        for name, tagged in images.items():
            assert skopeo.pull(f"{host}/hub/{name}:1") == whole(tagged)
        assert PASSWORD not in server.log.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_password_for_the_upstream(
    tmp_path: Path, skopeo: Skopeo, asking: Callable[[str, str], Asking], kind: str
) -> None:
    there = asking(kind, WRONG)
    there.upstream.put("library/app", "1", image("app"))
    with Server(tmp_path / "server", there.config) as server:
        said = skopeo.tool.refused("inspect", PLAIN, f"docker://127.0.0.1:{server.port}/hub/library/app:1")
        assert "unexpected HTTP status: 502" in said  # it shows no more of it
        told = json.loads(server.get("/v2/hub/library/app/manifests/1").body)["errors"][0]["message"]
        assert "check the auth of this repository" in told
        assert there.upstream.count("GET", "/manifests/") == 0


def test_what_an_upstream_hides_from_strangers_is_unknown_here(
    tmp_path: Path, skopeo: Skopeo, asking: Callable[[str, str], Asking]
) -> None:
    there = asking("private tokens", "")
    there.upstream.put("library/app", "1", image("app"))
    with Server(tmp_path / "server", there.config) as server:
        said = skopeo.tool.refused("inspect", PLAIN, f"docker://127.0.0.1:{server.port}/hub/library/app:1")
        assert MANIFEST_UNKNOWN in said
        answer = server.get("/v2/hub/library/app/manifests/1")
        assert answer.status == 404
        assert b"set auth" in answer.body
