from __future__ import annotations

from collections.abc import Mapping

import pytest

from mxart.contract import Context, Repository
from mxart.errors import Denied, MxartError, NotFound
from mxart.model import Resource
from mxart.repository.selective import Selective
from mxart.store import Store
from tests.repository.groups import BAD, DENIED, GONE, HERE
from tests.repository.parts import hosted
from tests.repository.suite import Make, PublishingSuite, publish
from tests.repository.teller import Says, Teller


def left_to(package: str) -> str | None:
    return "public" if package == "example.com/m" else None


class TestSelective(PublishingSuite):
    owning = True

    @pytest.fixture
    def make(self, store: Store) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            repository = Selective(hosted(store), left_to)
            await publish(repository, held)
            return repository

        return make


@pytest.mark.parametrize(
    ("package", "says", "raised"),
    [
        ("example.com/m", DENIED, NotFound),
        ("corp.example.com/m", DENIED, Denied),  # its own business, or nobody's: then it stays a refusal
        ("", DENIED, Denied),
        ("example.com/m", GONE, type(GONE)),
        ("example.com/m", BAD, type(BAD)),
        ("example.com/m", HERE, None),
    ],
)
@pytest.mark.gen_test
async def test_only_a_denial_of_what_is_left_to_another_is_an_absence(
    package: str, says: Says, raised: type[MxartError] | None
) -> None:
    member, context = Selective(Teller("git", {"m/a.zip": says}), left_to), Context()
    asked = Resource(path="m/a.zip", kind="zip", package=package)
    if raised is None:
        (await member.get(asked, context)).close()
        return
    with pytest.raises(raised) as caught:
        await member.get(asked, context)
    assert type(caught.value) is raised
    assert ("left_to" in dict(context.trail.steps[-1][1])) is (raised is NotFound)
