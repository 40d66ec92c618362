"""Two gateways that share databases and no disk."""

from concurrent.futures import ThreadPoolExecutor

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from components.personas.custody import KEYS_VARIABLE, open_custody
from components.personas.master_keys import MASTER_KEY_VARIABLE
from components.user_hash import KEY_VARIABLE, hash_user
from infra.verify_receipts import verify_receipts
from tests.components.personas.conftest import make_postgres, postgres  # noqa: F401
from tests.components.serving.gateway.conftest import ACME, ITEMS, bearer


def test_erasures_by_two_pods_are_in_one_book(
    open_gateway,
    make_postgres,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    monkeypatch.setenv(KEYS_VARIABLE, make_postgres())
    monkeypatch.setenv(MASTER_KEY_VARIABLE, "ab" * 32)
    monkeypatch.setenv(KEY_VARIABLE, "of the tests")
    store = {"place": make_postgres(), "create": True, "num_shards": 2}
    users = [f"user{number}" for number in range(8)]
    with (
        open_gateway(store={**store, "custody": "first"}) as first,
        open_gateway(store={**store, "custody": "second"}) as second,
        ThreadPoolExecutor(4) as pool,
    ):

        def erase(number):
            pod = (first, second)[number % 2]
            answer = pod.client.delete(f"/v1/users/{users[number]}", headers=bearer(ACME))
            return answer.json()

        assert first.add("user1", ITEMS[:1]).status_code == 201
        answers = list(pool.map(erase, range(8)))
    custody = open_custody(tmp_path / "third", b"of the tests")
    lines, receipts = custody.receipts.read_lines(), custody.receipts.read()
    verify_receipts(lines, load_pem_public_key(custody.receipts.public_key()))
    assert sorted(answer["number"] for answer in answers) == list(range(1, 9))
    assert {receipt.user_hash for receipt in receipts} == {
        hash_user(user, b"of the tests") for user in users
    }
    custody.close()
    assert not list(tmp_path.iterdir())  # nothing lies on a pod's disk
