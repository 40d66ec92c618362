"""Layouts by hand: a token is a byte here, or a special token."""

import pytest

from components.llm.prompt_layout import PromptLayout, lay_out_chat, lay_out_plainly
from tests.components.tiny_models import make_chat_tokenizer, make_tokenizer

END, START = 1, 2


def test_an_encoder_decoder_has_its_soft_prompt_before_all():
    layout = lay_out_plainly(make_tokenizer("<s>", "</s>"), True, END)
    assert layout == PromptLayout((), (START,), (END,), END)
    assert layout.wrap([7, 8]) == [START, 7, 8, END]


def test_a_start_token_stays_first_and_an_end_before_the_answer_is_left_out():
    layout = lay_out_plainly(make_tokenizer("<s>", "</s>"), False, END)
    assert layout == PromptLayout((START,), (), (), END)
    assert lay_out_plainly(make_tokenizer("", ""), False, END) == PromptLayout((), (), (), END)


def test_a_chats_soft_prompt_stands_at_the_beginning_of_the_users_turn():
    tokenizer = make_chat_tokenizer()
    user, assistant, end = tokenizer.convert_tokens_to_ids(["<|user|>", "<|assistant|>", "<|end|>"])
    layout = lay_out_chat(tokenizer, {})
    assert layout == PromptLayout((START, user), (), (end, assistant), end)
    opening = tokenizer("so", add_special_tokens=False)["input_ids"]
    assert lay_out_chat(tokenizer, {"opening": "so"}).tail == (end, assistant, *opening)
    asked = [{"role": "user", "content": "a book"}]
    whole = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False)
    text = tokenizer("a book", add_special_tokens=False)["input_ids"]
    assert [*layout.front, *layout.wrap(text)] == whole


def test_a_template_without_an_end_of_turn_ends_with_the_tokenizers():
    tokenizer = make_chat_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    assert lay_out_chat(tokenizer, {}).end == END


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (None, "has no template"),
        ("{{ raise_exception('no system turn') }}", "refuses a question: no system turn"),
        ("{{ messages[0].content * 2 }}", "a text stands 2 times in the template's"),
        ("{{ messages[0].role }}", "a text stands 0 times in the template's"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(template, said):
    tokenizer = make_chat_tokenizer()
    tokenizer.chat_template = template
    with pytest.raises(ValueError, match=rf"llm\.use_chat_template: .*{said}"):
        lay_out_chat(tokenizer, {})


@pytest.mark.parametrize(("limit", "room"), [(6, 1), (9, 4)])
def test_a_text_gets_what_stands_around_it_leaves(limit, room):
    assert PromptLayout((1, 2), (3,), (4, 5), END).find_room(limit) == room


def test_a_limit_without_room_for_a_text_is_refused():
    with pytest.raises(ValueError, match=r"max_input_length is 5, and .* takes 5"):
        PromptLayout((1, 2), (3,), (4, 5), END).find_room(5)
