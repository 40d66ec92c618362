"""A gateway's process is put in the place of another one, or isn't."""

import http.client
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Timer

import pytest

from components.deployment.config import DeployConfig
from components.deployment.deploy import DeployError, deploy
from components.deployment.local_target import CANDIDATE, RETIRING, SERVING
from components.deployment.process import find_process
from components.deployment.signals import ENDING
from tests.components.deployment.conftest import NAME, make_exam, make_model

CONFIG = DeployConfig(target="local", timeout_seconds=20)


def put(machine, version, **changes):
    config = CONFIG.model_copy(update=changes)
    return deploy(machine.target(version), make_model(version), make_exam(version), config, "me")


def ask_version(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/readyz")
    try:
        return json.loads(connection.getresponse().read())["model_version"]
    finally:
        connection.close()


def test_a_version_is_served_and_a_second_time_nothing_is_done(machine):
    first = put(machine, "1")
    assert (first.outcome, first.reason) == ("deployed", "it answers its golden requests")
    assert first.diff == f"+ models:/{NAME}/1 on port {machine.port}"
    assert list(first.seconds) == ["preview", "apply", "wait", "check", "keep", "settle"]
    assert ask_version(machine.port) == "1"
    again = put(machine, "1")
    assert (again.outcome, again.serves, again.diff) == ("unchanged", first.serves, "")


def test_a_dry_run_changes_nothing(machine):
    told = put(machine, "1", dry_run=True)
    assert (told.outcome, told.reason) == ("dry_run", "this would be changed")
    assert told.diff == f"+ models:/{NAME}/1 on port {machine.port}"
    with pytest.raises(ConnectionRefusedError):
        ask_version(machine.port)


def test_the_next_version_takes_over_without_a_moment_in_between(machine):
    put(machine, "1")
    is_over = []

    def ask_on(_):
        seen = []
        while not is_over:
            seen.append(ask_version(machine.port))
        return seen

    with ThreadPoolExecutor(4) as pool:
        asked = pool.map(ask_on, range(4))
        try:
            record = put(machine, "2")
            time.sleep(0.1)
        finally:
            is_over.append(True)
        answers = list(asked)  # raises if one was not answered
    assert record.outcome == "deployed"
    old, new = record.diff.splitlines()
    assert old.startswith(f"- models:/{NAME}/1 on port {machine.port} (process ")
    assert new.startswith(f"+ models:/{NAME}/2")
    for seen in answers:
        assert (seen[0], seen[-1], set(seen)) == ("1", "2", {"1", "2"})


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("crash", r"the process ended; its log \(.*\) ends with:\nout of memory, say"),
        ("wrong", "process .*: 3 of 3 golden requests are answered otherwise .* number 0"),
        ("forgetful", "process .*: 2 of 3 golden requests are answered otherwise .* number 1"),
        ("slow", "not ready after 2 s; its log "),
    ],
)
def test_what_does_not_serve_as_it_should_is_taken_back(machine, trouble, reason):
    import re

    put(machine, "1")
    before = find_process(machine.gateway.folder / SERVING)
    machine.set_troubles({"2": trouble})
    record = put(machine, "2", timeout_seconds=2 if trouble == "slow" else 20)
    assert record.outcome == "rolled_back"
    assert re.match(reason, record.reason, re.DOTALL), record.reason
    assert record.serves == f"models:/{NAME}/1 on port {machine.port} (process {before.pid})"
    assert find_process(machine.gateway.folder / SERVING) == before
    assert not (machine.gateway.folder / CANDIDATE).exists()
    assert ask_version(machine.port) == "1"


def test_a_version_that_ends_while_another_one_is_tried_is_no_rollback(machine):
    put(machine, "1")
    before = find_process(machine.gateway.folder / SERVING)
    machine.set_troubles({"2": "wrong"})
    target = machine.target("2")
    doors = target.doors

    def kill_the_old_one():
        os.kill(before.pid, signal.SIGKILL)
        time.sleep(0.2)
        return doors()

    target.doors = kill_the_old_one
    record = deploy(target, make_model("2"), make_exam("2"), CONFIG, "me")
    assert record.outcome == "failed"
    assert record.reason.endswith(
        f"; and it could not be rolled back: models:/{NAME}/1 on port {machine.port} "
        f"(process {before.pid}) has ended too, and nothing serves"
    )


def test_a_first_version_that_fails_leaves_nothing(machine):
    machine.set_troubles({"1": "crash"})
    record = put(machine, "1")
    assert (record.outcome, record.serves) == ("rolled_back", "nothing")


def test_a_share_of_the_answers_may_differ(machine):
    machine.set_troubles({"1": "forgetful"})
    assert put(machine, "1", min_golden_share=0.3).outcome == "deployed"


def test_what_serves_already_and_fails_is_not_replaced_by_itself(machine):
    machine.set_troubles({"1": "forgetful"})
    put(machine, "1", min_golden_share=0.3)
    record = put(machine, "1")
    assert record.outcome == "failed"
    told = "what serves was not changed, and nothing was rolled back: process "
    assert record.reason.startswith(told)
    assert ask_version(machine.port) == "1"


def test_a_process_that_was_killed_is_started_again(machine):
    put(machine, "1")
    os.kill(find_process(machine.gateway.folder / SERVING).pid, signal.SIGKILL)
    time.sleep(0.2)
    record = put(machine, "1")
    assert (record.outcome, ask_version(machine.port)) == ("deployed", "1")


def test_a_port_that_a_stranger_has_is_told(machine):
    import socket

    with socket.create_server(("127.0.0.1", machine.port)):
        record = put(machine, "1")
    assert record.outcome == "rolled_back"
    assert "Address already in use" in record.reason


