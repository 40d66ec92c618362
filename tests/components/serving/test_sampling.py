"""Questions that are asked again: evaluated ones, by the seed, with the items as rendered."""

import pyarrow as pa
import pytest

from components.serving.sampling import sample_requests


@pytest.fixture(scope="module")
def predictions(exam):
    questions = exam.artifacts.histories.questions.select(exam.question_rows())
    ids = list(questions["question_id"])
    arms = [("persona", 0), ("shuffled", 0), ("persona_history_4", 0)]
    rows = [(i, arm, draw, f"{arm} {i}") for arm, draw in arms for i in reversed(ids)]
    names = ("question_id", "arm", "draw", "prediction")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def test_persona_answers_stand_beside_their_questions(exam, predictions):
    histories = exam.artifacts.histories
    requests, expected = sample_requests(histories, predictions, 7, seed=0)
    assert len(requests) == len(set(expected)) == 7
    questions = {f"persona {row['question_id']}": row for row in histories.questions}
    texts = list(histories.items["text"])
    for request, answer in zip(requests, expected, strict=True):
        question = questions[answer]
        assert question["split"] == "test"
        assert request.payload == question["payload"]
        assert request.history == [texts[item] for item in question["history"]]


def test_the_seed_decides_and_few_questions_are_all_asked(exam, predictions):
    histories = exam.artifacts.histories
    drawn = [sample_requests(histories, predictions, 7, seed)[1] for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(sample_requests(histories, predictions, 64, 0)[0]) == 40
