"""A small HTTP server that reads chat completions as vLLM 0.33.0's source does, with a tiny LLM."""

import base64
import io
import json
import threading
import time
from contextlib import contextmanager

import torch
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

PLACEHOLDER = "<prompt_embeds>"


class TinyVLLM:
    """One LLM behind `/v1/chat/completions`; remembers what it was asked.

    Args:
        llm: The LLM.
        template: As by `--chat-template`.
        content_format: As by `--chat-template-content-format`.
    """

    def __init__(self, llm, template, content_format="openai"):
        self.model, self.tokenizer = llm.model, llm.tokenizer
        self.tokenizer.add_special_tokens({"additional_special_tokens": [PLACEHOLDER]})
        self.template, self.content_format = template, content_format
        self.bodies, self.headers = [], []
        self.fail = None
        routes = [
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/version", lambda _: JSONResponse({"version": "0.33.0"})),
        ]
        self.app = Starlette(routes=routes)

    def read(self, body):
        """Return the tokens, and the rows for each place of a placeholder among them."""
        [message] = body["messages"]
        tensors, texts = [], []
        for part in message["content"]:
            if part["type"] == "prompt_embeds":
                data = io.BytesIO(base64.b64decode(part["data"], validate=True))
                tensors.append(torch.load(data, weights_only=True))
                texts.append(PLACEHOLDER)
            else:
                assert PLACEHOLDER not in part["text"]
                texts.append(part["text"])
        content = [{"type": "text", "text": text} for text in texts]
        if self.content_format == "string":
            content = "\n".join(texts)
        ids = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": content}],
            chat_template=self.template,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
        )
        place = self.tokenizer.convert_tokens_to_ids(PLACEHOLDER)
        assert sum(token == place for token in ids) == len(tensors)
        return ids, place, tensors

    def embed(self, body):
        ids, place, tensors = self.read(body)
        left, table = iter(tensors), self.model.get_input_embeddings()
        rows = [next(left) if token == place else table(torch.tensor([token])) for token in ids]
        return torch.cat(rows)[None]

    @torch.inference_mode()
    def generate(self, body):
        embeds = self.embed(body)
        ends = [*body["stop_token_ids"], self.model.config.eos_token_id]
        options = {}
        if "structured_outputs" in body:
            choices = self.tokenizer(
                body["structured_outputs"]["choice"], add_special_tokens=False
            )["input_ids"]
            paths = [[*path, ends[0]] for path in choices]

            def allow(_, said):
                said = said.tolist()
                return [
                    p[len(said)] for p in paths if p[: len(said)] == said and len(p) > len(said)
                ]

            options["prefix_allowed_tokens_fn"] = allow
        ids = self.model.generate(
            inputs_embeds=embeds,
            attention_mask=torch.ones(embeds.shape[:2]),
            max_new_tokens=body["max_tokens"],
            do_sample=False,
            eos_token_id=sorted(set(ends)),
            pad_token_id=0,
            **options,
        )[0]
        return embeds.shape[1], ids

    async def complete(self, request):
        body = json.loads(await request.body())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        if self.fail is not None:
            status, headers = self.fail
            return JSONResponse({"error": {"message": "no"}}, status, headers)
        assert body["temperature"] == 0
        num_read, ids = self.generate(body)
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        ends = {*body["stop_token_ids"], self.model.config.eos_token_id}
        finish = "length" if ends.isdisjoint(ids.tolist()) else "stop"
        usage = {"prompt_tokens": num_read, "completion_tokens": len(ids)}
        if body.get("stream"):
            told = self.tell(text, finish, usage, body["stream_options"]["include_usage"])
            return StreamingResponse(told, media_type="text/event-stream")
        message = {"role": "assistant", "content": text}
        choice = {"message": message, "finish_reason": finish}
        return JSONResponse({"choices": [choice], "usage": usage})

    async def tell(self, text, finish, usage, counts):
        pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
        choices = [{"delta": {"content": piece}} for piece in pieces]
        for choice in [*choices, {"delta": {}, "finish_reason": finish}]:
            yield f"data: {json.dumps({'choices': [choice]})}\n\n"
        if counts:
            yield f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"

    @contextmanager
    def serve(self):
        """Serve on a free port; yields the address."""
        server = uvicorn.Server(uvicorn.Config(self.app, port=0, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            thread.join(10)
