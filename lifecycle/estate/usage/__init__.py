"""What machines use: asked of hypervisors, kept by the hour for a week and by the day for longer.

`collect(endpoint)` is the door to the hypervisor: `samples` makes its answer fit for the tables, `hours` adds it up.
`days` makes a day of its hours, `rolling` all days. Whether an hour is quiet is the sprawl room's to say: it hands in
the limits.
"""

from lifecycle.estate.usage.collecting import Collected, collect

__all__ = ["Collected", "collect"]
