"""Many tags, and many who push images that share layers while ``gc`` runs all the time: what was acknowledged is whole,
and what nobody names goes."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.support.images import OCI_MANIFEST, Blob, Image, image, index
from tests.support.registryclient import Refused, RegistryClient, Way
from tests.support.server import Server, docker_group, docker_hosted

pytestmark = [pytest.mark.fault, pytest.mark.timeout(240)]

GROUP, HOSTED, OTHER = "/v2/all", "/v2/images", "/v2/others"
CONFIG = docker_hosted() + docker_hosted("others")
CONFIG += docker_group("all", ["images", "others"], 'publish_to = "images"')
STORE = '[store.default]\ntrash_age = "1 ms"\n'


def client_of(server: Server, base: str = GROUP, *, tokens: bool = False) -> RegistryClient:
    return RegistryClient(server.port, base, ("admin", server.admin_password), tokens=tokens)


def is_clean(server: Server) -> None:
    checked = server.run("fsck")
    assert checked.returncode == 0, checked.stdout + checked.stderr


# --- many tags ---------------------------------------------------------------------------------------------------

TAGS = sorted(f"v{number}" for number in range(1000))
AT_ONCE = 16
TIME = 5.0  # seconds for a list, which takes milliseconds: on a busy machine, too


def tag_all(server: Server, base: str, tags: list[str], tagged: Image) -> None:
    """Many clients at once, each with its share."""

    def tag(share: list[str]) -> None:
        with client_of(server, base) as client:
            for name in share:
                client.put_manifest("app", name, tagged.manifest)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(tag, (tags[number::AT_ONCE] for number in range(AT_ONCE))))


def listed(client: RegistryClient, number: int | None = None) -> list[str]:
    """All pages, none of them fuller than was asked for, and none empty."""
    began = time.monotonic()
    pages = client.tags("app", number)
    assert time.monotonic() - began < TIME * len(pages)
    assert all(pages)
    assert number is None or {len(page) for page in pages[:-1]} <= {number}
    return [tag for page in pages for tag in page]


def test_an_image_with_a_thousand_tags(tmp_path: Path) -> None:
    one, two = image("well met", padding=10_000), image("met again")
    more = sorted([*TAGS[:10], *(f"w{number}" for number in range(20))])  # of the second member, some like the first's
    union = sorted({*TAGS, *more})
    with (
        Server(tmp_path, CONFIG, server="access_log = false") as server,
        client_of(server, HOSTED) as hosted,
        client_of(server, OTHER) as other,
        client_of(server) as group,
    ):
        hosted.push("app", TAGS[0], one)
        other.push("app", more[0], two)
        tag_all(server, HOSTED, TAGS, one)
        tag_all(server, OTHER, more, two)
        for client, tags in ((hosted, TAGS), (other, more), (group, union)):
            assert listed(client) == tags
            assert [listed(client, number) for number in (1000, 333, 7)] == [tags] * 3
            assert following(client, tags[5], 3) == tags[6:9]
            assert following(client, tags[5] + "!", 3) == tags[6:9], "a tag that there is not"
            assert following(client, tags[-1], 3) == []
        hosted.push("app", "two", two)
        hosted.delete("app", one.digest)
        assert listed(hosted) == ["two"]
        assert listed(group) == sorted({"two", *more})
        assert group.pull("app", more[-1]) == two.digest, "the second member's"
        with pytest.raises(Refused) as refused:
            hosted.manifest("app", TAGS[500])
        assert (refused.value.status, refused.value.codes) == (404, ["MANIFEST_UNKNOWN"])
        is_clean(server)


def following(client: RegistryClient, last: str, number: int) -> list[str]:
    answered = client.want(200, "GET", client.path(f"app/tags/list?n={number}&last={last}"))
    return list(json.loads(answered.body)["tags"])


# --- many pushes, and gc -----------------------------------------------------------------------------------------

IMAGES = 100
PUSHERS = 16
RUNS = 8  # of gc, while images are pushed, at least
NAMES = ("app", "team/app")
SHARED = [
    Blob("application/vnd.oci.image.layer.v1.tar", random.Random(number).randbytes(20_000 * (1 + number % 5)))
    for number in range(12)
]
WAYS: tuple[Way, ...] = ("whole", "put", "stream", "chunks")


def layered(number: int) -> Image:
    """An image of three layers that others have, too, and perhaps one of its own; every tenth is an index of such."""
    chance = random.Random(number)
    if number % 10 == 9:
        return index(_layered(f"{number}a", chance), _layered(f"{number}b", chance))
    return _layered(str(number), chance)


def _layered(word: str, chance: random.Random) -> Image:
    layers = chance.sample(SHARED, 3)
    if chance.random() < 0.5:
        layers.append(Blob(layers[0].media_type, hashlib.shake_256(word.encode()).digest(30_000)))
    config = Blob("application/vnd.oci.image.config.v1+json", json.dumps({"config": {"Labels": {"w": word}}}).encode())
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
    }
    return Image(Blob(OCI_MANIFEST, json.dumps(document).encode()), (config, *layers))


@dataclass
class Told:
    """What was acknowledged, and has not been taken back: image name and tag → the digest that it must lead to."""

    unused_age: float  # seconds for which `gc` spares what nothing leads to yet
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    pushes: int = 0
    again: list[str] = field(default_factory=list)  # pushes that had to be repeated, since they took longer than that
    hasty: list[str] = field(default_factory=list)  # those that did not
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stands(self, name: str, tag: str, digest: str) -> None:
        with self.lock:
            self.tags[name, tag] = digest
            self.pushes += 1

    def goes(self, name: str, tag: str) -> None:
        with self.lock:
            self.tags.pop((name, tag), None)

    def some(self, chance: random.Random) -> list[tuple[tuple[str, str], str]]:
        with self.lock:
            return chance.sample(sorted(self.tags.items()), min(3, len(self.tags)))


@dataclass
class Pusher:
    """A client that pushes images, deletes some of its tags, and moves others. Nobody else touches its tags."""

    client: RegistryClient
    told: Told
    number: int

    def run(self, images: list[Image], enough: Callable[[], bool]) -> None:
        """All of the images once, and then again under other tags until it is enough."""
        chance, count = random.Random(self.number), 0
        with self.client:
            while count < len(images) or not enough():
                name, tag, made = chance.choice(NAMES), f"p{self.number}-{count}", images[count % len(images)]
                self._push_until_told(name, tag, made, chance)
                self.told.stands(name, tag, made.digest)
                if count % 3 == 1:
                    self._delete(name, tag)
                if count % 3 == 2:
                    self._move(name, tag, images[0], chance)
                count += 1

    def _delete(self, name: str, tag: str) -> None:
        self.told.goes(name, tag)
        self.client.delete(name, tag)

    def _move(self, name: str, tag: str, made: Image, chance: random.Random) -> None:
        """To what has been there before, and may have gone meanwhile: then it is pushed anew."""
        self.told.goes(name, tag)
        self._push_until_told(name, tag, made, chance)
        self.told.stands(name, tag, made.digest)

    def _push_until_told(self, name: str, tag: str, made: Image, chance: random.Random) -> None:
        """What was swept away on the way is pushed again, from the start, as a user would."""
        while True:
            began = time.monotonic()
            try:
                self._push(name, tag, made, chance)
                return
            except Refused as refused:
                assert refused.codes == ["MANIFEST_BLOB_UNKNOWN"], refused
                took = time.monotonic() - began
                why = f"{name}:{tag} after {took:.2f} s: {refused}"
                (self.told.again if took >= self.told.unused_age else self.told.hasty).append(why)

    def _push(self, name: str, tag: str, made: Image, chance: random.Random) -> None:
        source = NAMES[1 - NAMES.index(name)]
        for blob in made.all_blobs().values():
            if chance.random() < 0.8 and self.client.has_blob(name, blob.digest):
                continue
            way = chance.choice(WAYS)
            if chance.random() < 0.5:
                place = self.client.mount(name, blob.digest, source)
                if place is not None:
                    self.client.send_blob(place, blob, way if way != "whole" else "put")
            else:
                self.client.push_blob(name, blob, way)
        *children, last = made.all_manifests()
        for child in children:
            self.client.put_manifest(name, child.digest, child)
        self.client.put_manifest(name, tag, last)


@dataclass(frozen=True, slots=True)
class Repeated:
    """What is run again and again in a thread of its own."""

    running: Future[None]
    returned: list[int]

    def so_far(self) -> list[int]:
        """What each run has returned. Raises what one has raised."""
        if self.running.done():
            self.running.result()
        return self.returned


@contextmanager
def meanwhile(run: Callable[[], int]) -> Iterator[Repeated]:
    """It runs again and again until the block is left. What it raises is raised then, too."""
    over, returned = threading.Event(), list[int]()

    def again() -> None:
        while not over.is_set():
            returned.append(run())

    with ThreadPoolExecutor(1) as pool:
        repeated = Repeated(pool.submit(again), returned)
        try:
            yield repeated
        finally:
            over.set()
        repeated.running.result()


def collected(server: Server, unused_age: float = 0.0, grace: float = 0.0) -> int:
    """Runs ``gc``, with ages in seconds: how many entries and blobs have gone."""
    run = server.run("gc", "--json", "--unused-age", f"{unused_age} s", "--grace", f"{grace} s")
    assert run.returncode == 0, run.stdout + run.stderr
    (store,) = json.loads(run.stdout)["stores"]
    return int(store["unused"] + store["blobs"])


@pytest.mark.parametrize(("unused_age", "grace"), [(2.0, 1.0), (0.0, 0.0)])
def test_a_hundred_pushes_that_share_layers_while_gc_runs(tmp_path: Path, unused_age: float, grace: float) -> None:
    """With ages of 0 what a push has sent may go under its hands: then it is refused in the end, and begun anew."""
    images, told = [layered(number) for number in range(IMAGES)], Told(unused_age)
    gc = partial(collected, unused_age=unused_age, grace=grace)
    with Server(tmp_path, CONFIG + STORE, server="access_log = false", workers=3) as server:
        with (
            client_of(server) as reader,
            meanwhile(partial(gc, server)) as runs,
            meanwhile(partial(pull_some, reader, told, random.Random(5))) as pulled,
        ):
            push_all(server, told, images, lambda: len(runs.so_far()) >= RUNS)
            gone = sum(runs.returned)
        assert told.hasty == []
        assert len(told.again) < told.pushes / (10 if unused_age else 2)
        assert min(gone, sum(pulled.returned)) > 0
        is_clean(server)
        with client_of(server) as reader:
            for (name, tag), digest in told.tags.items():
                assert reader.pull(name, tag) == reader.pull(name, digest) == digest
            everything_goes(server, reader, told)


def push_all(server: Server, told: Told, images: list[Image], enough: Callable[[], bool]) -> None:
    """True after: each image has been pushed once at least."""
    pushers = [Pusher(client_of(server, tokens=number % 2 == 0), told, number) for number in range(PUSHERS)]
    with ThreadPoolExecutor(PUSHERS) as pool:
        for each in [pool.submit(pusher.run, images[pusher.number :: PUSHERS], enough) for pusher in pushers]:
            each.result()


def pull_some(reader: RegistryClient, told: Told, chance: random.Random) -> int:
    """How many images have come, as they were told to be there."""
    some = told.some(chance)
    for place, digest in some:
        pull_if_told(reader, told, place, digest)
    if not some:
        threading.Event().wait(0.1)  # nothing has been told yet
    return len(some)


def pull_if_told(reader: RegistryClient, told: Told, place: tuple[str, str], digest: str) -> None:
    """The image is whole, unless its tag was deleted or moved while it was pulled."""
    try:
        found = reader.pull(*place)
    except Refused:
        if told.tags.get(place) == digest:
            raise
    else:
        assert found == digest or told.tags.get(place) != digest, place


def everything_goes(server: Server, client: RegistryClient, told: Told) -> None:
    """True after: no tag is left, nor any byte."""
    for name, tag in told.tags:
        client.delete(name, tag)
    for _ in range(3):
        collected(server)
    assert [file.name for file in (server.data / "blobs").rglob("*") if file.is_file()] == []
    is_clean(server)
