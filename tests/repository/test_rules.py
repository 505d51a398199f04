from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from mxart.contract import Context, Part, Publication, Repository
from mxart.errors import Denied, NotFound, Unsupported
from mxart.model import Resource
from mxart.repository import rules
from mxart.repository.rules import Blocking, Canonical, Reserved, Yielding
from mxart.store import Store
from tests.repository.groups import DENIED, LATER
from tests.repository.named import NamedFormat
from tests.repository.parts import PlainFormat, Worker, hosted, resource
from tests.repository.suite import Make, PublishingSuite, ReadOnlySuite, publish, read, upload
from tests.repository.teller import Teller
from tests.support.upstream import ScriptedUpstream


class RuledSuite(PublishingSuite):
    """A hosted repository with a rule around it that looks at other names."""

    owning = True
    rule: Callable[[Repository], Repository]

    @pytest.fixture
    def make(self, store: Store) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            repository = type(self).rule(hosted(store))
            await publish(repository, held)
            return repository

        return make


class TestBlocking(RuledSuite):
    rule = staticmethod(lambda inner: Blocking(inner, ["other", "other/*"], ["*"]))


class TestReserved(RuledSuite):
    rule = staticmethod(lambda inner: Reserved(inner, {"elsewhere": ["other", "other/*"], "house": ["m"]}))


class TestYielding(RuledSuite):
    rule = staticmethod(lambda inner: Yielding(inner, [Teller("elsewhere", owned=["other"])], (), PlainFormat()))


class TestRulesAroundAProxy(ReadOnlySuite):
    owning = False

    @pytest.fixture
    def make(self, upstream: ScriptedUpstream, worker: Worker) -> Make:
        async def make(held: Mapping[str, bytes]) -> Repository:
            for path, data in held.items():
                upstream.static(f"/{path}", data)
                await read(worker.proxy, path)
            inside = Reserved(Blocking(worker.proxy, ["other"], ()), {"elsewhere": ["other"]})
            return Yielding(inside, [Teller("elsewhere", owned=["other"])], (), PlainFormat())

        return make


def named(package: str, path: str = "m/a.zip") -> Resource:
    return Resource(path=path, kind="zip", package=package)


def folder(package: str) -> Resource:
    return named(package, "m/")


# --- block and allow ---


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
async def test_who_is_admitted(block: Sequence[str], allow: Sequence[str], package: str, admitted: bool) -> None:
    inner = Teller("go", {"m/a.zip": b"data"}, owned=["corp.example.com/tool"])
    repository, context, asked = Blocking(inner, block, allow), Context(), named(package)
    if admitted:
        (await repository.get(asked, context)).close()
        assert len(await repository.list(asked, context)) == 1
        assert [child.name for child in await repository.children(folder(package), "", 9, context)] == ["a.zip"]
        assert await repository.publish(Publication(parts=(), drops=[asked]), context)
        await repository.delete([asked], context)
        with pytest.raises(Unsupported):
            await repository.ingest(asked, context)
        assert len(inner.asked) == 4
    else:
        for refused in (repository.get, repository.list, repository.ingest):
            with pytest.raises(Denied, match="go"):
                await refused(asked, context)
        with pytest.raises(Denied, match="go"):
            await repository.children(folder(package), "", 9, context)
        with pytest.raises(Denied):
            await repository.delete([named(""), asked], context)
        with pytest.raises(Denied):
            await repository.publish(Publication(parts=(), drops=[named(""), asked]), context)
        assert inner.asked == inner.listed == []
        assert context.trail.steps[0][0] == "rule"
    assert await repository.owns(asked) is (package == "corp.example.com/tool")


