"""The gateway with one more route, which answers by the prompt of the arm `retrieval` instead.

    python -m benchmarks.retrieval_gateway --model FOLDER --settings FILE --port 8000

Store, engine and batches are the same, so both routes can be asked in turn. At `/v1/retrieval` the
user's texts are read from the store, those most like the input by BM25 stand before the question,
and the LLM answers alone.
"""

import asyncio
import copy
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from components.personas.persona import PersonaItem
from components.retrieval.config import RetrievalConfig
from components.retrieval.prompts import build_prompt
from components.retrieval.select_items import find_best, score_words, split_words
from components.serving.__main__ import leave_a_core, parse_arguments
from components.serving.bundle import ServingBundle
from components.serving.engines.engine import EngineRequest
from components.serving.engines.transformers_engine import TransformersEngine
from components.serving.gateway.answering import Prepared, answer, count_tokens
from components.serving.gateway.app import build_app
from components.serving.gateway.gateway import CallerOf, GatewayOf
from components.serving.gateway.inputs import Input, read_chat
from components.serving.gateway.openai_types import ChatRequest
from components.serving.gateway.persona_reading import PersonaRead
from components.serving.gateway.settings import read_settings
from components.serving.gateway.shapes import ChatShape
from components.serving.gateway.tenant_stores import TenantStores
from components.serving.persona_model import PersonaModel

ROUTE = "/v1/retrieval"
NUM_ITEMS = RetrievalConfig().num_items


class RetrievalPrompts:
    """Makes prompts with the user's most similar items before the question; for one thread.

    Args:
        model: What answers.
        num_items: Items in a prompt.
    """

    def __init__(self, model: PersonaModel, num_items: int) -> None:
        self._spec, self._num_items = model.spec, num_items
        self._tokenizer = copy.deepcopy(model.llm.tokenizer)  # the model's own is its thread's
        self._room = model.llm.layout.find_room(model.spec.llm.max_input_length)

    def build(self, given: Input, items: tuple[PersonaItem, ...]) -> str:
        """Return what the LLM reads.

        Args:
            given: The question.
            items: The user's, oldest first.
        """
        texts = [self._render(item) for item in items]
        scores = score_words(split_words([given.payload])[0], split_words(texts))
        best = [texts[row] for row in find_best(scores, self._num_items).tolist()]
        question = self._spec.choose_text(given.payload, given.prompt)
        return build_prompt(self._tokenizer, question, best, self._room)

    def _render(self, item: PersonaItem) -> str:
        task = self._spec.task
        fields = {task.input_field: item.text or ""}
        if task.output_field is not None:
            fields[task.output_field] = item.output or ""
        return task.render_item(fields)


def add_route(app: FastAPI, prompts: RetrievalPrompts) -> None:
    """Let the application answer by retrieval, too."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="retrieval")

    @app.post(ROUTE)
    async def complete(
        ask: ChatRequest, client: Request, gateway: GatewayOf, caller: CallerOf
    ) -> JSONResponse:
        engine = gateway.engine
        given = read_chat(engine.task, ask.messages, gateway.settings.limits.input_chars)
        user = caller.choose_user(ask.user)
        assert user is not None, "every measured question names its user"
        items = await gateway.stores.get_items(caller.tenant, user)
        loop = asyncio.get_running_loop()
        prompt = await loop.run_in_executor(thread, prompts.build, given, items)
        request = EngineRequest(prompt, prompt, None, ask.limit)
        prepared = Prepared(
            f"retrieval-{secrets.token_hex(12)}",
            int(time.time()),
            caller.tenant,
            engine.model_name,
            PersonaRead(user, "none", None),
            request,
        )
        answered = await answer(gateway, prepared, client)
        usage, base = count_tokens(answered), prepared.base(answered.model_version)
        whole = ChatShape().whole(base, answered.text, "stop", usage, None)
        return JSONResponse(whole.model_dump())


def main() -> None:
    """Serve until the process is told to end."""
    given = parse_arguments(None)
    leave_a_core()
    settings, bundle = read_settings(given.settings), ServingBundle.at(Path(given.model))
    model, card = bundle.load(), bundle.card()
    engine = TransformersEngine(model, card.model_name, card.model_version, settings.engine)
    open_stores = partial(TenantStores.open, settings.store, settings.tenants)
    stores = open_stores(engine.fingerprint, engine.dim, Path.cwd())
    app = build_app(engine, stores, settings)
    add_route(app, RetrievalPrompts(model, NUM_ITEMS))
    uvicorn.run(app, host=given.host, port=given.port, log_config=None, access_log=False)


if __name__ == "__main__":
    main()
