"""Whose might it be? One file per source of evidence; `sources.py` weighs them, `scoring.py` adds them up.

A source is a function `collect(machines, ground)`: for a chunk of machines it yields what it found, `Found`, and asks
the database a fixed number of questions. It says nothing of points, leavers or limits: the scoring does, for all alike.
All that hypervisors say is hostile text: it is cut, divided into words, and looked up in a dictionary of people.
"""

from lifecycle.sprawl.attribution.running import attribute

__all__ = ["attribute"]
