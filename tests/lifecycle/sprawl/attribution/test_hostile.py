"""What stands on machines was written by anybody: it is read in no time, and comes out as text."""

import time

import pytest

from lifecycle.sprawl.attribution import attribute
from lifecycle.sprawl.attribution.directory import Directory
from lifecycle.sprawl.attribution.words import LONGEST, MOST_WORDS, addresses, folded, words
from lifecycle.sprawl.models import HolderCandidate
from lifecycle.sprawl.rules.matching import glob
from tests.lifecycle.sprawl.attribution.bench import found_of, make_house, make_inventory, stray

pytestmark = pytest.mark.django_db

HOSTILE = [
    "a@" * 50_000,
    "a." * 50_000 + "@",
    "a" * 100_000 + "@" + "b" * 100_000,
    "akaya " * 50_000,
    "\u0301" * 100_000,
    "\ufdfa" * 10_000,  # one sign that becomes eighteen
    "\\" * 10_000,
    "%_%_%akaya",
    "\u202eayaka",
    "' OR 1=1 --",
    "\ud7ff\U0010ffff",
]


@pytest.fixture
def house(db):
    return make_house()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_is_cut_before_it_is_read(text):
    assert len(folded(text)) <= LONGEST
    assert len(words(text)) <= MOST_WORDS
    assert len(addresses(text)) <= MOST_WORDS


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_every_column_may_hold_anything(house, text):
    short = text[:255]
    make_inventory({"name": short, "owner": short, "address": text[:64]})
    stray(
        short, note=text, labels={text[:255]: text[:255], "owner": text[:255]}, folder=text[:500], guest_name=short,
        created_by=short, powered_by=short, addresses=[text[:64]],
    )  # fmt: skip

    attribute()

    for row in HolderCandidate.objects.all():
        assert all(len(str(each["value"])) <= 160 for each in row.evidence)


@pytest.mark.parametrize(
    "labels", [[], "akaya", {"owner": None}, {"owner": 7}, {"owner": ["akaya"]}, {str(n): "akaya" for n in range(5000)}]
)
def test_labels_may_have_any_shape(house, labels):
    found_of(stray(labels=labels, addresses="10.0.0.1"))


def test_evidence_keeps_markup_as_text(house):
    found_of(stray(note="<script>alert(1)</script> akaya\n\n\tend"))

    assert HolderCandidate.objects.get().evidence[0]["value"] == "<script>alert(1)</script> akaya end"


def test_reading_takes_time_by_length_alone():
    """No pattern goes back and forth: twice the text never takes more than a few times as long."""
    known = Directory()
    for text in HOSTILE:
        began = time.process_time()
        list(known.named_in(text))
        known.account(text)
        assert time.process_time() - began < 1


def test_globs_do_not_blow_up():
    pattern = glob("*a" * 120 + "b")
    assert pattern is not None

    began = time.process_time()
    assert pattern.match("a" * 500) is None
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("web-*", "WEB-01", True), ("web-*", "xweb-01", False), ("web-?", "web-12", False), ("WEB-??", "web-12", True),
        ("web[1]", "web[1]", True), ("web[1]", "web1", False), ("a.c", "abc", False), ("(a|b)", "a", False),
        ("***x", "yyx", True), ("*", "", True), ("CI/*", "CI/agents/old", True), ("CI", "CI/agents", False),
    ],
)  # fmt: skip
def test_globs_are_those_of_file_names(pattern, text, fits):
    compiled = glob(pattern)

    assert compiled is not None
    assert (compiled.match(text) is not None) is fits


def test_no_pattern_asks_nothing():
    assert glob("  ") is None
