import pytest

from components.deployment.batch_job import MAX_LENGTH, make_batch_job

CRON_JOB = {
    "kind": "CronJob",
    "metadata": {"name": "persona-plug-batch", "namespace": "persona-plug"},
    "spec": {
        "schedule": "0 2 * * *",
        "jobTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {"completions": 4}},
    },
}


def test_a_job_is_the_cron_jobs_template_under_a_name_of_its_own():
    job = make_batch_job(CRON_JOB, "v7")
    assert job == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "labels": {"a": "b"},
            "name": "persona-plug-batch-v7",
            "namespace": "persona-plug",
        },
        "spec": {"completions": 4},
    }
    job["spec"]["completions"] = 5
    assert CRON_JOB["spec"]["jobTemplate"]["spec"]["completions"] == 4


@pytest.mark.parametrize("suffix", ["V7", "v_7", "v7-", "x" * (MAX_LENGTH - 18)])
def test_a_name_that_no_job_can_have_is_refused(suffix):
    with pytest.raises(ValueError, match="a Job's name has at most 52"):
        make_batch_job(CRON_JOB, suffix)


def test_the_longest_name_leaves_room_for_index_and_letters():
    """A pod's name, and its label, have at most 63: -99999 and -abcde behind the Job's."""
    job = make_batch_job(CRON_JOB, "x" * (MAX_LENGTH - 19))
    assert len(job["metadata"]["name"]) == MAX_LENGTH
    assert len(job["metadata"]["name"] + "-9999" + "-abcde") <= 63
