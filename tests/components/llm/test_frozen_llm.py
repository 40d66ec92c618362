"""The splice equals tokens, and padding changes nothing."""

import pytest
import torch

from components.llm.frozen_llm import (
    IGNORE_INDEX,
    FrozenLLM,
    SoftPrompt,
    answer_loss,
    collate_prompts,
    pad_ids,
    splice,
    tokenize_answers,
)
from tests.components.tiny_models import (
    KINDS,
    PADDING_ROWS,
    WIDTH,
    make_gemma,
    make_llama,
    make_llm,
    make_qwen,
)

PROMPTS = ["a tale of time travel", "book", "on a book"]
DECODED = torch.tensor([[2, 8]])
"""What an encoder-decoder has said already."""


@pytest.fixture(scope="module", params=KINDS)
def llm(request, encoder_folder):
    return make_llm(request.param, encoder_folder)


def soften(vectors):
    return SoftPrompt(vectors, torch.ones(vectors.shape[:2]))


def soft_prompts(batch_size, seed=0, size=1.0):
    generator = torch.Generator().manual_seed(seed)
    return soften(size * torch.randn(batch_size, 2, WIDTH, generator=generator))


def pick_soft(soft, row):
    return SoftPrompt(soft.vectors_BKD[row, None], soft.mask_BK[row, None])


def pick(batch, row):
    """Keep one row of a batch, without its padding."""
    kept = batch["llm_attention_mask"][row].bool()
    alone = {name: batch[name][row][kept][None] for name in ("llm_input_ids", "llm_attention_mask")}
    if "labels" in batch:
        labels = batch["labels"][row]
        alone["labels"] = labels[labels != IGNORE_INDEX][None]
    return alone


def say(llm, **inputs):
    """Return the logits."""
    extra = {"decoder_input_ids": DECODED} if llm.is_encoder_decoder else {}
    with torch.no_grad():
        return llm.model(**inputs, **extra).logits


def read_text(llm, ids):
    """Return the logits of a text prompt, with the tokens that the layout has before it."""
    whole = torch.tensor([[*llm.layout.front, *ids]])
    return say(llm, input_ids=whole, attention_mask=torch.ones_like(whole))


def read_spliced(llm, soft, ids, mask=None):
    """Return the logits of token ids behind a soft prompt."""
    ids = torch.as_tensor(ids)
    return say(llm, **splice(llm, soft, ids, torch.ones_like(ids) if mask is None else mask))


def test_it_is_frozen(llm):
    assert not any(parameter.requires_grad for parameter in llm.model.parameters())
    assert not llm.model.training
    assert llm.embedding_dim == WIDTH


def test_the_token_norm_is_the_mean_length_of_the_embeddings():
    llm = make_llama()
    weight = llm.model.get_input_embeddings().weight
    with torch.no_grad():
        weight.zero_()
        weight[0, :2] = torch.tensor([3.0, 4.0])
        weight[1, 0] = 1.0
    assert llm.token_norm == pytest.approx(6 / len(weight))


def test_rows_that_pad_a_vocabulary_do_not_count():
    padded = make_qwen()
    with torch.no_grad():
        padded.model.get_input_embeddings().weight[-PADDING_ROWS:] = 1e6
    assert padded.token_norm == make_qwen().token_norm


def test_the_token_norm_is_that_of_what_an_llm_makes_of_its_table():
    llm = make_gemma()  # scales its table by the root of its width
    table = llm.model.get_input_embeddings().weight.norm(dim=1).mean()
    assert llm.token_norm == pytest.approx(float(table) * WIDTH**0.5, rel=1e-4)


IDS = [7, 30, 12, 45, 9, 21, 50, 33, 14, 26, 11, 40]
"""More than a window of attention."""


@pytest.mark.parametrize("kind", KINDS)
def test_in_bfloat16_too_a_soft_prompt_of_real_tokens_equals_the_text_prompt(kind, encoder_folder):
    """The same products in the same order: equal but for what masks of other shapes round."""
    llm = make_llm(kind, encoder_folder)
    llm.model.to(torch.bfloat16)
    real = llm.embed(torch.tensor([IDS[:2]])).float()  # as a user embedder gives it
    spliced = read_spliced(llm, soften(real), [IDS[2:]])
    assert spliced.dtype == torch.bfloat16
    torch.testing.assert_close(spliced, read_text(llm, IDS), rtol=0.03, atol=0.03)


def test_a_soft_prompt_of_real_tokens_equals_the_text_prompt(llm):
    real = llm.embed(torch.tensor([IDS[:2]]))
    text = read_text(llm, IDS)
    torch.testing.assert_close(read_spliced(llm, soften(real), [IDS[2:]]), text)
    moved = read_spliced(llm, soften(real.flip(1)), [IDS[2:]])
    assert (moved[:, -1] - text[:, -1]).abs().max() > 1e-4  # it does listen to the soft prompt


def test_padding_on_either_side_changes_nothing(llm):
    soft = soft_prompts(1)
    plain = read_spliced(llm, soft, [IDS])
    # A soft prompt stands before the padding: without counted positions it has to be right.
    for side in ("right",) if llm.is_encoder_decoder else ("left", "right"):
        rows = pad_ids([IDS, [1] * 20], 0, side)[:1]
        mask = pad_ids([[1] * len(IDS), [1] * 20], 0, side)[:1]
        padded = read_spliced(llm, soft, rows, mask)
        torch.testing.assert_close(padded[:, -plain.shape[1] :], plain, msg=side)


