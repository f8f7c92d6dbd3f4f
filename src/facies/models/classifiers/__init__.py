"""Classifiers of one condition against all others, and which there are."""

from __future__ import annotations

from facies.models.classifiers.model import ConditionModel
from facies.models.classifiers.table import CLASSIFIERS, ClassifierEntry, classifier_entry

__all__ = ["CLASSIFIERS", "ClassifierEntry", "ConditionModel", "classifier_entry"]
