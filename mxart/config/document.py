"""A TOML file as nested tables. The only place that knows the ``toml`` library and its manners."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import toml

from mxart.config.problems import Problems

_LARGEST_FILE = 4 * 1024**2  # bytes; the library's time grows with the square of a line's length


def read_document(file: Path, problems: Problems) -> Mapping[str, object]:
    """The file's top-level table. Raises ConfigurationError when it cannot be read or is no TOML."""
    text = _read_text(file, problems)
    try:
        # toml 0.10 takes some broken files for whole: a list that the end of the file leaves open loses its last
        # character. The standard library's reader judges first, and says better what is wrong.
        tomllib.loads(text)
        return toml.loads(text)
    except (tomllib.TOMLDecodeError, toml.TomlDecodeError) as error:
        problems.add("", "", None, f"not valid TOML: {error}{_remedy(text)}")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):  # what toml 0.10 stumbles over
        problems.add("", "", None, "this TOML is too intricate; want plain tables, and lists of one type")
    problems.raise_if_any()
    return {}


def _read_text(file: Path, problems: Problems) -> str:
    text = ""
    try:
        if file.stat().st_size > _LARGEST_FILE:
            problems.add("", "", None, f"larger than {_LARGEST_FILE} bytes: this cannot be a configuration file")
        else:
            text = file.read_text(encoding="utf-8-sig")  # editors on Windows put a byte order mark in front
    except OSError as error:
        problems.add("", "", None, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        problems.add("", "", None, f"not valid TOML: byte {error.start} is not UTF-8")
    problems.raise_if_any()
    return text


def _remedy(text: str) -> str:
    headers = {line.split("#")[0].strip() for line in text.splitlines() if line.lstrip().startswith("[")}
    doubled = sorted(header for header in headers if header.startswith("[[") and header[1:-1] in headers)
    return f"; {doubled[0]} and {doubled[0][1:-1]}: want double brackets on both" if doubled else ""
