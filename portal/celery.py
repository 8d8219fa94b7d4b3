"""The worker's application, its queues and its schedule. Run as `celery -A portal.celery worker` and `… beat`."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import Celery, Task, signals
from django.conf import settings
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError

from lifecycle import logcontext
from portal import queue
from portal.brokers import READING, waiting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

CAUSE = "leasehold_request"
"""The header of a message that names what caused it."""
# One exchange per queue: on the filesystem transport each exchange is a file.
DUTIES = ("provisioning", "sync", "clockwork")
QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in DUTIES]
# A worker of its own per duty: a hypervisor that is slow delays neither what expires nor what is approved.
ROUTES = {
    "work_operation": "provisioning",
    "sync_endpoint": "sync",
    "collect_usage": "sync",
    "roll_up_usage": "sync",
    "scan_sprawl": "sync",
    "look_at_endpoint_files": "sync",
    "attribute_machines": "sync",
    "tend_found": "sync",
    "draft_money": "sync",
}
# Seconds a task may take before it is asked to stop, and before its process is killed. A step of work on a hypervisor
# is a few calls of at most 20 seconds each; a scan may read 100,000 machines; everything else only asks the database.
LIMITS = {"provisioning": (120, 150), "sync": (1800, 1830), "clockwork": (300, 330)}

# Task of lifecycle.tasks -> seconds between two runs: in the demo, otherwise.
SCHEDULE = {
    "sweep": (2, 5),
    "sync_endpoints": (30, 300),
    "collect_usages": (60, 300),
    "roll_up_usage": (300, 3600),
    "advance_leases": (15, 60),
    "detach_seeds": (15, 60),
    "lapse_requests": (300, 300),
    "see_out_leavers": (60, 300),
    "look_at_files": (60, 1800),
    "advance_files": (15, 300),
    "scan_sprawl": (60, 600),
    "attribute_machines": (60, 600),
    "sweep_adoptions": (10, 30),
    "tend_found": (60, 600),
    "draft_money": (60, 3600),
    "send_notices": (5, 30),
    "sweep_replies": (3600, 3600),
    "sweep_sessions": (3600, 3600),
}
# Works off a journey through time; only where the clock can be moved.
TRAVEL = {"travel": (1, 1)}


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The table in Celery's words. A tick not taken in time expires: none pile up behind a dead worker."""
    table = {**SCHEDULE, **(TRAVEL if settings.CLOCK_SHIFTABLE else {})}
    return {
        name: {"task": f"lifecycle.tasks.{name}", "schedule": seconds, "options": {"expires": seconds}}
        for name, (demo, otherwise) in table.items()
        for seconds in [float(demo if settings.DEMO else otherwise)]
    }


def limits() -> dict[str, dict[str, int]]:
    soft, hard = LIMITS["clockwork"]
    table = {"*": {"soft_time_limit": soft, "time_limit": hard}}
    for name, duty in ROUTES.items():
        soft, hard = LIMITS[duty]
        table[f"lifecycle.tasks.{name}"] = {"soft_time_limit": soft, "time_limit": hard}
    return table


class Portal(Celery):
    """Celery with a broker that may be away: sending waits for it a moment, and then for a while not at all."""

    REST = 5.0
    """Seconds after a failure in which nothing is sent: an act on many machines must not wait once for each."""
    rests_until = 0.0

    def send_task(self, name: str, *args: Any, **options: Any) -> Any:
        if options.get("producer") is not None:  # beat's own connection, on which nobody waits
            return super().send_task(name, *args, **options)
        if time.monotonic() < self.rests_until:
            raise OperationalError("The broker did not answer a moment ago.")
        try:
            return super().send_task(name, *args, **options)
        except OperationalError:
            self.rests_until = time.monotonic() + self.REST
            raise

    def connection_for_read(self, url: str | None = None, **options: Any) -> Connection:
        """A worker's: nobody waits for it, so that it has patience where a page has none."""
        patient = waiting(READING) if on_redis() else {}
        return super().connection_for_read(url, **{"transport_options": patient, **options})


def on_filesystem() -> bool:
    return bool(settings.BROKER["broker_url"].startswith("filesystem:"))


def on_redis() -> bool:
    return "broker_transport_options" in settings.BROKER


def broker() -> dict[str, Any]:
    # Its command line takes BROKER_URL as it stands, without what `portal.brokers` made of it, unless both are named.
    url = settings.BROKER["broker_url"]
    named = {**settings.BROKER, "broker_read_url": url, "broker_write_url": url}
    if not on_filesystem():
        return named
    queue.register()
    # Remote control would leave a reply file for each node that ever died.
    options = {"broker_transport_options": queue.options(settings.BROKER_DIR), "worker_enable_remote_control": False}
    return {**named, **options}


app = Portal("leasehold", include=["lifecycle.tasks"])
app.conf.update(
    **broker(),
    beat_schedule=beat_schedule(),
    broker_connection_max_retries=None,  # for as long as it takes: a worker that gives up would have to be started
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_annotations=limits(),
    task_default_queue="clockwork",
    task_ignore_result=True,
    task_publish_retry=False,  # a person must not wait for a hint to be delivered
    task_queues=QUEUES,
    task_routes={f"lifecycle.tasks.{name}": {"queue": duty} for name, duty in ROUTES.items()},
    timezone="UTC",
    worker_concurrency=settings.WORKER_PROCESSES,
    worker_prefetch_multiplier=1,
)
# Otherwise only the thread that imported this would know the application, and web requests run in others.
app.set_default()


@signals.setup_logging.connect
def keep_logging(**_: object) -> None:
    """Django's LOGGING holds in workers too: connecting this keeps Celery from installing its own."""


@signals.before_task_publish.connect
def name_cause(headers: dict[str, Any], **_: object) -> None:
    """The id of the request that causes work goes with its message; a tick of the clock gets one of its own."""
    headers[CAUSE] = logcontext.ids().get(logcontext.REQUEST) or logcontext.made()


@signals.task_prerun.connect
def trace(task_id: str, task: Task, **_: object) -> None:
    cause = getattr(task.request, CAUSE, None) or logcontext.made()
    logcontext.begin(request=str(cause), task=task.name.rpartition(".")[2], task_id=task_id)


@signals.task_postrun.connect
def untrace(**_: object) -> None:
    logcontext.begin()


@signals.beat_init.connect
def first_tick(**_: object) -> None:
    """Beat waits one interval before its first tick; a portal that starts is wanted sooner."""
    app.send_task("lifecycle.tasks.sweep", expires=60)


def declare() -> None:
    """A fresh queue folder with all queues declared. Before any process runs; a real broker needs no such thing."""
    if on_filesystem():
        queue.fresh(settings.BROKER_DIR, app.connection_for_write(), QUEUES)
