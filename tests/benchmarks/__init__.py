"""How long things take: `make bench`; docs/benchmarks.md says how to read it."""
