"""Switching machines on and off, and writing the holding onto them. Each function may be called again."""

from __future__ import annotations

import time
from contextlib import suppress

from hypervisors.contract import Annotate, Power, Progress, Shutdown
from hypervisors.errors import Busy, HypervisorError, InvalidRequest, NotFound, Unreachable, WrongState
from hypervisors.kvm import domains
from hypervisors.kvm.client import Client
from hypervisors.kvm.mapping import POWER
from hypervisors.words import with_holding

STOPPED = Progress(done=True, percent=100, step="stopping")
STOPPING = Progress(done=False, percent=50, step="stopping")


def state(client: Client, ref: str) -> Power:
    return POWER.get(client.state(ref), Power.UNKNOWN)


def on(client: Client, ref: str) -> None:
    """Starts a machine, or lets a paused one go on."""
    found = state(client, ref)
    if found is Power.ON:
        return
    try:
        if found is Power.SUSPENDED:
            client.resume(ref)
        else:
            client.start(ref)
    except WrongState:
        if state(client, ref) is not Power.ON:
            raise


def off(client: Client, ref: str) -> None:
    """Pulls the plug; a machine that is off, or gone as transient ones are once they stop, is fine."""
    with suppress(NotFound, WrongState):
        client.destroy(ref)


def ask_to_stop(client: Client, ref: str) -> None:
    try:
        if state(client, ref) is not Power.OFF:
            client.shutdown(ref)
    except NotFound:
        return
    except WrongState:
        if state(client, ref) is not Power.OFF:
            raise


def stopping(client: Client, order: Shutdown, *, asked_at: str) -> Progress:
    """Done when it is off; pulls the plug when the patience is over, or nobody knows when it was asked."""
    try:
        if state(client, order.ref) is Power.OFF:
            return STOPPED
    except NotFound:
        return STOPPED
    if asked_at.isdecimal() and time.time() - int(asked_at) < order.patience:
        return STOPPING
    off(client, order.ref)
    return STOPPED


def restart(client: Client, ref: str) -> None:
    """Asks the guest's agent; without one, resets: a guest that ignores the power button would never come back."""
    if state(client, ref) is Power.OFF:
        raise WrongState("The machine is off; start it instead.")
    try:
        client.reboot_by_agent(ref)
    except Unreachable:
        raise
    except HypervisorError:
        client.reset(ref)


def must_run(client: Client, ref: str) -> None:
    if state(client, ref) is Power.OFF:
        raise WrongState("The machine has not come back; it is off.")


def annotate(client: Client, ref: str, order: Annotate) -> None:
    """Title, our part of the description, and our metadata element. What others wrote in all three places stays."""
    if order.stamp is not None and str(order.stamp.uuid) != ref:
        raise InvalidRequest("The stamp belongs to another machine; nothing was written.")
    domain = client.domain(ref).domain
    if domain is None:
        raise Busy("What the host tells of this machine cannot be understood.")
    attributes = domains.lease_attributes(order.holding, stamp=order.stamp, before=domain.lease)
    title = domains.merged_title(domain, order.holding)
    description = with_holding(domain.description, order.holding)
    if (attributes, title, description) != (dict(domain.lease), domain.title, domain.description):
        client.annotate(ref, lease=domains.lease_xml(attributes), title=title, description=description)
