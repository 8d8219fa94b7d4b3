"""Switching machines on and off."""

from __future__ import annotations

from typing import Any

from pyVmomi import vim, vmodl

from hypervisors.contract import Power, PowerOff, PowerOn, Reset, Restart, Resume, Shutdown, Suspend
from hypervisors.errors import WrongState
from hypervisors.vmware.verbs import Target, Verb

TOOLS = "guest.toolsRunningStatus"
DEAF = (vim.fault.ToolsUnavailable, vmodl.fault.NotSupported, vmodl.fault.NotImplemented, vmodl.fault.MethodNotFound)


def _when(*states: Power) -> Any:
    return lambda target, _order: "" if target.power in states else None


def _never(_target: Target, _order: object) -> None:
    """Nothing on the machine shows that it was done."""


def _on(target: Target, _order: PowerOn) -> Any:
    return target.vm.PowerOnVM_Task(None)


def _off(target: Target, _order: PowerOff) -> Any:
    return target.vm.PowerOffVM_Task()


def _ask_to_stop(target: Target, order: Shutdown) -> Any:
    """A guest without tools hears nothing: its patience runs all the same, as for one that does not want to hear."""
    if target.power is Power.SUSPENDED:
        return target.vm.PowerOffVM_Task()
    if target.answers and order.patience > 0:
        try:
            target.vm.ShutdownGuest()
        except DEAF:
            return None
    return None


def _must_run(target: Target, verb: str) -> None:
    if target.power is not Power.ON:
        raise WrongState(f"The machine does not run; it cannot be {verb}.")


def _restart(target: Target, _order: Restart) -> Any:
    _must_run(target, "restarted")
    if target.answers:
        try:
            target.vm.RebootGuest()
        except DEAF:
            return target.vm.ResetVM_Task()
        return None
    return target.vm.ResetVM_Task()


def _reset(target: Target, _order: Reset) -> Any:
    _must_run(target, "reset")
    return target.vm.ResetVM_Task()


def _suspend(target: Target, _order: Suspend) -> Any:
    _must_run(target, "suspended")
    return target.vm.SuspendVM_Task()


def _resume(target: Target, _order: Resume) -> Any:
    if target.power is not Power.SUSPENDED:
        raise WrongState("The machine is not suspended; start it instead.")
    return target.vm.PowerOnVM_Task(None)


POWER_ON = Verb("starting", _when(Power.ON), _on, ours_only=True)
POWER_OFF = Verb("stopping", _when(Power.OFF), _off, ours_only=True)
SHUTDOWN = Verb("stopping", _when(Power.OFF), _ask_to_stop, paths=(TOOLS,), ours_only=True)
RESTART = Verb("starting", _never, _restart, paths=(TOOLS,), ours_only=True, once=True)
RESET = Verb("starting", _never, _reset, ours_only=True, once=True)
SUSPEND = Verb("suspending", _when(Power.SUSPENDED), _suspend, ours_only=True)
RESUME = Verb("starting", _when(Power.ON), _resume, ours_only=True)
