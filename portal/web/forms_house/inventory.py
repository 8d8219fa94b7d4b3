"""An inventory as a file."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.sprawl.inventory import MOST_BYTES


class InventoryForm(forms.Form):
    use_required_attribute = False

    file = forms.FileField(
        label=lazy("CSV file"), help_text=lazy("UTF-8, with commas or semicolons; at most 20 MiB and 100,000 lines."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": lazy("Choose a file."), "empty": lazy("The file is empty.")},
    )  # fmt: skip

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise ValidationError(_("The file is larger than %(n)s MiB. Divide it.") % {"n": MOST_BYTES // 1024**2})
        return file
