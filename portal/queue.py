"""The queue of an installation without a broker: kombu's filesystem transport, made safe for several processes.

As it comes, a reader can see a half-written message (one such file stops a worker for good) and two processes that
bind a queue at the same moment can spoil the binding file for ever. Here every file appears whole or not at all.
Messages are only wake-ups: losing one costs a sweep's interval, never an operation.
"""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any
from uuid import uuid4

from kombu import Connection, Queue, transport
from kombu.transport import filesystem
from kombu.utils.json import dumps, loads


class Channel(filesystem.Channel):
    """kombu's channel with atomic writes, tolerant reads and guarded bindings."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]  # as kombu has it
        # Zero-padded, so that the order of names is the order of time.
        name = f"{monotonic_ns():020d}_{uuid4()}.{queue}.msg"
        write(Path(self.data_folder_out) / name, dumps(payload))

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        folder = Path(self.data_folder_in)
        for name in sorted(path.name for path in folder.iterdir()):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            # The rename is the claim: of two readers one succeeds. In the same folder it never becomes a copy.
            claimed = folder / f".{name}.read"
            try:
                (folder / name).rename(claimed)
                payload = claimed.read_text()
                claimed.unlink()
                return loads(payload)
            except (OSError, ValueError):
                continue  # somebody else was first, or the file is no message
        raise Empty

    def _queue_bind(self, exchange: str, routing_key: str | None, pattern: str | None, queue: str) -> None:
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        with (Path(self.control_folder) / ".lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            bindings = self.get_table(exchange)
            if binding not in bindings:
                write(Path(self.control_folder) / f"{exchange}.exchange", dumps([binding, *bindings]))


class Transport(filesystem.Transport):
    Channel = Channel


def write(path: Path, content: str) -> None:
    """Writes a file that readers see complete or not at all."""
    part = path.with_name(f".{path.name}.{uuid4()}.part")
    part.write_text(content)
    part.replace(path)


def register() -> None:
    """Makes `filesystem://` mean the safe transport."""
    transport.TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"


def options(folder: Path) -> dict[str, Any]:
    """The transport's options. Makes the folders, which it expects to find; all processes share them."""
    data, control = folder / "data", folder / "control"
    for path in (data, control):
        path.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(data),
        "data_folder_out": str(data),
        "control_folder": str(control),
        "polling_interval": 0.05,
    }


def fresh(folder: Path, connection: Connection, queues: list[Queue]) -> None:
    """Empties the folder and declares the queues in it. Only before any process runs: bindings are cached in each."""
    shutil.rmtree(folder, ignore_errors=True)
    options(folder)
    Transport.global_state.clear()  # what this process had declared went with the folder
    with connection as opened:
        for queue in queues:
            queue(opened.default_channel).declare()
