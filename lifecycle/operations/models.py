"""Every hypervisor action is a row first. The row is the truth; messages only wake a worker."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models import DiskFile, Endpoint, Machine


class Operation(models.Model):
    """One piece of work on one machine, or on one disk file that no machine uses.

    Claims and tries go by the database's clock, never the shifted one.
    """

    class Kind(models.TextChoices):
        CREATE = "create", _("Make the machine")
        POWER_ON = "power_on", _("Start")
        SHUTDOWN = "shutdown", _("Shut down")
        POWER_OFF = "power_off", _("Pull the plug")
        RESTART = "restart", _("Restart")
        ANNOTATE = "annotate", _("Write the holder onto the machine")
        RENAME = "rename", _("Rename")
        RESIZE = "resize", _("Give it another size")
        DETACH_SEED = "detach_seed", _("Take away what it was told for its first start")
        REMOVE = "remove", _("Remove with its disks")
        RETIRE_FILE = "retire_file", _("Rename a disk file before its removal")
        RESTORE_FILE = "restore_file", _("Give a disk file its name back")
        REMOVE_FILE = "remove_file", _("Remove a disk file")

    class Purpose(models.TextChoices):
        """Why: together with the kind it chooses what happens afterwards (`lifecycle/wiring.py`)."""

        ORDER = "order", _("an approved request")
        HOLDER = "holder", _("the holder asked")
        EXPIRY = "expiry", _("the lease ended")
        RESTORE = "restore", _("restored after the end")
        STAMP = "stamp", _("the register changed")
        SEED = "seed", _("the first start is over")
        RECLAIM = "reclaim", _("nothing uses it")
        DRIFT = "drift", _("put back as it was agreed")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    OPEN = (State.WAITING, State.RUNNING)

    OF_FILES = (Kind.RETIRE_FILE, Kind.RESTORE_FILE, Kind.REMOVE_FILE)
    """On a disk file; all others are on a machine."""

    QUIET = (Kind.ANNOTATE, Kind.DETACH_SEED)
    """The portal's own bookkeeping: nobody waits for it, and it takes nobody's turn."""

    class Verdict(models.TextChoices):
        """What a person decided about open work. A worker carries it out at the next safe point."""

        CANCEL = "cancel", _("Cancel it")
        DONE = "done", _("It is done")
        FAILED = "failed", _("Give it up")

    machine = models.ForeignKey(Machine, models.PROTECT, null=True, blank=True, related_name="operations")
    disk_file = models.ForeignKey(DiskFile, models.PROTECT, null=True, blank=True, related_name="operations")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="operations")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    destructive = models.BooleanField(default=False)
    """Counts against the endpoint's blast radius."""
    arguments = models.JSONField(default=dict)
    key = models.CharField(max_length=120, unique=True)
    """Idempotency: the decision that caused it, so that one decision never causes two."""
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="operations"
    )

    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    """How often it was submitted."""
    next_try_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=80, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveIntegerField(default=0)
    """How often it was claimed: a claim counts only on the row as it was read."""
    handle = models.JSONField(null=True, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    step = models.CharField(max_length=20, blank=True)
    waits_for = models.CharField(max_length=20, blank=True)
    """Why it does not go on: `paused`, `observe`, `endpoint` (it does not answer), `full` (it has enough to do), `busy`
    (it said so), `blast_radius`, `scan`, `portal`; empty when it does."""
    cleared_at = models.DateTimeField(null=True, blank=True)
    """When an admin let it pass the blast radius."""
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    native_error = models.TextField(blank=True)
    """The hypervisor's own words: for operators only."""
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()
    deadline_at = models.DateTimeField(null=True, blank=True)
    """Real time after which it is given up; set when it begins."""

    verdict = models.CharField(max_length=10, choices=Verdict.choices, blank=True)
    verdict_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    verdict_reason = models.CharField(max_length=500, blank=True)

    # Not in the table: what stood in its way, by the database's clock, when it was claimed; what the hypervisor made.
    held: str = ""
    late: bool = False
    made_ref: str = ""

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(machine__isnull=False, disk_file=None) | Q(machine=None, disk_file__isnull=False),
                name="operation_has_one_subject",
            )
        ]
        indexes = [
            # The sweep: open work that is due.
            models.Index(
                fields=["next_try_at", "id"], name="operation_due", condition=Q(state__in=("waiting", "running"))
            ),
            # Order of the work on one machine, and its page.
            models.Index(fields=["machine", "id"], name="operation_by_machine"),
            # Whether something earlier is open on a machine: its history may be long.
            models.Index(
                fields=["machine", "id"],
                name="operation_open_by_machine",
                condition=Q(state__in=("waiting", "running")),
            ),
            models.Index(
                fields=["disk_file", "id"],
                name="operation_open_by_file",
                condition=Q(state__in=("waiting", "running"), disk_file__isnull=False),
            ),
            # What an endpoint has under way.
            models.Index(fields=["endpoint", "state", "started_at"], name="operation_by_endpoint"),
            # The operations page: what failed, newest first.
            models.Index(fields=["id"], name="operation_failed", condition=Q(state="failed")),
            # The blast radius of an endpoint.
            models.Index(
                fields=["endpoint", "started_at"], name="operation_destructive", condition=Q(destructive=True)
            ),
        ]
        verbose_name = _("operation")
        verbose_name_plural = _("operations")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"

    @property
    def subject(self) -> Machine | DiskFile:
        return self.on_file if self.machine_id is None else self.on_machine

    @property
    def on_machine(self) -> Machine:
        """Its machine, where the kind is one of machines."""
        assert self.machine is not None  # noqa: S101 - whoever asks knows the kind
        return self.machine

    @property
    def on_file(self) -> DiskFile:
        """Its disk file, where the kind is one of disk files."""
        assert self.disk_file is not None  # noqa: S101 - operation_has_one_subject
        return self.disk_file

    @property
    def concerns(self) -> dict[str, int]:
        """What lines of the log are about that are about this."""
        named = {"machine": self.machine_id, "disk_file": self.disk_file_id}
        return {name: pk for name, pk in named.items() if pk is not None}

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class Heartbeat(models.Model):
    """Proof of life of a duty, by the database's clock: beat, broker, worker and database in one row."""

    name = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField()
    ahead = models.FloatField(default=0)
    """Seconds that the clock of whoever wrote this was ahead of the database's."""

    def __str__(self) -> str:
        return self.name


class Brake(models.Model):
    """The global pause: while its one row exists, no operation makes a changing call."""

    since = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=250)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="brake_is_one_row")]

    def __str__(self) -> str:
        return self.reason
