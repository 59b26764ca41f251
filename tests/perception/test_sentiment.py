"""Sentiment: its accuracy on texts that it was not tuned on, and cases that it must get right.

verbatims.tsv was written and labelled by hand before the first scorer existed: 60 texts per language to test with
(`test`), 30 to tune with (`tune`), of a bank, a hotel, a shop and an insurer, with negation, irony, mixed feelings,
plain questions and spelling errors. The labels `positive`, `neutral`, `negative` are a reader's; `unknown` is none.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from examples.veloheld.generator.texts import LANGUAGES as DEMO_LANGUAGES
from examples.veloheld.generator.texts import VERBATIMS
from orchestration.perception import score_texts
from orchestration.perception.lexicon import LANGUAGES, lexicon

LABELS = ("negative", "neutral", "positive")
with (Path(__file__).with_name("verbatims.tsv")).open(encoding="utf-8") as file:
    LABELLED = list(csv.DictReader(file, delimiter="\t"))


def _held_out(language: str) -> list[dict[str, str]]:
    return [row for row in LABELLED if (row["language"], row["part"]) == (language, "test")]


def _label(text: str | None, language: str | None) -> str:
    return score_texts([text], [language])[0].label


def _quality(pairs: list[tuple[str, str]]) -> tuple[float, float, float, float]:
    """Coverage, accuracy where not unknown, macro-F1 over all (unknown is a miss), share of opposite labels."""
    judged = [(truth, said) for truth, said in pairs if said != "unknown"]
    scores = []
    for label in LABELS:
        hits = sum(truth == said == label for truth, said in pairs)
        scores.append(2 * hits / max(sum(t == label for t, _ in pairs) + sum(s == label for _, s in pairs), 1))
    opposite = sum({truth, said} == {"negative", "positive"} for truth, said in judged)
    return (
        len(judged) / len(pairs),
        sum(t == s for t, s in judged) / len(judged),
        sum(scores) / 3,
        opposite / len(pairs),
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_four_of_five_judgements_on_unseen_texts_are_right_and_three_of_five_texts_are_judged(language: str) -> None:
    rows = _held_out(language)
    assert len(rows) == 60
    said = score_texts([row["text"] for row in rows], [language] * len(rows))
    coverage, accuracy, macro_f1, opposite = _quality(
        [(row["label"], sentiment.label) for row, sentiment in zip(rows, said, strict=True)]
    )
    print(f"{coverage=:.2f} {accuracy=:.2f} {macro_f1=:.2f} {opposite=:.2f}")
    assert coverage >= 0.6
    assert accuracy >= 0.8
    assert macro_f1 >= 0.55
    assert opposite <= 0.1


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_of_the_demo_company_get_the_sentiment_they_were_written_with(language: str) -> None:
    moods = VERBATIMS[DEMO_LANGUAGES.index(language)]
    pairs = [(LABELS[mood], _label(text, language)) for mood, texts in enumerate(moods) for text in texts]
    coverage, accuracy, _, opposite = _quality(pairs)
    assert coverage >= 0.9
    assert accuracy >= 0.7
    assert opposite == 0


def test_reviews_of_contoso_agree_with_their_stars_or_are_unknown() -> None:
    # All distinct texts of its web reviews, with their stars.
    stars = {
        "The shipment was delayed": 2,
        "Product is available only in limited colors": 3,
        "Satisfied with my product": 4,
        "Affordable prices and good quality products": 5,
    }
    said = {text: score_texts([text], [None])[0] for text in stars}
    assert {sentiment.language for sentiment in said.values()} == {"en"}
    wanted = {text: "negative" if n < 3 else "positive" if n > 3 else "neutral" for text, n in stars.items()}
    assert all(sentiment.label in (wanted[text], "unknown") for text, sentiment in said.items())
    assert sum(sentiment.label != "unknown" for sentiment in said.values()) >= 3


def test_english_judgements_mostly_have_the_sign_that_vader_gives() -> None:
    vader = SentimentIntensityAnalyzer()
    rows = _held_out("en")
    said = score_texts([row["text"] for row in rows], ["en"] * len(rows))
    both = [
        sentiment.polarity * compound > 0
        for row, sentiment in zip(rows, said, strict=True)
        if sentiment.label in ("negative", "positive")
        and (compound := vader.polarity_scores(row["text"])["compound"])
    ]  # fmt: skip
    assert len(both) > 20
    assert sum(both) / len(both) > 0.8


@pytest.mark.parametrize(
    ("language", "good", "denied"),
    [
        ("nl", "Ik ben tevreden.", "Ik ben niet tevreden."),
        ("nl", "Goede service.", "Geen goede service."),
        ("de", "Ich bin zufrieden.", "Ich bin nicht zufrieden."),
        ("de", "Ein gutes Hotel.", "Kein gutes Hotel."),
        ("en", "I am satisfied.", "I am not satisfied."),
        ("en", "It was good.", "It wasn’t good."),
    ],
)
def test_negation_turns_praise_into_blame(language: str, good: str, denied: str) -> None:
    assert (_label(good, language), _label(denied, language)) == ("positive", "negative")


def test_negation_after_a_word_denies_praise_and_not_blame() -> None:
    """As German and Dutch main clauses have it: `Ich empfehle nicht` is no praise; `schlecht, nicht` stays blame."""
    assert (_label("Ich empfehle.", "de"), _label("Ich empfehle nicht.", "de")) == ("positive", "negative")
    assert _label("Schlecht nicht?", "de") == "negative"


@pytest.mark.parametrize(
    ("emoticon", "label"), [(":)", "positive"), (":D", "positive"), (";p", "positive"), (":(", "negative")]
)
def test_emoticon_carries_sentiment(emoticon: str, label: str) -> None:
    assert _label(f"Het pakket is er {emoticon}", "nl") == label


def test_text_that_says_it_is_average_is_neutral_beside_praise() -> None:
    assert _label("Average: great staff.", "en") == "neutral"


def test_words_after_but_outweigh_those_before_it() -> None:
    assert _label("The food was bad, but the service was excellent.", "en") == "positive"
    assert _label("The service was excellent, but the food was bad.", "en") != "positive"
    assert _label("Das Essen war schlecht, aber der Service war gut.", "de") == "positive"
    assert _label("Het eten was slecht, maar de bediening was goed.", "nl") == "positive"


def test_emphasis_strengthens_and_hedging_weakens() -> None:
    very, plain, rather = score_texts(["Very good.", "Good.", "Rather good."], ["en"] * 3)
    assert very.polarity > plain.polarity > rather.polarity > 0


@pytest.mark.parametrize("text", [None, "", "   ", "?!", "42", "Mijn klantnummer is 12345."])
def test_text_without_sentiment_is_unknown_and_not_neutral(text: str | None) -> None:
    sentiment = score_texts([text], ["nl"])[0]
    assert (sentiment.label, sentiment.polarity, sentiment.language) == ("unknown", None, "nl")


def test_texts_in_other_languages_are_unknown_with_and_without_a_given_language() -> None:
    french = "Je suis vraiment très déçu de la qualité de ce produit et du service après-vente."
    assert [s.label for s in score_texts([french, french], ["fr", None])] == ["unknown", "unknown"]


def test_language_is_recognised_in_nineteen_of_twenty_texts() -> None:
    said = Counter(
        (row["language"], sentiment.language)
        for row, sentiment in zip(
            LABELLED, score_texts([row["text"] for row in LABELLED], [None] * len(LABELLED)), strict=True
        )
    )
    right = sum(count for (truth, found), count in said.items() if truth == found)
    wrong = sum(count for (truth, found), count in said.items() if found not in (truth, None))
    assert right >= 0.95 * len(LABELLED)
    assert wrong <= 0.02 * len(LABELLED)


def test_region_codes_and_capitals_name_the_same_language() -> None:
    assert {s.language for s in score_texts(["Prima!"] * 3, ["nl", "NL", "nl-BE"])} == {"nl"}


def test_german_already_is_not_beautiful_and_a_dutch_experience_is_not_experienced() -> None:
    assert lexicon("de").weight("schon") == 0 < lexicon("de").weight("schönes")
    assert lexicon("nl").weight("ervaring") == 0 < lexicon("nl").weight("ervaren")


def test_other_form_may_replace_two_letters() -> None:
    german = lexicon("de")
    assert "stöhnst" not in german.weights
    assert german.weight("stöhnst") == german.weights["stöhnen"] < 0


def test_the_words_of_a_language_are_strings() -> None:
    # In YAML `no`, `yes` and `true` are not strings unless they are quoted.
    for language in LANGUAGES:
        words = lexicon(language)
        every = [*words.weights, *words.negations, *words.stronger, *words.weaker, *words.contrast, *words.neutral]
        assert {type(word) for word in every} == {str}
        assert all(-1.5 <= weight <= 1.5 for weight in words.weights.values())


def test_results_are_in_the_order_of_the_texts_and_each_text_needs_its_language() -> None:
    texts = ["Great!", "Terrible.", "Great!"]
    assert [s.label for s in score_texts(texts, ["en"] * 3)] == ["positive", "negative", "positive"]
    with pytest.raises(ValueError, match="3 texts and 2 languages"):
        score_texts(texts, ["en"] * 2)
