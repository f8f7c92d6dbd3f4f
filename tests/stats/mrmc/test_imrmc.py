"""The list mode of iMRMC: what is written is read again, and each fault is one line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from facies.errors import InputError
from facies.stats.mrmc.imrmc import imrmc_text, read_imrmc

HEAD = "a study\nN0: 1\nN1: 1\nNR: 1\nNM: 1\nBEGIN DATA:\n-1,1,0,0\n-1,2,0,1\n"


def study(names=str):
    cases, readers = range(1, 7), range(1, 4)
    rows = [(names(r), names(c), names(m), r + c / 7 + m) for r in readers for c in cases for m in (1, 2) if (r + c) % 4]
    readings = pd.DataFrame(rows, columns=["reader_id", "case_id", "modality_id", "score"])
    return readings, pd.DataFrame({"case_id": [names(c) for c in cases], "observed": [c % 2 for c in cases]})


def test_imrmc_text__is_read_again_to_the_last_bit():
    readings, truth = study()
    again, known = read_imrmc(imrmc_text(readings, truth))
    pd.testing.assert_frame_equal(again, readings)
    pd.testing.assert_frame_equal(known, truth)


def test_imrmc_text__numbers_names_and_says_which():
    readings, truth = study(lambda number: f"id {number}")
    text = imrmc_text(readings, truth, title="two\nlines")
    assert text.startswith("two lines\nreader 1: id 1\n")
    again, _ = read_imrmc(text)
    assert again.score.tolist() == readings.score.tolist()
    assert again.reader_id.tolist() == readings.reader_id.str[3:].tolist()


def test_read_imrmc__takes_the_table_of_the_r_package():
    readings, truth = read_imrmc('readerID,caseID,modalityID,score\n"truth","c1","truth",1\n"r1","c1","m1",0.3\n')
    assert readings.iloc[0].tolist() == ["r1", "c1", "m1", 0.3]
    assert truth.observed.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "no line 'BEGIN DATA:'"),
        (HEAD + "1,1,1,high\n1,2,1,3\n", "line 9: '1,1,1,high' is no reading"),
        (HEAD + "1,1,1,2\n1,1,1,3\n", "line 10: reader 1 reads case 1 twice"),
        (HEAD + "1,3,1,2\n", "line 9: case 3 has no truth"),
        (HEAD + "1,1,1,2\n2,1,1,2\n", "says NR: 1 but holds 2"),
        (HEAD.replace("-1,2,0,1", "-1,2,0,3") + "1,1,1,2\n", "line 8: the truth of a case is 0 or 1"),
    ],
)
def test_read_imrmc__names_the_line_and_the_remedy(text, words):
    with pytest.raises(InputError, match=words):
        read_imrmc(text, file="study.imrmc")


def test_imrmc_text__refuses_what_iMRMC_could_not_read():
    readings, truth = study()
    for wrong, words in (
        ((readings.assign(score=np.nan), truth), "score is missing"), ((pd.concat([readings] * 2), truth), "stands twice"),
        ((readings, truth.iloc[1:]), "case 1 was read"), ((readings.drop(columns="score"), truth), "no column 'score'"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            imrmc_text(*wrong)
