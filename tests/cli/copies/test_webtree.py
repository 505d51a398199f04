from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest

from mxart.cli.copies import webtree
from mxart.cli.copies.trees import HIDDEN, MAX_DEPTH, MAX_SMALL, TOO_DEEP, Ended, LeftOut, Unreadable
from mxart.cli.copies.webtree import NO_INDEX, WebTree
from mxart.upstream.blocking import Connections
from mxart.upstream.patience import Patience
from tests.cli.copies.mavensource import JAR, Listing, checked, paths
from tests.support.upstream import Answer, ScriptedUpstream

HTML = {"Content-Type": "text/html"}
PATH = "org/acme/lib/1.0/lib-1.0.jar"


@pytest.fixture
def scripted() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as upstream:
        yield upstream


def tree(scripted: ScriptedUpstream, path: str = "/base") -> WebTree:
    return WebTree(urlsplit(scripted.url + path), None, Connections(), Patience(Event(), (0.0,)))


def pages(answer: Callable[[str], str]) -> Callable[[str], tuple[int, dict[str, str], bytes]]:
    return lambda target: (200, HTML, answer(target).encode())


def test_a_walk(scripted: ScriptedUpstream) -> None:
    scripted.handler = Listing({"b/2": b"", "b/c/1": b"", "a/x y/ä": b"", "top": b"", ".index/x": b""})
    assert paths(tree(scripted)) == ["top", "a/x y/ä", "b/2", "b/c/1"]
    assert [each for each in tree(scripted).walk() if isinstance(each, LeftOut)] == [LeftOut(".index/", HIDDEN)]
    assert scripted.count("/base/a/x%20y/") == 2


def test_a_base_that_needs_escapes(scripted: ScriptedUpstream) -> None:
    scripted.handler = Listing({"b/1": b"1"}, "/my repo/")
    walked = tree(scripted, "/my%20repo")
    assert paths(walked) == ["b/1"]
    assert walked.small("b/1") == b"1"


def test_a_folder_on_many_pages(scripted: ScriptedUpstream) -> None:
    def page(target: str) -> str:
        number = int(target.partition("?p=")[2] or 0)
        return f'<a href="f{number}">x</a>' + (f'<a rel="next" href="?p={number + 1}">more</a>' if number < 9 else "")

    scripted.handler = pages(page)
    assert paths(tree(scripted)) == [f"f{number}" for number in range(10)]


def test_pages_that_go_in_circles(scripted: ScriptedUpstream) -> None:
    scripted.handler = pages(lambda target: '<a href="f">x</a><a rel="next" href="?p=1">more</a>')
    assert paths(tree(scripted)) == ["f"]
    assert len(scripted.requests) == 2


def test_pages_without_end(scripted: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webtree, "MAX_NAMES", 20)
    numbers = iter(range(1000))
    scripted.handler = pages(lambda target: f'<a href="{next(numbers)}">x</a><a rel="next" href="?p=1">more</a>')
    with pytest.raises(Ended, match="more than 20 names"):
        paths(tree(scripted))


def test_a_tree_without_end_in_depth(scripted: ScriptedUpstream) -> None:
    scripted.handler = pages(lambda target: '<a href="d/">d</a><a href="x">x</a>')
    walked = list(tree(scripted).walk())
    assert walked[-1] == LeftOut("/".join(["d"] * (MAX_DEPTH + 1)) + "/", TOO_DEEP)
    assert len(walked) == MAX_DEPTH + 2


