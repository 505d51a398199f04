from __future__ import annotations

import json

import pytest

from mxart.api.repositories import Repositories
from mxart.errors import Unauthenticated
from mxart.model import Bytes, Request
from mxart.web.front import RepositoryView

VIEWS = (
    RepositoryView(
        name="go-public", format="go", kind="proxy", url="http://h/go-public", upstream="https://go.example.org"
    ),
    RepositoryView(name="hidden", format="go", kind="hosted"),
    RepositoryView(
        name="go",
        format="go",
        kind="group",
        url="http://h/go",
        members=("hidden", "go-public"),
        publish_to="hidden",
        client_lines=("one", "two"),
        publish_lines=("three",),
    ),
)


@pytest.mark.gen_test
async def test_lists_what_the_asker_may_see_and_no_upstream() -> None:
    def visible(request: Request) -> tuple[RepositoryView, ...]:
        return VIEWS if request.base_url == "http://h" else ()

    response = await Repositories(visible)(Request(method="GET", path="", base_url="http://h"))
    assert isinstance(response.content, Bytes)
    nothing = {"url": "", "members": [], "publish_to": "", "client_lines": [], "publish_lines": []}
    assert json.loads(response.content.data) == [
        nothing | {"name": "go-public", "format": "go", "kind": "proxy", "url": "http://h/go-public"},
        nothing | {"name": "hidden", "format": "go", "kind": "hosted"},
        {
            "name": "go",
            "format": "go",
            "kind": "group",
            "url": "http://h/go",
            "members": ["hidden", "go-public"],
            "publish_to": "hidden",
            "client_lines": ["one", "two"],
            "publish_lines": ["three"],
        },
    ]


@pytest.mark.gen_test
async def test_passes_on_that_nobody_has_logged_in() -> None:
    def visible(request: Request) -> tuple[RepositoryView, ...]:
        raise Unauthenticated("Log in.")

    with pytest.raises(Unauthenticated):
        await Repositories(visible)(Request(method="GET", path=""))
