"""``study.toml``: every setting of a study, with its default and what it does."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from facies.errors import InputError
from facies.study.condition_settings import ConditionSection
from facies.study.reading_settings import ReadingSection
from facies.study.section import Section

CONFIG_NAME = "study.toml"


class StudySection(Section):
    """``[study]``"""

    name: str = Field(description="the title that stands on the report")
    target: Literal["perceived_age", "age", "facies"] = Field(
        "perceived_age",
        description="what is learnt: perceived_age from human readings, age as the cohort recorded it, or facies: who has a disease",
    )
    random_state: int = Field(1, ge=0, description="the seed of everything that involves chance")
    simulated: bool = Field(False, description="whether the people are simulated; the report then says so at its top")


class InputSection(Section):
    """``[inputs]``"""

    photographs_folder: str = Field("photos", description="the folder that the photographs' paths start from, seen from the study's folder")
    rename: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="table = { your column = the column's name in facies }, for participants, photographs, ..."
    )
    encoding: str | None = Field(None, description="of text tables that are not UTF-8, such as latin-1")
    redcap_event: str | None = Field(None, description="the event of a longitudinal REDCap export that holds participants and outcomes")


class FacesSection(Section):
    """``[faces]``"""

    detector: str = Field(
        "facies-finder", description="facies-finder, yunet, face-mesh, or given (the points stand in the photographs' table)"
    )
    detector_weights: str | None = Field(
        None, description="file of a detector that facies does not carry; left out: the one that `facies weights fetch` stored"
    )
    max_pixels: int = Field(200_000_000, ge=10_000, description="photographs with more pixels are excluded as too_large")
    gate: dict[str, float] = Field(default_factory=dict, description="thresholds of the quality gate by name; nan switches one off")


class EmbeddingSection(Section):
    """``[embeddings]``"""

    encoders: list[str] = Field(
        ["facies-s"],
        min_length=1,
        description="facies-s, hog, pixels, ssl (from facies pretrain), onnx:FILE, timm:NAME, farl; several are compared",
    )
    weights: dict[str, str] = Field(default_factory=dict, description="encoder = file of its weights, where the weights store has none")
    runtime: Literal["onnxruntime", "openvino"] = Field(
        "onnxruntime", description="what runs networks in ONNX files; openvino is an extra and often faster: see `facies doctor`"
    )
    precision: Literal["float32", "bfloat16", "int8"] = Field(
        "float32",
        description="what these networks compute in: bfloat16 needs openvino and a processor that has it; int8 takes FILE.int8.onnx, "
        "which `facies encoders quantise` makes",
    )
    margin: float | None = Field(None, gt=-0.5, lt=3, description="shows more (or less) around the face than the encoder's own template")

    @model_validator(mode="after")
    def _once(self) -> EmbeddingSection:
        if len(set(self.encoders)) != len(self.encoders):
            raise ValueError("an encoder stands twice: name each once")
        return self

    @model_validator(mode="after")
    def _precision_fits(self) -> EmbeddingSection:
        if self.precision == "bfloat16" and self.runtime != "openvino":
            raise ValueError("precision bfloat16 needs runtime openvino: choose it, or float32")
        return self


class ModelSection(Section):
    """``[models]``"""

    regressors: list[str] = Field(["ridge"], min_length=1, description="ridge, svr, label_distribution; several are compared")
    n_folds: int = Field(5, ge=2, description="parts into which people are divided")
    group: Literal["participant_id", "family_id"] = Field("participant_id", description="who stays together in one fold")
    interval_level: float = Field(0.9, gt=0.5, lt=1, description="level of the prediction intervals")
    finetune: bool = Field(False, description="add the model finetuned, a network adapted to the target by `facies finetune`")


class FinetuneSection(Section):
    """``[finetune]``: how `facies finetune` adapts a network."""

    start: str = Field(
        "facies-s", min_length=1, description="the weights it starts from: facies-s, ssl (this study's own), random, or a .safetensors file"
    )
    recipe: str | None = Field(None, description="TOML file with all choices, seen from the study; left out: the defaults")


class EvaluationSection(Section):
    """``[evaluation]``"""

    subgroups: list[str] = Field(["sex", "site", "age_band", "quality"], description="columns within which errors are shown")
    n_bootstrap: int = Field(2000, ge=200, description="resamples of participants behind each interval")


class ExposureSection(Section):
    """``[[association.exposures]]``: a perceived age; where none is named, the panel and every model of the study."""

    source: str = Field(description="panel, a model_id such as facies-s+ridge, or column:NAME for one that stands in your tables")
    label: str | None = Field(None, description="what the report prints, such as Human, DFT or SSL")


class OutcomeSection(Section):
    """``[[association.outcomes]]``"""

    name: str = Field(description="a column of the outcomes' table; for time_to_event the column of events, 0 and 1")
    kind: Literal["binary", "continuous", "time_to_event", "count", "ordinal"] = Field(
        description="binary (0 and 1), continuous, time_to_event (Cox), count (0, 1, 2, ...) or ordinal (ordered levels as numbers)"
    )
    label: str | None = Field(None, description="what the report prints instead of the column's name")
    unit: str | None = Field(None, description="unit of a continuous outcome")
    duration: str | None = Field(None, description="time_to_event: the column of years from the photograph to the event or its end")
    time_scale: Literal["follow_up", "age"] = Field(
        "follow_up", description="time_to_event: count time from the photograph, or compare people of the same age (age at entry and exit)"
    )
    person_time: str | None = Field(
        None, description="count: the column of the time in which events were counted; left out: the same for all"
    )
    count_model: Literal["poisson", "negative_binomial"] = Field(
        "negative_binomial", description="count: negative_binomial where counts scatter more than Poisson counts do"
    )
    test_family: str = Field("outcomes", description="outcomes of the same family are adjusted for multiplicity together")
    equivalence_margin: float | None = Field(
        None, gt=0, description="largest difference between the human and a computed estimate that counts as none: in the outcome's unit "
        "per step, or for ratios a factor above 1 such as 1.1; fix it before the run",
    )  # fmt: skip

    @model_validator(mode="after")
    def _settings_that_matter(self) -> OutcomeSection:
        if (self.kind == "time_to_event") != (self.duration is not None):
            raise ValueError(f"'{self.name}' is {self.kind}: duration belongs to time_to_event, and that needs it")
        if self.kind != "count" and self.person_time is not None:
            raise ValueError(f"'{self.name}' is {self.kind}: person_time belongs to count")
        if self.kind != "continuous" and self.equivalence_margin is not None and self.equivalence_margin <= 1:
            raise ValueError(f"'{self.name}' has a ratio: give equivalence_margin as a factor above 1, such as 1.1")
        return self


class TraitSection(Section):
    """``[[association.traits]]``: what may change how old people look, such as a gene score."""

    name: str = Field(description="a gene score of [[genotypes.scores]], or a column of the participants' or outcomes' table, such as mc1r")
    per: float = Field(1.0, gt=0, description="step that the estimate is for, such as 1 allele")
    equivalence_margin: float | None = Field(
        None, gt=0, description="largest difference between the human and a computed estimate that counts as none, in years per step"
    )


class AssociationSection(Section):
    """``[association]``"""

    exposures: list[ExposureSection] = Field(default_factory=list)
    outcomes: list[OutcomeSection] = Field(default_factory=list)
    traits: list[TraitSection] = Field(default_factory=list)
    adjustments: dict[str, list[str]] = Field({"model_1": ["age", "sex"]}, description="sets of covariates by name")
    per_years: float = Field(5.0, gt=0, description="years of perceived age that an estimate is for")
    direction: Literal["years_looking_older", "delta_pa_rotterdam"] = Field(
        "years_looking_older", description="what counts as more: perceived age - age, or (delta_pa_rotterdam) age - perceived age"
    )
    min_events: int = Field(10, ge=1, description="outcomes with fewer events, or non-events, get no estimate")
    cluster_by: str = Field("family_id", description="the column of people who are not independent: family_id or site")
    clustering: Literal["robust", "mixed"] = Field(
        "robust", description="robust standard errors by cluster, or (for continuous outcomes) a mixed model with a random intercept"
    )
    multiple_imputation: bool = Field(False, description="impute missing covariates too (chained equations), beside the complete cases")
    n_imputations: int = Field(20, ge=2, description="imputed tables")
    sex_interaction: bool = Field(False, description="estimate effects within women and men, and their difference")
    curves: bool = Field(False, description="draw each effect as a natural cubic spline and test it against a line")
    e_values: bool = Field(False, description="add E-values: how strong an unmeasured confounder must be")
    n_bootstrap: int = Field(1000, ge=200, description="draws of participants behind the intervals of paired differences")
    proxy_inference: bool = Field(True, description="use computed perceived ages of people without readings by PPI++, where there are such")

    @model_validator(mode="after")
    def _once(self) -> AssociationSection:
        sources = [exposure.source for exposure in self.exposures]
        if len(set(sources)) != len(sources):
            raise ValueError("an exposure's source stands twice: name each once")
        return self


class ScoreSection(Section):
    """``[[genotypes.scores]]``: a gene score; ``mc1r`` is built in."""

    name: str = Field(description="mc1r, or a name of your own")
    variants: str | None = Field(
        None, description="table of the score's variants: variant_id, effect_allele, other_allele, weight, and perhaps expected_frequency"
    )


class GenotypesSection(Section):
    """``[genotypes]``"""

    file: str | None = Field(
        None, description="genotypes: .bed, .pgen, .vcf(.gz) or .bcf, or a table of dosages (.tsv), seen from the study"
    )
    sample_id: Literal["iid", "fid_iid"] = Field("iid", description="what is the participant_id: the sample's iid, or fid_iid joined by _")
    scores: list[ScoreSection] = Field(default_factory=list)
    group: str | None = Field(None, description="column of groups (ancestry, site) within which Hardy-Weinberg is tested")
    components: int = Field(0, ge=0, le=50, description="principal components to compute and adjust gene analyses for")
    components_file: str | None = Field(None, description="components that you have: a table with participant_id and numbers")
    min_call_rate: float = Field(0.95, ge=0, le=1, description="variants called in fewer people are left out")
    min_frequency: float = Field(0.01, ge=0, lt=0.5, description="variants whose rarer allele is rarer are not scanned")
    scan: list[str] = Field(
        default_factory=list, description="regions to scan for all perceived ages, such as 16:89000000-91000000, or all for every variant"
    )
    scan_outcomes: list[str] = Field(default_factory=list, description="binary outcomes to scan too")
    exact_below: float = Field(
        0.05, gt=0, le=1, description="scan_outcomes: variants whose score test has a smaller p are fitted by maximum likelihood or Firth"
    )
    adjustment: str | None = Field(None, description="adjustment set of the scan; left out: the first")
    export: bool = Field(True, description="write files for PLINK 2 and REGENIE")

    @model_validator(mode="after")
    def _settings_that_matter(self) -> GenotypesSection:
        for name in ("scores", "scan", "scan_outcomes", "components"):
            if self.file is None and getattr(self, name):
                raise ValueError(f"{name} needs genotypes.file: name the file, or remove {name}")
        return self

    @model_validator(mode="after")
    def _settings_that_agree(self) -> GenotypesSection:
        if self.components and self.components_file:
            raise ValueError("components are computed, or read from components_file: keep one of the two")
        if self.scan_outcomes and not self.scan:
            raise ValueError("scan_outcomes needs scan: name regions, or all")
        names = [score.name for score in self.scores]
        if len(set(names)) < len(names):
            raise ValueError("a gene score stands twice: name each once")
        return self


class ReplicationSection(Section):
    """``[replication]``"""

    validation: str | None = Field(
        None, description="folder of the validation study, seen from this study's; read also by facies replicate"
    )


class ReportSection(Section):
    """``[report]``"""

    n_average: int = Field(10, ge=10, description="an average face is shown only of at least so many people")


class StudyConfig(Section):
    """The whole of ``study.toml``."""

    study: StudySection
    inputs: InputSection = InputSection()
    faces: FacesSection = FacesSection()
    embeddings: EmbeddingSection = EmbeddingSection()
    models: ModelSection = ModelSection()
    finetune: FinetuneSection = FinetuneSection()
    conditions: ConditionSection = ConditionSection()
    evaluation: EvaluationSection = EvaluationSection()
    association: AssociationSection = AssociationSection()
    genotypes: GenotypesSection = GenotypesSection()
    replication: ReplicationSection = ReplicationSection()
    reading: ReadingSection = ReadingSection()
    report: ReportSection = ReportSection()

    @model_validator(mode="after")
    def _conditions_where_they_are_learnt(self) -> StudyConfig:
        if self.study.target == "facies" and not self.conditions.target_conditions:
            raise ValueError("target facies needs conditions.target_conditions: name the diseases, such as acromegaly")
        if self.study.target != "facies" and self.conditions.target_conditions:
            raise ValueError("conditions.target_conditions needs study.target = 'facies': write that, or remove the conditions")
        return self

    @model_validator(mode="after")
    def _lists_are_no_conditions(self) -> StudyConfig:
        for one in self.reading.lists:
            if one.name in self.conditions.target_conditions:
                raise ValueError(f"reading.lists names '{one.name}', which is a target condition: give the list its own name")
        return self

    @model_validator(mode="after")
    def _age_is_no_proxy_of_itself(self) -> StudyConfig:
        if self.study.target == "age" and self.association.traits:
            raise ValueError("association.traits needs target perceived_age: age itself has no such cause")
        return self


def printed_settings(config: StudyConfig) -> dict[str, Any]:
    """Return all settings as a page may show them (:meth:`ReadingSection.printed`).

    Examples
    --------
    >>> shown = printed_settings(parse_config({"study": {"name": "A"}, "reading": {"training": ["p1_front"]}}))
    >>> shown["reading"]["training"], "database" in shown["reading"]
    (1, False)
    """
    return config.model_dump(exclude={"reading"}) | {"reading": config.reading.printed()}


def read_config(folder: Path) -> StudyConfig:
    """Read and check a study's ``study.toml``.

    Raises
    ------
    InputError
        Naming the setting and what it may be; when the file is absent, how to make one.
    """
    path = folder / CONFIG_NAME
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{folder} has no {CONFIG_NAME}: make one with `facies init {folder}`") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{CONFIG_NAME} cannot be read ({error}): mend that place and run again") from error
    return parse_config(settings)


def parse_config(settings: dict[str, Any]) -> StudyConfig:
    """Check settings as read from TOML.

    Raises
    ------
    InputError
        Naming the first setting that is wrong.

    Examples
    --------
    >>> parse_config({"study": {"name": "A"}, "models": {"n_folds": 1}})
    Traceback (most recent call last):
    ...
    facies.errors.InputError: study.toml, models.n_folds is 1: input should be greater than or equal to 2
    """
    try:
        return StudyConfig.model_validate(settings)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(_explain(first)) from error


def _explain(first: Any) -> str:
    where = ".".join(str(part) for part in first["loc"])
    message = str(first["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if first["type"] == "missing":
        return f"{CONFIG_NAME}, {where} is missing: add it"
    if first["type"] == "extra_forbidden":
        return f"{CONFIG_NAME}, {where} is not a setting of facies: remove or rename it"
    if isinstance(first["input"], str | int | float | bool):
        return f"{CONFIG_NAME}, {where} is {first['input']!r}: {message}"
    return f"{CONFIG_NAME}{', ' if where else ''}{where}: {message}"