@pytest.mark.parametrize(
    "rule", [lambda inner: Blocking(inner, ["other"], ()), lambda inner: Reserved(inner, {"elsewhere": ["other"]})]
)
@pytest.mark.gen_test
async def test_each_part_of_a_publication_is_looked_at(store: Store, rule: Callable[[Repository], Repository]) -> None:
    house = hosted(store)
    admitted = await upload(house, "m/v1.zip", b"zip")
    parts = [Part(resource=named(package, f"{package}/v1.zip"), upload=admitted) for package in ("m", "other")]
    with pytest.raises(Denied, match="other"):
        await rule(house).publish(Publication(parts=parts), Context())
    assert await rule(house).publish(Publication(parts=parts[:1]), Context())
    await admitted.cancel()
    assert await read(house, "m/v1.zip") == b"zip"


@pytest.mark.parametrize(
    "rule", [lambda inner: Blocking(inner, ["other"], ()), lambda inner: Reserved(inner, {"elsewhere": ["other"]})]
)
@pytest.mark.parametrize("field", ["drops", "prunes"])
@pytest.mark.gen_test
async def test_all_that_a_publication_takes_away_is_looked_at(
    rule: Callable[[Repository], Repository], field: str
) -> None:
    inner = Teller("house")
    with pytest.raises(Denied, match="other"):
        await rule(inner).publish(Publication(parts=(), **{field: [named("m"), named("other")]}), Context())
    assert inner.asked == []
    assert await rule(inner).publish(Publication(parts=(), **{field: [named("m")]}), Context())


ALSO = replace(named("m", "m/a.zip"), also=("deep.m", "other.m"))


@pytest.mark.parametrize(
    ("block", "allow", "word"),
    [
        ((), (), ""),
        (("deep.m",), (), "deep.m"),
        (("other.*",), (), "other.m"),
        (("m",), (), "m"),
        (("deep",), (), ""),
        ((), ("m",), ""),
        ((), ("deep.*",), ""),
        ((), ("other.m",), ""),
        ((), ("elsewhere",), "allows"),
        (("other.m",), ("deep.m",), "other.m"),
    ],
)
@pytest.mark.gen_test
async def test_what_may_be_of_several_names_is_all_of_them(
    block: Sequence[str], allow: Sequence[str], word: str
) -> None:
    inner = Teller("all", {"m/a.zip": b""})
    repository, context = Blocking(inner, block, allow), Context()
    asks = [lambda: repository.get(ALSO, context), lambda: repository.list(ALSO, context)]
    asks += [lambda: repository.children(ALSO, "", 9, context), lambda: repository.delete([ALSO], context)]
    for ask in asks:
        if word:
            with pytest.raises(Denied, match=word):
                await ask()
        else:
            await ask()
    assert bool(inner.asked) is not bool(word)


@pytest.mark.parametrize(
    ("member", "exclusive", "told"),
    [
        ("public", {"house": ["deep.*"]}, "deep.m is exclusive to house"),
        ("public", {"house": ["m"], "attic": ["other.m"]}, "m is exclusive to house"),
        ("public", {"house": ["elsewhere"]}, ""),
        ("house", {"house": ["deep.*"]}, ""),
        ("house", {"house": ["m"], "attic": ["other.m"]}, "other.m is exclusive to attic"),
    ],
)
@pytest.mark.gen_test
async def test_what_may_be_of_several_names_is_exclusive_by_any_of_them(
    member: str, exclusive: Mapping[str, Sequence[str]], told: str
) -> None:
    inner = Teller(member, {"m/a.zip": b""})
    repository, context = Reserved(inner, exclusive), Context()
    assert bool(await repository.list(ALSO, context)) is not bool(told)
    if not told:
        (await repository.get(ALSO, context)).close()
        return
    with pytest.raises(NotFound, match=f"^{told}, so {member} was not asked"):
        await repository.get(ALSO, context)
    assert f"{context.trail.steps[-1][1]['package']} is exclusive to" in told
    with pytest.raises(Denied, match=f"^{told}: publish it there"):
        await repository.delete([ALSO], context)
    assert inner.asked == inner.listed == []


