"""`champion` goes back to `previous`, once."""

import mlflow
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from components.tasks.lamp import LAMP_2
from infra.rollback import main, move_back, read_rollback
from steps.bundle_source import BUNDLE

NAME = "persona-plug-tiny"


@pytest.fixture
def client(tmp_path):
    """A registry with three versions, of which the first two have bundles."""
    client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.create_experiment("tiny", str(tmp_path / "artifacts"))
    client.create_registered_model(NAME)
    for version in ("1", "2", "3"):
        run = client.create_run(experiment)
        client.create_model_version(NAME, f"{run.info.artifact_uri}/x", run.info.run_id)
        if version != "3":
            client.set_model_version_tag(NAME, version, BUNDLE, f"hash {version}")
    yield client
    mlflow.set_tracking_uri(None)


def set_aliases(client, **aliases):
    for alias, version in aliases.items():
        client.set_registered_model_alias(NAME, alias, version)


def read_aliases(client):
    found = client.get_registered_model(NAME).aliases
    return {alias: str(version) for alias, version in found.items()}


def test_the_office_goes_back_and_the_trace_stays(client):
    set_aliases(client, champion="2", previous="1", challenger="3", reference="2")
    returned = move_back(client, "tiny", "anna")
    assert returned.lost == "2"
    assert (returned.champion.version, returned.champion.bundle_hash) == ("1", "hash 1")
    assert read_aliases(client) == {"champion": "1", "challenger": "3", "reference": "2"}
    lost, again = (client.get_model_version(NAME, version).tags for version in ("2", "1"))
    assert lost["rolled_back"].endswith("by anna: version 1 is champion again")
    assert again["reinstated"].endswith("by anna: in place of version 2")


def test_a_second_time_is_refused(client):
    set_aliases(client, champion="2", previous="1")
    move_back(client, "tiny", "anna")
    with pytest.raises(ValueError, match="version 1 is champion, and there is no previous"):
        move_back(client, "tiny", "anna")
    assert read_aliases(client) == {"champion": "1"}


class CutOffError(Exception):
    """Of a client that a test ends."""


def test_a_rollback_that_was_cut_off_anywhere_is_finished_by_the_next(client, monkeypatch):
    """Each of its writes is the last one once, and the lost version is never free to come back."""
    writes = (
        "set_registered_model_alias",
        "set_model_version_tag",
        "delete_registered_model_alias",
    )
    for num_left in range(4):
        set_aliases(client, champion="2", previous="1")
        for version, tag in (("2", "rolled_back"), ("1", "reinstated")):
            if tag in client.get_model_version(NAME, version).tags:
                client.delete_model_version_tag(NAME, version, tag)
        with monkeypatch.context() as patch:
            left = [num_left]
            for write in writes:
                patch.setattr(client, write, cut_off_after(left, getattr(client, write)))
            with pytest.raises(CutOffError):
                move_back(client, "tiny", "anna")
        is_moved = read_aliases(client)["champion"] == "1"
        assert "rolled_back" in client.get_model_version(NAME, "2").tags or not is_moved
        returned = move_back(client, "tiny", "anna")
        assert (returned.champion.version, returned.lost) == ("1", None if is_moved else "2")
        assert read_aliases(client) == {"champion": "1"}


def cut_off_after(left, write):
    def try_(*given):
        if not left[0]:
            raise CutOffError
        left[0] -= 1
        return write(*given)

    return try_


def test_a_promotion_that_was_cut_off_is_no_rollback(client):
    set_aliases(client, champion="2", previous="2")
    with pytest.raises(ValueError, match="or the promotion of another was cut off"):
        move_back(client, "tiny", "anna")


def test_an_outage_leaves_open_what_was_moved(run_yaml, client, monkeypatch):
    def fail(*_):
        raise MlflowException("503")

    path, deployed = run_yaml(deploy="local")
    monkeypatch.setattr(client, "set_registered_model_alias", fail)
    with pytest.raises(SystemExit, match="the champion was moved or not; call this again: 503"):
        main(["--config", str(path)])
    assert deployed == []


