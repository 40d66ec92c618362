"""Golden requests: invented, readable by every task, and told when they are answered otherwise."""

import pytest

from components.serving.golden import HISTORY_SIZES, ask_golden, invent_requests
from components.tasks.lamp import LAMP_TASKS
from tests.components.serving.tiny_persona import make_model


@pytest.mark.parametrize("name", sorted(LAMP_TASKS))
def test_every_task_has_some(name):
    task = LAMP_TASKS[name]
    requests = invent_requests(task)
    assert [len(request.history) for request in requests] == list(HISTORY_SIZES)
    assert len({request.payload for request in requests}) == len(requests)
    for request in requests:
        assert task.extract_payload(request.prompt) == request.payload
        assert task.render_prompt(request.payload) == request.prompt
        assert len(set(request.history)) == len(request.history)


def test_items_show_the_tasks_labels():
    history = invent_requests(LAMP_TASKS["LaMP_3"])[2].history
    assert history == [
        "score: 5 review: It broke after a week and nobody would repair it.",
        "score: 1 review: A detective in love with the thief follows him over the sea.",
    ]


def test_another_answer_is_told(encoder_folder, tmp_path):
    model = make_model(tmp_path / "it", encoder_folder, "warm_start")
    golden = ask_golden(model, invent_requests(model.spec.task))
    asked = golden.prepare(model.encode_rendered)
    assert [len(request.vectors) for request in asked] == list(HISTORY_SIZES)
    answers = model.answer([r.payload for r in asked], [r.vectors for r in asked])
    assert golden.judge(answers, 1.0) is None
    assert len(set(answers)) > 1
    answers[3] = "another"
    assert golden.judge(answers, 1.0) == (
        "1 of 8 golden requests are answered otherwise than when the bundle was made, "
        "the first of them number 3"
    )
    assert golden.judge(answers, 0.875) is None
    assert golden.judge(answers, 0.9) is not None
