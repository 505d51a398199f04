"""What every format must do. A format's test_format.py derives a class from `FormatSuite` and fills in its tables."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from mxart import errors
from mxart.contract import Context, Format, FormatFactory, Ingest, Publication, Repository
from mxart.model import Bytes, Content, Entry, Request, Resource, Response
from tests.formats.press import Press

_ABSENT = ("tornado", "lmdb", "pycurl", "msgpack", "toml")

HOSTILE = [
    "",
    "/",
    "//",
    ".",
    "..",
    "../",
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../etc/passwd",
    "%2e%2e/%2e%2e/etc/passwd",
    "..%2f..%2fetc/passwd",
    "..\\..\\etc\\passwd",
    "C:/boot.ini",
    "\x00",
    "a\x00b",
    "a\nb",
    "a\r\nSet-Cookie: x=y",
    "\x1b[31m",
    "\udcff\udcfe",
    "\N{RIGHT-TO-LEFT OVERRIDE}",
    "http://elsewhere.example.org/",
    "-/health",
    "?",
    "#",
    "%",
    "%zz",
    "a" * 100_000,
    "a/" * 50_000,
]


@dataclass
class Shelf:
    """A repository that holds the same bytes under every path, or fails in the same way, and notes what it is asked."""

    content: bytes = b"held"
    failure: errors.MxartError | None = None
    asked: list[Resource] = field(default_factory=list)
    name: str = "shelf"

    async def get(self, resource: Resource, context: Context) -> Content:
        self.asked.append(resource)
        if self.failure:
            raise self.failure
        return Bytes(data=self.content)

    async def list(self, resource: Resource, context: Context) -> Sequence[Entry]:
        return []

    async def owns(self, resource: Resource) -> bool:
        return False

    async def publish(self, publication: Publication, context: Context) -> bool:
        raise errors.Unsupported("a shelf is only read")

    async def delete(self, resources: Sequence[Resource], context: Context) -> None:
        raise errors.Unsupported("a shelf is only read")

    async def ingest(self, resource: Resource, context: Context, resume: str | None = None) -> Ingest:
        raise errors.Unsupported("a shelf is only read")


async def in_pieces(data: bytes, failure: BaseException | None = None) -> AsyncIterator[bytes]:
    """A body that comes in two pieces, with ``failure`` in the end."""
    middle = len(data) // 2
    yield data[:middle]
    yield data[middle:]
    if failure:
        raise failure


class FormatSuite:
    """Behaviour that all formats share."""

    factory: ClassVar[FormatFactory]
    settings: ClassVar[Any]
    paths: ClassVar[Sequence[str]]  # in normal form, one for each kind of resource at least
    indexes: ClassVar[Sequence[tuple[str, Sequence[bytes]]]]  # path of a mergeable document, and members' documents
    media_type_of_errors: ClassVar[str]
    uploads: ClassVar[Sequence[tuple[str, bytes, bytes]]]  # path of a PUT, a body that is taken, one that is refused

    @pytest.fixture
    def ecosystem(self) -> Format:
        return self.factory.build(self.settings)

    def resources(self, ecosystem: Format) -> list[Resource]:
        return [ecosystem.parse(Request(method="GET", path=path)) for path in self.paths]

    @pytest.mark.parametrize("path", HOSTILE, ids=lambda path: repr(path[:24]))
    def test_hostile_paths_are_refused(self, ecosystem: Format, path: str) -> None:
        with pytest.raises((errors.Invalid, errors.NotFound)):
            ecosystem.parse(Request(method="GET", path=path))

    @pytest.mark.parametrize("wrapped", ["{}/../x", "../{}", "/{}", "{}/", "{}\x00", "{}//", "./{}", "{}\n"])
    def test_no_valid_path_becomes_a_hostile_one(self, ecosystem: Format, wrapped: str) -> None:
        for path in self.paths:
            with pytest.raises((errors.Invalid, errors.NotFound)):
                ecosystem.parse(Request(method="GET", path=wrapped.format(path)))

    def test_paths_round_trip(self, ecosystem: Format) -> None:
        for path, resource in zip(self.paths, self.resources(ecosystem), strict=True):
            assert resource.path == path
            assert ecosystem.parse(Request(method="GET", path=resource.path)) == resource

    def test_every_resource_has_a_policy_and_an_upstream_path(self, ecosystem: Format) -> None:
        for resource in self.resources(ecosystem):
            policy = ecosystem.policy(resource)
            assert policy.media_type
            assert 0 <= policy.max_size <= 1 << 40
            upstream = ecosystem.upstream_path(resource)
            assert upstream.isascii()
            assert not upstream.startswith("/")
            assert ".." not in upstream.split("/")
            assert not set(upstream) & set(' ?#\\"<>\x00')

    def test_named_upstreams_are_configured(self, ecosystem: Format) -> None:
        upstreams = self.factory.upstreams(self.settings)
        assert {resource.upstream for resource in self.resources(ecosystem)} - {""} <= upstreams.keys()

    def test_merging_is_idempotent_and_respects_order(self, ecosystem: Format) -> None:
        for path, documents in self.indexes:
            once = self.merge(ecosystem, path, documents)
            assert self.merge(ecosystem, path, [once]) == once
            assert self.merge(ecosystem, path, [once, *documents]) == once
            assert self.merge(ecosystem, path, documents[:1] * 2) == self.merge(ecosystem, path, documents[:1])

    def merge(self, ecosystem: Format, path: str, documents: Sequence[bytes]) -> bytes:
        out = io.BytesIO()
        resource = ecosystem.parse(Request(method="GET", path=path))
        ecosystem.merge(resource, [io.BytesIO(document) for document in documents], out)
        return out.getvalue()

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 429, 500, 502, 503, 507])
    def test_errors_are_told_in_the_ecosystems_envelope(self, ecosystem: Format, status: int) -> None:
        response = ecosystem.failure(errors.MxartError("the reason, in a word"), status)
        assert response.status == status
        assert isinstance(response.content, Bytes)
        assert response.content.media_type == self.media_type_of_errors
        assert b"the reason, in a word" in response.content.data

    @pytest.mark.gen_test
    async def test_a_read_is_asked_of_the_repository_once(self, ecosystem: Format) -> None:
        for path, resource in zip(self.paths, self.resources(ecosystem), strict=True):
            shelf = Shelf()
            response = await ecosystem.answer(Request(method="GET", path=path), resource, shelf, Context())
            assert response.status == 200
            assert shelf.asked in ([resource], [])  # [] where the format knows the answer itself
            if shelf.asked:
                assert response.content == Bytes(data=b"held")

    @pytest.mark.gen_test
    async def test_a_failing_repository_is_not_silence(self, ecosystem: Format) -> None:
        for path, resource in zip(self.paths, self.resources(ecosystem), strict=True):
            shelf = Shelf(failure=errors.Unavailable("the upstream is down"))
            try:
                await ecosystem.answer(Request(method="GET", path=path), resource, shelf, Context())
            except errors.Unavailable:
                continue
            assert not shelf.asked

    @pytest.mark.gen_test
    async def test_unknown_methods_are_unsupported(self, ecosystem: Format) -> None:
        for path, resource in zip(self.paths, self.resources(ecosystem), strict=True):
            with pytest.raises(errors.Unsupported) as caught:
                await ecosystem.answer(Request(method="BREW", path=path), resource, Shelf(), Context())
            assert caught.value.allowed

    def test_what_is_merged_is_named_by_the_policy(self, ecosystem: Format) -> None:
        merged = {path for path, _ in self.indexes}
        for resource in [*self.resources(ecosystem), *(self.ask(ecosystem, path) for path in merged)]:
            policy = ecosystem.policy(resource)
            if resource.path in merged:
                assert policy.index
                assert policy.document
            if policy.index:
                assert policy.folder.endswith("/")
            else:
                with pytest.raises(errors.Unsupported):
                    ecosystem.merge(resource, [], io.BytesIO())
                with pytest.raises(errors.Unsupported):
                    ecosystem.generate(resource, [], io.BytesIO())

    def test_what_belongs_together_is_a_unit(self, ecosystem: Format) -> None:
        for resource in self.resources(ecosystem):
            unit = ecosystem.policy(resource).unit
            if unit is not None:
                assert ecosystem.policy(unit).unit == unit
                assert ecosystem.policy(unit).folder == ecosystem.policy(resource).folder
                assert unit.package == resource.package

    def ask(self, ecosystem: Format, path: str) -> Resource:
        return ecosystem.parse(Request(method="GET", path=path))

    async def put(self, ecosystem: Format, repository: Repository, path: str, body: AsyncIterator[bytes]) -> Response:
        request = Request(method="PUT", path=path, body=body)
        return await ecosystem.answer(request, ecosystem.parse(request), repository, Context())

    @pytest.mark.gen_test
    async def test_what_is_published_can_be_read(self, ecosystem: Format) -> None:
        for path, taken, _ in self.uploads:
            press = Press(ecosystem)
            response = await self.put(ecosystem, press, path, in_pieces(taken))
            assert response.status == 201
            assert press.held[path] == taken
            assert len(press.publications) == 1
            assert press.left_behind == []
            assert await press.owns(self.ask(ecosystem, path))
            again = await self.put(ecosystem, press, path, in_pieces(taken))
            assert again.status == 200

    @pytest.mark.gen_test
    async def test_an_upload_that_is_refused_leaves_nothing(self, ecosystem: Format) -> None:
        for path, _, refused in self.uploads:
            press = Press(ecosystem)
            with pytest.raises(errors.Invalid):
                await self.put(ecosystem, press, path, in_pieces(refused))
            assert (press.held, press.left_behind) == ({}, [])

    @pytest.mark.parametrize("failure", [errors.TooLarge("too large", 1), asyncio.CancelledError()], ids=repr)
    @pytest.mark.gen_test
    async def test_an_upload_that_breaks_off_leaves_nothing(self, ecosystem: Format, failure: BaseException) -> None:
        for path, taken, _ in self.uploads:
            press = Press(ecosystem)
            with pytest.raises(type(failure)):
                await self.put(ecosystem, press, path, in_pieces(taken, failure))
            assert press.uploads
            assert (press.held, press.left_behind) == ({}, [])

    @pytest.mark.gen_test
    async def test_a_publication_that_is_refused_leaves_nothing(self, ecosystem: Format) -> None:
        class Full(Press):
            async def publish(self, publication: Publication, context: Context) -> bool:
                raise errors.StoreFull("no room")

        for path, taken, _ in self.uploads:
            press = Full(ecosystem)
            with pytest.raises(errors.StoreFull):
                await self.put(ecosystem, press, path, in_pieces(taken))
            assert (press.held, press.left_behind) == ({}, [])

    @pytest.mark.gen_test
    async def test_a_repository_that_is_only_read_says_so(self, ecosystem: Format) -> None:
        for path, taken, _ in self.uploads:
            with pytest.raises(errors.Unsupported):
                await self.put(ecosystem, Shelf(), path, in_pieces(taken))
            request = Request(method="DELETE", path=path)
            with pytest.raises(errors.Unsupported):
                await ecosystem.answer(request, ecosystem.parse(request), Shelf(), Context())

    @pytest.mark.gen_test
    async def test_indexes_are_never_published_or_deleted(self, ecosystem: Format) -> None:
        for path, _ in self.indexes:
            for method in ("PUT", "DELETE"):
                press, request = Press(ecosystem), Request(method=method, path=path, body=in_pieces(b"x"))
                with pytest.raises(errors.Unsupported) as caught:
                    await ecosystem.answer(request, ecosystem.parse(request), press, Context())
                assert method not in caught.value.allowed
                assert press.uploads == []

    def test_it_can_be_imported_alone(self) -> None:
        """With the server, the store and the HTTP client unimportable."""
        blocked = "".join(f"sys.modules[{name!r}] = None; " for name in _ABSENT)
        code = f"import sys; {blocked}from mxart.formats import FORMATS; FORMATS[{self.factory.name!r}]"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def test_clients_are_told_where_to_look(self) -> None:
        lines = self.factory.client_lines("https://artifacts.example.org/here")
        assert any("https://artifacts.example.org/here" in line for line in lines)

    def test_publishers_are_told_how(self) -> None:
        lines = self.factory.publish_lines("https://artifacts.example.org/here")
        assert all("https://artifacts.example.org/here" in line for line in lines)
        assert lines

    def test_a_group_of_none_and_of_itself_has_its_own_settings(self) -> None:
        assert self.factory.combined(self.settings, []) == self.settings
        assert self.factory.combined(self.settings, [self.settings]) == self.settings

    def test_nothing_is_proposed_where_nothing_is_found(self) -> None:
        assert list(self.factory.discover(lambda command: "", {})) == []
