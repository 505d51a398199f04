"""XML that is meant to hurt: refused in a sentence, soon, and in little memory; all else is read as it is written."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections import deque
from collections.abc import Iterable, Iterator
from time import process_time

import pytest

from mxart.errors import Corrupt
from mxart.formats.maven import safexml
from mxart.formats.maven.safexml import COMMENT, MAX_DEPTH, MAX_NODES, MAX_TEXT, MAX_TOKEN, Wanted

LIMIT = 8 << 20
WANTED = Wanted("document", LIMIT, "r", frozenset({"a", "b/c", COMMENT, f"b/{COMMENT}"}))


def read(data: bytes, wanted: Wanted = WANTED) -> list[tuple[str, str]]:
    return list(safexml.walk(safexml.chunks(io.BytesIO(data)), wanted))


def declared(encoding: str, text: str = "<r><a>é</a></r>", codec: str | None = None) -> bytes:
    return f'<?xml version="1.0" encoding="{encoding}"?>{text}'.encode(codec or encoding)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<r/>", []),
        ("<r></r>\n", []),
        ("<r><a>1</a></r>", [("a", "1")]),
        ("<r><a/><a></a></r>", [("a", ""), ("a", "")]),
        ("<r><a>1</a><b><c>2</c></b><a>3</a></r>", [("a", "1"), ("b/c", "2"), ("a", "3")]),
        ("<r> <a>\r\n\t1 2 \n</a> </r>", [("a", "1 2")]),
        ("<r><a>\xa01\u2028</a></r>", [("a", "\xa01\u2028")]),  # no white space of XML
        ("<r><b><a>1</a></b><c>2</c><d><a>3</a></d></r>", []),
        ("<r><r><a>1</a></r></r>", []),
        ("<r><a>1<x>2</x>3</a></r>", [("a", "13")]),
        ("<r><a>1<a>2</a></a></r>", [("a", "1")]),
        ("<r><a>1<!-- 2 -->3</a></r>", [("a", "13")]),
        ("<r><a> <![CDATA[ <2> &amp; ]]>]]&gt;</a></r>", [("a", "<2> &amp; ]]>")]),
        ("<r><a>1<?a 2?>3</a><?b?></r>", [("a", "13")]),
        ("<?b 1?><!-- 1 --><r/><!-- 2 --><?b?>", []),
        ("<r><!-- 1 --><b><!--2--><c><!--3--></c></b></r>", [(COMMENT, " 1 "), (f"b/{COMMENT}", "2"), ("b/c", "")]),
        ("<r><a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</a></r>", [("a", "<&>\"'A😀")]),
        ("<r><a>J&ouml;rg &copy;&nbsp;&alpha;</a></r>", [("a", "Jörg ©\xa0α")]),
        ('<r x="&ouml;"><x>&euro;</x></r>', []),
        ('<r xmlns="http://example.org/1"><a>1</a></r>', [("a", "1")]),
        ('<q:r xmlns:q="http://example.org/1"><q:a>1</q:a><a>2</a></q:r>', [("a", "1"), ("a", "2")]),
        ("<q:r><p:a>1</p:a></q:r>", [("a", "1")]),
        ('<r a="1" xml:space="preserve"><a b="2">3</a></r>', [("a", "3")]),
        ("<r><a>日本😀</a><日/></r>", [("a", "日本😀")]),
        ('<?xml version="1.0"?><r><a>1</a></r>', [("a", "1")]),
        ('<?xml version="1.1" standalone="no"?><r><a>1</a></r>', [("a", "1")]),
    ],
)
def test_what_is_found(text: str, found: list[tuple[str, str]]) -> None:
    assert read(text.encode()) == found


@pytest.mark.parametrize(
    "data",
    [
        declared("UTF-8"),
        declared("utf-8"),
        b"\xef\xbb\xbf" + "<r><a>é</a></r>".encode(),
        b"\xef\xbb\xbf" + declared("UTF-8"),
        "<r><a>é</a></r>".encode("utf-16"),
        declared("UTF-16"),
        declared("UTF-16", codec="utf-16-be"),
        declared("UTF-16", codec="utf-16-le"),
        declared("UTF-16LE", codec="utf-16-le"),
        declared("ISO-8859-1"),
        declared("iso-8859-15"),
        declared("US-ASCII", "<r><a>&#233;</a></r>"),
        declared("windows-1252"),
        declared("Cp1250"),
        declared("KOI8-R", "<r><a>&eacute;</a><x>Я</x></r>"),
        declared("UTF8", "<r><a>&eacute;</a></r>"),
    ],
)
def test_encodings(data: bytes) -> None:
    assert read(data) == [("a", "é")]


LAUGHS = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))

MANY = "<x {}/>".format(" ".join(map("a{}=''".format, range(60_000))))

HOSTILE = {
    "billion laughs": (f'<!DOCTYPE r [<!ENTITY l0 "lol">{LAUGHS}]><r><a>&l9;</a></r>', "document type declaration"),
    "quadratic": (f'<!DOCTYPE r [<!ENTITY l "{"l" * 50_000}">]><r>{"&l;" * 50_000}</r>', "document type declaration"),
    "itself": ('<!DOCTYPE r [<!ENTITY l "&l;">]><r>&l;</r>', "document type declaration"),
    "parameters": ("<!DOCTYPE r [<!ENTITY % l \"<!ENTITY m '1'>\">%l;]><r>&m;</r>", "document type declaration"),
    "a file": ('<!DOCTYPE r [<!ENTITY l SYSTEM "file:///etc/passwd">]><r><a>&l;</a></r>', "document type declaration"),
    "a far DTD": ('<!DOCTYPE r SYSTEM "http://127.0.0.1:1/r.dtd"><r/>', "document type declaration"),
    "a public DTD": ('<!DOCTYPE r PUBLIC "-//x//y" "r.dtd"><r/>', "document type declaration"),
    "no more than a DTD": ("<!DOCTYPE r><r/>", "document type declaration"),
    "an attribute's default": ('<!DOCTYPE r [<!ATTLIST r a CDATA "1">]><r/>', "document type declaration"),
    "an unknown entity": ("<r>&nothing;</r>", "unknown entity: 'nothing'"),
    "an endless entity": (f"<r>&{'x' * 100_000};</r>", "unknown entity: 'xxxxx"),
    "an unknown entity, alone": ('<?xml version="1.0" standalone="yes"?><r>&nothing;</r>', "undefined entity"),
    "depth": ("<r>" + "<a>" * 100_000, f"more than {MAX_DEPTH} elements"),
    "depth, closed": ("<r>" + "<x>" * MAX_DEPTH + "</x>" * MAX_DEPTH + "</r>", f"more than {MAX_DEPTH} elements"),
    "elements": ("<r>" + "<x/>" * MAX_NODES + "</r>", f"more than {MAX_NODES} elements"),
    "comments": ("<r>" + "<!---->" * MAX_NODES + "</r>", f"more than {MAX_NODES} elements"),
    "entities": ("<r>" + "&eacute;" * (MAX_NODES + 1) + "</r>", f"more than {MAX_NODES} elements"),
    "attributes": (
        f"<r>{MANY * 10}</r>",
        f"more than {MAX_NODES} elements",
    ),
    "a huge text": (f"<r><a>{'x' * (2 << 20)}</a></r>", f"more than {MAX_TEXT} characters in <a>"),
    "a huge text, in CDATA": (f"<r><a><![CDATA[{'x' * (2 << 20)}]]></a></r>", f"more than {MAX_TEXT} characters"),
    "a huge text, in pieces": (f"<r><b><c>{'x<x/>' * 20_000}</c></b></r>", f"more than {MAX_TEXT} characters in <b/c>"),
    "a huge text, of references": (f"<r><a>{'&#233;' * 20_000}</a></r>", f"more than {MAX_TEXT} characters"),
    "a huge white space": (f"<r><a>{' ' * (2 << 20)}</a></r>", f"more than {MAX_TEXT} characters"),
    "a huge attribute": (f'<r><x y="{"x" * (2 << 20)}"/></r>', f"more than {MAX_TOKEN} bytes"),
    "a huge name": (f"<r><{'x' * (2 << 20)}/></r>", f"more than {MAX_TOKEN} bytes"),
    "a huge comment": (f"<r><!--{'x' * (2 << 20)}--></r>", f"more than {MAX_TOKEN} bytes"),
    "a huge instruction": (f"<?x {'x' * (2 << 20)}?><r/>", f"more than {MAX_TOKEN} bytes"),
    "a huge tag that never ends": (f"<r {' ' * (2 << 20)}", f"more than {MAX_TOKEN} bytes"),
    "too large": (f"<r>{' ' * LIMIT}</r>", f"more than {LIMIT} bytes"),
    "too large, behind its end": (f"<r/>{' ' * LIMIT}", f"more than {LIMIT} bytes"),
    "another document": ("<html><body/></html>", "not a <r> document"),
    "another document, with ours in it": ("<x><r/></x>", "not a <r> document"),
}


@pytest.mark.parametrize(("text", "message"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile(text: str, message: str) -> None:
    data = text.encode()
    tracemalloc.start()
    begun = process_time()
    try:
        with pytest.raises(Corrupt, match=message) as raised:
            deque(safexml.walk(safexml.chunks(io.BytesIO(data)), WANTED), maxlen=0)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    assert process_time() - begun < 20  # tracing makes it slower by far; what is quadratic would take minutes
    assert raised.value.message.endswith(".") and len(raised.value.message) < 200


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n",
        b"\x00",
        b"text",
        b'{"a": 1}',
        b"<",
        b"<r",
        b"<r>",
        b"<r></q>",
        b"<r><a></r></a>",
        b"<r/><r/>",
        b"<r/>text",
        b"text<r/>",
        b"<r>&</r>",
        b"<r>&amp</r>",
        b"<r>]]></r>",
        b"<r><![CDATA[</r>",
        b"<r><!-- -- --></r>",
        b"<r a=1/>",
        b'<r a="1" a="2"/>',
        b'<r a="<"/>',
        b"<r><a>\x00</a></r>",
        b"<r><a>\x01</a></r>",
        b"<r><a>&#0;</a></r>",
        b"<r><a>&#1;</a></r>",
        b"<r><a>&#xD800;</a></r>",
        b"<r><a>&#xFFFE;</a></r>",
        b"<r><a>&#x110000;</a></r>",
        b"<r><a>&#99999999999999999999;</a></r>",
        b"<r><a>\xed\xa0\x80</a></r>",  # half a pair of surrogates
        b"<r><a>\xc0\xbc</a></r>",  # an overlong <
        b"<r><a>\xf4\x90\x80\x80</a></r>",
        b"<r><a>\xff</a></r>",
        b"<r><a>\xe9</a></r>",  # ISO-8859-1 that does not say so
        b'\n<?xml version="1.0"?><r/>',
        b'<?xml version="1.0" encoding=""?><r/>',
        declared("UTF-8", codec="iso-8859-1"),
        declared("UTF8", codec="iso-8859-1"),
        declared("US-ASCII", codec="iso-8859-1"),
        declared("UTF-16", codec="ascii", text="<r/>"),
        declared("ISO-8859-1", codec="utf-16-le", text="<r/>")[1:],
        "<r><a>é</a></r>".encode("utf-32"),
        "<r>".encode("utf-16") + b"\x00\xd8" + "x</r>".encode("utf-16-le"),
        "<r><a>".encode("utf-16") + b"\x00\xd8" + "<b></a></r>".encode("utf-16-le"),
        "<r>".encode("utf-16-be") + b"\xdc\x00" + "</r>".encode("utf-16-be"),
        b"\x1f\x8b\x08\x00",
        b"PK\x03\x04",
    ],
)
def test_what_is_not_well_formed(data: bytes) -> None:
    with pytest.raises(Corrupt, match=r"^The document .*\.$"):
        read(data)


@pytest.mark.parametrize(
    "encoding",
    [
        "UTF-7",
        "UTF-32",
        "GBK",
        "Shift_JIS",
        "idna",
        "punycode",
        "unicode_escape",
        "hex",
        "rot13",
        "undefined",
        "x" * 9999,
    ],
)
def test_encodings_that_are_not_read(encoding: str) -> None:
    with pytest.raises(Corrupt, match="declares an encoding that is not read"):
        read(declared(encoding, "<r/>", "ascii"))


@pytest.mark.parametrize("encoding", ["iso-8859-99", "windows-1259"])
def test_encodings_that_do_not_exist(encoding: str) -> None:
    with pytest.raises(Corrupt, match="not in the encoding that it declares"):
        read(declared(encoding, "<r/>", "ascii"))


@pytest.mark.parametrize(
    "text",
    [
        f"<r><x>{'x' * (2 << 20)}</x><a>1</a></r>",  # a description may be long
        f"<r><x>{chr(10) * (2 << 20)}</x><a>1</a></r>",
        f"<r><!--{'x' * (MAX_TOKEN // 2)}--><a>1</a></r>",
        f"<r><a>{' ' * (MAX_TEXT - 1)}1</a></r>",
        "<r>" + "<x>" * (MAX_DEPTH - 1) + "</x>" * (MAX_DEPTH - 1) + "<a>1</a></r>",
        "<r>" + "<x/>" * 300_000 + "<a>1</a></r>",
    ],
    ids=["text", "lines", "comment", "white space", "depth", "elements"],
)
def test_what_is_large_and_harmless(text: str) -> None:
    assert ("a", "1") in read(text.encode())


def test_what_was_found_comes_before_the_end_has_been_read() -> None:
    def data() -> Iterator[bytes]:
        yield b"<r><a>1</a>"
        raise AssertionError

    assert next(safexml.walk(data(), WANTED)) == ("a", "1")


@pytest.mark.parametrize("codec", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chunks_of_any_size(codec: str, size: int) -> None:
    data = '<?xml version="1.0"?><r><!-- é --><a>1&eacute;<![CDATA[😀]]></a></r>'.encode(codec)
    chunks: Iterable[bytes] = (data[at : at + size] for at in range(0, len(data), size))
    assert list(safexml.walk(chunks, WANTED)) == [(COMMENT, " é "), ("a", "1é😀")]


def test_an_empty_chunk_is_not_the_end() -> None:
    assert list(safexml.walk([b"", b"<r><a>", b"", b"1</a></r>", b""], WANTED)) == [("a", "1")]


def test_damage_anywhere_is_corrupt_or_harmless() -> None:
    """No damage raises anything but Corrupt."""
    base = declared("ISO-8859-1", "<r><!-- 1 --><a b='2'>&eacute;<![CDATA[3]]></a><b><c>4</c></b></r>")
    dice = random.Random(1)
    refused = 0
    for at in range(len(base)):
        for byte in (0, 0x3C, 0x26, 0xFF, dice.randrange(256)):
            try:
                read(base[:at] + bytes([byte]) + base[at + 1 :])
            except Corrupt:
                refused += 1
    assert refused > len(base)
    for length in range(len(base)):
        with pytest.raises(Corrupt):
            read(base[:length])
