"""`python -m components.embedding`: the batch job of a pod."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from components.deployment.batch_job import VectorRecipe, fit_settings
from components.embedding.__main__ import main
from components.encoders.behavior_vectors import describe_encoder
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import load_history_encoder
from components.personas.config import STORE_VARIABLE, PersonaStoreConfig
from components.personas.custody import open_custody
from components.personas.store import PersonaStore
from components.tasks.lamp import LAMP_3
from components.user_hash import load_key
from tests.components.embedding.conftest import make_rows
from tests.components.personas.items import scan_all
from tests.components.tiny_models import WIDTH, write_sentence_encoder

ROOT = Path(__file__).parents[3]


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A run's YAML with a tiny encoder, item tables, and the arguments that name them."""
    monkeypatch.delenv("PERSONA_PLUG_USER_HASH_KEY")
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "personas"))
    encoder = {"name": str(write_sentence_encoder(tmp_path / "tiny")), "max_length": 32}
    parameters = {"task": "LaMP_3", "encoder": encoder, "training": {"of another": "part"}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump({"parameters": parameters}))
    rows = make_rows(8)
    for part in range(2):
        path = tmp_path / f"items-{part}.parquet"
        pq.write_table(pa.Table.from_pylist(rows[part::2]), path)
    arguments = {
        "--config": tmp_path / "run.yaml",
        "--custody": tmp_path / "custody",
        "--user-hash-key": tmp_path / "user_hash.key",
        "--output": tmp_path / "output",
    }
    return [
        str(tmp_path / "items-*.parquet"),
        *(str(x) for pair in arguments.items() for x in pair),
    ]


def test_two_pods_fill_a_store(world, tmp_path):
    """As Kubernetes starts them: with their index in the environment."""
    receipts = []
    for index in ("1", "0"):
        done = subprocess.run(
            [sys.executable, "-m", "components.embedding", *world, "--of", "2", "--name", "job-7"],
            cwd=ROOT,
            env={**os.environ, "JOB_COMPLETION_INDEX": index},
            capture_output=True,
            text=True,
            check=True,
        )
        receipts.append(json.loads(done.stdout))
        assert "user1" not in done.stderr
        assert "review 1" not in done.stderr
    assert [one["outcome"] for one in receipts] == ["shards_finished", "published"]
    assert receipts[1]["stored"] == 24
    config = EncoderConfig(name=str(tmp_path / "tiny"), max_length=32)
    encoder = load_history_encoder(config)
    fingerprint = describe_encoder(encoder, config, LAMP_3.item_template)["fingerprint"]
    custody = open_custody(tmp_path / "custody", load_key(tmp_path / "user_hash.key"))
    with PersonaStore.open(
        tmp_path / "personas", custody, fingerprint, WIDTH, PersonaStoreConfig(), create=False
    ) as store:
        assert len(scan_all(store)) == 8
    names = {path.name for path in (tmp_path / "output").iterdir()}
    assert names == {
        f"{kind}-000002-000{index}.jsonl"
        for kind in ("receipt", "dead_letters")
        for index in (0, 1)
    }


def test_a_releases_settings_make_the_vectors_of_its_version(world, tmp_path):
    """Whatever encoder and task the manifests name."""
    theirs = "parameters: {task: LaMP_2, personas: {num_shards: 2}}"
    rendered = {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"run.yaml": theirs}}
    encoder = EncoderConfig(name=str(tmp_path / "tiny"), max_length=48)
    recipe = VectorRecipe(LAMP_3, encoder)
    (tmp_path / "run.yaml").write_text(fit_settings([rendered], recipe)[1])
    main(world)
    made = describe_encoder(load_history_encoder(encoder), encoder, LAMP_3.item_template)
    custody = open_custody(tmp_path / "custody", load_key(tmp_path / "user_hash.key"))
    config = PersonaStoreConfig(num_shards=2)
    with PersonaStore.open(
        tmp_path / "personas", custody, made["fingerprint"], WIDTH, config, create=False
    ) as store:
        assert len(scan_all(store)) == 8


def test_what_is_wrong_is_one_line(world, tmp_path, capsys):
    for change, message in (
        (["nothing-*.parquet", *world[1:]], "nothing-*.parquet: there is no such file"),
        ([*world, "--of", "17", "--name", "x"], "process 0 of 17: allowed are 1 to 16 processes"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(change)
        assert message in str(ended.value)
    for text, message in (
        ("parameters: {encoder: {nme: x}}", "run.yaml: encoder.nme: Extra inputs"),
        ("parameters: {persona: {}}", "run.yaml: parameters.persona: did you mean 'personas'?"),
        ("nothing", "run.yaml: expected the section 'parameters' of a run's YAML"),
    ):
        (tmp_path / "run.yaml").write_text(text)
        with pytest.raises(SystemExit) as ended:
            main(world)
        assert message in str(ended.value)
