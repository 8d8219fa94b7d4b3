"""Real hypervisors that tests start for themselves, privately, and leave nothing of behind."""
