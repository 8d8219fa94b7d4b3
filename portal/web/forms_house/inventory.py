"""An inventory as a file: larger than other lists may be."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as lazy

from lifecycle.sprawl.inventory import MOST_BYTES
from portal.web.forms_people.imports import ImportForm


class InventoryForm(ImportForm):
    most_bytes = MOST_BYTES

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = lazy("UTF-8, with commas or semicolons; at most 20 MiB and 100,000 lines.")