def test_a_tree_without_end_and_without_files(scripted: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webtree, "MAX_BARREN", 100)
    scripted.handler = pages(lambda target: '<a href="d/">d</a><a href="e/">e</a>')
    with pytest.raises(Ended, match="one folder after the other without a file, last d/d/d"):
        paths(tree(scripted))
    assert len(scripted.requests) == 101


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(status=403), "answers 403"),
        (
            Answer(status=302, headers={"Location": "http://127.0.0.1:1/"}),
            "answers 302, it leads to http://127.0.0.1:1/",
        ),
        (Answer(headers={"Content-Type": "application/java-archive"}, body=b"x"), "no page of HTML"),
        (Answer(headers=HTML, body=b"x" * (webtree.MAX_PAGE + 1)), "bytes that make sense here"),
    ],
)
def test_a_folder_that_cannot_be_listed(scripted: ScriptedUpstream, answer: Answer, said: str) -> None:
    scripted.handler = Listing({"a/1": b"", "b/1": b""})
    scripted.script("/base/a/", answer)
    assert paths(tree(scripted)) == ["b/1"]
    (left_out,) = [each for each in tree(scripted).walk() if isinstance(each, LeftOut)]
    assert (left_out.path, left_out.reason) == ("a/", NO_INDEX)
    assert said in left_out.detail


def test_a_server_that_goes_away(scripted: ScriptedUpstream) -> None:
    scripted.handler = Listing({"a/1": b"", "b/1": b""})
    scripted.script("/base/b/", Answer(reset=True))
    with pytest.raises(Ended, match=r"cannot be reached: .* Run it again"):
        paths(tree(scripted))


def test_a_nexus_keeps_files_beside_its_pages(scripted: ScriptedUpstream) -> None:
    base = "/n/service/rest/repository/browse/releases/"
    listing = Listing({PATH: JAR}, base)

    def answer(target: str) -> tuple[int, dict[str, str], bytes] | None:
        if target == f"/n/repository/releases/{PATH}":
            return 200, {"ETag": f'"{{SHA1{{{checked(PATH, JAR)[f"{PATH}.sha1"].decode()}}}}}"'}, JAR
        if target == f"{base}org/acme/lib/1.0/":
            link = f"{scripted.url}/n/repository/releases/{PATH}"
            return 200, HTML, f'<a href="../">Parent</a><a href="{link}">lib-1.0.jar</a>'.encode()
        found = listing(target)
        return None if found is None else (found[0], dict(found[1]), found[2])

    scripted.handler = answer
    walked = tree(scripted, base.rstrip("/"))
    assert paths(walked) == [PATH]
    with walked.open(PATH) as content:
        assert content.file.read() == JAR
        assert content.said == walked.said(PATH) == {"sha1": checked(PATH, JAR)[f"{PATH}.sha1"].decode()}


def test_files(scripted: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(webtree, "_IN_MEMORY", 1000)
    walked = tree(scripted)
    scripted.static("/base/a", JAR, headers={"X-Checksum-MD5": "0" * 32})
    scripted.static("/base/big", b"x" * (MAX_SMALL + 1))
    with walked.open("a") as content:
        assert (content.file.read(), content.size, content.said) == (JAR, len(JAR), {"md5": "0" * 32})
    assert walked.small("a") == JAR
    assert walked.small("missing") == b""
    assert walked.said("missing") == {}
    with pytest.raises(Unreadable, match="answers 404"), walked.open("missing"):
        pass
    with pytest.raises(Unreadable, match="make sense here"):
        walked.small("big")
    scripted.script("/base/closed.sha1", Answer(status=403))
    with pytest.raises(Unreadable, match=r"closed\.sha1: 127.* answers 403"):
        walked.small("closed.sha1")


def test_a_file_that_breaks_off_is_asked_again(scripted: ScriptedUpstream) -> None:
    scripted.script("/base/a", Answer(body=JAR, cut_after=100), Answer(body=JAR))
    with tree(scripted).open("a") as content:
        assert content.file.read() == JAR


def test_no_room_for_what_comes(scripted: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None: ...
        def seek(self, offset: int) -> None: ...
        def truncate(self) -> None: ...
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(webtree, "SpooledTemporaryFile", lambda size: Full())
    scripted.static("/base/a", JAR)
    with pytest.raises(Ended, match="cannot be kept on this machine: No space left"), tree(scripted).open("a"):
        pass
