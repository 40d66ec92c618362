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
    make_llama,
    make_llm,
    make_qwen,
)

PROMPTS = ["a tale of time travel", "book", "on a book"]


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
        same_length = len(labels) == len(kept)
        alone["labels"] = labels[kept if same_length else labels != IGNORE_INDEX][None]
    return alone


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
    llm = make_qwen()
    before = llm.token_norm
    with torch.no_grad():
        llm.model.get_input_embeddings().weight[-PADDING_ROWS:] = 1e6
    assert llm.token_norm == before


@pytest.mark.parametrize("kind", KINDS)
def test_in_bfloat16_too_a_soft_prompt_of_real_tokens_equals_the_text_prompt(kind, encoder_folder):
    """The same products in the same order: equal but for what masks of other shapes round."""
    llm = make_llm(kind, encoder_folder)
    llm.model.to(torch.bfloat16)
    ids = torch.tensor([[7, 30, 12, 45, 9, 21]])
    mask = torch.ones_like(ids)
    real = llm.model.get_input_embeddings()(ids[:, :2]).float()  # as a user embedder gives it
    extra = {"decoder_input_ids": torch.tensor([[2, 8]])} if llm.is_encoder_decoder else {}
    with torch.no_grad():
        text = llm.model(input_ids=ids, attention_mask=mask, **extra).logits
        spliced = llm.model(**splice(llm, soften(real), ids[:, 2:], mask[:, 2:]), **extra).logits
    assert spliced.dtype == torch.bfloat16
    torch.testing.assert_close(spliced, text, rtol=0.02, atol=0.02)


def test_a_soft_prompt_of_real_tokens_equals_the_text_prompt(llm):
    ids = torch.tensor([[7, 30, 12, 45, 9, 21]])
    mask = torch.ones_like(ids)
    real = llm.model.get_input_embeddings()(ids[:, :2])
    extra = {"decoder_input_ids": torch.tensor([[2, 8]])} if llm.is_encoder_decoder else {}
    with torch.no_grad():
        text = llm.model(input_ids=ids, attention_mask=mask, **extra).logits
        spliced = llm.model(**splice(llm, soften(real), ids[:, 2:], mask[:, 2:]), **extra).logits
    torch.testing.assert_close(spliced, text)
    swapped = splice(llm, soften(real.flip(1)), ids[:, 2:], mask[:, 2:])
    moved = llm.model(**swapped, **extra).logits
    assert (moved[:, -1] - text[:, -1]).abs().max() > 1e-4  # it does listen to the soft prompt


def test_padding_on_either_side_changes_nothing(llm):
    ids, soft = [7, 30, 12, 45], soft_prompts(1)
    extra = {"decoder_input_ids": torch.tensor([[2, 8]])} if llm.is_encoder_decoder else {}
    with torch.no_grad():
        plain = llm.model(
            **splice(llm, soft, torch.tensor([ids]), torch.ones(1, 4)), **extra
        ).logits
        # A soft prompt stands before the padding: without counted positions it has to be right.
        for side in ("right",) if llm.is_encoder_decoder else ("left", "right"):
            rows = pad_ids([ids, [1] * 7], 0, side)[:1]
            mask = pad_ids([[1] * 4, [1] * 7], 0, side)[:1]
            padded = llm.model(**splice(llm, soft, rows, mask), **extra).logits
            if not llm.is_encoder_decoder:
                padded = padded[:, torch.cat([torch.ones(1, 2), mask], dim=1)[0].bool()]
            torch.testing.assert_close(padded, plain, msg=side)


def test_a_vector_that_is_masked_out_is_not_there(llm):
    ids, mask, soft = torch.tensor([[7, 30, 12]]), torch.ones(1, 3), soft_prompts(1)
    labels = torch.tensor([[8, 9]]) if llm.is_encoder_decoder else ids
    batch = {"llm_input_ids": ids, "llm_attention_mask": mask, "labels": labels}
    hidden = soft._replace(mask_BK=torch.tensor([[0, 1]]))
    loss = answer_loss(llm, hidden, batch)
    other = hidden._replace(vectors_BKD=hidden.vectors_BKD * torch.tensor([[[9.0], [1.0]]]))
    torch.testing.assert_close(answer_loss(llm, other, batch), loss)
    assert abs(answer_loss(llm, soft, batch) - loss) > 1e-5
    if llm.model.config.model_type in (
        "t5",
        "llama",
        "qwen2",
    ):  # without absolute positions it is exact
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
            start = llm.model.config.decoder_start_token_id
            logits = llm.model(
                **spliced, decoder_input_ids=torch.tensor([[start, answer[0]]])
            ).logits
        else:
            logits = llm.model(**spliced).logits[:, -3:-1]
    by_hand = -logits[0].log_softmax(dim=-1)[[0, 1], answer].mean()
    torch.testing.assert_close(answer_loss(llm, soft, batch), by_hand)


def test_a_decoder_only_batch_by_hand():
    llm = make_llama()
    ids = llm.tokenizer.convert_tokens_to_ids(list("abcd"))
    a, b, c, d = ids
    batch = collate_prompts(llm, ["ab", "a"], ["c", "d"], 8)
    assert batch["llm_input_ids"].tolist() == [[2, a, b, c, 1], [0, 2, a, d, 1]]
    assert batch["llm_attention_mask"].tolist() == [[1] * 5, [0, 1, 1, 1, 1]]
    assert batch["labels"].tolist() == [[-100, -100, -100, c, 1], [-100, -100, -100, d, 1]]
    spliced = splice(llm, soft_prompts(2), batch["llm_input_ids"], batch["llm_attention_mask"])
    assert spliced["position_ids"].tolist() == [[0, 1, 2, 3, 4, 5, 6], [0, 1, 1, 2, 3, 4, 5]]


def test_prompts_are_cut_and_answers_are_not(llm):
    batch = collate_prompts(llm, ["a tale of time travel"], ["based on a book"], 8)
    [answer] = tokenize_answers(llm, ["based on a book"])
    assert batch["labels"][0, -len(answer) :].tolist() == answer
    length = len(llm.tokenizer("a tale of time travel")["input_ids"])
    rest = 0 if llm.is_encoder_decoder else len(answer)
    assert batch["llm_input_ids"].shape == (1, min(8, length) + rest)


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
