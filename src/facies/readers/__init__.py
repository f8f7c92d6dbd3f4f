"""Human readings: who reads what, panel means and the panel model, how exact they are, and the error of one reader."""

from facies.readers.fewer import FewerReaders, draw_fewer_readers, readers_a_photograph
from facies.readers.files import (
    RedcapFields,
    faults_in_wide,
    readings_for_export,
    readings_from_redcap,
    readings_from_wide,
    readings_to_wide,
    unread,
)
from facies.readers.labels import bin_label, parse_reading
from facies.readers.noise import leave_one_reader_out, panel_noise, reading_noise, summarise_noise
from facies.readers.order import ORDER_COVARIATES, FaceBefore, face_before
from facies.readers.panel import FEW_READERS, panel_means, panel_notes
from facies.readers.panel_model import PanelModel, bin_midpoints, fit_panel, panel_estimates_by
from facies.readers.panel_size import (
    ReaderVariances,
    icc_precision,
    panel_sizes,
    readers_for_floor,
    readers_for_icc,
    readers_for_std_error,
)
from facies.readers.plan import ReadingDesign, add_readers, assign_readings, reader_meetings
from facies.readers.regions import (
    FACE_REGIONS,
    Brush,
    ConsensusMap,
    RegionConsensus,
    consensus_as_marks,
    consensus_map,
    consensus_regions,
    mark_regions,
    mean_marks,
    pairwise_dice,
    region_agreement,
    region_coverage,
)
from facies.readers.strokes import PaintedCrops, paint_crops, stroke_mask

__all__ = [
    "FACE_REGIONS",
    "FEW_READERS",
    "ORDER_COVARIATES",
    "Brush",
    "ConsensusMap",
    "FaceBefore",
    "FewerReaders",
    "PaintedCrops",
    "PanelModel",
    "ReaderVariances",
    "ReadingDesign",
    "RedcapFields",
    "RegionConsensus",
    "add_readers",
    "assign_readings",
    "bin_label",
    "bin_midpoints",
    "consensus_as_marks",
    "consensus_map",
    "consensus_regions",
    "draw_fewer_readers",
    "face_before",
    "faults_in_wide",
    "fit_panel",
    "icc_precision",
    "leave_one_reader_out",
    "mark_regions",
    "mean_marks",
    "paint_crops",
    "pairwise_dice",
    "panel_estimates_by",
    "panel_means",
    "panel_noise",
    "panel_notes",
    "panel_sizes",
    "parse_reading",
    "reader_meetings",
    "readers_a_photograph",
    "readers_for_floor",
    "readers_for_icc",
    "readers_for_std_error",
    "reading_noise",
    "readings_for_export",
    "readings_from_redcap",
    "readings_from_wide",
    "readings_to_wide",
    "region_agreement",
    "region_coverage",
    "stroke_mask",
    "summarise_noise",
    "unread",
]