@pytest.mark.parametrize(
    ("block", "allow", "path", "admitted"),
    [
        (("long",), (), "short/a.zip", False),
        (("short",), (), "short/a.zip", False),
        (("short",), (), "long/a.zip", True),  # it is said of the short name alone
        ((), ("long",), "short/a.zip", True),
        ((), ("short",), "short/a.zip", True),
        ((), ("m",), "short/a.zip", False),
        (("long",), ("short",), "short/a.zip", False),
        (("long",), (), "m/a.zip", True),
    ],
)
@pytest.mark.gen_test
async def test_what_is_said_of_a_name_holds_for_the_name_that_it_stands_for(
    block: Sequence[str], allow: Sequence[str], path: str, admitted: bool
) -> None:
    inner = Teller("all", {"short/a.zip": b"", "long/a.zip": b"", "m/a.zip": b""})
    repository = Blocking(inner, block, allow, [NamedFormat().canonical, PlainFormat().canonical])
    if admitted:
        (await repository.get(resource(path), Context())).close()
    else:
        with pytest.raises(Denied):
            await repository.get(resource(path), Context())
    assert inner.asked == [path] * admitted


@pytest.mark.gen_test
async def test_the_name_that_a_rule_is_about_is_told() -> None:
    repository, context = Blocking(Teller("all"), ["long"], (), [NamedFormat().canonical]), Context()
    with pytest.raises(Denied, match=r"^long is blocked in all"):
        await repository.get(resource("short/a.zip"), context)


HOLDS = {f"{package}/a.zip": b"data" for package in ("m", "n", "M", "m/x", "corp.example.com/tool")}


@pytest.mark.parametrize(
    ("block", "allow", "left"),
    [
        ((), (), {"m", "n", "M", "m/x", "corp.example.com/tool"}),
        (("m",), (), {"n", "M", "m/x", "corp.example.com/tool"}),
        (("m*",), (), {"n", "M", "corp.example.com/tool"}),
        ((), ("m*",), {"m", "m/x"}),
        (("m/*",), ("m*",), {"m"}),
        (("*",), ("*",), set()),
        ((), ("nothing",), set()),
    ],
)
@pytest.mark.gen_test
async def test_only_what_may_be_asked_for_is_named(block: Sequence[str], allow: Sequence[str], left: set[str]) -> None:
    assert set(await Blocking(Teller("go", HOLDS), block, allow).packages(Context())) == left


# --- exclusive ---

EXCLUSIVE = {"house": ("corp.example.com/*",), "attic": ("corp.example.com/old/*", "example.org/x"), "idle": ()}


@pytest.mark.parametrize(
    ("member", "package", "owner"),
    [
        ("public", "corp.example.com/tool", "house"),
        ("public", "corp.example.com/old/tool", "house"),
        ("public", "example.org/x", "attic"),
        ("public", "example.org/x/y", ""),
        ("public", "corp.example.com", ""),
        ("public", "Corp.example.com/tool", ""),
        ("public", "", ""),
        ("idle", "corp.example.com/tool", "house"),
        ("house", "corp.example.com/tool", ""),
        ("house", "corp.example.com/old/tool", ""),  # both may have it
        ("attic", "corp.example.com/old/tool", ""),
        ("attic", "corp.example.com/tool", "house"),
        ("house", "example.org/x", "attic"),
        ("attic", "example.com/any", ""),
    ],
)
@pytest.mark.gen_test
async def test_an_exclusive_name_is_asked_only_of_those_whose_it_is(member: str, package: str, owner: str) -> None:
    inner = Teller(member, {"m/a.zip": b"data"}, owned=[package])
    repository, context, asked = Reserved(inner, EXCLUSIVE), Context(), named(package)
    assert repository.name == member
    assert await repository.owns(asked) is not bool(owner)
    assert len(await repository.list(asked, context)) == (0 if owner else 1)
    assert len(await repository.children(folder(package), "", 9, context)) == (0 if owner else 1)
    if not owner:
        (await repository.get(asked, context)).close()
        assert await repository.publish(Publication(parts=(), drops=[asked]), context)
        await repository.delete([asked], context)
        assert len(inner.asked) == 3
        return
    with pytest.raises(NotFound, match=owner) as caught:
        await repository.get(asked, context)
    assert type(caught.value) is NotFound
    assert context.trail.steps[-1] == (
        "rule",
        {"exclusive": owner, "package": package, "repository": member, "asked": False},
    )
    for refusal in (
        repository.ingest(asked, context),
        repository.publish(Publication(parts=(), drops=[named(""), asked]), context),
        repository.delete([named(""), asked], context),
    ):
        with pytest.raises(Denied, match=owner):
            await refusal
    assert inner.asked == inner.listed == []
    assert inner.owns_asked == 0


