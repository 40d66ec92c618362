"""Evaluations to be reported on, with figures that tests can look for."""

from pathlib import Path

from components.evaluation.evaluation import (
    ARMS,
    AttentionSummary,
    Cost,
    Decision,
    Evaluation,
    Interval,
    Reason,
    Slice,
    UserOutcomes,
)
from components.reporting.example_questions import ExampleQuestion, WeighedItem
from components.validation.quarantine import QUARANTINE_SCHEMA
from components.validation.report import ValidationReport
from components.validation.validation_folder import (
    ValidationFiles,
    ValidationFolder,
    write_validation,
)


def interval(mean, half=0.02):
    return Interval(mean=mean, low=mean - half, high=mean + half)


def build_evaluation(metric="accuracy", gains=(0.3, 0.2), **changes):
    """Persona is at .6; `gains` is what it wins over instruction_only and shuffled."""
    sign = -1 if metric == "mae" else 1
    values = {"instruction_only": gains[0], "shuffled": gains[1]}
    arms = {arm: {metric: interval(0.6 - sign * gain)} for arm, gain in values.items()}
    differences = {
        f"persona_vs_{arm}": {metric: interval(sign * gain)} for arm, gain in values.items()
    }
    fields = {
        "task": "LaMP_2",
        "split": "test",
        "num_questions": 6023,
        "num_users": 674,
        "arms": arms | {"persona": {metric: interval(0.6)}},
        "differences": differences,
    }
    return Evaluation(**(fields | changes))


def build_reason(status="passed", rule="better_than_shuffled", blocks=None, parts=(), said="said"):
    blocks = status == "failed" if blocks is None else blocks
    return Reason(rule=rule, status=status, blocks=blocks, sentence=said, parts=list(parts))


def build_decision(promoted, sentence="with figures"):
    reason = build_reason("passed" if promoted else "failed", said=sentence)
    return Decision(promoted=promoted, reasons=[reason])


def build_rich_evaluation(metric="accuracy", **changes):
    """Everything that an evaluation can hold: every arm, slice, cost, user, seed and status."""
    second = {"accuracy": "macro_f1", "mae": "rmse", "rouge_1": "rouge_l"}[metric]
    sign = -1 if metric == "mae" else 1
    values = {arm: 0.5 + sign * 0.012 * place for place, arm in enumerate(ARMS)}
    values |= {"persona": 0.5 + sign * 0.2, "shuffled": values["trained_on_shuffled"]}
    fields = {
        "arms": build_arms(values, metric, second),
        "differences": build_differences(values, metric, second),
        "slices": build_slices(values, metric, second),
        "samples": {
            "per_user_lora": build_slice(values, metric, second, num_questions=120, num_users=12)
        },
        "seeds": {
            str(seed): {
                metric: interval(values["persona"] + shift),
                second: interval(values["persona"] + shift - 0.03),
            }
            for seed, shift in enumerate((0.004, -0.011, 0.0))
        },
        "costs": build_costs(),
        "users": {arm: build_outcomes() for arm in ("instruction_only", "shuffled")},
        "attention": AttentionSummary(
            num_questions=5870,
            mean_entropy=0.62,
            mean_null_weight=0.08,
            edges=[place / 10 for place in range(11)],
            counts=[20, 60, 140, 300, 620, 1100, 1500, 1200, 700, 230],
        ),
        "limits": {
            "without_user": {metric: 0.5 + sign * 0.05, second: 0.5 + sign * 0.05},
            "bayes": {metric: 0.5 + sign * 0.25, second: 0.5 + sign * 0.25},
            "oracle": {metric: 0.5 + sign * 0.3, second: 0.5 + sign * 0.3},
        },
        "gap_closed": {metric: interval(0.63, 0.05)},
        "decision": build_rich_decision(),
        "notes": {"user_statistics": {"chosen": "last", "dev": {"last": 0.5, "mean": 0.25}}},
    }
    return build_evaluation(metric, **(fields | changes))


def build_arms(values, metric, second):
    return {
        arm: {metric: interval(value), second: interval(value - 0.03)}
        for arm, value in values.items()
    }


