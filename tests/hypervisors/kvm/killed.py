"""Carries out an order until a given wire call has returned, and is gone that instant, as with kill -9.

Run as `python -m tests.hypervisors.kvm.killed SOCKET METHOD < pickled order`.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from functools import partial

from hypervisors.contract import Order, Target
from hypervisors.kvm.adapter import Kvm

GONE = 9


def die_after(kvm: Kvm, method: str) -> None:
    """The call itself goes out as ever; only what would follow does not."""
    for client in kvm._hosts.clients:
        setattr(client, method, partial(_last, getattr(client, method)))


def _last(call: Callable[..., object], *args: object, **kwargs: object) -> None:
    call(*args, **kwargs)
    os._exit(GONE)


def main(socket: str, method: str) -> None:
    order: Order = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the test that started us
    kvm = Kvm(Target("kvm", transport="unix", path=socket, read_only=False))
    die_after(kvm, method)
    handle = kvm.submit(order)
    while not kvm.poll(order, handle).done:
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
