"""Human readings: who reads what, panel means, how exact they are, and the error of one reader."""

from facies.readers.fewer import FewerReaders, draw_fewer_readers, readers_a_photograph
from facies.readers.noise import leave_one_reader_out, panel_noise, reading_noise, summarise_noise
from facies.readers.panel import FEW_READERS, panel_means, panel_notes
from facies.readers.panel_size import (
    ReaderVariances,
    icc_precision,
    panel_sizes,
    readers_for_floor,
    readers_for_icc,
    readers_for_std_error,
)
from facies.readers.plan import ReadingDesign, add_readers, assign_readings, reader_meetings

__all__ = [
    "FEW_READERS",
    "FewerReaders",
    "ReaderVariances",
    "ReadingDesign",
    "add_readers",
    "assign_readings",
    "draw_fewer_readers",
    "icc_precision",
    "leave_one_reader_out",
    "panel_means",
    "panel_noise",
    "panel_notes",
    "panel_sizes",
    "reader_meetings",
    "readers_a_photograph",
    "readers_for_floor",
    "readers_for_icc",
    "readers_for_std_error",
    "reading_noise",
    "summarise_noise",
]
