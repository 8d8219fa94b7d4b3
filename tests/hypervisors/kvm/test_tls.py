"""Over the network both sides prove who they are, or nothing is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hypervisors.contract import Target
from hypervisors.errors import AccessDenied, Unreachable
from hypervisors.kvm.adapter import Kvm
from tests.rigs.libvirt import LibvirtRig, certificates
from tests.rigs.libvirt.fixtures import tls_rig

__all__ = ["tls_rig"]

pytestmark = pytest.mark.rig


@pytest.fixture
def target(tls_rig: LibvirtRig) -> Target:
    return tls_rig.tls_target(timeout=5)


def test_host_is_reached_by_tls(target: Target) -> None:
    kvm = Kvm(target)

    assert kvm.check().startswith("libvirt ")
    assert kvm.inventory().complete
    kvm.close()


def test_server_of_another_authority_is_refused(tls_rig: LibvirtRig, target: Target) -> None:
    """The client's own certificate would do; it is the server that cannot be trusted."""
    stranger = certificates.authority("stranger")
    client = certificates.issued("portal", stranger)
    kvm = Kvm(replace(target, ca_pem=stranger.pem, secret=client.pem + client.key_pem))

    with pytest.raises(AccessDenied) as caught:
        kvm.check()

    assert "PRIVATE KEY" not in caught.value.native


def test_client_without_a_certificate_is_refused(target: Target) -> None:
    """libvirt hangs up without a reason, so that it looks like a broken connection."""
    with pytest.raises((AccessDenied, Unreachable)):
        Kvm(replace(target, secret="")).check()
