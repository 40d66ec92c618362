"""The persona store of all users, without a training."""

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq

from components.encoders.config import EncoderConfig
from components.histories.config import DataConfig, InteractionsConfig
from components.personas.config import PersonaStoreConfig
from components.personas.store import PersonaStore
from steps.persona_store import use_custody
from tests.components.tiny_models import WIDTH, write_sentence_encoder


def make_events(num_events):
    return [
        {
            "user": f"user{number % 4}",
            "when": 1_700_000_000 + 86_400 * number,
            "review": f"review number {number} of a tale",
            "score": str(1 + number % 5),
        }
        for number in range(num_events)
    ] + [{"user": "rare", "when": 1_700_000_000, "review": "only one", "score": "3"}]


def test_all_users_are_stored_and_a_second_run_encodes_only_what_is_new(zenml_home, tmp_path):
    from pipelines.embed_users import embed_users
    from steps.model_registry import open_registry

    encoder = EncoderConfig(name=str(write_sentence_encoder(tmp_path / "encoder")), max_length=32)
    personas = PersonaStoreConfig(place=str(tmp_path / "personas"), num_shards=2)
    path = tmp_path / "events.parquet"
    mapping = InteractionsConfig(
        path=path, user="user", time="when", input="review", output="score"
    )
    data = DataConfig(source="interactions", interactions=mapping)  # min_events is 10

    def run(events):
        pq.write_table(pa.Table.from_pylist(events), path)
        response = embed_users.with_options(enable_step_logs=False)(
            task="LaMP_3", data=data, encoder=encoder, personas=personas
        )
        [receipt] = response.steps["fill_persona_store"].outputs["embedding_receipt"]
        return receipt.load()

    first = run(make_events(40))
    assert (first.outcome, first.users, first.stored, first.encoded) == ("published", 5, 41, 41)
    assert run(make_events(40)).outcome == "already_served"
    events = make_events(40)
    events[-1]["review"] = "only one, but changed"
    last = run(events)
    assert (last.outcome, last.stored, last.encoded) == ("published", 41, 1)
    with (
        use_custody() as custody,
        PersonaStore.open(personas.place, custody, last.fingerprint, WIDTH, create=False) as store,
    ):
        assert [item.text for item in store.get_items("rare")] == ["only one, but changed"]

    open_registry()
    [newest, *_] = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert newest.data.metrics["personas/stored"] == 41
