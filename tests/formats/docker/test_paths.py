"""URL paths below a repository, and where what they ask for is kept."""

from __future__ import annotations

import pytest

from mxart.errors import Invalid, NotFound
from mxart.formats.docker import paths
from mxart.formats.docker.names import DigestInvalid, NameInvalid, ReferenceInvalid
from mxart.formats.docker.paths import DockerResource
from mxart.formats.docker.wire import UploadUnknown
from mxart.model import Digest

HEX, HEX512 = "ab" * 32, "cd" * 64
D, D512 = f"sha256:{HEX}", f"sha512:{HEX512}"
DIGEST, DIGEST512 = Digest("sha256", HEX), Digest("sha512", HEX512)

ROWS: list[tuple[str, str, str, str]] = [
    # path of a URL, kind, image, place in the index
    ("", "root", "", ""),
    ("_catalog", "catalog", "", "_catalog"),
    ("nginx/manifests/latest", "tag", "nginx", "nginx/-/tags/latest"),
    ("nginx/manifests/list", "tag", "nginx", "nginx/-/tags/list"),
    ("nginx/manifests/uploads", "tag", "nginx", "nginx/-/tags/uploads"),
    (f"nginx/manifests/sha256-{HEX}", "tag", "nginx", f"nginx/-/tags/sha256-{HEX}"),
    (f"a/b/c/manifests/{D}", "manifest", "a/b/c", f"a/b/c/-/manifests/{D}"),
    (f"nginx/manifests/{D512}", "manifest", "nginx", f"nginx/-/manifests/{D512}"),
    ("nginx/blobs/uploads/" + "x" * 128, "upload", "nginx", "nginx/-/uploads"),
    (f"nginx/blobs/{D}", "blob", "nginx", f"nginx/-/blobs/{D}"),
    (f"nginx/blobs/{D512}", "blob", "nginx", f"nginx/-/blobs/{D512}"),
    ("nginx/tags/list", "tags", "nginx", "nginx/-/tags"),
    (f"nginx/referrers/{D}", "referrers", "nginx", f"nginx/-/referrers/{D}"),
    ("nginx/blobs/uploads/", "uploads", "nginx", "nginx/-/uploads"),
    ("nginx/blobs/uploads/u-1", "upload", "nginx", "nginx/-/uploads"),
    # images whose names are words of the protocol
    ("manifests/manifests/manifests", "tag", "manifests", "manifests/-/tags/manifests"),
    ("a/manifests/b/manifests/c", "tag", "a/manifests/b", "a/manifests/b/-/tags/c"),
    (f"blobs/uploads/blobs/{D}", "blob", "blobs/uploads", f"blobs/uploads/-/blobs/{D}"),
    ("blobs/blobs/uploads/", "uploads", "blobs", "blobs/-/uploads"),
    ("blobs/uploads/blobs/uploads/", "uploads", "blobs/uploads", "blobs/uploads/-/uploads"),
    ("tags/tags/list", "tags", "tags", "tags/-/tags"),
    ("a/tags/list/tags/list", "tags", "a/tags/list", "a/tags/list/-/tags"),
    (f"referrers/referrers/{D}", "referrers", "referrers", f"referrers/-/referrers/{D}"),
    ("v2/tags/list", "tags", "v2", "v2/-/tags"),
]


@pytest.mark.parametrize(("path", "kind", "image", "place"), ROWS)
def test_what_a_path_asks_for_and_back(path: str, kind: str, image: str, place: str) -> None:
    found = paths.parse(path)
    assert (found.kind, found.package, found.path) == (kind, image, place)
    assert paths.url_path(found) == path
    assert paths.upstream_path(found) == path


def test_what_is_in_a_path() -> None:
    assert paths.parse(f"nginx/manifests/{D512}").digest == DIGEST512
    assert paths.parse("nginx/manifests/1.27").tag == "1.27"
    assert paths.parse(f"nginx/referrers/{D}").digest == DIGEST
    assert paths.parse("nginx/blobs/uploads/u-1").upload == "u-1"
    assert paths.parse("nginx/blobs/uploads/").upload == ""


def test_some_clients_leave_a_slash_out() -> None:
    assert paths.parse("nginx/blobs/uploads") == paths.parse("nginx/blobs/uploads/")


