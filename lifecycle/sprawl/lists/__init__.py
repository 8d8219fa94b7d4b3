"""Many machines and whose they are: read from CSV or selected, tried without writing anything, then applied."""

from lifecycle.sprawl.lists.applying import apply_list, go_on
from lifecycle.sprawl.lists.trying import look_again, try_list, try_selection

__all__ = ["apply_list", "go_on", "look_again", "try_list", "try_selection"]
