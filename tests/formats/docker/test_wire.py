"""What container clients see beside the content: errors, challenges, what they accept."""

from __future__ import annotations

import json

import pytest

from mxart import errors
from mxart.errors import MxartError
from mxart.formats.docker import wire
from mxart.formats.docker.format import DockerFormat
from mxart.formats.docker.names import DigestInvalid, NameInvalid, ReferenceInvalid
from mxart.formats.docker.settings import DockerSettings
from mxart.model import Action, Bytes, Grant, Principal, Request
from mxart.server.failures import status_of
from mxart.upstream import challenges
from tests.formats.docker.shop import told

# --- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.NotFound("why"), 404, "NAME_UNKNOWN"),
        (errors.Gone("why"), 404, "NAME_UNKNOWN"),
        (errors.Invalid("why"), 400, "UNSUPPORTED"),
        (errors.Unauthenticated("why"), 401, "UNAUTHORIZED"),
        (errors.Denied("why"), 403, "DENIED"),
        (errors.Conflict("why"), 409, "DENIED"),
        (errors.TooLarge("why", 1), 413, "SIZE_INVALID"),
        (errors.Unsupported("why"), 405, "UNSUPPORTED"),
        (errors.Unavailable("why"), 503, "UNAVAILABLE"),
        (errors.BadUpstream("why"), 502, "UNKNOWN"),
        (errors.Corrupt("why"), 500, "UNKNOWN"),
        (errors.StoreFull("why"), 507, "UNAVAILABLE"),
        (MxartError("why"), 500, "UNKNOWN"),
        (wire.ManifestUnknown("why"), 404, "MANIFEST_UNKNOWN"),
        (wire.BlobUnknown("why"), 404, "BLOB_UNKNOWN"),
        (wire.UploadUnknown("why"), 404, "BLOB_UPLOAD_UNKNOWN"),
        (wire.UploadInvalid("why"), 400, "BLOB_UPLOAD_INVALID"),
        (wire.ManifestInvalid("why"), 400, "MANIFEST_INVALID"),
        (wire.ManifestBlobUnknown("why"), 400, "MANIFEST_BLOB_UNKNOWN"),
        (wire.SizeInvalid("why"), 400, "SIZE_INVALID"),
        (NameInvalid("why"), 400, "NAME_INVALID"),
        (DigestInvalid("why"), 400, "DIGEST_INVALID"),
        (ReferenceInvalid("why"), 400, "MANIFEST_INVALID"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, MxartError) else None,
)
def test_the_code_of_each_error(error: MxartError, status: int, code: str) -> None:
    assert told(error) == (status, code, "why")


@pytest.mark.parametrize(
    "message", ["", 'a "quote"', "ä\n\x00", "\ud800", "x" * 100_000], ids=lambda text: repr(text[:9])
)
def test_every_message_stands_in_the_envelope(message: str) -> None:
    response = wire.failure(errors.NotFound(message), 404)
    assert response.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert isinstance(response.content, Bytes)
    document = json.loads(response.content.data)
    assert document == {"errors": [{"code": "NAME_UNKNOWN", "message": message.replace("\ud800", "?"), "detail": None}]}


# --- the root ----------------------------------------------------------------------------------------------------

SCOPED = Principal(limits=(Grant("read", "hub", "*"),))


@pytest.mark.parametrize("principal", [Principal(name="somebody"), Principal(name="a", limits=()), SCOPED], ids=repr)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_all_is_well_for_who_has_shown_something(method: str, principal: Principal) -> None:
    response = wire.root(Request(method=method, path="", principal=principal))
    assert response.status == 200
    assert response.content == Bytes(data=b"{}", media_type="application/json")
    assert response.headers == {"Docker-Distribution-Api-Version": "registry/2.0"}


def test_who_has_shown_nothing_is_asked_to_log_in() -> None:
    with pytest.raises(errors.Unauthenticated):
        wire.root(Request(method="GET", path=""))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "BREW"])
def test_the_root_is_only_read(method: str) -> None:
    with pytest.raises(errors.Unsupported):
        wire.root(Request(method=method, path="", principal=SCOPED))


# --- challenges --------------------------------------------------------------------------------------------------

D = f"sha256:{'ab' * 32}"
SETTINGS = DockerSettings(namespaces=("docker.io",))


def challenge(path: str, action: Action = "read", query: str = "", base: str = "/v2/hub") -> tuple[str, str]:
    """Realm and scope of the challenge, read by the grammar of RFC 9110."""
    request = Request(
        method="GET",
        path=path,
        query=query,
        base_url=f"https://hub.example.org{base}",
        server_url="https://hub.example.org",
        host="hub.example.org",
    )
    text = DockerFormat(SETTINGS).challenge(request, action, errors.Unauthenticated("log in"))
    (found,) = challenges.parse(text)
    assert found.scheme == "bearer"
    assert found.parameters["service"] == "hub.example.org"
    return found.parameters["realm"], found.parameters.get("scope", "")


REALM = "https://hub.example.org/-/token"


@pytest.mark.parametrize(
    ("path", "action", "scope"),
    [
        ("", "read", ""),
        ("_catalog", "read", "registry:catalog:*"),
        ("library/nginx/manifests/latest", "read", "repository:hub/library/nginx:pull"),
        (f"library/nginx/manifests/{D}", "write", "repository:hub/library/nginx:pull,push"),
        ("library/nginx/manifests/latest", "delete", "repository:hub/library/nginx:delete"),
        (f"nginx/blobs/{D}", "read", "repository:hub/nginx:pull"),
        ("nginx/tags/list", "read", "repository:hub/nginx:pull"),
        (f"nginx/referrers/{D}", "read", "repository:hub/nginx:pull"),
        ("nginx/blobs/uploads/", "write", "repository:hub/nginx:pull,push"),
        ("nginx/blobs/uploads/u-1", "write", "repository:hub/nginx:pull,push"),
        ("nginx/blobs/uploads/u-1", "admin", "repository:hub/nginx:*"),
        ("Nginx/manifests/latest", "read", ""),
        ("nginx/manifests/-x", "read", ""),
        ("nginx", "read", ""),
        ("../x", "read", ""),
    ],
)
def test_for_what_a_token_must_be_good(path: str, action: Action, scope: str) -> None:
    assert challenge(path, action) == (REALM, scope)


