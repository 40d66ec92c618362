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
    "sci-fi": (
        "robots in space",
        "time travel",
        "alien planets",
        "starship crews",
        "androids and lasers",
    ),
    "based on a book": (
        "a famous novel",
        "pages of a bestseller",
        "a well-known book",
        "chapters of a novel",
        "a book series",
    ),
    "comedy": (
        "hilarious jokes",
        "slapstick gags",
        "silly pranks",
        "funny mishaps",
        "goofy laughter",
    ),
    "action": ("car chases", "daring stunts", "explosions", "gunfights", "martial arts"),
    "twist ending": (
        "a surprise ending",
        "a final twist",
        "an unexpected finale",
        "a last-minute reveal",
        "a stunning final surprise",
    ),
    "dystopia": (
        "a totalitarian regime",
        "a bleak future society",
        "a police state",
        "an oppressive government",
        "rebels against dictatorship",
    ),
    "dark comedy": (
        "gallows humour",
        "morbid jokes",
        "a funny funeral",
        "black humour",
        "comical murders",
    ),
    "classic": (
        "golden age Hollywood",
        "black-and-white pictures",
        "timeless old cinema",
        "silver screen legends",
        "a vintage masterpiece",
    ),
    "psychology": (
        "a troubled mind",
        "therapy sessions",
        "buried trauma",
        "a psychiatrist's patient",
        "mental breakdown",
    ),
    "fantasy": (
        "wizards and magic",
        "dragons",
        "elves and dwarves",
        "an enchanted kingdom",
        "witches' spells",
    ),
    "romance": (
        "falling in love",
        "a tender love affair",
        "passionate kisses",
        "sweethearts",
        "a true love wedding",
    ),
    "thought-provoking": (
        "deep questions of meaning",
        "philosophical puzzles",
        "profound ideas",
        "food for thought",
        "questions about free will",
    ),
    "social commentary": (
        "criticism of inequality",
        "poverty and injustice",
        "racism in society",
        "rich against poor",
        "class struggle",
    ),
    "violence": (
        "brutal killings",
        "blood and gore",
        "savage gang wars",
        "torture",
        "a bloody massacre",
    ),
    "true story": (
        "real events",
        "a real biography",
        "documented facts",
        "an authentic case",
        "true historical figures",
    ),
}

TAG_FAMILIES = (
    ("sci-fi", "fantasy", "dystopia"),
    ("comedy", "dark comedy", "romance"),
    ("action", "violence", "twist ending"),
    ("classic", "based on a book", "true story"),
    ("psychology", "thought-provoking", "social commentary"),
)
"""Tags that are liked together."""

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