@pytest.mark.parametrize(
    ("member", "left"),
    [
        ("public", {"m", "n", "M", "m/x"}),
        ("house", {"m", "n", "M", "m/x", "corp.example.com/tool"}),
        ("attic", {"m", "n", "M", "m/x"}),
    ],
)
@pytest.mark.gen_test
async def test_only_what_is_not_exclusive_to_others_is_named(member: str, left: set[str]) -> None:
    assert set(await Reserved(Teller(member, HOLDS), EXCLUSIVE).packages(Context())) == left


@pytest.mark.parametrize(
    ("member", "renamed", "owner"),
    [
        ("public", [NamedFormat().canonical], "house"),
        ("public", [], ""),  # there it stands for nothing else
        ("house", [NamedFormat().canonical], ""),
    ],
)
@pytest.mark.gen_test
async def test_what_is_exclusive_is_not_had_by_another_name(
    member: str, renamed: Sequence[Canonical], owner: str
) -> None:
    inner = Teller(member, {"short/a.zip": b""})
    repository = Reserved(inner, {"house": ["long"]}, renamed)
    if owner:
        with pytest.raises(NotFound, match=owner):
            await repository.get(resource("short/a.zip"), Context())
    else:
        (await repository.get(resource("short/a.zip"), Context())).close()
    assert inner.asked == ([] if owner else ["short/a.zip"])


# --- owned names ---


@pytest.mark.parametrize(
    ("own", "others", "shared", "package", "yields"),
    [
        ((), [("m",)], (), "m", True),
        ((), [(), ("m",)], (), "m", True),
        ((), [("m",)], (), "n", False),
        ((), [("m",)], (), "M", False),
        ((), [("m",)], ("m",), "m", False),
        ((), [("m/x",)], ("m/*",), "m/x", False),
        ((), [("m/x",)], ("m",), "m/x", True),
        (("m",), [("m",)], (), "m", False),  # both own it: their order decides
        (("n",), [("m",)], (), "m", True),
        ((), [], (), "m", False),
        ((), [("",)], (), "", False),
    ],
)
@pytest.mark.gen_test
async def test_who_gives_way(
    own: Sequence[str], others: Sequence[Sequence[str]], shared: Sequence[str], package: str, yields: bool
) -> None:
    inner = Teller("public", {"m/a.zip": b"data"}, owned=own)
    owners = [Teller(f"house{number}", owned=owned) for number, owned in enumerate(others)]
    repository, context, asked = Yielding(inner, owners, shared, PlainFormat()), Context(), named(package)
    assert await repository.owns(asked) is (package in own)
    assert len(await repository.list(asked, context)) == (0 if yields else 1)
    assert len(await repository.children(folder(package), "", 9, context)) == (0 if yields else 1)
    if yields:
        with pytest.raises(NotFound, match=owners[-1].name) as caught:
            await repository.get(asked, context)
        assert type(caught.value) is NotFound
        assert inner.asked == []
        assert context.trail.steps[-1][1]["owned_by"] == owners[-1].name
    else:
        (await repository.get(asked, context)).close()
        assert inner.asked == ["m/a.zip"]
    assert await repository.publish(Publication(parts=()), context)
    await repository.delete([asked], context)
    assert inner.asked[-2:] == ["publish", "delete m/a.zip"]


