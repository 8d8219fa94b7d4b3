"""vCenter, by its web service."""
