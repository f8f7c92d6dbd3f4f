"""A question with a list of answers, from plan to reading."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi")

from facies.errors import InputError
from facies.web import AgeTask, ChoiceTask, RoomSettings, load_plan, open_room
from facies.web.tasks import AnswerError

TASK = ChoiceTask("Is the person tanned?", ("no", "a little", "yes"))


def test_choice__its_reading_is_the_place_in_the_list_and_others_are_refused():
    assert TASK.readings(TASK.check({"choice": "a little"}), "tanned")[0].reading == 1
    for wrong in ({"choice": "perhaps"}, {"choice": 1}, {"choice": "no", "more": 1}, {}):
        with pytest.raises(AnswerError):
            TASK.check(wrong)


@pytest.mark.parametrize("choices", [("yes",), ("yes", "yes"), tuple(map(str, range(31)))])
def test_choice__a_list_of_too_few_too_many_or_equal_answers_is_refused(choices):
    with pytest.raises(InputError, match="give 2 to 30, each once"):
        ChoiceTask("Tanned?", choices)


def test_plan__a_check_of_attention_may_ask_for_an_answer_of_the_list_and_no_other():
    settings = RoomSettings(tasks={"tanned": TASK, "perceived_age": AgeTask()})
    row = {"reader_id": "r1", "position": 1, "photo_id": "a", "target": "tanned", "is_attention": True}
    assert load_plan(open_room("sqlite://"), [{**row, "expected": "yes"}], settings=settings) == 1
    with pytest.raises(InputError, match="not an answer that can be given"):
        load_plan(open_room("sqlite://"), [{**row, "expected": "maybe"}], settings=settings)
