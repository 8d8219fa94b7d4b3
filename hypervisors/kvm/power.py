"""Switching machines on and off, and halting them. Each function may be called again.

Suspending pauses the machine: at once, without room on any disk, and nothing runs; its memory stays in the host's. What
people saved into a file by libvirt's managed save counts as suspended, too.
"""

from __future__ import annotations

import time
from contextlib import suppress

from hypervisors.contract import Power, Progress, Shutdown
from hypervisors.errors import HypervisorError, NotFound, Unreachable, WrongState
from hypervisors.kvm.client import Client
from hypervisors.kvm.mapping import ASLEEP, POWER

STOPPED = Progress(done=True, percent=100, step="stopping")
STOPPING = Progress(done=False, percent=50, step="stopping")


def state(client: Client, ref: str) -> Power:
    """Raises NotFound."""
    found = client.state(ref)
    if found is None:
        raise NotFound("There is no such machine on this endpoint.")
    power = POWER.get(found, Power.UNKNOWN)
    return Power.SUSPENDED if power is Power.OFF and client.is_saved(ref) else power


def on(client: Client, ref: str) -> None:
    """Starts a machine, or lets a halted one go on."""
    if state(client, ref) is Power.ON:
        return
    try:
        _go_on(client, ref)
    except WrongState:
        if state(client, ref) is not Power.ON:
            raise


def _go_on(client: Client, ref: str) -> None:
    number = client.state(ref)
    if number == ASLEEP:
        client.wake(ref)
    elif number is not None and POWER.get(number) is Power.SUSPENDED:
        client.resume(ref)
    else:
        client.start(ref)  # from its saved memory, where there is one


def off(client: Client, ref: str) -> None:
    """Pulls the plug; a machine that is off, or gone as transient ones are once they stop, is fine."""
    with suppress(NotFound, WrongState):
        client.destroy(ref)
    with suppress(NotFound, WrongState):
        if client.is_saved(ref):
            client.forget_memory(ref)


def ask_to_stop(client: Client, ref: str) -> None:
    try:
        if state(client, ref) is Power.ON:
            client.shutdown(ref)
    except NotFound:
        return
    except WrongState:
        if state(client, ref) is not Power.OFF:
            raise


def stopping(client: Client, order: Shutdown, ref: str, *, asked_at: str) -> Progress:
    """Done when it is off; pulls the plug when the patience is over, or nobody knows when it was asked."""
    try:
        found = state(client, ref)
        if found is Power.OFF:
            return STOPPED
    except NotFound:
        return STOPPED
    if not is_over(asked_at, order.patience):
        return STOPPING
    off(client, ref)
    return STOPPED


def is_over(asked_at: str, patience: float) -> bool:
    """Whether somebody was asked that long ago, or nobody knows when."""
    return not asked_at.isdecimal() or time.time() - int(asked_at) >= patience


def restart(client: Client, ref: str) -> None:
    """Asks the guest's agent; without one, resets: a guest that ignores the power button would never come back."""
    _must_be_on(client, ref)
    try:
        client.reboot_by_agent(ref)
    except Unreachable:
        raise
    except HypervisorError:
        client.reset(ref)


def reset(client: Client, ref: str) -> None:
    _must_be_on(client, ref)
    client.reset(ref)


def _must_be_on(client: Client, ref: str) -> None:
    if state(client, ref) is not Power.ON:
        raise WrongState("The machine does not run; start it instead.")


def must_run(client: Client, ref: str) -> None:
    if state(client, ref) is Power.OFF:
        raise WrongState("The machine has not come back; it is off.")


def suspend(client: Client, ref: str) -> None:
    found = state(client, ref)
    if found is Power.SUSPENDED:
        return
    if found is Power.OFF:
        raise WrongState("The machine is off; there is nothing to suspend.")
    try:
        client.pause(ref)
    except WrongState:
        if state(client, ref) is not Power.SUSPENDED:
            raise


def resume(client: Client, ref: str) -> None:
    if state(client, ref) is Power.OFF:
        raise WrongState("The machine is off; start it instead.")
    on(client, ref)
