"""vSphere's faults are our errors, each with a sentence; names come and go in the form that vSphere keeps."""

from __future__ import annotations

import pytest
from pyVmomi import vim, vmodl
from pyVmomi.VmomiSupport import GetVmodlType

from hypervisors.errors import (
    AccessDenied,
    Busy,
    HypervisorError,
    InvalidRequest,
    NameTaken,
    NoCapacity,
    NotFound,
    Unreachable,
    Unsupported,
    WrongState,
)
from hypervisors.vmware import mapping

SPACES = ("vim.fault", "vmodl.fault", "vmodl.query", "vmodl")


@pytest.mark.parametrize("name", mapping.FAULTS)
def test_every_fault_of_the_table_exists(name: str) -> None:
    known = []
    for space in SPACES:
        try:
            known.append(GetVmodlType(f"{space}.{name}"))
        except KeyError:
            continue
    assert known


def test_every_sentence_is_one() -> None:
    for _kind, sentence in mapping.FAULTS.values():
        assert sentence[0].isupper() and sentence.endswith(".")


FAULTS = [
    (vim.fault.InvalidLogin(), AccessDenied),
    (vim.fault.NotAuthenticated(), Unreachable),
    (vmodl.fault.ManagedObjectNotFound(), NotFound),
    (vim.fault.InvalidPowerState(), WrongState),
    (vim.fault.DuplicateName(), NameTaken),
    (vim.fault.InvalidName(), InvalidRequest),
    (vim.fault.NoDiskSpace(), NoCapacity),
    (vim.fault.InsufficientMemoryResourcesFault(), NoCapacity),
    (vim.fault.InsufficientStandbyCpuResource(), NoCapacity),  # by its ancestor
    (vim.fault.FileNotFound(), NotFound),
    (vim.fault.FileLocked(), Busy),
    (vim.fault.TaskInProgress(), Busy),
    (vim.fault.ConcurrentAccess(), Busy),
    (vim.fault.ToolsUnavailable(), WrongState),
    (vim.fault.ResourceInUse(), Busy),
    (vim.fault.RestrictedVersion(), Unsupported),
    (vim.fault.InvalidVmConfig(), InvalidRequest),
    (vmodl.fault.HostNotConnected(), Busy),
    (vim.fault.Timedout(), Busy),
    (vmodl.fault.RequestCanceled(), Busy),
    (vim.fault.MultipleSnapshotsNotSupported(), WrongState),
    (vmodl.fault.NotSupported(), Unsupported),
]


@pytest.mark.parametrize(("fault", "expected"), FAULTS, ids=[type(one[0]).__name__ for one in FAULTS])
def test_fault_is_our_error(fault: vmodl.MethodFault, expected: type[HypervisorError]) -> None:
    error = mapping.fault(fault)

    assert type(error) is expected
    assert type(fault).__name__.rpartition(".")[2] in error.native


def test_missing_right_is_named() -> None:
    error = mapping.fault(vim.fault.NoPermission(privilegeId="VirtualMachine.Interact.PowerOn"))

    assert error.message == "The account lacks the right VirtualMachine.Interact.PowerOn."


def test_unknown_fault_keeps_its_name_and_words() -> None:
    error = mapping.fault(vim.fault.ActiveDirectoryFault(msg="No such domain"))

    assert type(error) is HypervisorError
    assert error.native == "ActiveDirectoryFault: No such domain"


def test_secret_in_a_fault_is_hidden() -> None:
    error = mapping.fault(vmodl.fault.SystemError(msg="cannot bind with hunter2"), hide="hunter2")

    assert "hunter2" not in error.native


@pytest.mark.parametrize("name", ["web-1", "a/b\\c", "100% sure", "%2f is no slash", "ümläut / 🐘", "%25252f"])
def test_names_survive_the_form_that_they_are_kept_in(name: str) -> None:
    kept = mapping.escaped(name)

    assert "/" not in kept and "\\" not in kept
    assert mapping.unescaped(kept) == name


def test_what_others_manage_is_named() -> None:
    assert (
        mapping.managed_by("vm", "com.vmware.vcDr-site-1", "placeholderVm") == "Site Recovery Manager (placeholderVm)"
    )
    assert mapping.managed_by("vCLS-4c4c4544", "", "") == "vSphere Cluster Services"
    assert mapping.managed_by("vm", "org.example.pool", "") == "org.example.pool"
    assert mapping.managed_by("web-1", "", "") == ""
