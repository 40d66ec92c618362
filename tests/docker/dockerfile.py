"""A Dockerfile as its instructions, as far as ours go: no heredocs, no other escape character."""

import json
import re
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = ("serve", "train")


class Instruction(NamedTuple):
    """One instruction.

    Args:
        name: In upper case.
        text: What stands behind the name, continued lines joined by a line's end.
        stage: The number of the FROM that it belongs to; -1 before the first.
    """

    name: str
    text: str
    stage: int

    @property
    def words(self) -> list[str]:
        """The words behind the name, options (`--from=build`) left out."""
        return [word for word in self.text.split() if not word.startswith("--")]

    @property
    def exec_form(self) -> list[str]:
        """The command of an ENTRYPOINT or a CMD; a shell's form is no JSON and an error."""
        command: list[str] = json.loads(self.text)
        return command


def parse_dockerfile(text: str) -> list[Instruction]:
    """Return a Dockerfile's instructions, in their order."""
    lines = [line.strip() for line in text.splitlines()]
    kept = "\n".join(line for line in lines if line and not line.startswith("#"))
    instructions, stage = [], -1
    for whole in re.split(r"(?<!\\)\n", kept):
        name, _, rest = whole.replace("\\\n", "\n").partition(" ")
        stage += name.upper() == "FROM"
        instructions.append(Instruction(name.upper(), rest.strip(), stage))
    return instructions


def read_image(image: str) -> list[Instruction]:
    """Return the instructions of one of our images."""
    return parse_dockerfile((REPOSITORY / "docker" / image / "Dockerfile").read_text("utf-8"))


def list_copied(instructions: list[Instruction]) -> list[str]:
    """Return what is copied out of the repository: files and folders, relative to its root."""
    return [
        source
        for instruction in instructions
        if instruction.name == "COPY" and "--from=" not in instruction.text
        for source in instruction.words[:-1]
    ]
