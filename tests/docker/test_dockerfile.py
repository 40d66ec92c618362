from tests.docker.dockerfile import Instruction, list_copied, parse_dockerfile

TEXT = r"""
# a comment
ARG BASE=a@sha256:1
from ${BASE} AS build

COPY --chown=1:1 x.py y.py ./
RUN set -eu; \
    # inside
    pip install z; \
    true
FROM ${BASE}
COPY --from=build /opt /opt
CMD ["python", "-m", "m"]
"""


def test_continued_lines_are_one_instruction_and_comments_are_none() -> None:
    assert parse_dockerfile(TEXT) == [
        Instruction("ARG", "BASE=a@sha256:1", -1),
        Instruction("FROM", "${BASE} AS build", 0),
        Instruction("COPY", "--chown=1:1 x.py y.py ./", 0),
        Instruction("RUN", "set -eu; \npip install z; \ntrue", 0),
        Instruction("FROM", "${BASE}", 1),
        Instruction("COPY", "--from=build /opt /opt", 1),
        Instruction("CMD", '["python", "-m", "m"]', 1),
    ]


def test_what_comes_of_another_stage_is_not_of_the_repository() -> None:
    assert list_copied(parse_dockerfile(TEXT)) == ["x.py", "y.py"]


def test_a_command_is_its_words() -> None:
    assert parse_dockerfile(TEXT)[-1].exec_form == ["python", "-m", "m"]
