from __future__ import annotations

import pytest

from mxart.errors import NotFound
from mxart.httpfields.targets import parse
from mxart.server.mounts import ANY_HOST, MountTable, Namespace, host_name
from tests.server.site import Pages

OWN, GO, DEEP, MIRROR, REST = (Pages() for _ in range(5))
TABLE = MountTable(
    OWN,
    {"/go": GO, "/team/a": DEEP},
    {("main", "Mirror.example.org"): MIRROR, ("docker", ANY_HOST): REST, ("docker", "[::1]"): MIRROR},
)

# listener, host, target; handler, base, path, raw path
MATCHES = [
    ("main", "a", "/", OWN, "", "", ""),
    ("main", "a", "/-/health", OWN, "", "-/health", "-/health"),
    ("main", "mirror.example.org", "/-/health", OWN, "", "-/health", "-/health"),
    ("docker", "any.example.org", "/-/ready", OWN, "", "-/ready", "-/ready"),
    ("main", "a", "/go/x/@v/list", GO, "/go", "x/@v/list", "x/@v/list"),
    ("main", "a", "/go/x/", GO, "/go", "x/", "x/"),
    ("main", "a", "/go", GO, "/go", "", ""),
    ("main", "a", "/go/", GO, "/go", "", ""),
    ("main", "a", "/%67o/%21x", GO, "/go", "!x", "%21x"),
    ("main", "a", "/go/a%2Fb", GO, "/go", "a/b", "a%2Fb"),
    ("main", "a", "/team/a/x", DEEP, "/team/a", "x", "x"),
    ("main", "a", "/team/a", DEEP, "/team/a", "", ""),
    ("main", "mirror.example.org", "/", MIRROR, "", "", ""),
    ("main", "MIRROR.Example.org.:5000", "/v2/x", MIRROR, "", "v2/x", "v2/x"),
    ("main", "mirror.example.org", "/go/x", MIRROR, "", "go/x", "go/x"),
    ("docker", "whatever:1", "/go/x", REST, "", "go/x", "go/x"),
    ("docker", "[::1]:5000", "/x%20y", MIRROR, "", "x y", "x%20y"),
    ("docker", "mirror.example.org", "/x", REST, "", "x", "x"),
]

NOBODY = [
    ("main", "a", "/gox"),
    ("main", "a", "/Go/x"),
    ("main", "a", "/team"),
    ("main", "a", "/team/"),
    ("main", "a", "/team/b/x"),
    ("main", "a", "/team%2Fa/x"),
    ("main", "a", "/go%2Fx"),
    ("main", "a", "/x/go"),
    ("main", "a", "/-x"),
    ("main", "a", "/favicon.ico"),
    ("main", "a", "/v2"),
    ("main", "a", "/v2/"),
    ("main", "a", "/v2/_catalog"),
    ("main", "a", "/v2/nginx/manifests/1"),
]


@pytest.mark.parametrize(("listener", "host", "target", "handler", "base", "path", "raw_path"), MATCHES)
def test_matches(listener: str, host: str, target: str, handler: Pages, base: str, path: str, raw_path: str) -> None:
    match = TABLE.match(listener, host, parse(target))
    assert match.handler is handler
    assert (match.base, match.path, match.raw_path) == (base, path, raw_path)
    assert match.bound is (handler in (MIRROR, REST))


@pytest.mark.parametrize(("listener", "host", "target"), NOBODY)
def test_nobody(listener: str, host: str, target: str) -> None:
    with pytest.raises(NotFound, match="GET /"):
        TABLE.match(listener, host, parse(target))


def test_a_table_without_bindings() -> None:
    assert MountTable(OWN, {}).match("main", "a", parse("/")).handler is OWN
    with pytest.raises(NotFound):
        MountTable(OWN, {}).match("main", "a", parse("/go/x"))


HUB, QUAY, HOUSE, TEAM, ALL, EVERY, WEB, ROOT = (Pages() for _ in range(8))
IMAGES = MountTable(
    OWN,
    {"/go": GO, "/v2/hub": HUB, "/v2/house": HOUSE, "/v2/team/hub": TEAM, "/v2/all": ALL},
    {("main", "go.example.org"): MIRROR, ("web", ANY_HOST): WEB},
    registry=ROOT,
    registries={("main", "Docker.example.org"): HUB, ("web", "quay.example.org"): QUAY, ("mirror", ANY_HOST): EVERY},
    namespaces={
        "docker.io": Namespace(HUB, frozenset({"/v2/hub", "/v2/all"})),
        "quay.io": Namespace(QUAY, frozenset()),
        "registry.example.org:5000": Namespace(TEAM, frozenset({"/v2/team/hub"})),
    },
)

