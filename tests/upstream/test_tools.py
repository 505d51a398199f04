"""Programs run within their limits, and nothing of them stays: no process, no folder."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mxart.errors import BadUpstream, Gone, MxartError, NotFound, StoreFull, Unavailable
from mxart.registration import Command, Outcome, Places
from mxart.settings import UpstreamSettings
from mxart.upstream import Fetch, Head, tools
from mxart.upstream.failures import QueueFull
from mxart.upstream.tools import PERIOD, ToolUpstream, build_tool
from tests.upstream.parts import LARGE, Permits, read, until

pytestmark = pytest.mark.gen_test

NOW = 1_700_000_100.0  # seconds; the period ends at 1_700_000_400
LIMIT = 20.0  # seconds
MARGIN = 60.0


@dataclass
class Script:
    """A tool that runs shell scripts, by path: ``out`` in its home is the content. ``raises``: what it says instead."""

    scripts: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    refuses: Mapping[str, MxartError] = field(default_factory=dict)
    raises: Mapping[str, MxartError] = field(default_factory=dict)
    program: str = "/bin/sh"
    outcomes: list[Outcome] = field(default_factory=list)
    places: list[Places] = field(default_factory=list)

    def command(self, path: str, places: Places) -> Command:
        if path in self.refuses:
            raise self.refuses[path]
        self.places.append(places)
        environment = {"WORD": "a b", "CACHE": str(places.cache)}
        return Command(
            arguments=(self.program, "-c", self.scripts[path], path), environment=environment, files=self.files
        )

    def content(self, path: str, outcome: Outcome, places: Places) -> Path | bytes:
        self.outcomes.append(outcome)
        if path in self.raises:
            raise self.raises[path]
        out = places.home / "out"
        return out if out.exists() else outcome.output


def failing(when: str, error: MxartError) -> Script:
    """A tool that raises: when it is asked what to run, or what came of it."""
    none: Mapping[str, MxartError] = {}
    refuses, raises = ({"a": error}, none) if when == "command" else (none, {"a": error})
    return Script({"a": "true"}, refuses=refuses, raises=raises)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def upstream(
    tool: Script, scratch: Path, limit: float = LIMIT, clock: Callable[[], float] = lambda: NOW
) -> AsyncIterator[ToolUpstream]:
    settings = UpstreamSettings(url="", tool="vcs", time_limit=limit, queue_timeout=0.05)
    made = ToolUpstream("go", tool, settings, scratch, clock)
    try:
        yield made
    finally:
        await made.close()


def folders(scratch: Path) -> set[str]:
    return {folder.name for folder in scratch.iterdir()}


def homes(scratch: Path) -> list[str]:
    return [name for name in folders(scratch) if "~cache~" not in name]


def lives(pid_file: Path) -> bool:
    with suppress(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
        state = Path(f"/proc/{pid_file.read_text().strip()}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


# --- what a run sees and gives -----------------------------------------------------------------------------------


async def test_a_file_and_a_few_bytes_are_bodies(tmp_path: Path) -> None:
    tool = Script({"a": "printf 'from a file' > out", "b": "printf 'printed'", "none": "true"})
    async with upstream(tool, tmp_path) as up:
        assert await read(up, "a") == (Head(status=200, url="", length=11), b"from a file")
        assert await read(up, "b") == (Head(status=200, url="", length=7), b"printed")
        assert await read(up, "none") == (Head(status=200, url="", length=0), b"")
        assert homes(tmp_path) == []


async def test_a_look_runs_nothing(tmp_path: Path) -> None:
    script = Script({"a": "echo a > out"})
    async with upstream(script, tmp_path) as tool:
        with pytest.raises(BadUpstream) as caught:
            async with tool.fetch(Fetch(path="a", max_size=100, method="HEAD")):
                pass
    assert caught.value.status == 405
    assert script.places == []


async def test_a_large_file_comes_in_pieces(tmp_path: Path) -> None:
    async with upstream(Script({"a": "head -c 1000000 /dev/zero > out"}), tmp_path) as up:
        async with up.fetch(Fetch(path="a", max_size=1_000_000)) as exchange:
            sizes = [len(chunk) async for chunk in exchange]
        assert sum(sizes) == 1_000_000
        assert max(sizes) <= 256 << 10


async def test_a_run_has_its_environment_its_files_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    script = "pwd; stat -c '%a %n' . .netrc deep/er/file; cat .netrc; cat; env | grep -v -E '^(PWD|SHLVL|_|OLDPWD)='"
    tool = Script({"a": script}, files={".netrc": "machine é\n", "deep/er/file": ""})
    async with upstream(tool, tmp_path) as up:
        _, printed = await read(up, "a")
    (places,) = tool.places
    lines = printed.decode().splitlines()  # nothing came on the standard input
    assert lines[:5] == [str(places.home), "700 .", "600 .netrc", "600 deep/er/file", "machine é"]
    assert set(lines[5:]) == {"WORD=a b", f"CACHE={places.cache}"}
    assert tool.outcomes[0].code == 0


async def test_how_it_ended_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_MAX_OUTPUT", 1000)
    tool = Script(
        {"a": "echo well; echo ill >&2; exit 3", "loud": "head -c 5000 /dev/zero; head -c 5000 /dev/zero >&2"}
    )
    async with upstream(tool, tmp_path) as up:
        await read(up, "a")
        await read(up, "loud")
    assert tool.outcomes == [Outcome(3, b"well\n", b"ill\n"), Outcome(0, bytes(1000), bytes(1000))]


@pytest.mark.parametrize("when", ["command", "content"])
@pytest.mark.parametrize(("error", "status"), [(NotFound("not there"), 404), (Gone("taken back"), 410)])
async def test_an_absence_is_an_answer(tmp_path: Path, when: str, error: MxartError, status: int) -> None:
    tool = failing(when, error)
    async with upstream(tool, tmp_path) as up:
        head, body = await read(up, "a")
    assert (head.status, head.headers, body.decode()) == (
        status,
        {"content-type": "text/plain; charset=utf-8"},
        error.message,
    )
    assert homes(tmp_path) == []


@pytest.mark.parametrize("when", ["command", "content"])
@pytest.mark.parametrize("error", [Unavailable("later"), BadUpstream("odd")])
async def test_a_failure_is_raised(tmp_path: Path, when: str, error: MxartError) -> None:
    async with upstream(failing(when, error), tmp_path) as up:
        with pytest.raises(type(error), match=error.message):
            await read(up, "a")
    assert homes(tmp_path) == []


@pytest.mark.parametrize("script", ["head -c 11 /dev/zero > out", "head -c 11 /dev/zero"])
async def test_more_than_was_wanted_is_refused(tmp_path: Path, script: str) -> None:
    async with upstream(Script({"a": script}), tmp_path) as up:
        assert len((await read(up, Fetch(path="a", max_size=11)))[1]) == 11
        with pytest.raises(BadUpstream, match="has 11 bytes; at most 10"):
            await read(up, Fetch(path="a", max_size=10))


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    async with upstream(Script({"a": "true"}, program="/nonexistent/go"), tmp_path) as up:
        with pytest.raises(Unavailable, match="go cannot be run on the server: No such file"):
            await read(up, "a")
    assert homes(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EROFS, Unavailable)]
)
async def test_a_folder_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[MxartError]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    async with upstream(Script({"a": "true"}), tmp_path) as up:
        monkeypatch.setattr(Path, "mkdir", refuse)
        with pytest.raises(kind, match="the folder in which tools work"):
            await read(up, "a")


# --- its end -----------------------------------------------------------------------------------------------------


async def test_a_run_that_takes_too_long_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    tool = Script({"a": f"sleep 1000 & echo $! > {pid}; wait"})
    async with upstream(tool, tmp_path / "scratch", limit=0.3) as up:
        with pytest.raises(Unavailable, match=r"sh did not end within 0\.3 s: try again, or raise time_limit"):
            await read(up, "a")
        await until(lambda: not lives(pid))
    assert homes(tmp_path / "scratch") == []


async def test_what_a_run_leaves_running_is_killed_and_not_waited_for(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    tool = Script({"a": f"sleep 1000 & echo $! > {pid}; echo done"})
    async with upstream(tool, tmp_path / "scratch") as up:
        async with asyncio.timeout(LIMIT / 4):
            assert (await read(up, "a"))[1] == b"done\n"
        await until(lambda: not lives(pid))


async def test_a_reader_who_leaves_takes_the_run_along(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with upstream(Script({"a": f"echo $$ > {pid}; sleep 1000"}), tmp_path / "scratch") as up:
        reader = asyncio.ensure_future(read(up, "a"))
        await until(lambda: pid.exists() and bool(pid.read_text()))
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        assert not lives(pid)
        assert homes(tmp_path / "scratch") == []


async def test_closing_kills_what_runs_and_lets_nothing_begin(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    async with upstream(Script({"a": f"echo $$ > {pid}; sleep 1000"}), tmp_path / "scratch") as up:
        reader = asyncio.ensure_future(read(up, "a"))
        await until(lambda: pid.exists() and bool(pid.read_text()))
        await up.close()
        assert not lives(pid)
        with pytest.raises(Unavailable, match="stopping"):
            await reader
        with pytest.raises(Unavailable, match="stopping"):
            await read(up, "a")
        assert homes(tmp_path / "scratch") == []


async def test_a_home_with_read_only_folders_goes_too(tmp_path: Path) -> None:
    async with upstream(Script({"a": "mkdir -p a/b; touch a/b/c; ln -s / a/b/d; chmod 500 a/b a ."}), tmp_path) as up:
        await read(up, "a")
        assert homes(tmp_path) == []


async def test_leaving_in_the_middle_of_a_body(tmp_path: Path) -> None:
    async with upstream(Script({"a": "head -c 1000000 /dev/zero > out"}), tmp_path) as up:
        async with up.fetch(Fetch(path="a", max_size=LARGE)) as exchange:
            async for _ in exchange:
                break
        assert homes(tmp_path) == []


# --- the shared folder ---------------------------------------------------------------------------------------------


async def test_those_of_a_period_share_a_cache(tmp_path: Path) -> None:
    tool, clock = Script({"a": "echo x >> $CACHE/seen; cat $CACHE/seen"}), Clock()
    async with upstream(tool, tmp_path, clock=clock) as up, upstream(tool, tmp_path, clock=clock) as other:
        assert (await read(up, "a"))[1] == b"x\n"
        assert (await read(other, "a"))[1] == b"x\nx\n"
        clock.now += PERIOD
        assert (await read(up, "a"))[1] == b"x\n"
    expire = [int(end + LIMIT + MARGIN) + 1 for end in (1_700_000_400, 1_700_001_000)]
    assert folders(tmp_path) == {f"go~cache~{second}" for second in expire}


async def test_repositories_share_nothing(tmp_path: Path) -> None:
    """What one may read with its login is not for the others."""
    tool = Script({"a": "echo x >> $CACHE/seen; cat $CACHE/seen"})
    settings = UpstreamSettings(url="", tool="vcs")
    for name in ("go", "go.2"):
        up = ToolUpstream(name, tool, settings, tmp_path, Clock())
        assert (await read(up, "a"))[1] == b"x\n"
        await up.close()


async def test_what_is_nobodys_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    past, future = int(NOW), int(NOW) + 1
    for name in (
        f"go~cache~{past}",
        f"gone~0123~{past}",
        f"go~4567~{past - 9999}",
        f"go~cache~{future}",
        "other",
        "a~b",
    ):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep/file").touch()
    (tmp_path / f"go~cache~{past}" / "deep").chmod(0o500)
    async with upstream(Script({}), tmp_path):
        await until(lambda: len(folders(tmp_path)) == 3)
    assert folders(tmp_path) == {f"go~cache~{future}", "other", "a~b"}


async def test_a_cache_goes_though_nobody_comes(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / f"go~cache~{int(NOW) + 1}").mkdir()
    async with upstream(Script({}), tmp_path, clock=clock):
        clock.now += 2
        await until(lambda: not folders(tmp_path))


# --- the queue -------------------------------------------------------------------------------------------------------


async def test_only_so_many_run_at_once(tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    tool = Script({"a": f"while ! test -e '{go_on}'; do sleep 0.01; done"})
    async with upstream(tool, tmp_path / "scratch") as up:
        queued = build_tool(up, Permits(1), Permits(1))
        first = asyncio.ensure_future(read(queued, "a"))
        await until(lambda: bool(tool.places))
        with pytest.raises(QueueFull, match="version control were busy"):
            await read(queued, "a")
        go_on.touch()
        assert (await first)[0].status == 200
        assert (await read(queued, "a"))[0].status == 200
