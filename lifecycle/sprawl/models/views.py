"""Filters that somebody keeps under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedView(models.Model):
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    page = models.CharField(max_length=40)
    """The name of the page's url."""
    name = models.CharField(_("name"), max_length=80)
    query = models.CharField(max_length=2000, blank=True)
    """As it stands in the address."""
    shared = models.BooleanField(_("for everybody"), default=False)
    """What a reader may not see stays hidden from them all the same."""

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "page", "name"],
                name="saved_view_once",
                violation_error_message=_("You have a view of this name."),
            )
        ]
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")

    def __str__(self) -> str:
        return self.name