@pytest.mark.parametrize(
    ("shared", "yields"), [(("m",), False), (("deep.*",), True), (("other.m",), True), (("elsewhere",), True)]
)
@pytest.mark.gen_test
async def test_what_may_be_of_several_names_is_shared_by_its_own_only(shared: Sequence[str], yields: bool) -> None:
    inner = Teller("public", {"m/a.zip": b"data"})
    repository = Yielding(inner, [Teller("house", owned=["m"])], shared, PlainFormat())
    assert bool(await repository.list(ALSO, Context())) is not yields


@pytest.mark.gen_test
async def test_a_shadowed_name_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    held = {"m/v1.zip": b"from before", "m/all.list": b"v1.zip", "mm/v1.zip": b"of another"}
    inner, house = Teller("public", held), Teller("house", owned=["m", "n", "top"])
    repository = Yielding(inner, [house], (), PlainFormat())
    counted = []
    with caplog.at_level(logging.WARNING):
        for asked in (named("m"), named("m", "m/b.zip"), named("n", "n/a.zip"), named("n", "n/a.zip")):
            context = Context()
            with pytest.raises(NotFound):
                await repository.get(asked, context)
            counted.append(context.trail.steps[-1][1]["shadowed"])
        with pytest.raises(NotFound):
            await repository.get(named("top", "top.zip"), Context())  # lies in no folder
    assert counted == [2, 2, 0, 0]
    assert inner.listed == ["m/", "n/"]
    assert [record.getMessage() for record in caplog.records] == [
        "m is owned by house: public holds 2 entries of that name, too"
    ]


@pytest.mark.gen_test
async def test_only_so_many_names_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_REMEMBERED", 2)
    names = ["a", "b", "c"]
    inner, house = Teller("public"), Teller("house", owned=names)
    repository = Yielding(inner, [house], (), PlainFormat())
    for name in ("a", "b", "b", "c", "c", "a"):
        with pytest.raises(NotFound):
            await repository.get(named(name, f"{name}/v1.zip"), Context())
    assert inner.listed == ["a/", "b/", "c/", "a/"]


@pytest.mark.gen_test
async def test_what_may_not_be_listed_is_not_counted() -> None:
    inner, house = Teller("public", {"list": DENIED, "m/a.zip": b"data"}), Teller("house", owned=["m"])
    context = Context()
    with pytest.raises(NotFound):
        await Yielding(inner, [house], (), PlainFormat()).get(named("m"), context)
    assert context.trail.steps[-1][1]["shadowed"] == 0


@pytest.mark.gen_test
async def test_who_cannot_say_whose_a_name_is_lets_nobody_be_asked() -> None:
    class Silent(Teller):
        async def owns(self, resource: Resource) -> bool:
            raise LATER

    inner = Teller("public", {"m/a.zip": b"data"})
    with pytest.raises(type(LATER)):
        await Yielding(inner, [Silent("house")], (), PlainFormat()).get(named("m"), Context())
    assert inner.asked == []


@pytest.mark.parametrize(
    "rule",
    [
        lambda inner: Blocking(inner, ["x"], ()),
        lambda inner: Reserved(inner, {"house": ["x"]}),
        lambda inner: Yielding(inner, [Teller("house", owned=["x"])], (), PlainFormat()),
    ],
)
@pytest.mark.gen_test
async def test_an_upload_that_goes_on_is_passed_through(store: Store, rule: Callable[[Repository], Repository]) -> None:
    repository = rule(hosted(store))
    begun = await repository.ingest(named("m"), Context())
    await begun.write(b"half ")
    await begun.suspend()
    resumed = await repository.ingest(named("m"), Context(), resume=begun.id)
    assert resumed.size == 5
    await resumed.cancel()