def build_differences(values, metric, second):
    gaps = {arm: values["persona"] - value for arm, value in values.items() if arm != "persona"}
    return {
        f"persona_vs_{arm}": {metric: interval(gap), second: interval(gap, 0.06)}
        for arm, gap in gaps.items()
    }


def build_slice(values, metric, second, num_questions=6023, num_users=674):
    return Slice(
        num_questions=num_questions,
        num_users=num_users,
        arms=build_arms(values, metric, second),
        differences=build_differences(values, metric, second),
    )


def build_slices(values, metric, second):
    control, gain = values["instruction_only"], values["persona"] - values["instruction_only"]
    read = {
        f"history_{length}": values
        | {"persona": control + share * gain, "champion": control + (share * 0.8 - 0.03) * gain}
        for length, share in {"0": -0.03, "1": 0.3, "4": 0.62, "16": 0.9, "all": 1.0}.items()
    }
    slices = {name: build_slice(part, metric, second) for name, part in read.items()}
    return slices | {
        "known_users": build_slice(values, metric, second, num_questions=4100, num_users=455),
        "new_users": Slice(num_questions=0, num_users=0),
        "task:LaMP_2": build_slice(values, metric, second),
    }


def build_costs():
    seconds = {arm: 0.004 * (1 + place) ** 1.5 for place, arm in enumerate(ARMS)}
    stored = {"base": 0, "instruction_only": 0, "user_statistics": 44, "per_user_lora": 2.6e6}
    costs = {
        arm: Cost(
            seconds_per_question=seconds[arm],
            tokens_per_question=60 + 90 * arm.startswith("retrieval"),
            bytes_per_user=stored.get(arm, 23_500 if arm.startswith("retrieval") else 3_072),
        )
        for arm in ARMS
    }
    lora = costs["per_user_lora"].model_copy(update={"training_seconds_per_user": 41.0})
    statistics = Cost(seconds_per_question=2e-5, bytes_per_user=44)
    return costs | {"per_user_lora": lora, "user_statistics": statistics}


def build_outcomes():
    return UserOutcomes(
        min_questions=5,
        helped=320,
        harmed=96,
        equal=54,
        net_harmed=interval(-0.477, 0.05),
        edges=[-0.55, -0.45, -0.35, -0.25, -0.15, -0.05, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55],
        counts=[2, 5, 11, 24, 54, 54, 80, 96, 74, 50, 20],
    )


def build_rich_decision():
    parts = [
        build_reason("failed", "better_than_retrieval_dense", said="+0.01, not surely."),
        build_reason("not_evaluated", "cheaper_than_retrieval", said="No cost of it is known."),
    ]
    reasons = [
        build_reason("passed", "better_than_instruction_only", said="+0.188, 0.168 to 0.208."),
        build_reason("passed", "better_than_shuffled", said="+0.07, 0.05 to 0.09."),
        build_reason("failed", "retrieval", parts=parts, said="None of 2 alternatives passed."),
        build_reason("not_evaluated", "new_users", blocks=True, said="No questions of new users."),
        build_reason("not_evaluated", "oracle_gap", said="No limits are known for this task."),
        build_reason("failed", "net_harmed", blocks=False, said="Only warns: 0.02 above 0.01."),
    ]
    return Decision(promoted=False, reasons=reasons)


def build_examples(num=10, gain=1.0, text="A film about a lighthouse keeper who finds a letter. "):
    items = [WeighedItem(weight=weight, text=text * 3) for weight in (0.512, 0.21, 0.09)]
    return [
        ExampleQuestion(
            question_id=f"simulated-test-{number:04d}",
            payload=text * (1 + number),
            gold="sci-fi",
            persona="sci-fi",
            instruction_only="romance",
            gain=gain,
            items=items,
        )
        for number in range(num)
    ]


def build_validation(directory: Path) -> ValidationFolder:
    """Return a validation's folder, made once: its page says "docs", its verdict "sound"."""
    folder = directory / "validation"
    if folder.exists():
        return ValidationFolder.at(folder)
    report = ValidationReport(task="t", verdict="sound", rules=(), counts=(), personal_data=())
    files = ValidationFiles(report, QUARANTINE_SCHEMA.empty_table(), "<p>docs")
    return write_validation(folder, files)
