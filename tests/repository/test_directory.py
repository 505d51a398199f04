from __future__ import annotations

import pytest

from mxart.contract import Context, Publication
from mxart.errors import NotFound, Unsupported
from mxart.model import Principal
from mxart.repository.directory import Directory
from mxart.store import Store
from tests.repository.parts import hosted, resource
from tests.repository.suite import publish
from tests.repository.teller import Teller

ANNA = Principal("anna")


def directory(*open_: str) -> tuple[Directory, list[Teller]]:
    """What is at the root of three repositories, of which anna may list these."""
    members = [
        Teller("hub", {"m/1.zip": b"", "n/1.zip": b"", "absent/1.zip": NotFound("no")}),
        Teller("house", {"m/1.zip": b""}),
        Teller("empty"),
    ]
    places = ["mirrors/hub", "house", "empty"]
    readable = [(ANNA, name) for name in open_]
    mounted = zip(places, members, strict=True)
    return Directory("/v2", mounted, lambda principal, name: (principal, name) in readable), members


@pytest.mark.parametrize(
    ("open_", "packages"),
    [
        (["hub", "house", "empty"], ["house/m", "mirrors/hub/m", "mirrors/hub/n"]),
        (["house"], ["house/m"]),
        (["empty"], []),
        (["another"], []),
        ([], []),
    ],
)
@pytest.mark.gen_test
async def test_the_packages_of_all_that_may_be_listed(open_: list[str], packages: list[str]) -> None:
    root, _ = directory(*open_)
    for _ in range(2):
        assert sorted(await root.packages(Context(principal=ANNA))) == packages
    assert await root.packages(Context()) == []
    assert await root.packages(Context(principal=Principal("anna", admin=True))) == []  # somebody else


@pytest.mark.gen_test
async def test_it_is_as_it_is_now(store: Store) -> None:
    house = hosted(store)
    root = Directory("/v2", [("house", house)], lambda principal, name: True)
    assert await root.packages(Context()) == []
    await publish(house, {"m/v1.zip": b"zip"})
    assert await root.packages(Context()) == ["house/m"]


@pytest.mark.parametrize(("path", "place"), [("m/1.zip", "/v2/m"), ("hubs/m/1.zip", "/v2/hubs"), ("x.zip", "/v2/x")])
@pytest.mark.gen_test
async def test_nothing_is_there_itself(path: str, place: str) -> None:
    root, members = directory("hub", "house", "empty")
    with pytest.raises(NotFound, match=f"{place}:") as caught:
        await root.get(resource(path), Context(principal=ANNA))
    assert "GET /" in caught.value.message
    assert await root.list(resource(""), Context(principal=ANNA)) == ()
    assert await root.children(resource(""), "", 100, Context(principal=ANNA)) == ()
    assert not await root.owns(resource(path))
    assert [member.asked for member in members] == [[], [], []]


@pytest.mark.gen_test
async def test_nothing_is_published_there() -> None:
    root, members = directory("hub", "house", "empty")
    at = resource("m/1.zip")
    for refusal in (
        root.ingest(at, Context()),
        root.ingest(at, Context(), "u-1"),
        root.publish(Publication(parts=()), Context()),
        root.delete([at], Context()),
    ):
        with pytest.raises(Unsupported, match="/v2 itself"):
            await refusal
    assert [member.asked for member in members] == [[], [], []]