def test_two_deployments_at_once_are_one(machine):
    with machine.target("1").alone("me", 1):
        second = put(machine, "2")
        assert second.outcome == "refused"
        assert "another deployment to" in second.reason
        assert put(machine, "2", dry_run=True).outcome == "dry_run"
        with pytest.raises(DeployError, match="is under way"):
            machine.target("2").alone("me", 1)
    assert put(machine, "2").outcome == "deployed"


def test_who_is_interrupted_leaves_what_served(machine, monkeypatch):
    put(machine, "1")
    target = machine.target("2")

    def interrupt():
        raise KeyboardInterrupt

    target.doors = interrupt
    with pytest.raises(KeyboardInterrupt):
        deploy(target, make_model("2"), make_exam("2"), CONFIG, "me")
    assert ask_version(machine.port) == "1"
    assert not (machine.gateway.folder / CANDIDATE).exists()


@pytest.mark.parametrize("number", ENDING)
def test_who_is_told_to_end_takes_back_what_it_did(machine, signals, monkeypatch, number):
    monkeypatch.setattr("components.deployment.local_target.KILL_AFTER_SECONDS", 1)
    first = put(machine, "1")
    machine.set_troubles({"2": "slow"})
    Timer(1, os.kill, [os.getpid(), number]).start()
    record = put(machine, "2", timeout_seconds=600)
    told = f"the deployment was told to end by {number.name}"
    assert (record.outcome, record.reason, record.serves) == ("rolled_back", told, first.serves)
    assert sum(record.seconds.values()) < 20
    assert ask_version(machine.port) == "1"
    assert not (machine.gateway.folder / CANDIDATE).exists()
    assert signals == [number]


def test_who_is_told_to_end_while_the_old_one_ends_has_deployed(machine, signals, monkeypatch):
    monkeypatch.setattr("components.deployment.deploy.GRACE_SECONDS", 1)
    put(machine, "1")
    serving = find_process(machine.gateway.folder / SERVING)
    connection = http.client.HTTPConnection("127.0.0.1", serving.own_port, timeout=10)
    connection.request("GET", "/readyz")
    connection.getresponse().read()  # and it stays open: the process waits for the next request
    target = machine.target("2")
    settle = target.settle

    def settle_and_be_told(seconds):
        Timer(1, os.kill, [os.getpid(), signal.SIGTERM]).start()  # each time that it is tried
        settle(seconds)

    target.settle = settle_and_be_told
    record = deploy(target, make_model("2"), make_exam("2"), CONFIG, "me")
    connection.close()
    assert record.outcome == "deployed"
    assert record.serves.startswith(f"models:/{NAME}/2 ")
    assert 1 < record.seconds["settle"] < 4
    assert {ask_version(machine.port) for _ in range(20)} == {"2"}
    assert not (machine.gateway.folder / RETIRING).exists()
    assert signals == [signal.SIGTERM]


def test_who_is_told_to_end_before_anything_has_begun_changes_nothing(machine, signals):
    target = machine.target("1")
    target.preview = lambda: os.kill(os.getpid(), signal.SIGTERM)
    record = deploy(target, make_model("1"), make_exam("1"), CONFIG, "me")
    told = "nothing was changed: the deployment was told to end by SIGTERM"
    assert (record.outcome, record.reason) == ("refused", told)


def test_who_is_told_to_end_while_he_asks_what_serves_has_changed_nothing(machine, signals):
    first = put(machine, "1")
    target = machine.target("1")
    target.doors = lambda: os.kill(os.getpid(), signal.SIGHUP)
    record = deploy(target, make_model("1"), make_exam("1"), CONFIG, "me")
    told = "what serves was not changed, and nothing was rolled back: "
    assert (record.outcome, record.reason[: len(told)]) == ("refused", told)
    assert find_process(machine.gateway.folder / SERVING).place == first.model.place


def test_a_process_that_ends_after_it_was_asked_does_not_take_over(machine):
    put(machine, "1")
    target = machine.target("2")
    keep = target.keep

    def keep_late():
        os.kill(find_process(machine.gateway.folder / CANDIDATE).pid, signal.SIGKILL)
        time.sleep(0.2)
        return keep()

    target.keep = keep_late
    record = deploy(target, make_model("2"), make_exam("2"), CONFIG, "me")
    assert (record.outcome, record.reason) == (
        "rolled_back",
        "the process ended after it was asked",
    )
    assert ask_version(machine.port) == "1"


def test_what_a_killed_deployment_has_left_is_ended(machine):
    put(machine, "1")
    left = machine.target("2")
    left.apply()
    left.wait(10)
    pid = find_process(machine.gateway.folder / CANDIDATE).pid
    record = put(machine, "3")
    assert record.outcome == "deployed"
    assert {ask_version(machine.port) for _ in range(20)} == {"3"}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_command_ends_it(machine, capsys):
    from components.deployment.stop import main

    put(machine, "1")
    main([str(machine.gateway.folder)])
    main([str(machine.gateway.folder)])
    main([str(machine.folder / "nothing was ever here")])
    assert capsys.readouterr().out == "ended\nthere was none\nthere was none\n"
    with pytest.raises(ConnectionRefusedError):
        ask_version(machine.port)


def test_the_command_ends_nothing_during_a_deployment(machine):
    from components.deployment.stop import main

    put(machine, "1")
    with machine.target("2").alone("me", 1), pytest.raises(SystemExit, match="is under way"):
        main([str(machine.gateway.folder)])
    assert ask_version(machine.port) == "1"