REFUSED: list[tuple[str, type[Exception]]] = [
    ("/", NotFound),
    ("nginx", NotFound),
    ("nginx/latest", NotFound),
    ("nginx/manifests", NotFound),
    ("nginx/manifests/", ReferenceInvalid),
    ("manifests/latest", NameInvalid),
    ("/manifests/latest", NameInvalid),
    ("Nginx/manifests/latest", NameInvalid),
    ("nginx//manifests/latest", NameInvalid),
    ("nginx/-/manifests/latest", NameInvalid),  # a place in the index is no path of a URL
    ("nginx/-/tags/latest", NotFound),
    (f"nginx/-/blobs/{D}", NameInvalid),
    (f"nginx/-/referrers/{D}/{D}", NotFound),
    ("nginx/manifests/-x", ReferenceInvalid),
    ("nginx/manifests/a b", ReferenceInvalid),
    ("nginx/manifests/" + "x" * 129, ReferenceInvalid),
    ("nginx/manifests/sha256:abc", DigestInvalid),
    (f"nginx/manifests/{D.upper()}", DigestInvalid),
    (f"nginx/manifests/latest@{D}", DigestInvalid),
    (f"nginx/blobs/{D}0", DigestInvalid),
    ("nginx/blobs/latest", DigestInvalid),
    ("nginx/blobs/", DigestInvalid),
    ("blobs/uploads/", NotFound),
    ("blobs/uploads/u-1", NotFound),
    ("-/blobs/uploads/", NameInvalid),
    ("nginx/blobs/uploads/u-1/x", NotFound),
    ("nginx/uploads/u-1", NotFound),
    ("nginx/blobs/uploads/u-1\n", UploadUnknown),
    ("nginx/blobs/uploads/u-1?x", UploadUnknown),
    ("nginx/blobs/uploads/../x", NotFound),
    ("nginx/blobs/uploads/..", UploadUnknown),
    ("nginx/blobs/uploads/ü", UploadUnknown),
    ("nginx/blobs/uploads/" + "x" * 129, UploadUnknown),
    ("nginx/tags/", NotFound),
    ("nginx/tags/latest", NotFound),
    ("nginx/tags/list/", NotFound),
    ("tags/list", NameInvalid),
    ("nginx/referrers/latest", DigestInvalid),
    ("nginx/referrers/", DigestInvalid),
    ("nginx/referrers", NotFound),
    ("_catalog/", NotFound),
    ("nginx/_catalog", NotFound),
    ("a" * 256 + "/manifests/latest", NameInvalid),
]


@pytest.mark.parametrize(("path", "kind"), REFUSED, ids=lambda value: repr(value)[:40])
def test_what_asks_for_nothing(path: str, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        paths.parse(path)
    assert isinstance(caught.value, (Invalid, NotFound))
    assert len(caught.value.message) < 1000


def test_that_a_manifest_refers_to_another_is_kept_below_that() -> None:
    found = paths.referrer("nginx", DIGEST, DIGEST512)
    assert found.path == f"nginx/-/referrers/{D}/{D512}"
    assert found.path.startswith(paths.below(paths.referrers("nginx", DIGEST)))
    assert not found.path.startswith(paths.below(paths.referrers("nginx", DIGEST512)))
    assert paths.upstream_path(found) == f"nginx/manifests/{D512}"


def test_what_lies_where() -> None:
    assert (paths.folder("nginx"), paths.folder("")) == ("nginx/-/", "")
    for path, _, image, place in ROWS:
        if image:
            assert place.startswith(paths.folder(image)), path
    assert paths.tag("nginx", "1").path.startswith(paths.below(paths.tags("nginx")))
    assert not paths.tags("nginx").path.startswith(paths.below(paths.tags("nginx")))


@pytest.mark.parametrize("other", ["a-b", "a/b", "a/tags", "ab", "a.b", "a/x/-"])
def test_nothing_of_one_image_lies_below_another(other: str) -> None:
    assert not paths.folder(other).startswith(paths.folder("a"))
    assert not paths.folder("a").startswith(paths.folder(other))


@pytest.mark.parametrize(("subject", "tag"), [(DIGEST, f"sha256-{HEX}"), (DIGEST512, f"sha512-{HEX512[:64]}")])
def test_the_tag_of_referrers(subject: Digest, tag: str) -> None:
    assert paths.fallback_tag(subject) == tag
    assert paths.tag("nginx", tag).tag == tag


def test_a_tag_is_checked_wherever_it_comes_from() -> None:
    with pytest.raises(ReferenceInvalid):
        paths.tag("nginx", "../../x")


@pytest.mark.parametrize(
    ("resource", "title"),
    [
        (paths.tag("team/app", "1"), "team/app:1"),
        (paths.manifest("team/app", DIGEST), f"team/app@{D}"),
        (paths.referrer("team/app", DIGEST, DIGEST512), f"team/app@{D512}"),
        (paths.blob("team/app", DIGEST), f"the blob {D} of team/app"),
        (paths.tags("team/app"), "the tags of team/app"),
        (paths.referrers("team/app", DIGEST), f"the referrers of team/app@{D}"),
        (paths.uploads("team/app", "u-1"), "a blob of team/app"),
        (paths.catalog(), "the catalog"),
    ],
)
def test_what_messages_call_it(resource: DockerResource, title: str) -> None:
    assert resource.title == title
