"""The benchmark's questions files of hundreds of megabytes are read in a small part of that."""

import shutil
from pathlib import Path

import pytest

from benchmarks.reading import ITEMS_PER_PROFILE, read_in_fresh_process, write_large_split

FILE_BYTES = 400_000_000
MOST_BYTES = 500_000_000


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="/proc tells the memory")
def test_a_file_of_400_mb_is_read_in_less_than_500_mb(tmp_path: Path) -> None:
    try:
        num_questions = write_large_split(tmp_path, FILE_BYTES)
        reading = read_in_fresh_process(tmp_path)
    finally:
        shutil.rmtree(tmp_path)  # two gigabytes
    assert reading.num_questions == num_questions
    assert reading.num_items == num_questions * ITEMS_PER_PROFILE
    assert reading.peak_bytes < MOST_BYTES
