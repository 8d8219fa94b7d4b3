"""A form's field in our manner, and the box that lists what keeps a form from being sent."""

from __future__ import annotations

from typing import Any

from django.forms import BaseForm, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.forms.boundfield import BoundField
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

GROUPS = (RadioSelect, CheckboxSelectMultiple)


def described_by(bound: BoundField) -> str:
    """Ids of what stands around the control: its error first, because that is what the reader needs."""
    ids = []
    if bound.errors:
        ids.append(f"{bound.auto_id}_error")
    if bound.help_text:
        ids.append(f"{bound.auto_id}_hint")
    return " ".join(ids)


def widget(bound: BoundField, **extra: str) -> SafeString:
    attrs: dict[str, Any] = dict(extra)
    if not isinstance(bound.field.widget, GROUPS):
        if ids := described_by(bound):
            attrs["aria-describedby"] = ids
        if bound.errors:
            attrs["aria-invalid"] = "true"
    return bound.as_widget(attrs=attrs)


def field(bound: BoundField, label: str = "", hint: str = "", short: bool = False, **extra: str) -> dict[str, Any]:
    """The context of components/field.html. Extra arguments become attributes: `hx_get="…"` -> `hx-get`."""
    if hint:
        bound.help_text = hint
    control = bound.field.widget
    return {
        "bound": bound,
        "label": label or bound.label,
        "described_by": described_by(bound),
        "control": widget(bound, **{name.replace("_", "-"): str(value) for name, value in extra.items()}),
        "group": isinstance(control, GROUPS),
        "tick": isinstance(control, CheckboxInput),
        "optional": not bound.field.required and not isinstance(control, (CheckboxInput, CheckboxSelectMultiple)),
        "short": short,
    }


def error_summary(form: BaseForm, title: str = "") -> dict[str, Any]:
    """The context of components/error_summary.html: links in the order of the page, repeating the fields' own words."""
    rows = [{"href": "", "label": "", "words": str(words)} for words in form.non_field_errors()]
    for bound in form:
        rows += [{"href": anchor(bound), "label": str(bound.label), "words": str(words)} for words in bound.errors]
    if not title:
        title = ngettext("One thing keeps this from being sent", "%(n)s things keep this from being sent", len(rows))
        title %= {"n": len(rows)}
    return {"rows": rows, "title": title}


def anchor(bound: BoundField) -> str:
    # A group has no control of its own: its first one takes the focus.
    return f"#{bound.auto_id}_0" if isinstance(bound.field.widget, GROUPS) else f"#{bound.auto_id}"
