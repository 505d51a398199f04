"""Names of images, tags and digests: what is one, and what is not."""

from __future__ import annotations

import time

import pytest

from mxart.errors import Invalid
from mxart.formats.docker import names
from mxart.formats.docker.names import DigestInvalid, NameInvalid, ReferenceInvalid
from mxart.model import Digest

HEX, HEX512 = "0123456789abcdef" * 4, "0123456789abcdef" * 8

IMAGES = [
    "a",
    "0",
    "nginx",
    "library/nginx",
    "a/b/c/d/e/f",
    "a.b",
    "a_b",
    "a__b",
    "a-b",
    "a---b",
    "a--b__c.d_e",
    "127.0.0.1/x",
    "v2",
    "manifests",
    "blobs/uploads",
    "a" * 255,
    "a/" * 127 + "a",
]

NO_IMAGES = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "A",
    "library/Nginx",
    "ä",
    "a b",
    "a\n",
    "a\x00",
    "a:b",
    "a@b",
    ".a",
    "a.",
    "a..b",
    "a._b",
    "a.-b",
    "_a",
    "a_",
    "a___b",
    "-a",
    "a-",
    "a-_b",
    "a/-",
    "a/-/b",
    ".",
    "..",
    "a/..",
    "../a",
    "a/./b",
    "a%2fb",
    "a\\b",
    "a+b",
    "a~b",
    "localhost:5000/a",
    "٣",  # a digit elsewhere
    "a" * 256,
    "a/" * 100_000,
    "\udcff",
]


@pytest.mark.parametrize("name", IMAGES, ids=lambda name: name[:20])
def test_names_of_images(name: str) -> None:
    assert names.check_image(name) == name


@pytest.mark.parametrize("name", NO_IMAGES, ids=lambda name: repr(name[:20]))
def test_what_is_no_name_of_an_image(name: str) -> None:
    with pytest.raises(NameInvalid) as caught:
        names.check_image(name)
    assert caught.value.code == "NAME_INVALID"
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 1000


TAGS = ["latest", "_", "0", "v1.2.3", "A", "a..b", "a--", "a__", "1.27-alpine_3", "sha256-abc.sig", "x" * 128]
NO_TAGS = ["", ".", "-", ".a", "-a", "a/b", "a:b", "a b", "a\n", "ä", "a+b", "٣", "a@b", "x" * 129, "\udcff", "a%"]


@pytest.mark.parametrize("tag", TAGS)
def test_tags(tag: str) -> None:
    assert names.is_tag(tag)
    assert names.check_tag(tag) == tag


@pytest.mark.parametrize("tag", NO_TAGS, ids=repr)
def test_what_is_no_tag(tag: str) -> None:
    assert not names.is_tag(tag)
    with pytest.raises(ReferenceInvalid) as caught:
        names.check_tag(tag)
    assert caught.value.code == "MANIFEST_INVALID"
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("text", "digest"),
    [(f"sha256:{HEX}", Digest("sha256", HEX)), (f"sha512:{HEX512}", Digest("sha512", HEX512))],
)
def test_digests(text: str, digest: Digest) -> None:
    assert names.parse_digest(text) == digest
    assert str(digest) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "sha256",
        "sha256:",
        HEX,
        f"sha256:{HEX[:-1]}",
        f"sha256:{HEX}0",
        f"sha256:{HEX.upper()}",
        f"sha256:{HEX[:-1]}g",
        f"sha256:{HEX}\n",
        f" sha256:{HEX}",
        f"SHA256:{HEX}",
        f"sha512:{HEX}",
        f"sha256:{HEX512}",
        f"sha256:sha256:{HEX}",
        f"sha384:{HEX}",
        f"sha256+b64:{HEX}",
        f"sha1:{HEX[:40]}",  # known, and not used here
        f"md5:{HEX[:32]}",
        f"sha256:../{HEX[3:]}",
        f"sha256:{'٣' * 64}",
        "sha256:" + "a" * 100_000,
        f"sha256:{HEX[:-1]}\udcff",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_digest(text: str) -> None:
    with pytest.raises(DigestInvalid) as caught:
        names.parse_digest(text)
    assert caught.value.code == "DIGEST_INVALID"
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("text", ["a-" * 50_000, "a" * 254 + "!", "a-" * 127 + "!", "a__" * 84 + "_", "-" * 255])
def test_whatever_is_sent_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    for _ in range(100):
        with pytest.raises(Invalid):
            names.check_image(text)
    assert time.process_time() - begun < 1
