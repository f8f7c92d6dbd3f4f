"""The summary of conditions: what was found, with what must stand beside it."""

from __future__ import annotations

from facies.report.blocks import Block, Heading, Missing, Section, Text, Tile, Tiles
from facies.report.condition_data import ConditionData
from facies.report.numbers import DASH, count, fixed, interval, plural


def condition_found_section(data: ConditionData) -> Section:
    """Return tiles and a few sentences for each condition."""
    if data.table("condition_metrics") is None:
        return Section("found", "What was found", (Missing("Results", data.why_missing("condition_metrics")),))
    blocks: list[Block] = []
    for condition in data.target_conditions:
        blocks += [Heading(data.title(condition)), *_of_condition(data, condition)]
    return Section("found", "What was found", tuple(blocks))


def first_rule(data: ConditionData, condition: str) -> str | None:
    """Return the first operating point of the settings that there are numbers for."""
    frame = data.table("condition_metrics")
    if frame is None:
        return None
    rules = frame.loc[(frame.target_condition == condition) & (frame.metric == "sensitivity"), "rule"]
    return None if rules.empty else str(rules.iloc[0])


def _of_condition(data: ConditionData, condition: str) -> list[Block]:
    everybody = data.metric(condition, "auc")
    if everybody is None:
        return [Missing(data.title(condition), data.why_missing("condition_metrics"))]
    if data.headline(condition) == "withheld":
        text = (
            "The AUC is withheld: the verdict is confounded. Write the condition into conditions.headline_despite_confounding to have it "
            f"shown. {plural(everybody['n'], 'person')} were judged, {count(everybody['n_cases'])} of them with {data.label(condition)}."
        ).replace("persons", "people")
        return [Text(text)]
    rule = first_rule(data, condition)
    return [Tiles(tuple(_tiles(data, condition, rule))), Text(_sentence(data, condition, rule))]


def _tiles(data: ConditionData, condition: str, rule: str | None) -> list[Tile]:
    first = data.headline(condition)
    names = {"same_source": "AUC, same source", "all": "AUC, all others", "public": "AUC, public negatives"}
    order = dict.fromkeys((first, "same_source", "all"))
    tiles = []
    for against in order:
        found = data.metric(condition, "auc", against=against)
        if found is not None and found["value"] == found["value"]:
            tiles.append(Tile(names[against], fixed(found["value"]), f"{_ci(found)}, n = {count(found['n'])}"))
    if rule is not None:
        scope = "same_source" if data.metric(condition, "sensitivity", against="same_source", rule=rule) else "all"
        for metric in ("sensitivity", "specificity"):
            found = data.metric(condition, metric, against=scope, rule=rule)
            if found is not None:
                tiles.append(Tile(f"{metric.capitalize()}, {rule}", fixed(found["value"]), _ci(found)))
    majority = data.metric(condition, "majority_class_rate", rule=rule or "")
    if majority is not None:
        tiles.append(Tile("Accuracy of calling nobody ill", fixed(majority["value"]), "in the study's own mix"))
    return tiles


def _ci(found: dict[str, float]) -> str:
    ends = interval(found["ci_low"], found["ci_high"])
    return "" if ends == DASH else ends


def _sentence(data: ConditionData, condition: str, rule: str | None) -> str:
    everybody, same = data.metric(condition, "auc"), data.metric(condition, "auc", against="same_source")
    cases = 0 if everybody is None else everybody["n_cases"]
    text = f"{count(cases)} people with {data.label(condition)}, scored by models that had seen neither them nor a relative."
    if same is not None and everybody is not None and same["value"] == same["value"]:
        text += (
            f" Against {count(same['n'] - same['n_cases'])} others photographed at the same source the AUC was {fixed(same['value'])} "
            f"({_ci(same)}); against all {count(everybody['n'] - everybody['n_cases'])} others, public negatives included, "
            f"{fixed(everybody['value'])} ({_ci(everybody)})."
        )
    if rule is not None:
        accuracy = data.metric(condition, "accuracy", rule=rule)
        majority = data.metric(condition, "majority_class_rate", rule=rule)
        if accuracy is not None and majority is not None:
            text += (
                f" At {rule} the accuracy was {fixed(accuracy['value'])}; calling everybody alike has {fixed(majority['value'])}, since "
                f"{fixed(100 * cases / accuracy['n'], 0)} % of the study's people have the condition, which says nothing about those who "
                "would be tested."
            )
    return text
