"""facies turns a cohort's face photographs into study results."""

__version__ = "0.1.0"
