"""Pure numbers: arrays in, arrays out, no tables and no files.

:mod:`resampling` draws participants anew, :mod:`agreement` compares two measurements, :mod:`noise` says how exact human readings
are, :mod:`binning` cuts a scale into bands, :mod:`regression` fits linear and logistic models, :mod:`multiplicity` adjusts p-values.
"""
