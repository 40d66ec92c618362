"""Whatever a client sends, by our own description of the API or against it: never a 500."""

from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from tests.components.serving.gateway.conftest import ACME, ITEMS, bearer

QUIETLY = settings(
    max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_request_breaks_the_server(gateway, mode):
    gateway.add("anna", ITEMS)
    schema = schemathesis.openapi.from_asgi("/openapi.json", gateway.client.app)
    statuses = Counter()

    def ask(case):
        if isinstance(case.body, dict) and "model" in case.body:
            case.body["model"] = gateway.engine.model_name  # else none would reach the engine
        answer = case.call(headers=bearer(ACME))
        case.validate_response(answer, checks=[not_a_server_error])
        statuses[case.path, answer.status_code // 100] += 1

    operations = [found.ok() for found in schema.get_all_operations()]
    if mode is GenerationMode.NEGATIVE:  # of what takes nothing, nothing can be wrong
        operations = [one for one in operations if one.body]
    for operation in operations:
        QUIETLY(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    assert {path for path, _ in statuses} == {one.path for one in operations}
    assert not any(status == 5 for _, status in statuses)
    wanted = 2 if mode is GenerationMode.POSITIVE else 4
    for path in ("/v1/chat/completions", "/v1/completions"):
        assert statuses[path, wanted] > 10, statuses