def test_a_vector_that_is_masked_out_is_not_there(llm):
    ids, mask, soft = torch.tensor([[7, 30, 12]]), torch.ones(1, 3), soft_prompts(1)
    labels = torch.tensor([[8, 9]]) if llm.is_encoder_decoder else ids
    batch = {"llm_input_ids": ids, "llm_attention_mask": mask, "labels": labels}
    hidden = soft._replace(mask_BK=torch.tensor([[0, 1]]))
    loss = answer_loss(llm, hidden, batch)
    other = hidden._replace(vectors_BKD=hidden.vectors_BKD * torch.tensor([[[9.0], [1.0]]]))
    torch.testing.assert_close(answer_loss(llm, other, batch), loss)
    assert abs(answer_loss(llm, soft, batch) - loss) > 1e-5
    if llm.model.config.model_type != "encoder-decoder":  # whose positions count what is hidden
        alone = SoftPrompt(soft.vectors_BKD[:, 1:], soft.mask_BK[:, 1:])
        torch.testing.assert_close(answer_loss(llm, alone, batch), loss)


def test_the_loss_of_a_batch_is_that_of_its_rows(llm):
    answers = ["book", "a tale", "on a book"]
    batch, soft = collate_prompts(llm, PROMPTS, answers, 64), soft_prompts(3)
    whole = answer_loss(llm, soft, batch)
    counts = [len(ids) for ids in tokenize_answers(llm, answers)]
    rows = [answer_loss(llm, pick_soft(soft, row), pick(batch, row)) for row in range(3)]
    mean = sum(n * loss for n, loss in zip(counts, rows, strict=True)) / sum(counts)
    torch.testing.assert_close(whole, mean)


def test_the_loss_is_the_cross_entropy_of_the_answers_tokens_alone(llm):
    batch, soft = collate_prompts(llm, ["time"], ["a"], 64), soft_prompts(1)
    [answer] = tokenize_answers(llm, ["a"])
    spliced = splice(llm, soft, batch["llm_input_ids"], batch["llm_attention_mask"])
    with torch.no_grad():
        if llm.is_encoder_decoder:
            said = torch.tensor([[llm.model.config.decoder_start_token_id, answer[0]]])
            logits = llm.model(**spliced, decoder_input_ids=said).logits
        else:
            logits = llm.model(**spliced).logits[:, -3:-1]
    by_hand = -logits[0].log_softmax(dim=-1)[[0, 1], answer].mean()
    torch.testing.assert_close(answer_loss(llm, soft, batch), by_hand)


def test_a_decoder_only_batch_by_hand():
    llm = make_llama()
    a, b, c, d = llm.tokenizer.convert_tokens_to_ids(list("abcd"))
    batch = collate_prompts(llm, ["ab", "a"], ["c", "dd"], 8)
    assert batch["llm_input_ids"].tolist() == [[a, b, c, 1], [a, d, d, 1]]
    assert batch["labels"].tolist() == [[-100, c, 1], [d, d, 1]]
    batch = collate_prompts(llm, ["ab", "a"], ["c", "d"], 8)
    assert batch["llm_input_ids"].tolist() == [[a, b, c, 1], [0, a, d, 1]]
    assert batch["llm_attention_mask"].tolist() == [[1] * 4, [0, 1, 1, 1]]
    soft = soft_prompts(2)._replace(mask_BK=torch.tensor([[1, 1], [0, 1]]))
    spliced = splice(llm, soft, batch["llm_input_ids"], batch["llm_attention_mask"])
    assert spliced["position_ids"].tolist() == [[0, 1, 2, 3, 4, 5, 6], [0, 0, 0, 1, 2, 3, 4]]
    assert spliced["attention_mask"].tolist() == [[1] * 7, [0, 0, 1, 1, 1, 1, 1]]
    start, second = llm.embed(torch.tensor([2, a]))
    torch.testing.assert_close(spliced["inputs_embeds"][0, 0], start)
    torch.testing.assert_close(spliced["inputs_embeds"][0, 1:3], soft.vectors_BKD[0])
    row = [start, soft.vectors_BKD[1, 1], second]
    torch.testing.assert_close(spliced["inputs_embeds"][1, 2:5], torch.stack(row))


def test_texts_are_cut_and_what_stands_around_them_is_not(llm):
    around = [*llm.layout.head, *llm.layout.tail]
    limit = len(llm.layout.front) + len(around) + 3
    batch = collate_prompts(llm, ["a tale of time travel"], ["based on a book"], limit)
    [answer] = tokenize_answers(llm, ["based on a book"])
    assert batch["labels"].tolist() == [answer]
    ids = batch["llm_input_ids"][0].tolist()
    if not llm.is_encoder_decoder:
        assert ids[-len(answer) :] == answer
        ids = ids[: -len(answer)]
    text = llm.tokenizer("a tale of time travel", add_special_tokens=False)["input_ids"]
    assert ids == [*llm.layout.head, *text[:3], *llm.layout.tail]
    with pytest.raises(ValueError, match=f"max_input_length is {limit - 3}, and what stands aro"):
        collate_prompts(llm, ["a"], None, limit - 3)


def test_an_llm_with_several_ends_closes_answers_with_its_tokenizers():
    llm = make_llama()
    llm.model.config.eos_token_id = [0, 1]
    assert tokenize_answers(llm, ["a"])[0][-1] == 1
    loss = answer_loss(llm, None, collate_prompts(llm, ["a"], ["b"], 8))
    assert torch.isfinite(loss)


def test_a_tokenizer_without_padding_pads_with_its_end():
    llm = make_llama()
    llm.tokenizer.pad_token = None
    assert FrozenLLM(llm.model, llm.tokenizer).tokenizer.pad_token == "</s>"
