"""A list as a file: of people, of holders, or of the inventory."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.csvfiles import MOST_BYTES


class ImportForm(forms.Form):
    use_required_attribute = False
    most_bytes = MOST_BYTES

    file = forms.FileField(
        label=lazy("CSV file"), help_text=lazy("UTF-8, with commas or semicolons; at most 2 MiB."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": lazy("Choose a file."), "empty": lazy("The file is empty.")},
    )  # fmt: skip

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > self.most_bytes:
            raise ValidationError(
                _("The file is larger than %(n)s MiB. Divide it.") % {"n": self.most_bytes // 1024**2}
            )  # fmt: skip
        return file
