"""What the pages of the house ask for: fields and their reading; what is allowed is decided by the rules."""
