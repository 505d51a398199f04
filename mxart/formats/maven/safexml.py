"""XML that anybody may have made up, read as it comes, in bounded memory: the texts of the elements that are wanted.

What a document could grow by, or reach out with, is refused: document type declarations, and with them entities and
external references; tags, depth, numbers and texts without end. The entities of HTML are known without a declaration,
as in Maven's reader: old POMs spell the names of their authors with them.

Elements are known by their local names; namespaces are not looked at. (Expat would write the namespace in front of
every name: a small document with a long one grows to a huge one.)

Specification: Extensible Markup Language 1.0, fifth edition.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from html.entities import name2codepoint
from typing import BinaryIO
from xml.parsers import expat

from mxart.errors import Corrupt

MAX_DEPTH = 200  # elements in one another
MAX_NODES = 1 << 19  # elements, attributes, comments and named entities
MAX_TEXT = 16 << 10  # characters directly in a wanted element
MAX_TOKEN = 1 << 20  # bytes of a tag or a comment, which expat holds, and reads again whenever more has come
COMMENT = "#comment"  # the name that a comment has in a path

_CHUNK = 64 << 10  # bytes read at once
_WHITE_SPACE = " \t\r\n"  # production S of the specification
_DECLARED = re.compile(r"(utf-?8|utf-16([bl]e)?|us-ascii|(iso-8859-|windows-125|cp125)[0-9]{1,2}|koi8-[ru])", re.I)
_UTF16 = {b"\xfe\xff": "utf-16", b"\xff\xfe": "utf-16", b"\x00<": "utf-16-be", b"<\x00": "utf-16-le"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of a kind of document. ``what``: its name in messages; ``limit``: the most bytes it may have.

    ``paths``: local names from below the root element down, such as "parent/groupId"; "#comment" for a comment.
    """

    what: str
    limit: int
    root: str
    paths: frozenset[str]


def chunks(file: BinaryIO) -> Iterator[bytes]:
    """What the open file holds from here on."""
    return iter(partial(file.read, _CHUNK), b"")


def walk(data: Iterable[bytes], wanted: Wanted) -> Iterator[tuple[str, str]]:
    """Path and text of every wanted element at its end, and of every wanted comment, in the order of the document.

    The text is what stands directly in the element, in CDATA sections too, without the white space around it. Raises
    Corrupt, also half-way: what has come is to be believed only when all has.
    """
    walker = _Walker(wanted)
    parser = walker.parser()
    fed = parsed = 0
    for chunk in _without_half_characters(data, wanted):
        fed += len(chunk)
        if fed > wanted.limit:
            raise Corrupt(f"The {wanted.what} has more than {wanted.limit} bytes.")
        _parse(parser, chunk, wanted)
        parsed = max(parsed, parser.CurrentByteIndex)
        if fed - parsed > MAX_TOKEN:
            raise Corrupt(f"The {wanted.what} holds a tag or a comment of more than {MAX_TOKEN} bytes.")
        yield from walker.take()
    _parse(parser, b"", wanted)
    yield from walker.take()


def _parse(parser: expat.XMLParserType, chunk: bytes, wanted: Wanted) -> None:
    """No bytes: that was all."""
    try:
        parser.Parse(chunk, not chunk)
    except expat.ExpatError as error:
        raise Corrupt(f"The {wanted.what} is not well-formed XML: {error}.") from None
    except (ValueError, LookupError):  # of a codec that the declaration asks for
        raise Corrupt(f"The {wanted.what} is not in the encoding that it declares.") from None


def _without_half_characters(data: Iterable[bytes], wanted: Wanted) -> Iterator[bytes]:
    """The same chunks. Raises Corrupt for UTF-16 with half a pair of surrogates: expat takes whatever follows, such as
    the start of a tag, for its other half."""
    decoder: codecs.IncrementalDecoder | None = None
    for number, chunk in enumerate(filter(None, data)):
        if not number and chunk[:2] in _UTF16:
            decoder = codecs.getincrementaldecoder(_UTF16[chunk[:2]])()
        try:
            if decoder:
                decoder.decode(chunk)
        except UnicodeDecodeError:
            raise Corrupt(f"The {wanted.what} is not in UTF-16, as which it begins.") from None
        yield chunk


@dataclass(slots=True)
class _Open:
    """An element whose end has not come. ``path``: None when nothing wanted can be in it."""

    path: str | None
    texts: list[str] = field(default_factory=list)  # what came directly in it
    length: int = 0  # of them together


class _Walker:
    """Where in the document expat is, and what was found there. It does not know the parser, which knows it."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._known = {above for path in wanted.paths for above in _and_above(path)}
        self._open: list[_Open] = []
        self._nodes = 0
        self._found: list[tuple[str, str]] = []

    def parser(self) -> expat.XMLParserType:
        # With a table of interned names, every name that was ever seen would be kept.
        parser = expat.ParserCreate(intern=None)
        parser.buffer_text = True
        parser.UseForeignDTD(True)  # there is none, but a name could be in it: unknown entities are told, not refused
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.SkippedEntityHandler = self._entity
        parser.CommentHandler = self._comment
        return parser

    def take(self) -> list[tuple[str, str]]:
        """What was found since the last call."""
        found, self._found = self._found, []
        return found

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        # Python would import a module of any name, and remember for ever those that it has not found.
        if encoding is not None and not _DECLARED.fullmatch(encoding):
            raise Corrupt(f"The {self._wanted.what} declares an encoding that is not read: {encoding[:40]!r}.")

    def _doctype(self, name: str, system: str | None, public: str | None, has_subset: int) -> None:
        raise Corrupt(f"The {self._wanted.what} has a document type declaration, which is not read.")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count(1 + len(attributes))
        name = tag.rpartition(":")[2]
        if len(self._open) == MAX_DEPTH:
            raise Corrupt(f"The {self._wanted.what} has more than {MAX_DEPTH} elements in one another.")
        if not self._open and name != self._wanted.root:
            raise Corrupt(f"The {self._wanted.what} is not a <{self._wanted.root}> document.")
        self._open.append(_Open(self._below(name) if self._open else ""))

    def _below(self, name: str) -> str | None:
        """The path of that name in the innermost element, if anything wanted can be there."""
        above = self._open[-1].path
        path = f"{above}/{name}" if above else name
        return path if above is not None and path in self._known else None

    def _end(self, tag: str) -> None:
        element = self._open.pop()
        if element.path is not None and element.path in self._wanted.paths:
            self._found.append((element.path, "".join(element.texts).strip(_WHITE_SPACE)))

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if element.path not in self._wanted.paths:
            return
        element.texts.append(text)
        element.length += len(text)
        if element.length > MAX_TEXT:
            raise Corrupt(f"The {self._wanted.what} has more than {MAX_TEXT} characters in <{element.path}>.")

    def _entity(self, name: str, is_parameter: int) -> None:
        self._count(1)
        if name not in name2codepoint:
            raise Corrupt(f"The {self._wanted.what} holds an unknown entity: {name[:40]!r}.")
        self._text(chr(name2codepoint[name]))

    def _comment(self, text: str) -> None:
        self._count(1)
        path = self._below(COMMENT) if self._open else None
        if path is not None:
            self._found.append((path, text))

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise Corrupt(f"The {self._wanted.what} is made of more than {MAX_NODES} elements and attributes.")


def _and_above(path: str) -> Iterator[str]:
    """The path, and those of the elements around it.

    >>> list(_and_above("a/b/c"))
    ['a/b/c', 'a/b', 'a']
    """
    while path:
        yield path
        path = path.rpartition("/")[0]
