"""What Prometheus reads: latency by stage, persona status, requests and errors."""

from prometheus_client import CollectorRegistry, Counter, Histogram

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """The gateway's figures.

    Args:
        registry: Where they are registered; an engine may register its own beside them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "persona_plug_requests",
            "Requests by route and HTTP status.",
            ["route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "persona_plug_request_seconds",
            "Seconds from a request's head to its answer's end.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "persona_plug_stage_seconds",
            "Seconds of stages: store, queue, encode_input, aggregate, llm, likelihood.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self.answers = Counter(
            "persona_plug_answers",
            "Answers by persona status.",
            ["persona_status"],
            registry=registry,
        )
        self.errors = Counter(
            "persona_plug_errors",
            "Errors by what went wrong inside: store, engine, internal.",
            ["where"],
            registry=registry,
        )
