"""The order of versions; the rows agree with the verdicts of Maven 4's own ``ComparableVersion``."""

from __future__ import annotations

import itertools
import random
import time

import pytest

from mxart.formats.maven import versions

QUALIFIERS = [
    "1-alpha2snapshot", "1-alpha2", "1-alpha-123", "1-beta-2", "1-beta123", "1-m2", "1-m11", "1-rc", "1-cr2",
    "1-rc123", "1-SNAPSHOT", "1", "1-sp", "1-sp2", "1-sp123", "1-abc", "1-def", "1-pom-1", "1-1-snapshot", "1-1",
    "1-2", "1-123",
]  # fmt: skip
NUMBERS = [
    "2.0", "2.0.a", "2-1", "2.0.2", "2.0.123", "2.1.0", "2.1-a", "2.1b", "2.1-c", "2.1-1", "2.1.0.1", "2.2", "2.123",
    "11.a2", "11.a11", "11.b2", "11.b11", "11.m2", "11.m11", "11", "11.a", "11b", "11c", "11m",
]  # fmt: skip
LONGER_AND_LONGER = [
    "20190126.230843", "1234567890.12345", "123456789012345.1H.5-beta", "12345678901234567890.1H.5-beta",
    "123456789012345678901234567890",
]  # fmt: skip

ORDERED = [  # every version is older than all that follow in its row
    QUALIFIERS,
    NUMBERS,
    LONGER_AND_LONGER,
    ["1", "1.1", "1.2.0", "1.5", "2", "2.5"],
    ["1.0.0", "1.0.1", "1.1"],
    ["0.2", "0.7", "1.0.7", "2"],
    ["1.0-alpha-1-SNAPSHOT", "1.0-alpha-1", "1.0-alpha-2", "1.0-beta-1", "1.0-SNAPSHOT", "1.0", "1.0-1", "1.0-2"],
    ["1.0.0", "1.0-1"],
    ["2.0-1", "2.0.1"],
    ["2.0.1-klm", "2.0.1-lmn", "2.0.1-123"],
    ["2.0.1", "2.0.1-xyz", "2.0.1-123"],
    ["6.1.0rc3", "6.1.0", "6.1H.5-beta"],  # MNG-5568
    ["1-0.alpha", "1-0.beta", "1"],  # MNG-6964
    ["1.0.final-redhat", "1.0-sp1-redhat"],  # MNG-7714
    ["1.0.final-redhat", "1.0-sp-1-redhat"],
    ["1.0.final-redhat", "1.0-sp.1-redhat"],
    ["4.1.0.Final-redhat-1", "4.1.0.Final"],  # Maven 3 has the reverse
    ["1-a-1", "1", "1-a"],  # one letter is an abbreviation only in front of a number
    ["1-rc", "1-rc.1", "1-rc1-SNAPSHOT", "1-rc1"],
    ["1-1", "1.0-1", "1.0.0-1"],  # zeros count in front of a number
    ["c", "J", "7"],
    ["aardvark", "zebra", "ζέβρα", "1"],
    ["é", "1"],
    ["\U0001d7e4", "1"],  # a digit, but not an ASCII one
    ["٨", "1", "9"],
    ["x\U0001d7e4", "x\ue000"],  # the other way round by code points
    ["1-x+b", "1-x_b", "1-xb"],  # neither "+" nor "_" separates
    ["1_1", "1.1"],
    ["33.2.0-android", "33.2.0-jre", "33.2.1-android"],
    ["5.3.0.M1", "5.3.0.RC1", "5.3.0.RELEASE", "5.3.1"],
    ["2.0.0-20230115.101112-1", "2.0.0-20230115.101112-2", "2.0.0-20230115.101112-10", "2.0.0-20230116.000000-1"],
    ["r03", "r05", "r09"],
    ["Finchley.RELEASE", "Finchley.SR1", "Greenwich.RELEASE"],
    ["1." + "9" * 999, "1.1" + "0" * 999, "1.1" + "0" * 998 + "1"],
    ["0.1", "1.1", "0000000000.1"],  # Maven compares the sizes of its integers before their values
]

