"""Hypervisor endpoints and what they offer: as the last scan saw it."""

from __future__ import annotations

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.secrets import SecretField, opened

REACHES = ("address", "port", "transport", "path", "username", "ca_pem")
"""What decides to whom the secret is shown."""


class Endpoint(models.Model):
    """One vCenter, Xen pool, libvirt host or simulated data centre. New ones are only watched."""

    class Mode(models.TextChoices):
        OBSERVE = "observe", _("Observe")
        MANAGE = "manage", _("Manage")

    name = models.CharField(_("name"), max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=40)
    mode = models.CharField(_("mode"), max_length=10, choices=Mode.choices, default=Mode.OBSERVE)
    address = models.CharField(_("address"), max_length=4000, blank=True)
    """Several, with commas between them, where a group of hosts is one endpoint; so of paths."""
    port = models.PositiveIntegerField(_("port"), null=True, blank=True, validators=[MaxValueValidator(65535)])
    transport = models.CharField(_("transport"), max_length=20, blank=True)
    path = models.CharField(_("path"), max_length=4000, blank=True)
    username = models.CharField(_("user name"), max_length=150, blank=True)
    secret = SecretField(_("secret"), blank=True, bound_to=["secret_id", *REACHES])
    secret_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """Names this row inside its sealed secret: the number of a new row is known too late."""
    ca_pem = models.TextField(_("certificate authority"), blank=True)

    # Brakes: destructive work beyond either limit within an hour waits for an admin's word.
    blast_count = models.PositiveIntegerField(_("removals per hour"), default=10, validators=[MinValueValidator(1)])
    blast_percent = models.PositiveSmallIntegerField(
        _("removals per hour, percent of machines"),
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    parallel = models.PositiveSmallIntegerField(_("operations at a time"), default=8, validators=[MinValueValidator(1)])

    # Real time, not the shifted clock: these are about whether the endpoint answers.
    scanned_at = models.DateTimeField(null=True, blank=True)
    """The last complete scan."""
    scans = models.PositiveIntegerField(default=0)
    """How many complete scans there were."""
    scan_error = models.TextField(blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True, blank=True)
    version = models.CharField(max_length=200, blank=True)

    full_scan_at = models.DateTimeField(null=True, blank=True)
    """The last complete scan that looked at everything."""
    swept_at = models.DateTimeField(null=True, blank=True)
    """By the (shifted) clock that charges follow: whatever no later look missed was there at this moment."""
    events_at = models.DateTimeField(null=True, blank=True)
    """How far its events were read."""
    usage_at = models.DateTimeField(null=True, blank=True)
    """When use was last asked for."""
    files_at = models.DateTimeField(null=True, blank=True)
    """The last complete look at its disk files."""
    files_error = models.TextField(blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("endpoint")
        verbose_name_plural = _("endpoints")

    def __str__(self) -> str:
        return self.name

    def reveal_secret(self) -> str:
        """In plain text, for the connection only. Raises lifecycle.estate.secrets.Unreadable."""
        return opened(self, "secret")


class SyncToken(models.Model):
    """Where the next look for changes begins; without one, everything is looked at. Megabytes for a large estate, so
    it is no column of the endpoint."""

    endpoint = models.OneToOneField(Endpoint, models.CASCADE, primary_key=True, related_name="sync_token")
    token = models.TextField()

    def __str__(self) -> str:
        return str(self.endpoint_id)


class Part(models.Model):
    """What every part of an endpoint has: the hypervisor's reference, its name, and whether the last scan saw it."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="%(class)ss")
    ref = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    gone = models.BooleanField(default=False)

    class Meta:
        abstract = True
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["endpoint", "ref"], name="%(class)s_ref_once")]

    def __str__(self) -> str:
        return self.name


class Pool(Part):
    """Where machines are placed: a cluster, a Xen pool, a libvirt host."""


class Host(Part):
    pool = models.ForeignKey(Pool, models.SET_NULL, null=True, related_name="hosts")
    cpus = models.PositiveIntegerField(default=0)
    memory_mib = models.PositiveBigIntegerField(default=0)
    connected = models.BooleanField(default=True)


class Datastore(Part):
    capacity_mib = models.PositiveBigIntegerField(default=0)
    free_mib = models.PositiveBigIntegerField(default=0)
    identity = models.CharField(max_length=255, blank=True)
    """The storage itself: the same from every endpoint that mounts it."""
    shared = models.BooleanField(default=False)
    """Hosts beyond this endpoint may mount it."""
    all_known = models.BooleanField(default=False)
    """An administrator's word: every host that mounts it belongs to an endpoint here."""
    files_at = models.DateTimeField(null=True, blank=True)
    """The last complete look at its files, of an endpoint that was read completely."""

    @property
    def used_mib(self) -> int:
        return max(0, self.capacity_mib - self.free_mib)


class Network(Part):
    pass


class Image(Part):
    """A template that machines are made from."""

    disk_mib = models.PositiveBigIntegerField(default=0)
    first_seen_at = models.DateTimeField(null=True, blank=True)
