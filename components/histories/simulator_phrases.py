"""The words of the simulator: what its invented movie descriptions and reviews are made of.

A phrase is a motif in a frame: "a tale of" + "time travel". The last `NUM_TEST_FRAMES` frames
appear only in dev and test questions, so that no phrase there was seen in training.
"""

NUM_TEST_FRAMES = 3

MOVIE_FRAMES = (
    "{}",
    "much {}",
    "with {}",
    "lots of {}",
    "all about {}",
    "{} and more",
    "some {}",
    "a film about {}",
    "full of {}",
    "plenty of {}",
    "a tale of {}",
)

TAG_MOTIFS: dict[str, tuple[str, ...]] = {
    "sci-fi": ("sci-fi adventures", "sci-fi ideas"),
    "based on a book": ("scenes based on a book", "characters based on a book"),
    "comedy": ("comedy scenes", "light comedy"),
    "action": ("action scenes", "non-stop action"),
    "twist ending": ("a twist ending", "hints of a twist ending"),
    "dystopia": ("a dystopia", "life in a dystopia"),
    "dark comedy": ("dark comedy scenes", "very dark comedy"),
    "classic": ("a classic", "the charm of a classic"),
    "psychology": ("psychology", "crowd psychology"),
    "fantasy": ("fantasy creatures", "a fantasy kingdom"),
    "romance": ("romance", "a summer romance"),
    "thought-provoking": ("thought-provoking questions", "thought-provoking dialogue"),
    "social commentary": ("social commentary", "sharp social commentary"),
    "violence": ("violence", "scenes of violence"),
    "true story": ("a true story", "parts of a true story"),
}
"""Every motif names its tag: what is simulated is the user, and the language is kept easy."""

NEW_TAG_MOTIFS: dict[str, tuple[str, ...]] = {
    "sci-fi": ("starships", "robots and aliens"),
    "based on a book": ("pages of a novel", "a bestseller retold"),
    "comedy": ("jokes", "gags and laughter"),
    "action": ("car chases", "stunts and explosions"),
    "twist ending": ("a final surprise", "a last-minute reveal"),
    "dystopia": ("a totalitarian future", "a ruined world"),
    "dark comedy": ("gallows humour", "morbid jokes"),
    "classic": ("a timeless masterpiece", "golden-age charm"),
    "psychology": ("minds under pressure", "a therapist's notes"),
    "fantasy": ("dragons and magic", "elves and wizards"),
    "romance": ("a love affair", "falling in love"),
    "thought-provoking": ("ideas that linger", "big questions"),
    "social commentary": ("a look at society", "class and injustice"),
    "violence": ("blood and brutality", "fist fights"),
    "true story": ("real events", "a true biography"),
}
"""Words that come into use over a simulated year, and do not name their tag."""

TAG_FAMILIES = (
    ("sci-fi", "dystopia"),
    ("comedy", "dark comedy"),
    ("action", "violence", "twist ending"),
    ("classic", "based on a book"),
    ("psychology", "thought-provoking"),
    ("true story", "social commentary"),
    ("fantasy", "romance"),
)
"""Tags that are liked together, the popular one first."""

REVIEW_FRAMES = (
    "the book was {}",
    "I found this film {}",
    "honestly, it is {}",
    "in a word, {}",
    "a gadget that is {}",
    "my family thought it {}",
    "overall {}",
    "after a week it seems {}",
    "to my mind {}",
    "the whole thing is {}",
    "everyone here calls it {}",
)

QUALITY_MOTIFS: tuple[tuple[str, ...], ...] = (
    ("terrible", "awful", "an utter disaster", "worthless garbage", "dreadful", "horrible"),
    ("disappointing", "rather poor", "below average", "quite weak", "a letdown", "mostly dull"),
    ("average", "okay", "mediocre but fine", "neither good nor bad", "so-so", "acceptable"),
    ("good", "quite nice", "enjoyable", "solid and pleasant", "well made", "satisfying"),
    ("perfect", "a masterpiece", "outstanding", "wonderful", "flawless", "magnificent"),
)