EQUAL = [  # within a row every version is as new as every other
    ["1", "1.0", "1.0.0", "1-0", "1.0-0", "1.", "1-", "1..", "1.-", "1.0.-0.0", "01", "1.00"],
    ["1", "1ga", "1GA", "1Ga", "1final", "1FINAL", "1FinaL", "1release", "1RELEASE", "1RELeaSE", "1-ga", "1.0.0.Final"],
    ["1a", "1-a", "1.0-a", "1.0.0-a", "1.0a", "1.0.0a", "1A", "1.a", "1.0.A"],
    ["1x", "1-x", "1.0-x", "1.0.0-x", "1.0x", "1.0.0x", "1X", "1.x"],
    ["1cr", "1rc", "1Cr", "1cR", "1.RC", "1-CR"],
    ["1a1", "1-a1", "1-a-1", "1-alpha-1", "1alpha1", "1.ALPHA-1", "1-alpha01"],
    ["1b2", "1-beta-2", "1.0.0.beta2"],
    ["1m3", "1-milestone-3", "1Milestone3", "1MileStone3", "1MILESTONE3"],
    ["1.0.0-alpha1", "1.0.0-ALPHA1"],
    ["1.é", "1.É"],
    ["1-abcdefghijklmnopqrstuvwxyz", "1-ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
    ["0" * zeros + "1" for zeros in range(25)],
    ["0" * zeros for zeros in range(25)],
    ["0-x", "0.x", "-x", ".x"],
    ["a-٣", "a-3", "a3"],  # the one place where Maven takes digits of other scripts for numbers
]


@pytest.mark.parametrize("row", ORDERED, ids=lambda row: row[0][:30])
def test_each_is_older_than_all_that_follow(row: list[str]) -> None:
    for older, newer in itertools.combinations(row, 2):
        assert versions.compare(older, newer) < 0, (older, newer)
        assert versions.compare(newer, older) > 0, (older, newer)


@pytest.mark.parametrize("row", EQUAL, ids=lambda row: f"{row[0][:15]} {row[1][:15]}")
def test_all_are_equally_new(row: list[str]) -> None:
    for one, other in itertools.product(row, repeat=2):
        assert versions.compare(one, other) == 0, (one, other)


@pytest.mark.parametrize("word", ["abc", "alpha", "a", "beta", "b", "def", "milestone", "m", "RC"])
def test_a_dot_in_front_of_a_word_is_a_dash(word: str) -> None:
    """MNG-7644."""
    assert versions.compare(f"1.0.0.{word}1", f"1.0.0-{word}2") < 0
    assert versions.compare(f"1.0.0.{word}2", f"1.0.0-{word}1") > 0
    for one, other in itertools.product([f"2-{word}", f"2.0.{word}", f"2.0.0.{word}"], repeat=2):
        assert versions.compare(one, other) == 0


def test_the_reverse_question_has_the_reverse_answer() -> None:
    for one, other in itertools.combinations([*itertools.chain(*ORDERED, *EQUAL)], 2):
        assert _sign(versions.compare(one, other)) == -_sign(versions.compare(other, one)), (one, other)


def test_what_is_equal_compares_alike_with_all_others() -> None:
    others = [*QUALIFIERS, *NUMBERS, *LONGER_AND_LONGER]
    for row in EQUAL:
        for one, other in itertools.pairwise(row):
            for third in others:
                assert _sign(versions.compare(one, third)) == _sign(versions.compare(other, third)), (one, other, third)


def test_the_order_of_usual_versions_is_transitive() -> None:
    usual = [*QUALIFIERS, *NUMBERS, *LONGER_AND_LONGER, *(row[0] for row in EQUAL)]
    by_order = sorted(sorted(usual), key=versions.key)
    for older, newer in itertools.combinations(by_order, 2):
        assert versions.compare(older, newer) <= 0, (older, newer)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


@pytest.mark.parametrize("row", [row for row in ORDERED if len(row) > 2], ids=lambda row: row[0][:30])
def test_versions_are_sorted(row: list[str]) -> None:
    shuffled = random.Random(0).sample(row, len(row))
    assert sorted(shuffled, key=versions.key) == versions.ordered(shuffled) == row


def test_equal_versions_are_sorted_by_text() -> None:
    for row in EQUAL:
        assert sorted(row, key=versions.key) == sorted(row)
        assert versions.ordered(row) == versions.ordered(reversed(row)) == sorted(row)


def test_each_version_is_ordered_once() -> None:
    assert versions.ordered(iter(["1", "2", "1"])) == ["1", "2"]
    assert versions.ordered([]) == []


def test_versions_in_a_circle_still_have_one_order() -> None:
    circle = ["31.1-rc1", "31.1", "31.1.jre-SNAPSHOT"]
    assert all(versions.compare(one, other) < 0 for one, other in zip(circle, circle[1:] + circle[:1], strict=True))
    assert len({tuple(versions.ordered(order)) for order in itertools.permutations(circle)}) == 1
    assert versions.ordered([*circle, "31.2"])[-1] == "31.2"


HOSTILE = [
    "1-" * 500,
    "a1" * 300,
    "-" * 1000,
    "." * 1000,
    "0." * 500 + "x",
    "0-" * 500 + "x",
    "a-" * 500 + "1",
    "a-٣" * 300,
    "٣" * 1000,
    "x٣" * 500 + "1",
    "9" * 5000,
    "0" * 5000,
    "0" * 5000 + "1",
    "-20090413.094722" * 50,
    "1\udcff",
    "\ud835",
    "\ud8351",
    "1\U0001d7e4",  # Maven's own class fails on this one and the next two
    "٣x1",
    "a-٣x",
    "x\n1",
    "\x00",
    "ß-İ.ﬁ",
]


def test_whatever_is_sent_has_its_place() -> None:
    for one, other in itertools.combinations(HOSTILE, 2):
        assert _sign(versions.compare(one, other)) == -_sign(versions.compare(other, one)), (one[:20], other[:20])
        assert versions.compare(one, one) == 0
    assert versions.ordered(HOSTILE) == versions.ordered(HOSTILE[::-1])


@pytest.mark.parametrize("part", ["1-", "a1", "1.", "a-1.", "0-", "0.", "a-", "a-٣", "٣", "9", "0", "-20090413.094722"])
def test_time_grows_with_the_length_alone(part: str) -> None:
    long = part * (40_000 // len(part))
    begun = time.process_time()
    assert versions.compare(long + "1", long + "2") < 0
    assert versions.compare(long, long) == 0
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("part", ["1-", "a1", "1.", "a-1."])
def test_one_part_more_among_many_is_seen(part: str) -> None:
    assert versions.compare(part * 500 + "2", part * 499 + "2") != 0


def test_a_release_word_with_a_number_equals_the_release() -> None:
    assert versions.compare("1-ga1", "1") == versions.compare("1-ga2", "1") == 0
    assert versions.compare("1-ga1", "1-ga2") < 0