# listener, host, target; handler, base, path, raw path, namespace
IMAGE_MATCHES = [
    # what engines ask of the server itself
    ("main", "a", "/v2", ROOT, "/v2", "", "", ""),
    ("main", "a", "/v2/", ROOT, "/v2", "", "", ""),
    ("main", "a", "/%762/", ROOT, "/v2", "", "", ""),
    ("main", "a", "/v2/_catalog", ROOT, "/v2", "_catalog", "_catalog", ""),
    ("main", "a", "/v2/_catalog?n=5", ROOT, "/v2", "_catalog", "_catalog", ""),
    ("main", "a", "/v2/%5Fcatalog", ROOT, "/v2", "_catalog", "%5Fcatalog", ""),
    ("main", "a", "/v2/?ns=docker.io", ROOT, "/v2", "", "", ""),
    ("main", "a", "/v2?ns=docker.io", ROOT, "/v2", "", "", ""),
    ("main", "a", "/v2/_catalog?ns=docker.io", ROOT, "/v2", "_catalog", "_catalog", ""),
    # of what is in no repository
    ("main", "a", "/v2/nginx/manifests/1", ROOT, "/v2", "nginx/manifests/1", "nginx/manifests/1", ""),
    ("main", "a", "/v2/team", ROOT, "/v2", "team", "team", ""),
    ("main", "a", "/v2/team/other/x", ROOT, "/v2", "team/other/x", "team/other/x", ""),
    ("main", "a", "/v2/team%2Fhub/x", ROOT, "/v2", "team/hub/x", "team%2Fhub/x", ""),
    ("main", "a", "/v2/hubs/x", ROOT, "/v2", "hubs/x", "hubs/x", ""),
    ("main", "a", "/v2/_catalog/", ROOT, "/v2", "_catalog/", "_catalog/", ""),
    ("main", "a", "/v2/x?ns=ghcr.io", ROOT, "/v2", "x", "x", ""),
    ("main", "a", "/v2/" + "x" * 1000, ROOT, "/v2", "x" * 1000, "x" * 1000, ""),
    # by its path
    ("main", "a", "/v2/hub/nginx/manifests/1", HUB, "/v2/hub", "nginx/manifests/1", "nginx/manifests/1", ""),
    ("main", "a", "/v2/hub", HUB, "/v2/hub", "", "", ""),
    ("main", "a", "/v2/hub/", HUB, "/v2/hub", "", "", ""),
    ("main", "a", "/v2/h%75b/a%2Fb", HUB, "/v2/hub", "a/b", "a%2Fb", ""),
    ("main", "a", "/v%32/hub/x", HUB, "/v2/hub", "x", "x", ""),
    ("main", "a", "/v2/team/hub/x/tags/list?n=1", TEAM, "/v2/team/hub", "x/tags/list", "x/tags/list", ""),
    ("main", "a", "/v2/hub/_catalog", HUB, "/v2/hub", "_catalog", "_catalog", ""),
    ("main", "a", "/go/v2/hub", GO, "/go", "v2/hub", "v2/hub", ""),
    # by its host name
    ("main", "DOCKER.example.org.:5000", "/v2/", HUB, "/v2", "", "", ""),
    ("main", "docker.example.org", "/v2", HUB, "/v2", "", "", ""),
    ("main", "docker.example.org", "/v2/_catalog", HUB, "/v2", "_catalog", "_catalog", ""),
    ("main", "docker.example.org", "/v2/library/a%2Fb", HUB, "/v2", "library/a/b", "library/a%2Fb", ""),
    ("main", "docker.example.org", "/%76%32/x", HUB, "/v2", "x", "x", ""),
    ("main", "docker.example.org", "/v2/house/x", HUB, "/v2", "house/x", "house/x", ""),
    ("main", "docker.example.org", "/v2/x?ns=quay.io", HUB, "/v2", "x", "x", ""),
    ("mirror", "whatever:1", "/v2/house/x", EVERY, "/v2", "house/x", "house/x", ""),
    ("mirror", "docker.example.org", "/v2/x", EVERY, "/v2", "x", "x", ""),
    # what else these hosts are asked for
    ("main", "docker.example.org", "/", OWN, "", "", "", ""),
    ("main", "docker.example.org", "/-/token", OWN, "", "-/token", "-/token", ""),
    ("main", "docker.example.org", "/go/x", GO, "/go", "x", "x", ""),
    ("mirror", "whatever", "/go/x", GO, "/go", "x", "x", ""),
    # beside host names that lead somewhere as a whole
    ("main", "go.example.org", "/v2/hub/x", MIRROR, "", "v2/hub/x", "v2/hub/x", ""),
    ("web", "any.example.org", "/v2/hub/x?ns=docker.io", WEB, "", "v2/hub/x", "v2/hub/x", ""),
    ("web", "quay.example.org", "/v2/x", QUAY, "/v2", "x", "x", ""),
    ("web", "quay.example.org", "/go/x", GO, "/go", "x", "x", ""),
    # by the namespace that a mirror is asked for
    ("main", "a", "/v2/x/y?ns=docker.io", HUB, "/v2", "x/y", "x/y", "docker.io"),
    ("main", "a", "/v2/a%2Fb?ns=quay.io", QUAY, "/v2", "a/b", "a%2Fb", "quay.io"),
    ("main", "a", "/v2/x?n=1&ns=quay.io&last=", QUAY, "/v2", "x", "x", "quay.io"),
    ("main", "a", "/v2/x?ns=registry.example.org%3A5000", TEAM, "/v2", "x", "x", "registry.example.org:5000"),
    ("main", "a", "/v2/x?ns=quay.io&ns=docker.io", QUAY, "/v2", "x", "x", "quay.io"),
    ("main", "a", "/v2/house/x?ns=docker.io", HUB, "/v2", "house/x", "house/x", "docker.io"),
    ("main", "a", "/v2/hub/x?ns=quay.io", QUAY, "/v2", "hub/x", "hub/x", "quay.io"),
    ("main", "a", "/v2/hub/x?ns=docker.io", HUB, "/v2/hub", "x", "x", ""),
    ("main", "a", "/v2/all/x?ns=docker.io", ALL, "/v2/all", "x", "x", ""),
    ("main", "a", "/v2/team/hub/x?ns=registry.example.org:5000", TEAM, "/v2/team/hub", "x", "x", ""),
    # of no namespace that is served
    ("main", "a", "/v2/hub/x?ns=ghcr.io", HUB, "/v2/hub", "x", "x", ""),
    ("main", "a", "/v2/hub/x?ns=", HUB, "/v2/hub", "x", "x", ""),
    ("main", "a", "/v2/house/x?dns=docker.io", HOUSE, "/v2/house", "x", "x", ""),
    ("main", "a", "/v2/house/x?ns=%ff%zz", HOUSE, "/v2/house", "x", "x", ""),
    ("main", "a", "/v2/house/x?" + "a=1&" * 1000 + "ns=docker.io", HOUSE, "/v2/house", "x", "x", ""),
    ("main", "a", "/go/x?ns=docker.io", GO, "/go", "x", "x", ""),
]

