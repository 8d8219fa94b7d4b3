"""What the rules refuse while a block runs stands on the form afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.forms import BaseForm

from lifecycle.errors import Conflict, Invalid
from portal.web.forms import take_problems


@contextmanager
def shown_on(form: BaseForm) -> Iterator[None]:
    """A conflict over a field, such as a name that is taken, is shown like a wrong value; any other goes on."""
    try:
        yield
    except Invalid as error:
        take_problems(form, error)
    except Conflict as error:
        if error.field not in form.fields:
            raise
        take_problems(form, error)
