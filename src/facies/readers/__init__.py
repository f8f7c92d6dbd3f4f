"""Human readings: panel means, the panel model, how exact they are, and the error of one reader."""

from facies.readers.fewer import FewerReaders, draw_fewer_readers, readers_a_photograph
from facies.readers.noise import leave_one_reader_out, panel_noise, reading_noise, summarise_noise
from facies.readers.order import ORDER_COVARIATES, FaceBefore, face_before
from facies.readers.panel import FEW_READERS, panel_means, panel_notes
from facies.readers.panel_model import PanelModel, bin_midpoints, fit_panel, panel_estimates_by

__all__ = [
    "FEW_READERS",
    "ORDER_COVARIATES",
    "FaceBefore",
    "FewerReaders",
    "PanelModel",
    "bin_midpoints",
    "draw_fewer_readers",
    "face_before",
    "fit_panel",
    "leave_one_reader_out",
    "panel_estimates_by",
    "panel_means",
    "panel_noise",
    "panel_notes",
    "readers_a_photograph",
    "reading_noise",
    "summarise_noise",
]
