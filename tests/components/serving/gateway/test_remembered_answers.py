"""The newest answers are remembered: so many, and so much text."""

from components.serving.gateway.remembered_answers import RememberedAnswer, RememberedAnswers


def remember(answers, name, payload, user="anna"):
    answers.add(name, RememberedAnswer("acme", user, payload))


def find_all(answers, names):
    return [name for name in names if answers.find(name, "acme")]


def test_the_newest_are_kept_by_number_and_by_characters():
    answers = RememberedAnswers(3, 10)
    for name in "abcd":
        remember(answers, name, "12")
    assert find_all(answers, "abcd") == ["b", "c", "d"]
    remember(answers, "e", "1234567")  # 2 + 2 + 7 > 10
    assert find_all(answers, "abcde") == ["d", "e"]
    remember(answers, "f", "x" * 11)
    assert find_all(answers, "abcdef") == []


def test_an_erased_user_makes_room():
    answers = RememberedAnswers(10, 10)
    remember(answers, "a", "12345", "berta")
    remember(answers, "b", "12345")
    answers.forget("acme", "berta")
    remember(answers, "c", "12345")
    assert find_all(answers, "abc") == ["b", "c"]
    assert answers.find("b", "globex") is None