@pytest.mark.parametrize(
    ("base", "scope"),
    [
        ("/v2/hub", "repository:hub/nginx:pull"),
        ("/v2/a/b", "repository:a/b/nginx:pull"),
        ("/v2", "repository:nginx:pull"),
    ],
)
def test_the_scope_names_the_image_as_clients_do(base: str, scope: str) -> None:
    assert challenge("nginx/tags/list", base=base) == (REALM, scope)


@pytest.mark.parametrize(
    ("query", "more"),
    [
        (f"mount={D}&from=hub/team/other", " repository:hub/team/other:pull"),
        (f"from=hub/team/other&mount={D}", " repository:hub/team/other:pull"),
        (f"mount={D}", ""),
        ("from=hub/team/other", ""),
        (f"mount={D}&from=", ""),
        (f"mount={D}&from=Hub", ""),
        (f"mount={D}&from=a%20repository:b:*", ""),
        (f'mount={D}&from=a",realm="http://elsewhere', ""),
        (f"mount={D}&from=%0d%0ax", ""),
        (f"mount={D}&from=%ff", ""),
        (f"mount={D}&from=" + "a" * 256, ""),
    ],
)
def test_who_takes_a_blob_over_must_be_able_to_read_it(query: str, more: str) -> None:
    realm, scope = challenge("nginx/blobs/uploads/", "write", query)
    assert (realm, scope) == (REALM, f"repository:hub/nginx:pull,push{more}")


@pytest.mark.parametrize(
    ("query", "realm"),
    [
        ("ns=docker.io", f"{REALM}?ns=docker.io"),
        ("x=y&ns=docker.io&ns=ghcr.io", f"{REALM}?ns=docker.io"),
        ("ns=localhost:5000", f"{REALM}?ns=localhost%3A5000"),
        ("ns=", REALM),
        ("x=y", REALM),
        ('ns=a",scope="x', f"{REALM}?ns=a%22%2Cscope%3D%22x"),
        ("ns=a%26b%0d%0a", f"{REALM}?ns=a%26b%0D%0A"),
        ("ns=%ff", REALM),
    ],
)
def test_the_namespace_goes_along(query: str, realm: str) -> None:
    assert challenge("nginx/tags/list", query=query) == (realm, "repository:hub/nginx:pull")


# --- names, queries ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "image", "name"),
    [
        ("http://127.0.0.1:8080/v2/hub", "nginx", "hub/nginx"),
        ("http://127.0.0.1:8080/v2/a/b", "c/d", "a/b/c/d"),
        ("https://hub.example.org/v2", "nginx", "nginx"),
        ("https://hub.example.org/v2/", "nginx", "nginx"),
        ("https://hub.example.org/v2/hub", "", "hub"),
        ("https://hub.example.org/v2", "", ""),
        ("https://hub.example.org/v2/v2", "x", "v2/x"),
        ("https://example.org/art/v2/hub", "nginx", "hub/nginx"),  # `public_url` may have a path
        ("https://example.org/art/v2", "nginx", "nginx"),
        ("https://example.org/v2x/v2/hub", "v2/nginx", "hub/v2/nginx"),
    ],
)
def test_what_clients_call_an_image(base_url: str, image: str, name: str) -> None:
    assert wire.image_name(base_url, image) == name


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", []),
        ("a=b&c", [("a", "b"), ("c", "")]),
        ("a=%26+%2b", [("a", "& +")]),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("&".join(f"{number}=" for number in range(64)), [(str(number), "") for number in range(64)]),
    ],
)
def test_what_a_query_says(query: str, expected: list[tuple[str, str]]) -> None:
    assert wire.parameters(query) == expected


@pytest.mark.parametrize("query", ["a=%ff", "%ff=a", "&".join("a" * 65), "&" * 100_000])
def test_queries_that_nobody_sends(query: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        wire.parameters(query)
    assert status_of(caught.value) == 400


# --- what clients accept -----------------------------------------------------------------------------------------

INDEX, MANIFEST = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
LIST, OLD = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+json",
)


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        (None, True),
        ("", True),
        ("*/*", True),
        (INDEX, True),
        (f"{MANIFEST}, {INDEX}", True),
        (f"{MANIFEST},{INDEX};q=0.5", True),
        (f"{MANIFEST} , {INDEX} ; charset=utf-8", True),
        (INDEX.upper(), True),
        ("application/*", True),
        ("application/json, */*;q=0.1", True),
        (f"{INDEX};q=0.001", True),
        (f"{INDEX};q=0.0001", True),
        (MANIFEST, False),
        (f"{MANIFEST}, {LIST}, {OLD}", False),
        ("application/json", False),
        ("text/*", False),
        ("application", False),
        ("*", False),
        (",", False),
        (f"{INDEX}x", False),
        (f"{INDEX};q=0", False),
        (f"{INDEX}; q=0.000 ", False),
        (f"{INDEX};Q=0;x=y, {MANIFEST}", False),
        (f"{INDEX};q=0, */*", True),
        ("," * 100_000, False),
        ("\x00", False),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_clients_accept(field: str | None, accepted: bool) -> None:
    assert wire.accepts(field, INDEX) is accepted
