import pytest

from mxart import units


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1", 1),
        ("17 B", 17),
        ("64 KiB", 65536),
        ("64kib", 65536),
        ("64 kB", 64000),
        ("500 MB", 500_000_000),
        ("10 GiB", 10 * 1024**3),
        ("10GiB", 10 * 1024**3),
        ("1.5 MiB", 1_572_864),
        ("0.5 B", 0),
        ("9007199254740993", 9007199254740993),  # beyond what a float holds exactly
        ("2 PiB", 2 * 1024**5),
        ("  3 KiB  ", 3072),
    ],
)
def test_parse_size(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", " ", "KiB", "-1", "1 K", "1 KiBs", "1,5 MiB", "1e3", "١ KiB", "0x10", "1 2", "1.", ".5 MB", "nan", "1" * 5000],
)
def test_parse_size_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="want a size"):
        units.parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        ("2.5", 2.5),
        ("250 ms", 0.25),
        ("30 s", 30),
        ("5 min", 300),
        ("5min", 300),
        ("1 h 30 min", 5400),
        ("1h30min", 5400),
        ("7 d", 604800),
        ("2 w", 1209600),
        ("1 D", 86400),
        ("0.5 h", 1800),
    ],
)
def test_parse_duration(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", " ", "min", "5 m", "5 minutes", "-5 s", "1 h 30", "5 s, 3 ms", "inf", "nan", "1e3", "5 s" * 50, "1:30"]
)
def test_parse_duration_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="want a duration"):
        units.parse_duration(text)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 65536, 10 * 1024**3, 3 * 1024**6])
def test_exact_sizes_are_read_back(size: int) -> None:
    assert units.parse_size(units.format_size(size)) == size


@pytest.mark.parametrize(
    "text",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
)
def test_parse_http_date_in_all_three_forms(text: str) -> None:
    assert units.parse_http_date(text) == 784111777


@pytest.mark.parametrize(
    "text", ["", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT", "0", "Sun, 06 Nov 99999 08:49:37 GMT"]
)
def test_parse_http_date_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_http_date(text)
