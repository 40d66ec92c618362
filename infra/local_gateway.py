"""Serve this clone's champion, with the page for people: `make serve`.

    python -m infra.local_gateway [--model models:/persona-plug-LaMP_2@champion] [--port 8000]

makes in `state/gateway`, once, a key and the settings that know its hash, prints the address of the
page, and runs `python -m components.serving` with the store that runs of this clone fill.
"""

import argparse
import sys
from typing import Any
from urllib.parse import urlencode

from zenml.client import Client

from components.personas.config import PersonaStoreConfig
from components.serving import __main__ as gateway
from steps.gateway_access import GATEWAY_FOLDER, prepare_access

MODEL = "models:/persona-plug-LaMP_2@champion"
NUM_EXAMPLES = 5


def find_examples() -> tuple[list[str], str]:
    """Return users to begin with, and an input of the first.

    They are the first ones of the newest run's test whom the persona answers otherwise than the LLM
    alone, so that there is something to be seen.
    """
    histories, predictions = _load_newest("sound_histories"), _load_newest("predictions")
    if histories is None or predictions is None:
        return [], ""
    answers = predictions.table.to_pandas().query("draw == 0")
    by_arm = answers.pivot(index="question_id", columns="arm", values="prediction")
    if not {"persona", "base"} <= set(by_arm.columns):
        return [], ""
    differs = by_arm.index[by_arm["persona"] != by_arm["base"]]
    asked = histories.questions.select_columns(["question_id", "user_id", "payload"]).to_pandas()
    first = asked[asked["question_id"].isin(differs)].drop_duplicates("user_id")[:NUM_EXAMPLES]
    return list(first["user_id"]), "".join(first["payload"][:1])


def _load_newest(name: str) -> Any:
    found = Client().list_artifact_versions(artifact=name, size=1, sort_by="desc:created")
    return found.items[0].load() if found.items else None


def write_address(port: int, key: str, users: list[str], text: str) -> str:
    """Return the address of the page, whose form it fills in."""
    given = [("key", key), *(("user", user) for user in users), ("text", text)]
    return f"http://127.0.0.1:{port}/#{urlencode(given)}"


def main(arguments: list[str] | None = None) -> None:
    """Serve until the process is told to end."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default=MODEL, help="models:/NAME@ALIAS, or a bundle's folder")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    try:
        access = prepare_access(GATEWAY_FOLDER, PersonaStoreConfig())
    except ValueError as err:
        sys.exit(str(err))
    print(f"Page:  {write_address(given.port, access.key, *find_examples())}")  # noqa: T201
    print(f"API:   http://127.0.0.1:{given.port}/v1, key in {access.key_file}", flush=True)  # noqa: T201
    served = ["--model", given.model, "--settings", str(access.settings), "--port", str(given.port)]
    gateway.main([*served, "--demo"])


if __name__ == "__main__":
    main()
