"""Names of retired disk files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypervisors import retired
from hypervisors.contract import RestoreDiskFile
from hypervisors.errors import InvalidRequest, WrongState

KEYS = st.from_regex(r"\A[a-z0-9-]{1,64}\Z")
NAMES = st.text(st.characters(exclude_characters="/", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=120)


@pytest.mark.parametrize(
    ("path", "renamed"),
    [
        ("web.vmdk", "leasehold-retired-op-1-web.vmdk"),
        ("web/web_1.vmdk", "web/leasehold-retired-op-1-web_1.vmdk"),
        ("a/b/disk", "a/b/leasehold-retired-op-1-disk"),
    ],
)
def test_file_stays_in_its_folder(path: str, renamed: str) -> None:
    assert retired.retired_path(path, "op-1") == renamed


def test_long_name_loses_letters_before_its_ending() -> None:
    name = retired.retired_path(f"web/{'ü' * 120}.vmdk", "op-1").removeprefix("web/")

    assert len(name.encode()) <= 255
    assert name.endswith("ü.vmdk")


@given(path=NAMES, key=KEYS)
def test_any_name_fits_and_is_recognised(path: str, key: str) -> None:
    found = retired.retired_path(path, key)

    assert len(found.encode()) <= 255
    assert retired.is_retired(found, key)


@given(path=NAMES.filter(lambda path: not path.startswith(retired.PREFIX)), key=KEYS)
def test_any_name_can_be_given_back(path: str, key: str) -> None:
    retired.check_former(retired.new_path(path, key), RestoreDiskFile("ref", key, path))


def test_key_that_begins_like_another_is_another() -> None:
    assert not retired.is_retired("leasehold-retired-op-10-web.vmdk", "op-1")


def test_name_that_was_cut_or_cleaned_is_never_given_to_a_file() -> None:
    with pytest.raises(WrongState):
        retired.new_path("web\n.vmdk", "op-1")
    with pytest.raises(InvalidRequest):
        retired.check_order(RestoreDiskFile("ref", "op-1", "web\x00.vmdk"))
