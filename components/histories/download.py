"""Download the files of a LaMP task, laid out so that `data.lamp.folder` reads them.

    python -m components.histories.download LaMP_3 --setting time --folder data/LaMP

leaves data/LaMP/time/LaMP_3/{train,dev,test}/. The same command goes on where it was interrupted.
"""

import argparse
import logging
from pathlib import Path

from components.histories.fetch import MissingFileError, WrongStartError, fetch_file
from components.histories.lamp import read_golds, read_questions
from components.histories.tables import SPLITS
from components.tasks.lamp import LAMP_TASKS
from components.tasks.task import Task

logger = logging.getLogger(__name__)

BASE = "https://ciir.cs.umass.edu/downloads/LaMP"
LICENSED = "LaMP_6"
LICENSED_REFUSAL = (
    "LaMP_6 cannot be downloaded: its mails are the Avocado Research Email Collection, licensed by "
    "the LDC (LDC2015T03), and only the mails' ids are public. If you have the collection and have "
    "built the task from it, put {split}_questions.json, a list of {id, input, profile: [{id, "
    'title, text, date}], user_id}, and {split}_outputs.json, {"task": "LaMP_6", "golds": [{id, '
    "output}]}, for train, dev and test into one folder and name it in data.lamp.folder (date and "
    "user_id may be absent)."
)


def download_task(task: Task, setting: str, folder: Path, base: str = BASE) -> Path:
    """Download all files of a task that are not there yet; returns the folder to read.

    The benchmark withholds its test golds: that they are missing is said, and no error.

    Args:
        task: A task of the benchmark, LaMP_6 excepted.
        setting: user (the test users are others) or time (each user's latest questions are test).
        folder: Below it the task gets the folder `<setting>/<name>`.
        base: The address below which the benchmark's folders lie.

    Raises:
        MissingFileError: If the server has none of another file.
        WrongStartError: If a web page comes in place of another file.
        WrongContentError: If a file is not what the reader of histories expects.
        BrokenOffError: If a connection breaks off again and again; what came is kept.
    """
    source = "/".join(
        [base.rstrip("/"), *(["time"] if setting == "time" else []), task.name]
        + (["new"] if task.name == "LaMP_2" else [])  # the movies; beside them lie the older news
    )
    directory = folder / setting / task.name
    for split in SPLITS:
        for kind in ("questions", "outputs"):
            name = f"{split}_{kind}.json"
            path = directory / split / name
            if path.exists() or path.with_name(f"{name}.gz").exists():
                logger.info("%s is there already", path)
                continue
            try:
                download_file(f"{source}/{split}/{name}", path, task, kind)
            except (MissingFileError, WrongStartError) as err:
                if (split, kind) != ("test", "outputs"):
                    raise
                logger.info("the benchmark withholds its test golds (%s)", err)
    return directory


def download_file(address: str, path: Path, task: Task, kind: str) -> None:
    """Download one file and read it to its end as the reader of histories does.

    Raises:
        MissingFileError: If the server has no such file.
        WrongStartError: If a web page comes in its place.
        WrongContentError: If it is not what the reader of histories expects.
        BrokenOffError: If the connection breaks off again and again; what came is kept.
    """

    def check(part: Path) -> None:
        logger.info("checking %s", address)
        if kind == "outputs":
            read_golds(part, task)
            return
        for _, record in read_questions(part, {}):
            record.text("input")
            record.require("profile")

    fetch_file(address, path, "[" if kind == "questions" else "{", check)


def main() -> None:
    """Download what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("task", choices=[*LAMP_TASKS, "all"], help="which task")
    parser.add_argument(
        "--setting", choices=["time", "user"], default="time", help="what is held out for test"
    )
    parser.add_argument("--folder", type=Path, default=Path("data/LaMP"), help="where files go")
    parser.add_argument("--base", default=BASE, help="address of the benchmark or of a mirror")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if given.task == LICENSED:
        parser.exit(2, f"{LICENSED_REFUSAL}\n")
    for task in LAMP_TASKS.values():
        if task.name == LICENSED and given.task == "all":
            logger.warning(LICENSED_REFUSAL)
        elif given.task in (task.name, "all"):
            folder = download_task(task, given.setting, given.folder, given.base)
            logger.info("data.lamp.folder: %s", folder)


if __name__ == "__main__":
    main()
