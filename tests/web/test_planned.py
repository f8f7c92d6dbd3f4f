"""A plan as facies draws it, read as facies simulates readers, comes out as facies analyses it."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

pytest.importorskip("fastapi")

import room
import visit

from facies.errors import InputError
from facies.readers import ReadingDesign, assign_readings, panel_means
from facies.web import RoomSettings, export_attention, export_readings, load_plan, open_room, prepare_pictures

HIDDEN = dataclasses.replace(room.SETTINGS, attention="hidden")

AGES = {f"face{i}": 40.0 + 5 * i for i in range(6)} | {"child": 18.0, "practice": 60.0}


def planned(arms: str = "unaided") -> pd.DataFrame:
    photographs = pd.DataFrame({"photo_id": [f"face{i}" for i in range(6)], "participant_id": [f"p{i}" for i in range(6)]})
    repeats = 0.0 if arms == "crossover" else 1 / 3
    design = ReadingDesign(repeat_fraction=repeats, gap=3, block_size=4, training=("practice",), attention=("child",), arms=arms)
    plan = assign_readings(photographs, ["r1", "r2"], design=design, random_state=3)
    checked = plan.is_training | plan.is_attention
    scores = plan.photo_id.map(AGES).where(plan.arm == "aided")
    return plan.assign(expected=plan.photo_id.map(AGES).where(checked), model_score=scores)


def read_by_table(client, ages: dict[str, float], plan: pd.DataFrame, settings: RoomSettings) -> None:
    """Answer every face with its age; who reads knows the plan, as no reader does."""
    csrf = visit.csrf_of(client)
    own = plan.set_index("position").photo_id
    while (step := client.get("/api/next").json())["state"] == "trial":
        assert "instructed" not in step["trial"]
        age = ages[own[step["trial"]["position"]]] + (2 if step["trial"]["stage"] == "aided" else 0)
        assert visit.answer(client, {"age": age}, csrf=csrf).status_code == 200


@pytest.mark.parametrize("arms", ["unaided", "crossover"])
def test_drawn_plan__is_read_in_its_order_and_gives_the_panels_means(arms):
    plan, engine = planned(arms), open_room("sqlite://")
    assert load_plan(engine, plan, settings=HIDDEN) == len(plan)
    prepare_pictures(engine, room.colour_of)
    for reader, shift in (("r1", -1.0), ("r2", 1.0)):
        ages = {photo: age + shift for photo, age in AGES.items()} | {"child": 24.0 if reader == "r1" else 45.0}
        read_by_table(visit.enter(engine, reader, HIDDEN), ages, plan[plan.reader_id == reader], HIDDEN)
    table = export_readings(engine, settings=HIDDEN)
    counted = plan[~plan.is_training & ~plan.is_attention].rename(columns={"target": "planned"})
    unaided = table[table.target == "perceived_age"]
    assert len(unaided) == len(counted)
    assert unaided.merge(counted, on=["reader_id", "position", "photo_id", "repeat"]).shape[0] == len(counted)
    means = panel_means(table, target="perceived_age").set_index("photo_id")
    assert means.panel_mean.to_dict() == pytest.approx({photo: age for photo, age in AGES.items() if photo.startswith("face")})
    assert (means.n_readers == 2).all()
    assert (table.target == "perceived_age[aided]").sum() == (12 if arms == "crossover" else 0)
    assert export_attention(engine, settings=HIDDEN).n_passed.tolist() == [1, 0]  # 24 is within ten years of 18, 45 is not


def test_hidden_check_without_the_answer_beyond_doubt__is_refused():
    with pytest.raises(InputError, match="photograph child is a hidden check of attention without expected"):
        load_plan(open_room("sqlite://"), planned().drop(columns="expected"), settings=HIDDEN)
