import pytest

from infra.manifests.findings import Findings
from infra.manifests.objects import Violation
from infra.manifests.table import BEGIN, END, is_current, make_rows, make_table, write_table

PLAIN = {"kind": "Service", "metadata": {"name": "web"}}
HASHED = {"kind": "ConfigMap", "metadata": {"name": "settings-g846dkbcbb"}}
CUSTOM = {"kind": "ServiceMonitor", "metadata": {"name": "web"}}
JOB = {"kind": "Job", "metadata": {"name": "batch"}, "spec": {"template": {"spec": {}}}}
CHECKED = [
    ("kind", Findings(PLAIN, [], None, [])),
    ("kind", Findings(HASHED, [], None, [])),
    ("gpu", Findings(PLAIN, [], None, [])),
    ("gpu", Findings(CUSTOM, None, None, [])),
    ("gpu", Findings(JOB, [], [], [])),
]


def test_each_object_has_one_line_with_its_result():
    rows = make_rows(CHECKED, ["the chart"])
    assert [(row.name, row.of, row.result) for row in rows] == [
        ("ConfigMap/settings", "kind", "proven"),
        ("Job/batch", "gpu", "proven"),
        ("Service/web", "kind, gpu", "proven"),
        ("ServiceMonitor/web", "gpu", "rendered only"),
        ("the chart", "-", "not run"),
    ]
    assert [row.schemas for row in rows][2:4] == ["1.34 to 1.36", "none"]
    assert [row.pod_security for row in rows][:2] == ["no pods", "restricted"]
    assert make_table(rows).endswith(
        "No object is wrong: 3 are proven against the schemas of Kubernetes 1.34, 1.35, 1.36, Pod "
        "Security `restricted` and our policies, 0 of them but for ZenML's token of the run, 1 are "
        "only rendered, and nothing was applied to a cluster."
    )


@pytest.mark.parametrize("where", ["kind", "gpu"])
def test_what_is_wrong_in_one_cluster_is_wrong(where):
    wrong = Findings(PLAIN, [], None, [Violation("spec", "is bad")])
    checked = [
        (name, wrong if name == where and found.thing is PLAIN else found)
        for name, found in CHECKED
    ]
    rows = make_rows(checked, [])
    assert [row.result for row in rows] == ["proven", "proven", "WRONG", "rendered only"]
    assert "1 objects are wrong" in make_table(rows)


def test_a_document_gets_the_table_in_place_of_the_old_one(tmp_path):
    document = tmp_path / "operations.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert not is_current(document, "| new |")
    write_table(document, "| new |")
    assert document.read_text() == f"before\n{BEGIN}\n| new |\n{END}\nafter\n"
    assert is_current(document, "| new |")


def test_a_document_without_a_place_is_refused(tmp_path):
    document = tmp_path / "operations.md"
    document.write_text(f"{END}{BEGIN}")
    with pytest.raises(ValueError, match="expected the lines"):
        write_table(document, "| new |")
