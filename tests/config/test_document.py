from pathlib import Path

import pytest

from mxart.config.document import read_document
from mxart.config.problems import ConfigurationError, Problems


def read(file: Path, content: bytes) -> object:
    file.write_bytes(content)
    return read_document(file, Problems("mxart.toml"))


@pytest.mark.parametrize(
    ("content", "document"),
    [
        (b"", {}),
        (b"# nothing", {}),
        (b"\xef\xbb\xbfa = 1", {"a": 1}),
        (b"a = 1\r", {"a": 1}),
        (b"a = 1\r\nb = 2\r\n", {"a": 1, "b": 2}),
        (b'a = { "x.y" = "https://h/?a,b=c#d" } # e', {"a": {"x.y": "https://h/?a,b=c#d"}}),
        (b'a = [\n  # "x",\n  "y", # z\n]', {"a": ["y"]}),
        (b'[[r]]\nname = "a"\n[r.s]\nx = 1\n[[r]]\nname = "b"', {"r": [{"name": "a", "s": {"x": 1}}, {"name": "b"}]}),
    ],
)
def test_reads(tmp_path: Path, content: bytes, document: object) -> None:
    assert read(tmp_path / "mxart.toml", content) == document


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a = \n", "line 1"),
        (b"a = 1\nb\n", "line 2"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"[a]\n[a]", "line 2"),
        (b'a = "x\n', "line 1"),
        (b"= 1", "line 1"),
        (b"a = tru", "line 1"),
        (b"[a", "not valid TOML"),
        (b"a = {\n b = 1\n}", "line"),
        (b'a = [1, "b"]', "line 1"),
        (b'a = [\n "b",\n', "not valid TOML"),
        (b'a = ["127.0.0.1:8080"\n', "not valid TOML"),  # toml 0.10: ["127.0.0.1:808"]
        (b"a = { b = 1", "not valid TOML"),
        (b"a = 01", "line 1"),
        (b"[r]\nx = 1\n[[r]] # c\nx = 2", "[[r]] and [r]: want double brackets on both"),
        (b"a = '\xff'", "byte 5 is not UTF-8"),
        (b"#" * (4 * 1024**2 + 1), "larger than"),
    ],
)
def test_says_what_is_no_toml(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path / "mxart.toml", content)
    (problem,) = caught.value.problems
    assert words in problem.message
    assert "\n" not in str(problem)


def test_says_that_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mxart\.toml: cannot be read: No such file or directory"):
        read_document(tmp_path / "none.toml", Problems("mxart.toml"))
