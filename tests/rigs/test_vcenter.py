"""The vCenter of the tests' own."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.rigs.vcenter import VcenterRig, simulator
from tests.rigs.vcenter.fixtures import available

pytestmark = pytest.mark.rig


def versions(rig: VcenterRig, timeout: float = 5) -> bytes:
    context = ssl.create_default_context(cadata=rig.authority.pem)
    url = f"https://127.0.0.2:{rig.port}/sdk/vimServiceVersions.xml"
    answer: bytes = urlopen(url, context=context, timeout=timeout).read()
    return answer


def test_vcenter_answers_freezes_restarts_and_leaves_nothing() -> None:
    available()
    with VcenterRig(machines=0) as rig:
        assert b"urn:vim25" in versions(rig)
        rig.freeze()
        with pytest.raises((URLError, TimeoutError)):
            versions(rig, timeout=0.3)
        rig.thaw()
        assert b"urn:vim25" in versions(rig)
        rig.restart()
        assert b"urn:vim25" in versions(rig)
    assert not rig.root.exists()


def test_source_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(simulator.CannotBuild, match=r"Only 0\.24\.2"):
        simulator._fetch("9.9.9-1", tmp_path)


def test_source_that_nobody_looked_at_is_refused(tmp_path: Path) -> None:
    tarball = tmp_path / "source.tar.xz"
    tarball.write_bytes(b"something else")

    with pytest.raises(simulator.CannotBuild, match="not the one that was looked at"):
        simulator._checked(tarball, simulator.TARBALLS["0.24.2"])
