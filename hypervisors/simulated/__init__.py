"""A data centre in one SQLite file, and the adapter that speaks to it. For the demo, training and load tests."""
