"""Adapters to hypervisors behind one contract. Knows nothing of Django, leases or people."""
