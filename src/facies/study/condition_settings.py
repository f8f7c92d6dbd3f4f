"""``[conditions]`` of ``study.toml``: recognising a disease in the face."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from facies.study.section import Section
from facies.tables import CONTROL

_RULE = re.compile(r"youden|(?:sensitivity|specificity)=(?:0?\.\d+|1\.0)|cost=\d+(?:\.\d+)?")


class NegativesSection(Section):
    """``[[conditions.negatives]]``: a folder of photographs of other people, such as a public set."""

    source: str = Field(min_length=1, description="its name: one that facies knows (see `facies sources`), or your own")
    folder: str = Field(description="where the photographs lie, seen from the study; nothing is downloaded")
    table: str | None = Field(
        None, description="table of them, seen from the study: path, and perhaps participant_id, age, sex; left out: each file is a person"
    )
    licence: str | None = Field(None, description="under which terms; needed where facies does not know the source")
    citation: str | None = Field(None, description="what to cite")


class SaliencySection(Section):
    """``[conditions.saliency]``"""

    methods: list[Literal["occlusion", "integrated_gradients", "grad_cam"]] = Field(
        ["occlusion"],
        description="how regions are scored; the last two need encoder facies-s, a linear classifier and the extra explain; empty: "
        "not at all",
    )
    atlas: Literal["auto", "template", "mesh"] = Field(
        "auto", description="how regions are placed: by the face mesh where `facies weights fetch face-mesh` brought it (mesh: it must be "
        "there), else by five points and a template",
    )  # fmt: skip
    single_faces: int = Field(
        0, ge=0, le=50,
        description="maps of single cases of each condition, only of people whose consent_scope is publication; they stay in "
        "derived/saliency/single_faces and are not in the report",
    )  # fmt: skip
    n_faces: int = Field(500, ge=10, description="faces that are looked at, the cases first, chosen by the seed")


class ConditionSection(Section):
    """``[conditions]``; used where study.target is facies."""

    target_conditions: list[str] = Field(
        default_factory=list, description="the diseases, as diagnoses.tsv writes them, such as acromegaly and cushing"
    )
    negatives: list[NegativesSection] = Field(default_factory=list)
    classifiers: list[str] = Field(["logistic"], min_length=1, description="logistic, svm, lda, gallery; several are compared")
    multiclass: bool = Field(True, description="also one model of all conditions and controls against each other")
    n_repeats: int = Field(3, ge=1, le=50, description="how often people are assigned to folds anew")
    class_weights: bool = Field(True, description="let cases and others count alike in training, however few the cases")
    matching: Literal["none", "weight", "match"] = Field(
        "none", description="make the others like the cases in match_on: by weights, or by choosing the most alike"
    )
    match_on: list[Literal["age", "sex", "quality"]] = Field(["age", "sex"], description="what they are made alike in")
    match_ratio: int = Field(4, ge=1, description="others chosen for each case where matching is match")
    harmonise: list[Literal["colour", "resolution", "compression", "background"]] = Field(
        default_factory=list, description="make the pictures of all sources alike before they are encoded; each step is recorded"
    )
    operating_points: list[str] = Field(
        ["youden", "sensitivity=0.9", "specificity=0.9"],
        description="rules that fix thresholds on inner folds: youden, sensitivity=0.9, specificity=0.9, cost=5 (of a "
        "missed case in false alarms)",
    )  # fmt: skip
    prevalence: dict[str, list[float]] = Field(
        default_factory=dict, description="condition = prevalences among people who would be tested; without it no PPV, NPV or net benefit"
    )
    covariates: list[str] = Field(["age", "sex", "bmi"], description="what a model without the face may use, where the study has it")
    check_confounding: bool = Field(True, description="whether the checks for source confounding run; switch off only with reason")
    headline_despite_confounding: list[str] = Field(
        default_factory=list, description="conditions whose AUC is shown first although the verdict is confounded"
    )
    n_permutations: int = Field(500, ge=100, description="permutations of people behind p-values of the checks")
    saliency: SaliencySection = SaliencySection()

    @model_validator(mode="after")
    def _names(self) -> ConditionSection:
        for name in self.target_conditions:
            if name == CONTROL or self.target_conditions.count(name) > 1:
                raise ValueError(f"target_conditions names '{name}': name each disease once, and none '{CONTROL}'")
        unknown = [*self.prevalence, *self.headline_despite_confounding]
        for name in unknown:
            if name not in self.target_conditions:
                raise ValueError(f"'{name}' is none of the target_conditions: correct or remove it")
        sources = [negatives.source for negatives in self.negatives]
        if len(set(sources)) < len(sources):
            raise ValueError("a source of negatives stands twice: name each once")
        return self

    @model_validator(mode="after")
    def _numbers(self) -> ConditionSection:
        for name, shares in self.prevalence.items():
            if not shares or not all(0 < share < 1 for share in shares):
                raise ValueError(f"prevalence of '{name}' is {shares}: give shares between 0 and 1, such as 0.01")
        for rule in self.operating_points:
            if not _RULE.fullmatch(rule):
                raise ValueError(f"operating point '{rule}' is not known: write youden, sensitivity=0.9, specificity=0.9 or cost=5")
        if self.harmonise and len(set(self.harmonise)) < len(self.harmonise):
            raise ValueError("harmonise names a step twice: name each once")
        return self
