"""Our own expectations for Great Expectations: what no stock one covers, in the owner's words.

Each is about a column of flags (`components.validation.flags`): true where a row has the defect,
missing where it can't be judged. A class holds the sentence that Data Docs show.

Importing this module imports Great Expectations, which registers the expectations.
"""

from typing import Any, ClassVar

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import (
    ColumnMapMetricProvider,
    column_condition_partial,
)
from great_expectations.render import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer


class ColumnValuesFree(ColumnMapMetricProvider):
    """Whether a row is free of the defect that its flag stands for."""

    condition_metric_name = "column_values.free_of_defect"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:  # noqa: N805
        return ~column.astype(bool)


class _ExpectNoFlag(ColumnMapExpectation):
    """Expect no row to be flagged."""

    map_metric = "column_values.free_of_defect"
    sentence: ClassVar[str]

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(cls, **_: Any) -> list[RenderedStringTemplateContent]:
        template = {"template": cls.sentence, "params": {}}
        content = {"content_block_type": "string_template", "string_template": template}
        return [RenderedStringTemplateContent(**content)]


class ExpectTextsToBeReadable(_ExpectNoFlag):
    """No text has broken or control characters, or punctuation alone."""

    sentence = "Texts hold letters, digits or symbols, and no control or replacement characters."


class ExpectIdsToBeUnique(_ExpectNoFlag):
    """No two items of a user, and no two questions, have the same id."""

    sentence = "No id stands twice: an item's within its user, a question's at all."


class ExpectTimesNotInTheFuture(_ExpectNoFlag):
    """No time is later than the present."""

    sentence = "Times are not in the future."


class ExpectClocksToBeSet(_ExpectNoFlag):
    """No time is before 1971: zero and near it are what missing times become."""

    sentence = "Times are after 1970: a clock that was not set says 1 January 1970."


class ExpectUsersToHaveSeveralTimes(_ExpectNoFlag):
    """No user with several items has one timestamp for all."""

    sentence = "A user's items don't all have the same time: that would be the time of an import."


class ExpectItemsToBeTheUsersOwn(_ExpectNoFlag):
    """Every history link points at an item of the user who asks."""

    sentence = "Every item of a history belongs to the user who asks."


class ExpectItemsBeforeTheirQuestion(_ExpectNoFlag):
    """Every item of a history is strictly before the question."""

    sentence = (
        "Every item of a history is before its question; the same second, or day, is not before."
    )


class ExpectGoldNotInHistory(_ExpectNoFlag):
    """No question's answer is the output of an item of its history."""

    sentence = "No answer is, but for case and white space, an output in its own history."


class ExpectNoNearGoldInHistory(_ExpectNoFlag):
    """No question's text or answer nearly stands in its history."""

    sentence = "No question's text is nearly an item of its history, nor its answer an output."


class ExpectQuestionInOneSplit(_ExpectNoFlag):
    """No question is asked again in a later split."""

    sentence = "No question is asked again in a later split (train, dev, test)."


class ExpectNoNearDuplicates(_ExpectNoFlag):
    """No item nearly repeats an earlier one of its user."""

    sentence = "No item nearly repeats an earlier item of the same user."


class ExpectTextsOfOneUser(_ExpectNoFlag):
    """No text stands under two users."""

    sentence = "No text of some length stands under two users."


class ExpectNoErasedUsers(_ExpectNoFlag):
    """No row is of a user with a tombstone."""

    sentence = "No row is of a user who was erased (tombstone file)."


class ExpectNoPersonalData(_ExpectNoFlag):
    """No text holds personal data."""

    sentence = "Texts hold no e-mail addresses, phone, card or account numbers and the like."