def test_without_a_champion_there_is_nothing_to_roll_back(client):
    with pytest.raises(ValueError, match="has no champion in the registry"):
        move_back(client, "tiny", "anna")
    with pytest.raises(ValueError, match="persona-plug-nobody has no champion"):
        move_back(client, "nobody", "anna")


def test_a_version_that_could_not_be_served_is_not_made_champion(client):
    set_aliases(client, champion="2", previous="3")
    with pytest.raises(ValueError, match="version 3 of persona-plug-tiny has no serving bundle"):
        move_back(client, "tiny", "anna")
    assert read_aliases(client) == {"champion": "2", "previous": "3"}


def test_a_runs_yaml_says_whose_champion_and_where_to(tmp_path):
    path = tmp_path / "run.yaml"
    run = {"task": "LaMP_3", "deploy": "kubernetes", "personas": {"tenant": "acme"}}
    path.write_text(yaml.safe_dump({"parameters": run}))
    settings = read_rollback(None, path)
    assert (settings.task.name, settings.deploy.target) == ("LaMP_3", "kubernetes")
    assert settings.personas.tenant == "acme"
    assert read_rollback("LaMP_7", path).task.name == "LaMP_7"
    default = read_rollback(None, None)
    assert (default.task.name, default.deploy) == ("LaMP_2", None)


def test_the_command_says_what_was_not_done(zenml_home, capsys):
    with pytest.raises(SystemExit, match="nothing was moved: persona-plug-LaMP_7 has no champion"):
        main(["--task", "LaMP_7"])
    with pytest.raises(SystemExit, match="nothing was moved: no built-in task"):
        main(["--task", "LaMP_77"])
    assert capsys.readouterr().out == ""


@pytest.fixture
def run_yaml(zenml_home, client, tmp_path, monkeypatch):
    """Writes a run's YAML; the command then finds this registry, and deploys nothing really."""
    task = LAMP_2.model_copy(update={"name": "tiny"}).model_dump(mode="json")
    deployed = []
    monkeypatch.setattr("infra.rollback.open_registry", lambda: client)
    monkeypatch.setattr("infra.rollback.deploy_persona", lambda **given: deployed.append(given))
    set_aliases(client, champion="2", previous="1")

    def write(**sections):
        path = tmp_path / "run.yaml"
        path.write_text(yaml.safe_dump({"parameters": {"task": task, **sections}}))
        return path, deployed

    return write


@pytest.mark.parametrize("more", [[], ["--registry-only"]])
def test_a_dry_run_moves_nothing_and_says_so(client, run_yaml, capsys, more):
    path, deployed = run_yaml(deploy={"target": "local", "dry_run": True})
    main(["--config", str(path), *more])
    where = "nothing" if more else "to the target local"
    assert capsys.readouterr().out == (
        f"nothing was moved, as deploy.dry_run says: {NAME}: version 1 would be champion, 2 is. "
        f"Then it would deploy {where}.\n"
    )
    assert read_aliases(client) == {"champion": "2", "previous": "1"}
    assert deployed == []


def test_a_dry_run_without_a_way_back_is_refused(client, run_yaml):
    path, _ = run_yaml(deploy={"target": "local", "dry_run": True})
    client.delete_registered_model_alias(NAME, "previous")
    with pytest.raises(SystemExit, match=r"nothing was moved: .* there is no previous"):
        main(["--config", str(path)])


def test_where_to_is_told_also_when_the_yaml_does_not_say(client, run_yaml, capsys):
    path, deployed = run_yaml(personas={"tenant": "acme"})
    main(["--config", str(path)])
    assert capsys.readouterr().out == (
        f"{NAME}: version 1 is champion, 2 was.\n"
        "Deploys to the target local, as there is no section `deploy`.\n"
    )
    [given] = deployed
    assert (given["deploy"].target, given["personas"].tenant) == ("local", "acme")
