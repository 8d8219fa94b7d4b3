"""Looking at an endpoint and writing down what is there: network first, then short set-based writes.

`sync(endpoint)` is the door; `scan` runs one look, `reading` makes its answer fit for the tables, `matching` says which
row is which machine, `machines` writes them, `parts` the rest, `metering` the spans, `missing` what was not there.
"""

from lifecycle.estate.sync.scan import SyncResult, sync

__all__ = ["SyncResult", "sync"]