# listener, host, target
NO_IMAGES = [
    ("main", "a", "/v2%2Fhub/x"),
    ("main", "a", "/V2/hub/x"),
    ("main", "a", "/hub/x?ns=docker.io"),
    ("mirror", "whatever", "/v2%2Fhub/x"),
    ("mirror", "whatever", "/x"),
]


@pytest.mark.parametrize(
    ("listener", "host", "target", "handler", "base", "path", "raw_path", "namespace"), IMAGE_MATCHES
)
def test_where_images_are(
    listener: str, host: str, target: str, handler: Pages, base: str, path: str, raw_path: str, namespace: str
) -> None:
    match = IMAGES.match(listener, host, parse(target))
    assert match.handler is handler
    assert (match.base, match.path, match.raw_path, match.namespace) == (base, path, raw_path, namespace)
    at_root = base == "/v2" and not namespace and handler is not ROOT
    assert match.bound is (at_root or handler in (MIRROR, WEB))


@pytest.mark.parametrize(("listener", "host", "target"), NO_IMAGES)
def test_where_no_images_are(listener: str, host: str, target: str) -> None:
    with pytest.raises(NotFound, match="No repository is served here; GET / lists"):
        IMAGES.match(listener, host, parse(target))


@pytest.mark.parametrize(
    ("listener", "host", "bound"),
    [
        ("main", "GO.example.org:80", True),
        ("main", "docker.example.org", True),
        ("web", "docker.example.org", False),
        ("mirror", "whatever", False),
        ("main", "", False),
    ],
)
def test_names_that_are_bound(listener: str, host: str, bound: bool) -> None:
    assert IMAGES.binds(listener, host) is bound


@pytest.mark.parametrize(
    ("host", "name"), [("A.b:1", "a.b"), ("a", "a"), ("[FE80::1]:80", "[fe80::1]"), ("[::1]", "[::1]"), ("a.:1", "a")]
)
def test_host_names(host: str, name: str) -> None:
    assert host_name(host) == name
