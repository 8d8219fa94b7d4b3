"""What a new machine is told at its first start, for as long as it needs that."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from lifecycle.estate.models.machines import Machine
from lifecycle.estate.secrets import SecretField, opened


class Seed(models.Model):
    """User data for cloud-init: code that may hold secrets. The row goes when the machine has had its first start.

    Host name and public keys are no secrets: they stand with the request and with the operation that builds.
    """

    machine = models.OneToOneField(Machine, models.CASCADE, null=True, blank=True, related_name="seed")
    """None before the decision."""
    user_data = SecretField(_("user data"), blank=True, bound_to=["seed_id"], of_lines=True)
    seed_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """Names this row inside its sealed text: the number of a new row is known too late."""
    sha256 = models.CharField(max_length=64, blank=True)
    """Of the user data: by it whoever decides can tell that it is what they were shown."""

    started_at = models.DateTimeField(null=True, blank=True)
    """When the machine was handed over, running."""
    detach_at = models.DateTimeField(null=True, blank=True)
    """None while it is not seen running."""
    ordered_at = models.DateTimeField(null=True, blank=True)
    """When detaching was ordered; None again when that failed."""
    tries = models.PositiveSmallIntegerField(default=0)
    """How often detaching failed."""

    class Meta:
        ordering = ["id"]
        verbose_name = _("seed")
        verbose_name_plural = _("seeds")

    def __str__(self) -> str:
        return self.machine.name if self.machine else str(self.seed_id)

    def reveal_user_data(self) -> str:
        """In plain text, for the order only. Raises lifecycle.estate.secrets.Unreadable."""
        return opened(self, "user_data")
