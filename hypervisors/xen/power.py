"""Power orders. Each looks whether the machine is as wanted, and begins the task that takes it there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hypervisors.contract import Power, PowerOff, PowerOn, Reset, Restart, Resume, Shutdown, Suspend
from hypervisors.errors import HypervisorError, NoCapacity, WrongState
from hypervisors.words import line
from hypervisors.xen import estate, mapping
from hypervisors.xen.client import Client
from hypervisors.xen.work import DONE, Step, Work, begin, under_way

Record = Mapping[str, Any]

START = ("VM.start", False, False)
RESUME = ("VM.resume", False, False)
WAYS_ON: dict[str, tuple[str, *tuple[bool, ...]]] = {
    "Halted": START,
    "Suspended": RESUME,
    "Paused": ("VM.unpause",),
}
STARTING = ("start", "start_on", "resume", "resume_on", "unpause")
DEAF = {
    "VM_LACKS_FEATURE",
    "VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT",
    "VM_SHUTDOWN_TIMEOUT",
    "VM_MISSING_PV_DRIVERS",
    "VM_OLD_PV_DRIVERS",
    "VM_BAD_POWER_STATE",
}
"""What comes back when a guest is asked that cannot or will not hear."""
RESTART_PATIENCE = 120
"""Seconds after which a guest that was asked to restart is reset; XAPI itself waits for twenty minutes."""
MOST_HOSTS = 16
"""Hosts that are asked for their reasons."""


def _look(work: Work, ref: str) -> tuple[str, Record, Power]:
    """Of what we may switch."""
    found, vm = estate.lookup(work.client, ref)
    estate.writable(vm)
    return found, vm, mapping.POWER.get(vm["power_state"], Power.UNKNOWN)


def on(work: Work, order: PowerOn) -> Step:
    ref, vm, power = _look(work, order.ref)
    if power is Power.ON:
        return DONE
    return start(work, ref, vm)


def start(work: Work, ref: str, vm: Record) -> Step:
    if work.failed is not None and mapping.code(work.failed) == "NO_HOSTS_AVAILABLE":
        raise no_room(work.client, ref)
    work.check_failed()
    way = WAYS_ON.get(vm["power_state"])
    if way is None:
        raise WrongState("The machine's state is not known; it is not touched.")
    return Step(task=under_way(vm, *STARTING) or begin(work.client, way[0], ref, *way[1:]))


def off(work: Work, order: PowerOff) -> Step:
    ref, _, power = _look(work, order.ref)
    if power is Power.OFF:
        return DONE
    return pull_plug(work, ref)


def pull_plug(work: Work, ref: str) -> Step:
    """Not when another hard shutdown is under way: the task then tells, and the next look sees it off."""
    work.check_failed()
    return Step(task=begin(work.client, "VM.hard_shutdown", ref))


def shutdown(work: Work, order: Shutdown) -> Step:
    """A guest that cannot be asked has the same patience: people may stop it from inside."""
    ref, vm, power = _look(work, order.ref)
    asked = "asked_at" in work.handle and "plug" not in work.handle
    if power is Power.OFF or (asked and work.ended):  # or it stopped, and somebody has started it again
        return DONE
    if "plug" in work.handle:
        return Step(percent=95) if work.pending else pull_plug(work, ref)
    now = time.time()
    asked_at = _asked_at(work) or now
    if power is not Power.ON or now >= asked_at + order.patience:
        return Step(task=begin(work.client, "VM.hard_shutdown", ref), kept={"plug": "pulled"})
    if asked and not (work.failed and work.failed.retryable):
        return Step(percent=min(90, int(90 * (now - asked_at) / order.patience)))
    task = under_way(vm, "clean_shutdown", "shutdown") or begin(work.client, "VM.clean_shutdown", ref)
    return Step(task=task, kept={"asked_at": f"{asked_at:.3f}"})


def _asked_at(work: Work) -> float:
    """When the guest was asked; 0 when it was not."""
    try:
        return float(work.handle.get("asked_at", "0"))
    except ValueError:
        return 0.0


def restart(work: Work, order: Restart) -> Step:
    if work.ended:
        return DONE
    ref, vm, _ = _look(work, order.ref)
    asked_at = _asked_at(work)
    if asked_at and "reset" not in work.handle:
        deaf = work.failed is not None and mapping.code(work.failed) in DEAF
        if deaf or (work.pending and time.time() >= asked_at + RESTART_PATIENCE):
            return _reset(work, ref)
    if work.pending:
        return Step()
    work.check_failed()
    _must_run(vm)
    if work.handle.get("task"):
        return DONE  # a restart leaves nothing to be seen: doing it twice would hurt more than not at all
    if "clean_reboot" not in vm["allowed_operations"]:
        return _reset(work, ref)
    return Step(task=begin(work.client, "VM.clean_reboot", ref), kept={"asked_at": f"{time.time():.3f}"})


def reset(work: Work, order: Reset) -> Step:
    if work.ended:
        return DONE
    work.check_failed()
    ref, vm, _ = _look(work, order.ref)
    _must_run(vm)
    return DONE if work.handle.get("task") else _reset(work, ref)


def _reset(work: Work, ref: str) -> Step:
    return Step(task=begin(work.client, "VM.hard_reboot", ref), kept={"reset": "pressed"})


def _must_run(vm: Record) -> None:
    if vm["power_state"] != "Running":
        raise WrongState("The machine does not run.")


def suspend(work: Work, order: Suspend) -> Step:
    ref, vm, power = _look(work, order.ref)
    if power is Power.SUSPENDED:
        return DONE
    work.check_failed()
    _must_run(vm)
    return Step(task=under_way(vm, "suspend") or begin(work.client, "VM.suspend", ref))


def resume(work: Work, order: Resume) -> Step:
    ref, vm, power = _look(work, order.ref)
    if power is Power.ON:
        return DONE
    if power is Power.OFF and not work.failed:
        raise WrongState("The machine is off: there is nothing to resume.")
    return start(work, ref, vm)


def no_room(client: Client, vm: str) -> NoCapacity:
    """XAPI only says that no host will do: each is asked why."""
    reasons, natives = [], []
    for ref, host in list(client.records("host").items())[:MOST_HOSTS]:
        try:
            client.call("VM.assert_can_boot_here", vm, ref)
        except HypervisorError as error:
            if error.retryable and not mapping.code(error).isupper():
                raise
            reasons.append(f"{line(str(host['name_label']), 60)}: {error.message}")
            natives.append(error.native)
    said = " ".join(reasons) or "Each host by itself could."
    return NoCapacity(f"No host of the pool can run the machine. {said}", native=" | ".join(natives)[:500])
