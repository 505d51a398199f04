"""A tree of files on a server that lists its folders on pages of HTML.

Such a server is hostile: it may list without end, in circles, or what lies elsewhere. Nothing is asked for but what
lies below the URL that was given, or where a Nexus 3 keeps the files that it lists there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from urllib.parse import SplitResult

from mxart.cli.copies import indexpages
from mxart.cli.copies.indexpages import MAX_NAMES, MAX_PAGE, IndexPage, Place
from mxart.cli.copies.trees import (
    AGAIN,
    HIDDEN,
    MAX_DEPTH,
    MAX_SMALL,
    TOO_DEEP,
    Content,
    Ended,
    Folder,
    Found,
    LeftOut,
    Reason,
    Unreadable,
)
from mxart.cli.login import Login
from mxart.errors import BadUpstream, Unavailable
from mxart.formats.maven import checksums
from mxart.formats.maven.paths import quoted
from mxart.upstream.blocking import Connections, Question
from mxart.upstream.download import Answered, get, head
from mxart.upstream.failures import Untrusted, printable
from mxart.upstream.patience import Patience

NO_INDEX = Reason("a folder whose index page cannot be had", is_loss=True)
MAX_FILE = 64 << 30  # bytes
MAX_BARREN = 10_000  # folders in a row without a single file
_IN_MEMORY = 4 << 20  # bytes of a file; what is larger goes to the disk
_NEXUS_3 = re.compile(r"(.*/)service/rest/(repository/)browse/([^/]+(?:/.*)?)")
_STALL_TIME = 60.0  # seconds

_REMEDY = (
    "The files are found by the server's index pages. A Nexus 3 has them at .../service/rest/repository/browse/NAME. "
    "For a server without any, copy the tree to this machine, and give the folder."
)


class WebTree:
    """`Tree` below a URL. ``login``: who asks; None: nobody."""

    def __init__(self, base: SplitResult, login: Login | None, connections: Connections, patience: Patience) -> None:
        self._host = base.netloc
        self._pages = base.geturl()
        self._files = base._replace(path=_NEXUS_3.sub(r"\1\2\3", base.path)).geturl()
        self._login = login or Login("", "")
        self._connections = connections
        self._patience = patience

    def walk(self) -> Iterator[Folder | LeftOut]:
        """As `Tree.walk`. Raises Ended when the first page is none, or the tree does not come to an end."""
        levels, barren = [iter([""])], 0
        while levels:
            path = next(levels[-1], None)
            if path is None:
                levels.pop()
                continue
            page = self._level(path)
            if isinstance(page, LeftOut):
                yield page
                continue
            barren = 0 if page.files else barren + 1
            if barren > MAX_BARREN:
                raise Ended(f"{self._host} lists one folder after the other without a file, last {printable(path)}/")
            yield from (LeftOut(f"{_join(path, name)}/", HIDDEN) for name in page.folders if name.startswith("."))
            if page.files:
                yield Folder(path, [Found(name) for name in page.files])
            levels.append(iter([_join(path, name) for name in page.folders if not name.startswith(".")]))

    @contextmanager
    def open(self, path: str) -> Iterator[Content]:
        """As `Tree.open`."""
        with SpooledTemporaryFile(_IN_MEMORY) as spooled:
            file = cast(BinaryIO, spooled)
            answer = self._get(self._file_url(path), file, MAX_FILE)
            if answer.status != 200:
                raise Unreadable(self._said(answer))
            size = file.tell()
            file.seek(0)
            yield Content(file, size, _digests(answer))

    def small(self, path: str) -> bytes:
        """As `Tree.small`."""
        file = BytesIO()
        answer = self._get(self._file_url(path), file, MAX_SMALL)
        if answer.status in (404, 410):
            return b""
        if answer.status != 200:
            raise Unreadable(f"{path.rpartition('/')[2]}: {self._said(answer)}")
        return file.getvalue()

    def said(self, path: str) -> Mapping[str, str]:
        """As `Tree.said`."""
        question = self._question(self._file_url(path))
        return _digests(self._asked(lambda: head(question, self._connections)))

    # --- pages ---

    def _level(self, path: str) -> IndexPage | LeftOut:
        if path.count("/") >= MAX_DEPTH:
            return LeftOut(f"{path}/", TOO_DEEP)
        try:
            page = self._listed(path)
        except Unreadable as error:
            if path:
                return LeftOut(f"{path}/", NO_INDEX, str(error))
            raise Ended(f"{self._pages}/ lists nothing: {error}. {_REMEDY}") from error
        if not path and not page.folders and not page.files:
            raise Ended(f"{self._pages}/ lists nothing. {_REMEDY}")
        return page

    def _listed(self, path: str) -> IndexPage:
        """All that is listed of a folder, on however many pages. Raises Unreadable."""
        below = f"/{quoted(path)}/" if path else "/"
        place = Place(self._pages + below, self._files + below)
        folders: dict[str, None] = {}
        files: dict[str, None] = {}
        url = place.page
        while url:
            known = len(folders) + len(files)
            page = self._page(url, place)
            folders |= dict.fromkeys(page.folders)
            files |= dict.fromkeys(page.files)
            if len(folders) + len(files) > MAX_NAMES:
                raise Unreadable(f"it lists more than {MAX_NAMES} names")
            url = page.next if len(folders) + len(files) > known else ""  # what lists nothing new goes in circles
        return IndexPage(tuple(folders), tuple(files))

    def _page(self, url: str, place: Place) -> IndexPage:
        file = BytesIO()
        answer = self._get(url, file, MAX_PAGE)
        if answer.status != 200:
            raise Unreadable(self._said(answer))
        if "html" not in answer.headers.get("content-type", "").lower():
            raise Unreadable("what it answers with is no page of HTML")
        try:
            return indexpages.read(file.getvalue().decode("utf-8", errors="replace"), place)
        except BadUpstream as error:
            raise Unreadable(error.message) from error

    # --- requests ---

    def _file_url(self, path: str) -> str:
        return f"{self._files}/{quoted(path)}"

    def _question(self, url: str) -> Question:
        login = self._login
        return Question(url=url, username=login.username, password=login.password, stall_timeout=_STALL_TIME)

    def _get(self, url: str, file: BinaryIO, max_size: int) -> Answered:
        question = self._question(url)
        return self._asked(lambda: get(question, file, max_size, self._connections))

    def _asked(self, question: Callable[[], Answered]) -> Answered:
        """Raises Unreadable when what comes is of no use; Ended when nobody answers."""
        try:
            return self._patience.ask(question)
        except (Unavailable, Untrusted) as error:
            raise Ended(f"{error.message}. {AGAIN}") from error
        except BadUpstream as error:
            raise Unreadable(error.message) from error
        except OSError as error:
            raise Ended(f"What is downloaded cannot be kept on this machine: {error.strerror}") from error

    def _said(self, answer: Answered) -> str:
        said = f"{self._host} answers {answer.status}"
        if answer.status == 401:
            return f"{said}: put a line with your login for it into ~/.netrc"
        if 300 <= answer.status < 400:
            return f"{said}, it leads to {printable(answer.headers.get('location', 'nowhere'))}"
        return said


def _digests(answer: Answered) -> Mapping[str, str]:
    return checksums.by_algorithm(answer.headers)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
