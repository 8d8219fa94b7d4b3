"""Lists of people: read from CSV, tried without writing anything, applied at once, and undone."""

from lifecycle.people.imports.applying import apply_import
from lifecycle.people.imports.trying import try_import
from lifecycle.people.imports.undoing import undo_import

__all__ = ["apply_import", "try_import", "undo_import"]
