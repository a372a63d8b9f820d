"""hyflow runs CWL workflows across clouds and clusters."""

__version__ = "0.1.0"
