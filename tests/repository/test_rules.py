from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from mxart.contract import Context, Publication, Repository
from mxart.errors import Denied, NotFound, Unsupported
from mxart.model import Resource
from mxart.repository.rules import Blocking
from tests.repository.parts import Worker
from tests.support.upstream import ScriptedUpstream

NAMES = Resource(path="a.zip", kind="zip", package="corp.example.com/tool")


@pytest.mark.parametrize(
    ("block", "allow", "package", "admitted"),
    [
        ((), (), "example.com/m", True),
        (("corp.example.com/*",), (), "corp.example.com/tool", False),
        (("corp.example.com/*",), (), "corp.example.com/deep/tool", False),
        (("corp.example.com/*",), (), "corp.example.com.evil.example/x", True),
        (("corp.example.com/*",), (), "example.com/m", True),
        (("corp.example.com/*",), (), "CORP.example.com/tool", True),
        (("corp.example.com/*",), (), "", True),
        ((), ("example.com/*",), "example.com/m", True),
        ((), ("example.com/*", "example.org/*"), "example.org/m", True),
        ((), ("example.com/*",), "example.net/m", False),
        ((), ("example.com/*",), "", True),
        (("example.com/bad",), ("example.com/*",), "example.com/bad", False),
        (("*",), ("*",), "anything", False),
        (("[",), (), "[", False),
    ],
)
@pytest.mark.gen_test
async def test_who_is_admitted(
    upstream: ScriptedUpstream, worker: Worker, block: Sequence[str], allow: Sequence[str], package: str, admitted: bool
) -> None:
    upstream.static("/a.zip", b"data")
    repository: Repository = Blocking(worker.proxy, block, allow)
    context = Context()
    asked = Resource(path="a.zip", kind="zip", package=package)
    if admitted:
        (await repository.get(asked, context)).close()
        assert len(await repository.list(asked, context)) == 1
    else:
        for refused in (repository.get, repository.list, repository.delete):
            with pytest.raises(Denied, match="go"):
                await refused(asked, context)
        assert upstream.requests == []
        assert context.trail.steps[0][0] == "rule"


@pytest.mark.parametrize("inner", [lambda worker: worker.proxy, lambda worker: Blocking(worker.proxy, ("x",), ())])
@pytest.mark.gen_test
async def test_what_a_proxy_never_does(worker: Worker, inner: Callable[[Worker], Repository]) -> None:
    repository = inner(worker)
    assert repository.name == "go"
    with pytest.raises(Unsupported):
        await repository.publish(Publication(entries=()), Context())
    with pytest.raises(Unsupported):
        await repository.delete(NAMES, Context())
    with pytest.raises(Unsupported):
        await repository.ingest(Context())
    with pytest.raises(NotFound):
        await repository.get(Resource(path="a.zip", kind="zip", upstream="unknown"), Context())
