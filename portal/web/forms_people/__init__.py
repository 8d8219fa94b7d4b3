"""What the pages of people ask for: fields and their reading; what is allowed is decided by the rules."""
