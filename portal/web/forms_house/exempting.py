"""Why something is no finding, and until when."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.sprawl.models import Finding
from portal.web.forms import Words
from portal.web.forms.days import DayField

KIND, EVERY, POOL = "kind", "every", "pool"


class ExemptForm(forms.Form):
    use_required_attribute = False

    scope = forms.ChoiceField(widget=forms.RadioSelect, label=lazy("What is exempt"), initial=KIND)
    reason = Words(
        max_length=500, label=lazy("Why"), widget=forms.Textarea(attrs={"rows": 2}),
        help_text=lazy("Stands beside the finding and in the audit record."),
    )  # fmt: skip
    ends_on = DayField(label=lazy("Last day"), help_text=lazy("At most a year from now: then somebody looks again."))

    def __init__(self, *args: Any, finding: Finding, **options: Any) -> None:
        super().__init__(*args, **options)
        kind = finding.get_kind_display()
        choices = [(KIND, _("This kind of finding about it: %(kind)s") % {"kind": kind})]
        choices.append((EVERY, _("Whatever is found about it")))
        if finding.machine and finding.machine.pool:
            pool = finding.machine.pool.name[:60]
            words = _("This kind of finding about every machine in the pool %(pool)s") % {"pool": pool}
            choices.append((POOL, words))
        self.fields["scope"].choices = choices  # type: ignore[attr-defined]
