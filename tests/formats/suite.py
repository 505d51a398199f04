"""What every format must do. A format's test_format.py derives a class from `FormatSuite` and fills in its tables."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from mxart import errors
from mxart.contract import Context, Format, Ingest, Publication, Repository
from mxart.model import Action, Bytes, Child, Content, Digest, Entry, Principal, Request, Resource, Response
from mxart.registration import FormatFactory
from mxart.settings import Kind, UpstreamSettings
from mxart.upstream import challenges
from tests.formats.press import Press

_ABSENT = ("tornado", "lmdb", "pycurl", "msgpack", "toml")
KINDS: Sequence[Kind] = ("proxy", "hosted", "group")
_SOMEBODY = Principal(name="somebody")
_FIELD = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")  # what can stand in a field of a head
_DIGEST = Digest("sha256", "ab" * 32)

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

HOSTILE_QUERIES = [
    "",
    "&" * 1000,
    "a=%0d%0aSet-Cookie:%20x%3dy",
    'ns="&ns=%22,realm=%22http://elsewhere.example.org/',
    "ns=%ff%00&mount=%ff&from=%ff",
    "mount=x&from=a%22b&from=%0a&digest=",
    "=&==&%",
]

GARBAGE = [
    b"",
    b"\x00" * 64,
    b"\xff\xfe\x00{",
    b"<!doctype html>\n<title>Please log in</title>\n",
    b"NaN",
    b"null",
    b"[]",
    b"{}",
    b'"\\ud800"',
    b"9" * 5000,
    b"-1e999",
    b"[" * 60_000,
    b'{"a":' * 12_000,
    b"{" * 60_000,
    b"\n" * 60_000,
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

    async def children(self, folder: Resource, after: str, limit: int, context: Context) -> Sequence[Child]:
        if self.failure:
            raise self.failure
        return []

    async def packages(self, context: Context) -> Collection[str]:
        if self.failure:
            raise self.failure
        return []

    async def owns(self, resource: Resource) -> bool:
        return False

    async def publish(self, publication: Publication, context: Context) -> bool:
        raise errors.Unsupported("a shelf is only read")

    async def delete(self, resources: Sequence[Resource], context: Context, alike: Sequence[Resource] = ()) -> None:
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

    # what differs: left out where the ecosystem has nothing of the kind
    legal: ClassVar[frozenset[str]] = frozenset()  # paths that are hostile elsewhere, and mean something here
    unread: ClassVar[frozenset[str]] = frozenset()  # of ``paths``: nothing can be read there
    rewritten: ClassVar[Mapping[str, tuple[bytes, int]]] = {}  # of ``paths``: what the repository holds there, which is
    #                                                   not passed on as it is, and how often the repository is asked
    statuses: ClassVar[Mapping[int, int]] = {}  # of errors that are told by another one
    media_types: ClassVar[Mapping[int, str]] = {}  # of errors of these statuses, where it is another one
    repeated: ClassVar[int] = 200  # the status of an upload of what is there already
    has_folders: ClassVar[bool] = False  # does a path with a slash at its end ask for what lies there?
    base_url: ClassVar[str] = "https://artifacts.example.org/here"
    address: ClassVar[str] = "https://artifacts.example.org/here"  # of a repository there, as its clients write it

    def asked_at(self, resource: Resource) -> str:
        """The path by which clients ask for it, where that is not the one by which it is kept."""
        return resource.path

    @pytest.fixture
    def ecosystem(self) -> Format:
        return self.factory.build(self.settings)

    def resources(self, ecosystem: Format) -> list[Resource]:
        return [ecosystem.parse(Request(method="GET", path=path)) for path in self.paths]

    @pytest.mark.parametrize("path", HOSTILE, ids=lambda path: repr(path[:24]))
    def test_hostile_paths_are_refused(self, ecosystem: Format, path: str) -> None:
        if path in self.legal:
            assert self.asked_at(ecosystem.parse(Request(method="GET", path=path))) == path
            return
        with pytest.raises((errors.Invalid, errors.NotFound)):
            ecosystem.parse(Request(method="GET", path=path))

    @pytest.mark.parametrize("wrapped", ["{}/../x", "../{}", "/{}", "{}/", "{}\x00", "{}//", "./{}", "{}\n"])
    def test_no_valid_path_becomes_a_hostile_one(self, ecosystem: Format, wrapped: str) -> None:
        for path in self.paths:
            if wrapped == "{}/" and self.has_folders:
                assert self.asked_at(ecosystem.parse(Request(method="GET", path=f"{path}/"))) == f"{path}/"
                continue
            with pytest.raises((errors.Invalid, errors.NotFound)):
                ecosystem.parse(Request(method="GET", path=wrapped.format(path)))

    def test_paths_round_trip(self, ecosystem: Format) -> None:
        for path, resource in zip(self.paths, self.resources(ecosystem), strict=True):
            assert self.asked_at(resource) == path
            assert ecosystem.parse(Request(method="GET", path=path)) == resource

    def test_no_two_paths_are_kept_in_one_place(self, ecosystem: Format) -> None:
        kept = [resource.path for resource in self.resources(ecosystem) if self.asked_at(resource) not in self.unread]
        assert len(set(kept)) == len(kept)
        for path in kept:
            assert not path.startswith("/")
            assert "\0" not in path
            assert ".." not in path.split("/")

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

    def test_policies_agree_with_themselves(self, ecosystem: Format) -> None:
        for resource in self.resources(ecosystem):
            policy = ecosystem.policy(resource)
            assert policy.folder == "" or policy.folder.endswith(ecosystem.border)
            assert policy.within == "" or (policy.index and policy.within.startswith(policy.folder.rstrip("/")))
            assert bool(resource.package) or policy.folder == ""
            assert policy.immutable or policy.digest is None
            assert policy.index or not policy.paged
            assert policy.probe == policy.probe.lower()
            assert not (policy.probe and policy.digest)
            assert policy.accept == "" or _FIELD.fullmatch(policy.accept)
            assert policy.document or not policy.typed

    def test_canonical_names_are_their_own(self, ecosystem: Format) -> None:
        for resource in self.resources(ecosystem):
            named = ecosystem.canonical(resource)
            assert ecosystem.canonical(named) == named
            assert (named.kind, named.upstream) == (resource.kind, resource.upstream)
            assert ecosystem.policy(named).media_type == ecosystem.policy(resource).media_type
            if not ecosystem.renames:
                assert named == resource

    def test_content_that_is_known_has_other_names_of_the_same_package(self, ecosystem: Format) -> None:
        for resource in self.resources(ecosystem):
            for alias in ecosystem.aliases(resource, _DIGEST):
                assert alias.path != resource.path
                assert alias.package == resource.package
                assert ecosystem.policy(alias).folder == ecosystem.policy(resource).folder != ""
                assert ecosystem.policy(alias).digest in (None, _DIGEST)

    def test_where_nothing_is_nothing_is_unused(self, ecosystem: Format) -> None:
        def read(entry: Entry) -> bytes:
            raise AssertionError("there is nothing to read")

        assert list(ecosystem.unused([], [], 0.0, read)) == []
        assert list(ecosystem.outdated([], 1.0)) == []
        assert ecosystem.ages is False, "not by the settings that there are without any"

    def test_a_package_can_be_asked_for(self, ecosystem: Format) -> None:
        for resource in self.resources(ecosystem):
            if resource.package:
                asked = self.ask(ecosystem, self.factory.path_of(resource.package))
                assert asked.package == resource.package
                assert ecosystem.policy(asked).folder == ecosystem.policy(resource).folder

    @pytest.mark.parametrize("action", ["read", "write", "delete", "admin"])
    @pytest.mark.parametrize("query", HOSTILE_QUERIES, ids=lambda query: repr(query[:24]))
    def test_challenges_can_stand_in_a_head(self, ecosystem: Format, action: Action, query: str) -> None:
        for path in [*self.paths, *HOSTILE]:
            request = Request(
                method="POST",
                path=path,
                query=query,
                base_url=self.base_url,
                server_url="https://artifacts.example.org",
                host="artifacts.example.org",
            )
            field_ = ecosystem.challenge(request, action, errors.Unauthenticated("log in"))
            assert _FIELD.fullmatch(field_)
            assert len(field_) < 4096
            assert len(challenges.parse(field_)) == 1

    @pytest.mark.parametrize("data", GARBAGE, ids=lambda data: repr(data[:12]))
    def test_whatever_an_upstream_invents_is_fine_or_corrupt(self, ecosystem: Format, data: bytes) -> None:
        for resource in self.resources(ecosystem):
            if ecosystem.policy(resource).max_size < len(data) or not ecosystem.policy(resource).max_size:
                continue
            try:
                said = ecosystem.check(resource, io.BytesIO(data))
            except errors.Corrupt as error:
                assert 0 < len(error.message) < 1000
                error.message.encode()
            else:
                assert not ecosystem.policy(resource).typed or said

    def test_merging_is_idempotent_and_respects_order(self, ecosystem: Format) -> None:
        for path, documents in self.indexes:
            once = self.merge(ecosystem, path, documents)
            assert self.merge(ecosystem, path, [once]) == once
            assert self.merge(ecosystem, path, [once, *documents]) == once
            assert self.merge(ecosystem, path, [*documents[:1], *documents[:1]]) == self.merge(
                ecosystem, path, documents[:1]
            )

    def merge(self, ecosystem: Format, path: str, documents: Sequence[bytes]) -> bytes:
        out = io.BytesIO()
        resource = ecosystem.parse(Request(method="GET", path=path))
        ecosystem.merge(resource, [io.BytesIO(document) for document in documents], out)
        return out.getvalue()

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 429, 500, 502, 503, 507])
    def test_errors_are_told_in_the_ecosystems_envelope(self, ecosystem: Format, status: int) -> None:
        response = ecosystem.failure(errors.MxartError("the reason, in a word"), status)
        assert response.status == self.statuses.get(status, status)
        assert isinstance(response.content, Bytes)
        assert response.content.media_type == self.media_types.get(status, self.media_type_of_errors)
        assert b"the reason, in a word" in response.content.data

    @pytest.mark.gen_test
    async def test_a_read_is_asked_of_the_repository_once(self, ecosystem: Format) -> None:
        for path, resource in self.readable(ecosystem):
            content, times = self.rewritten.get(path, (b"held", 1))
            shelf, request = Shelf(content), Request(method="GET", path=path, principal=_SOMEBODY)
            response = await ecosystem.answer(request, resource, shelf, Context())
            assert response.status == 200
            assert shelf.asked[:1] in ([resource], [])  # [] where the format knows the answer itself
            assert len(shelf.asked) in (times, 0)
            if shelf.asked and path not in self.rewritten:
                assert response.content == Bytes(data=content)

    def readable(self, ecosystem: Format) -> list[tuple[str, Resource]]:
        asked = zip(self.paths, self.resources(ecosystem), strict=True)
        return [(path, resource) for path, resource in asked if path not in self.unread]

    @pytest.mark.gen_test
    async def test_what_is_not_read_is_not_supported(self, ecosystem: Format) -> None:
        for path in self.unread:
            request = Request(method="GET", path=path, principal=_SOMEBODY)
            with pytest.raises(errors.Unsupported):
                await ecosystem.answer(request, ecosystem.parse(request), Shelf(), Context())

    @pytest.mark.gen_test
    async def test_a_failing_repository_is_not_silence(self, ecosystem: Format) -> None:
        for path, resource in self.readable(ecosystem):
            shelf = Shelf(failure=errors.Unavailable("the upstream is down"))
            request = Request(method="GET", path=path, principal=_SOMEBODY)
            try:
                await ecosystem.answer(request, resource, shelf, Context())
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
            if self.asked_at(resource) in merged:
                assert policy.index
                assert policy.document
            if policy.index:
                assert policy.within or policy.folder.endswith("/")
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
            assert press.held[self.ask(ecosystem, path).path] == taken
            assert len(press.publications) == 1
            assert press.left_behind == []
            assert await press.owns(self.ask(ecosystem, path))
            again = await self.put(ecosystem, press, path, in_pieces(taken))
            assert again.status == self.repeated
            assert press.left_behind == []

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
        for kind in KINDS:
            lines = self.factory.client_lines(self.base_url, kind)
            assert any(self.address in line for line in lines)

    def test_publishers_are_told_how(self) -> None:
        lines = self.factory.publish_lines(self.base_url)
        assert all(self.address in line for line in lines)
        assert lines

    def test_repositories_are_mounted_below_a_root(self) -> None:
        assert re.fullmatch(r"(?:/[a-z0-9]+)*", self.factory.root)

    @pytest.mark.parametrize("url", ["https://upstream.example.org", "http://127.0.0.1:8080/a/b"])
    def test_the_upstream_is_settled_once(self, url: str) -> None:
        begins = self.factory.upstream_url(url)
        assert begins.startswith(url.partition("/a")[0])
        assert not begins.endswith("/")
        assert self.factory.upstream_url(begins) == begins
        upstream = UpstreamSettings(url=url)
        settled = self.factory.settled(self.settings, upstream)
        assert self.factory.settled(settled, upstream) == settled
        assert list(self.factory.namespaces(settled)) == list(dict.fromkeys(self.factory.namespaces(settled)))

    def test_a_group_of_none_and_of_itself_has_its_own_settings(self) -> None:
        assert self.factory.combined(self.settings, [], None) == self.settings
        assert self.factory.combined(self.settings, [self.settings], self.settings) == self.settings

    def test_nothing_is_proposed_where_nothing_is_found(self) -> None:
        assert list(self.factory.discover(lambda command: "", {})) == []
