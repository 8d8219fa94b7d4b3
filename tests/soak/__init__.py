"""What takes minutes, and is run by `make soak` only."""
