"""Results of earlier jobs that may stand in for those of later ones: an index in one SQLite file for all runs.

Knows keys, runs and sizes. Does not know what makes two jobs the same, nor how files are looked at or removed.
"""

from hyflow.results.bound import bound
from hyflow.results.index import Results
from hyflow.results.stored import Held, Result, Size
from hyflow.results.writer import Writer

__all__ = ["Held", "Result", "Results", "Size", "Writer", "bound"]
