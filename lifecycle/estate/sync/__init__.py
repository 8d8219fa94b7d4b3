"""Looking at an endpoint and writing down what is there: network first, then short set-based writes.

`sync(endpoint)` is the door; `scan` runs one look, `progress` keeps its row, `asking` decides what is asked, `reading`
makes the answer fit for the tables, `matching` says which row is which machine, `machines`, `devices` and `parts` write
them, `metering` the spans, `missing` what was not there, `moving` what is at another endpoint now, `drifting` what
somebody changed, `events` what the hypervisor's own record adds.
"""

from lifecycle.estate.sync.scan import SyncResult, sync

__all__ = ["SyncResult", "sync"]
