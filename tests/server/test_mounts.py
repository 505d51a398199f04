from __future__ import annotations

import pytest

from mxart.errors import NotFound
from mxart.httpfields.targets import parse
from mxart.server.mounts import ANY_HOST, MountTable, host_name
from tests.server.site import Pages

OWN, GO, DEEP, DOCKER, MIRROR, REST = (Pages() for _ in range(6))
TABLE = MountTable(
    OWN,
    {"/go": GO, "/team/a": DEEP, "/v2": DOCKER},
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
    ("main", "a", "/v2/", DOCKER, "/v2", "", ""),
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


@pytest.mark.parametrize(
    ("host", "name"), [("A.b:1", "a.b"), ("a", "a"), ("[FE80::1]:80", "[fe80::1]"), ("[::1]", "[::1]"), ("a.:1", "a")]
)
def test_host_names(host: str, name: str) -> None:
    assert host_name(host) == name
