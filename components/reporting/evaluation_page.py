"""The evaluation as one self-contained HTML page: no network, no script.

Texts of users stand in it only as the example questions that it is given.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.evaluation.evaluation import CONTROLS, Evaluation
from components.inversion.report import InversionReport
from components.lineage.drift import DriftReport
from components.promotion.registry_records import PastDecision
from components.reporting import tables
from components.reporting.example_questions import ExampleQuestion
from components.reporting.figures.arms import draw_arms, draw_seeds
from components.reporting.figures.canvas import Drawings
from components.reporting.figures.champions import draw_champions
from components.reporting.figures.costs import draw_costs, has_prices
from components.reporting.figures.curves import Curves, draw_curves
from components.reporting.figures.drift import draw_drift
from components.reporting.figures.histograms import draw_attention, draw_outcomes
from components.reporting.figures.history_gain import draw_history_gain, list_history_slices
from components.reporting.inversion import list_attacks, write_inversion
from components.reporting.verdict import write_decision, write_verdict
from components.reporting.wording import (
    STATUS_WORDS,
    format_figure,
    format_note,
    format_share,
    format_signed,
)

TEMPLATES = Path(__file__).parent / "templates"


def render_evaluation_page(
    evaluation: Evaluation,
    training_curves: Curves,
    versions: Mapping[str, str],
    helped: Sequence[ExampleQuestion] = (),
    hurt: Sequence[ExampleQuestion] = (),
    drift: DriftReport | None = None,
    inversion: InversionReport | None = None,
    decisions: Sequence[PastDecision] = (),
) -> str:
    """Render the page; sections of what was not measured are left out.

    Args:
        evaluation: What was measured and, once it has been, decided.
        training_curves: By arm, points with step, and loss or dev_loss or both; may be empty.
        versions: Names of parts (LLM, encoder, weights, code, data) to versions or hashes.
        helped: Questions that persona helped most, with texts of users; none where these may not
            be shown.
        hurt: Questions that it hurt most.
        drift: Today's data against the champion's; none where they were not compared.
        inversion: What stolen vectors tell of their texts; none where that was not measured.
        decisions: What became of the registered versions, in their order.

    Returns:
        The HTML, with styles and figures inside.
    """
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": "{:,}".format,
        "figure": format_figure,
        "share": format_share,
        "signed": format_signed,
    }
    decision = evaluation.decision
    figures = _draw(evaluation, training_curves)
    if drift is not None and drift.champion is not None:
        figures["drift"] = draw_drift(drift.champion, drift.today)
    if len(decisions) > 1:
        figures["champions"] = draw_champions(decisions, evaluation.primary_metric)
    template = environment.get_template("evaluation_page.html")
    return template.render(
        evaluation=evaluation,
        verdict=write_verdict(evaluation),
        decision_sentence=write_decision(decision) if decision else None,
        status_words=STATUS_WORDS,
        figures={name: _mark_safe(svg) for name, svg in figures.items()},
        versions=versions,
        notes={name: format_note(note) for name, note in evaluation.notes.items()},
        helped=helped,
        hurt=hurt,
        drift=drift,
        drift_measures=tables.list_drift(drift.measures) if drift else [],
        drift_sizes=tables.list_drift_sizes(drift) if drift else [],
        inversion=inversion,
        inversion_sentence=write_inversion(inversion) if inversion else None,
        attacks=list_attacks(inversion) if inversion else [],
        decisions=tables.list_decisions(decisions),
        **_tabulate(evaluation),
    )


def _draw(evaluation: Evaluation, curves: Curves) -> dict[str, Drawings]:
    """Draw what there is to draw."""
    figures = {"arms": draw_arms(evaluation)}
    if has_prices(evaluation):
        figures["costs"] = draw_costs(evaluation)
    if list_history_slices(evaluation):
        figures["history"] = draw_history_gain(evaluation)
    # The controls only: the table has every arm, and more panels leave none room for its title.
    compared = {arm: evaluation.users[arm] for arm in CONTROLS if arm in evaluation.users}
    outcomes = {arm: outcome for arm, outcome in compared.items() if outcome.counts}
    if outcomes:
        figures["users"] = draw_outcomes(outcomes, evaluation.primary_metric)
    if evaluation.attention is not None:
        figures["attention"] = draw_attention(evaluation.attention)
    if evaluation.seeds:
        figures["seeds"] = draw_seeds(evaluation.seeds)
    if curves:
        figures["curves"] = draw_curves(curves)
    return figures


def _tabulate(evaluation: Evaluation) -> dict[str, Any]:
    metrics = tables.describe_metrics(evaluation)
    seeds = evaluation.seeds
    return {
        "metrics": metrics,
        "primary": next(row for row in metrics if row["key"] == evaluation.primary_metric),
        "arms": tables.list_arms(evaluation.arms),
        "limits": tables.list_limits(evaluation),
        "differences": tables.list_differences(evaluation.differences),
        "costs": tables.list_costs(evaluation),
        "slices": tables.list_slices(evaluation),
        "samples": tables.list_samples(evaluation),
        "outcomes": tables.list_outcomes(evaluation.users),
        "seeds_sentence": (
            tables.describe_seeds(seeds, evaluation.primary_metric) if seeds else None
        ),
    }


def _mark_safe(drawings: Drawings) -> dict[str, Markup]:
    """Let SVG into the page as it is; matplotlib has escaped the texts in it."""
    return {name: Markup(svg) for name, svg in drawings.items()}
