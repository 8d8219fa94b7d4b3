"""Seeds, read back as cloud-init reads them."""

from __future__ import annotations

import base64
import gzip
import io
import json
from typing import Any
from uuid import UUID

import pycdlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypervisors import seeds
from hypervisors.conformance import guest
from hypervisors.contract import Seed
from hypervisors.errors import InvalidRequest

MACHINE = UUID("b2f1a5de-6f2f-4b0e-9b43-0d2f6a3f7c11")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKH3Lx0v7Vq1T7CxkkyDyIBnXuMeTBbVwXH9b7m0bqyf lena@example.org"
SEED = Seed("web-01", (KEY,), "#cloud-config\npassword: hunter2\n")
NASTY = 'a: "größer"\r\n]]> <b> & \' \\n %s {{x}}\n\n\u2028\U0001f600'

user_datas = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=2_000)


def opened(image: bytes) -> Any:
    iso = pycdlib.PyCdlib()
    iso.open_fp(io.BytesIO(image))
    return iso


def content(iso: Any, **path: str) -> bytes:
    found = io.BytesIO()
    iso.get_file_from_iso_fp(found, **path)
    return found.getvalue()


@pytest.mark.parametrize(
    ("write", "label", "meta", "user"),
    [
        (seeds.nocloud, b"cidata", "/meta-data", "/user-data"),
        (seeds.config_drive, b"config-2", "/openstack/latest/meta_data.json", "/openstack/latest/user_data"),
    ],
)
def test_image_has_its_label_and_its_files_by_the_names_that_guests_read(
    write: Any, label: bytes, meta: str, user: str
) -> None:
    iso = opened(write(SEED, MACHINE))

    assert iso.pvd.volume_identifier.strip() == label
    for names in ("rr_path", "joliet_path"):
        assert content(iso, **{names: user}).decode() == SEED.user_data
        assert str(MACHINE) in content(iso, **{names: meta}).decode()
    iso.close()


@pytest.mark.parametrize("write", [seeds.nocloud, seeds.config_drive])
@pytest.mark.parametrize("user_data", [SEED.user_data, NASTY, "x" * seeds.LONGEST])
def test_image_is_read_as_it_was_written(write: Any, user_data: str) -> None:
    seed = Seed("web-01", (KEY, KEY), user_data)

    assert guest.of_image(write(seed, MACHINE)) == seed


@settings(max_examples=25, deadline=None)
@given(user_datas)
def test_any_user_data_is_read_as_it_was_written(user_data: str) -> None:
    seed = Seed("web-01", (), user_data)

    assert guest.of_image(seeds.nocloud(seed, MACHINE)) == seed
    assert guest.of_guestinfo(seeds.guestinfo(seed, MACHINE)) == seed


@pytest.mark.parametrize("write", [seeds.nocloud, seeds.config_drive])
def test_image_without_user_data_has_an_empty_configuration(write: Any) -> None:
    found = guest.of_image(write(Seed("web-01"), MACHINE))

    assert found is not None and found.user_data == seeds.NOTHING


def test_config_drive_numbers_the_keys() -> None:
    iso = opened(seeds.config_drive(Seed("web-01", ("ssh-rsa AAAA a", "ssh-rsa BBBB b")), MACHINE))
    meta = json.loads(content(iso, rr_path="/openstack/latest/meta_data.json"))
    iso.close()

    assert meta["public_keys"] == {"key-0": "ssh-rsa AAAA a", "key-1": "ssh-rsa BBBB b"}


def test_guestinfo_is_packed_and_says_how() -> None:
    config = seeds.guestinfo(SEED, MACHINE)

    assert config["guestinfo.userdata.encoding"] == "gzip+base64"
    assert gzip.decompress(base64.b64decode(config["guestinfo.userdata"])).decode() == SEED.user_data
    assert "hunter2" not in repr(config)


def test_guestinfo_is_the_same_each_time() -> None:
    assert seeds.guestinfo(SEED, MACHINE) == seeds.guestinfo(SEED, MACHINE)


def test_spent_guestinfo_says_who_the_machine_is_and_no_more() -> None:
    spent = seeds.guestinfo_spent(MACHINE)

    assert set(spent) == set(seeds.guestinfo(SEED, MACHINE)) == set(seeds.GUESTINFO)
    assert guest.of_guestinfo(seeds.guestinfo(SEED, MACHINE) | spent) is None
    assert {value for value in spent.values() if value} == {json.dumps({"instance-id": str(MACHINE)})}


def test_another_disk_is_no_seed() -> None:
    assert guest.of_image(bytes(100_000)) is None


@pytest.mark.parametrize("hostname", ["a", "web-01", "0x", "a" * 63])
def test_host_name_of_one_label_is_let_pass(hostname: str) -> None:
    seeds.check(Seed(hostname))


@pytest.mark.parametrize("hostname", ["", "-a", "a-", "Web", "a.b", "a_b", "a" * 64, "a\n", "a\nb: c", "ä"])
def test_any_other_host_name_is_refused(hostname: str) -> None:
    with pytest.raises(InvalidRequest):
        seeds.check(Seed(hostname))


@pytest.mark.parametrize(
    "key",
    [
        KEY,
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB",
        "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIA== token",
    ],
)
def test_public_key_is_let_pass(key: str) -> None:
    seeds.check(Seed("web-01", (key,)))


@pytest.mark.parametrize(
    "key",
    [
        "", "hello", "ssh-rsa", "ssh-rsa !AAAA", f"{KEY}\n{KEY}", f"{KEY}\n", f'command="rm" {KEY}',
        "-----BEGIN OPENSSH PRIVATE KEY-----", f"ssh-rsa {'A' * 8192}",
    ],
)  # fmt: skip
def test_what_is_no_public_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidRequest):
        seeds.check(Seed("web-01", (key,)))


def test_keys_without_number_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        seeds.check(Seed("web-01", (KEY,) * 51))


@pytest.mark.parametrize("user_data", ["x" * (seeds.LONGEST + 1), "ä" * (seeds.LONGEST // 2 + 1), "half \ud800"])
def test_user_data_that_cannot_be_carried_is_refused(user_data: str) -> None:
    with pytest.raises(InvalidRequest):
        seeds.check(Seed("web-01", (), user_data))


def test_refusal_does_not_repeat_a_secret() -> None:
    with pytest.raises(InvalidRequest) as caught:
        seeds.check(Seed("web-01", (), "hunter2" * 5_000))

    assert "hunter2" not in f"{caught.value} {caught.value.native} {caught.value!r}"


def test_seed_shows_no_user_data() -> None:
    assert "hunter2" not in repr(SEED)
