"""From a domain error to the fields of the form that caused it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.forms import BaseForm

from lifecycle.errors import Conflict, Invalid
from portal.errors import problems_of


@contextmanager
def shown_on(form: BaseForm, **names: str) -> Iterator[None]:
    """Puts what the rules refuse beside its field; `names` says where a rule calls a field otherwise.

    What belongs to no field of the form stands above it. A conflict over a field, such as a name that is taken, is
    shown like a wrong value; any other goes on.
    """
    try:
        yield
    except (Invalid, Conflict) as error:
        if isinstance(error, Conflict) and not error.field:
            raise
        for field, words in problems_of(error).items():
            name = names.get(field, field)
            form.add_error(name if name in form.fields else None, words)
