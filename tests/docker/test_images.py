"""What can be said of the images without building them."""

import re
import subprocess

import pytest

from steps.caching import import_closure
from tests.docker.dockerfile import IMAGES, REPOSITORY, Instruction, list_copied, read_image

USER = "10001:10001"
PINNED = re.compile(r"[^\s@]+:[\w.-]+@sha256:[0-9a-f]{64}")

each_image = pytest.mark.parametrize("image", IMAGES)


def list_tracked(*places: str) -> list[str]:
    """Return the files at these places that git knows."""
    command = ["git", "ls-files", "--", *places]
    found = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return found.stdout.splitlines()


def select(image: str, *names: str) -> list[Instruction]:
    """Return an image's instructions of these names."""
    return [instruction for instruction in read_image(image) if instruction.name in names]


def select_last_stage(image: str, name: str) -> list[Instruction]:
    """Return the instructions of this name that make the image itself."""
    last = read_image(image)[-1].stage
    return [instruction for instruction in select(image, name) if instruction.stage == last]


@each_image
def test_the_base_is_pinned_by_its_digest(image: str) -> None:
    name, _, base = read_image(image)[0].text.partition("=")

    assert (name, bool(PINNED.fullmatch(base))) == ("BASE", True)
    assert {instruction.words[0] for instruction in select(image, "FROM")} == {"${BASE}"}
    assert len(select(image, "FROM")) == 2


def test_all_images_have_one_base() -> None:
    assert len({read_image(image)[0].text for image in IMAGES}) == 1


@each_image
def test_nothing_is_the_latest(image: str) -> None:
    assert not [found for found in read_image(image) if re.search(r":latest\b", found.text)]


@each_image
def test_what_is_copied_is_tracked(image: str) -> None:
    assert [source for source in list_copied(read_image(image)) if not list_tracked(source)] == []


@each_image
def test_nothing_comes_from_elsewhere(image: str) -> None:
    assert select(image, "ADD") == []
    assert all(
        instruction.text.startswith("--from=build /")
        for instruction in select_last_stage(image, "COPY")
    )
    runs = "\n".join(instruction.text for instruction in select(image, "RUN"))
    assert not re.search(r"\b(curl|wget|git|apt-get|apt)\b", runs)


@each_image
def test_pip_installs_what_a_lock_pins(image: str) -> None:
    runs = "\n".join(instruction.text for instruction in select(image, "RUN"))
    lines = re.findall(r"\bpip ((?:-c|--no-deps) .+?)(?: ;;|;)", runs)
    locks = set(re.findall(r"[\w-]+\.lock", runs))

    assert len(locks) == 1 and locks <= set(list_copied(read_image(image)))
    assert lines == [
        "-c $lock pip",
        '--no-deps --index-url "$TORCH_CPU_INDEX" "$torch"',
        '-c $lock "$torch"',
        "--no-deps -r $lock",
    ]
    assert runs.count("pip install") == 1  # in the function that all of them call


@each_image
def test_it_runs_as_a_user_without_rights(image: str) -> None:
    assert [instruction.text for instruction in select_last_stage(image, "USER")] == [USER]
    made = select_last_stage(image, "RUN")[0].text
    assert "--gid 10001 app" in made and "--uid 10001 --gid 10001" in made


def read_variables(image: str) -> dict[str, str]:
    """Return the environment variables of an image."""
    found = select_last_stage(image, "ENV")
    words = (word for instruction in found for word in instruction.words)
    return dict(word.split("=", 1) for word in words if word != "\\")


@each_image
def test_what_is_written_goes_to_mounts(image: str) -> None:
    variables = read_variables(image)

    assert variables["HOME"] == "/home/app"
    assert variables["HF_HOME"] == "/models"
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"
    assert [found.text for found in select_last_stage(image, "WORKDIR")] == ["/app"]


def test_zenml_finds_the_files_of_a_cache_key() -> None:
    assert read_variables("train")["ZENML_CUSTOM_SOURCE_ROOT"] == "/app"


@each_image
def test_no_secret_has_a_place(image: str) -> None:
    names = re.compile(r"PASS|TOKEN|SECRET|KEY|CREDENTIAL|INDEX_URL|PROXY", re.IGNORECASE)
    found = [word for each in select(image, "ARG", "ENV") for word in each.words]

    assert [word for word in found if names.search(word.split("=")[0])] == []


@each_image
def test_the_command_is_a_module_of_the_image(image: str) -> None:
    (command,) = [found.exec_form for found in select(image, "ENTRYPOINT", "CMD")]
    module = command[2].replace(".", "/")

    assert command[:2] == ["python", "-m"]
    assert list_tracked(f"{module}.py", f"{module}/__main__.py") != []
    assert module.split("/", maxsplit=1)[0] in list_copied(read_image(image))


def test_a_server_has_every_module_that_it_imports() -> None:
    start = {REPOSITORY / "components" / "serving" / "__main__.py"}
    needed = {str(path.relative_to(REPOSITORY)) for path in import_closure(start, REPOSITORY)}

    assert len(needed) > 50
    assert needed <= set(list_tracked(*list_copied(read_image("serve"))))


def test_training_has_all_code_that_a_step_may_import() -> None:
    copied = set(list_tracked(*list_copied(read_image("train"))))
    code = list_tracked("*.py")

    assert {file for file in code if not file.startswith(("benchmarks/", "tests/"))} <= copied


def test_builders_see_what_is_copied_and_nothing_else() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = {source for image in IMAGES for source in list_copied(read_image(image))}

    assert (rules[0], rules[-1]) == ("*", "**/__pycache__")
    assert {rule.removeprefix("!") for rule in rules[1:-1]} == {
        source.split("/", maxsplit=1)[0] for source in copied
    }
    assert all(rule.startswith("!") for rule in rules[1:-1])
