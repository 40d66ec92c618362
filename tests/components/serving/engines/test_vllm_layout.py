"""What a vLLM server reads is what training had: facts of vLLM 0.33.0's source, tokens by hand."""

import pytest

from components.llm.config import LLMConfig
from components.serving.engines.vllm_layout import (
    PARTS,
    VECTORS,
    read_as_server,
    read_as_trained,
    write_template,
)
from tests.components.tiny_models import make_chat_tokenizer, make_llm, make_tokenizer

CHAT = LLMConfig(name="tiny", use_chat_template=True, chat_options={"opening": "so: "})
PLAIN = LLMConfig(name="tiny")
TEXTS = ("book", " a tale\nof two  lines ", "<|end|>", "", "naïve 旅行")


def spell(tokenizer, tokens):
    return [VECTORS if t is VECTORS else tokenizer.convert_ids_to_tokens(t) for t in tokens]


def test_a_chats_template_writes_what_its_own_does_around_the_parts():
    template = write_template(make_chat_tokenizer(), CHAT, [2, 259])
    assert template == (
        '{{ "<s><|user|>" }}'
        '{% for part in messages[-1]["content"] %}{{ part["text"] }}{% endfor %}'
        '{{ "<|end|><|assistant|>so: " }}'
    )
    tokenizer = make_chat_tokenizer()
    read = spell(tokenizer, read_as_server(tokenizer, template, "book", True))
    assert read[:3] == ["<s>", "<|user|>", VECTORS]
    assert read[3:7] == list("book")
    assert read[7:9] == ["<|end|>", "<|assistant|>"]
    assert "".join(read[9:]) == "so:Ġ"  # a space, in bytes
    alone = spell(tokenizer, read_as_server(tokenizer, template, "book", False))
    assert alone == [token for token in read if token is not VECTORS]


def test_an_llm_without_a_chat_gets_its_start_token():
    tokenizer = make_tokenizer("<s>", "")
    template = write_template(tokenizer, PLAIN, [2])
    assert template == '{{ "<s>" }}' + PARTS + '{{ "" }}'
    read = read_as_server(tokenizer, template, "on", True)
    assert spell(tokenizer, read) == ["<s>", VECTORS, "o", "n"]
    assert write_template(tokenizer, PLAIN, []) == '{{ "" }}' + PARTS + '{{ "" }}'


@pytest.mark.parametrize("kind", ["llama", "qwen", "chat", "gemma"])
def test_served_and_trained_read_the_same(kind, encoder_folder):
    llm = make_llm(kind, encoder_folder)
    config = CHAT if kind == "chat" else PLAIN
    layout, tokenizer = llm.layout, llm.tokenizer
    template = write_template(tokenizer, config, layout.front)
    around = (layout.front, layout.head, layout.tail)
    for text in TEXTS:
        for has_vectors in (True, False):
            served = read_as_server(tokenizer, template, text, has_vectors)
            assert served == read_as_trained(tokenizer, around, text, has_vectors)


def test_a_template_of_the_models_own_puts_a_line_break_between():
    """By the content format `string` vLLM joins parts by a line break: not what training had."""
    tokenizer = make_chat_tokenizer()
    own = make_chat_tokenizer().chat_template
    joined = own.replace("message.content", 'message.content | map(attribute="text") | join("\\n")')
    read = spell(tokenizer, read_as_server(tokenizer, joined, "book", True))
    assert read[:8] == ["<s>", "<|user|>", VECTORS, "Ċ", *"book"]


def test_letters_and_quotes_survive_the_template():
    tokenizer = make_chat_tokenizer()
    tokenizer.chat_template = 'say "旅" \\ {{ messages[0].content }}\n{\'é😀'
    config = CHAT.model_copy(update={"chat_options": {}})
    front = tokenizer('say "旅" \\ ', add_special_tokens=False)["input_ids"]
    template = write_template(tokenizer, config, front)
    read = read_as_server(tokenizer, template, "x", False)
    assert tokenizer.decode(read) == 'say "旅" \\ x\n{\'é😀'


def test_tokens_that_are_no_text_are_refused():
    tokenizer = make_tokenizer("<s>", "")
    half = tokenizer("é", add_special_tokens=False)["input_ids"][:1]  # of a character
    with pytest.raises(ValueError, match=r"a template cannot write the tokens .* before"):
        write_template(tokenizer, PLAIN, half)
