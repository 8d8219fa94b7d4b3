"""What an order on an existing machine is made of: how to see that it is done, and the one task that does it.

Whoever asks again looks first, so that nothing is done twice; a task that failed beside a machine that is as it should
be has not failed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyVmomi import vim

from hypervisors.contract import Power
from hypervisors.errors import InvalidRequest
from hypervisors.vmware.client import Client
from hypervisors.vmware.mapping import POWER, managed_by, unescaped
from hypervisors.vmware.rows import Row


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that an order is for, as it was a moment ago."""

    client: Client
    row: Row

    @property
    def vm(self) -> Any:
        return self.client.object(vim.VirtualMachine, self.row.ref)

    @property
    def power(self) -> Power:
        return POWER.get(str(self.row.get("runtime.powerState")), Power.UNKNOWN)

    @property
    def answers(self) -> bool:
        """Its guest can be asked to do something."""
        return bool(self.row.get("guest.toolsRunningStatus") == "guestToolsRunning")


@dataclass(frozen=True, slots=True)
class Verb:
    """`done` gives what `Progress.ref` says, or None; `start` gives a task, or None when it needed none."""

    step: str
    done: Callable[[Target, Any], str | None]
    start: Callable[[Target, Any], Any]
    check: Callable[[Any], None] = lambda _order: None
    """What can be refused without asking the server. Raises InvalidRequest."""
    paths: tuple[str, ...] = ()
    """Properties that these two need beside the usual ones."""
    ours_only: bool = False
    """Refused on images and on what something else manages."""
    surplus: Callable[[Target, Any, str], Any] | None = None
    """The task that takes back what ours made, where another worker had made the same; None when it is the only one."""
    once: bool = False
    """A machine does not show whether it was done: when its task has ended well, that is the end."""


def refuse_foreign(target: Target) -> None:
    if target.row.get("config.template"):
        raise InvalidRequest("This is an image, not a machine.")
    manager = target.row.get("config.managedBy")
    extension = (manager.extensionKey, manager.type) if manager else ("", "")
    if owner := managed_by(unescaped(target.row.get("name", "")), *extension):
        raise InvalidRequest(f"This machine is managed by {owner}.")
