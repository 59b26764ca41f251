"""Sentiment: polarity and label of short texts in Dutch, German and English.

A lexicon has the weights of words; negation, emphasis and "but" change them, as in VADER (Hutto & Gilbert, ICWSM 2014),
here for three languages. Nothing is downloaded, and no text leaves the machine. A text without a word that carries
sentiment is unknown, such as "the screen stayed black". Irony is read literally. docs/benchmarks.md has the accuracy.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from orchestration.perception.lexicon import LANGUAGES, Lexicon, lexicon, shared_rules

# The three languages, and neighbours that must not be taken for them; other languages are rare.
_RECOGNISED_LANGUAGES = ("nl", "de", "en", "fr", "es", "it", "pt", "da", "sv", "pl")
_TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[.,;:!?]+(?=\s|$)|[^\w\s]")
_EMOTICON = re.compile(r"(?<!\S)[:;=8][-o^']?[()DPp/\\|*]+(?!\S)")
_END_OF_CLAUSE = frozenset(",.;:!?")
_HAPPY, _SAD = "🙂", "🙁"


@dataclass(frozen=True, slots=True)
class Sentiment:
    """polarity: -1 (negative) to 1 (positive), None where the label is unknown. label: negative, neutral, positive or
    unknown. language: ISO 639-1, as given or recognised; None where neither."""

    polarity: float | None
    label: str
    language: str | None


def score_texts(texts: Sequence[str | None], languages: Sequence[str | None]) -> list[Sentiment]:
    """The sentiment of each text, in the order of the texts.

    languages: for each text its language (ISO 639-1, also as `nl-BE`), or None to have it recognised. Texts in other
    languages are unknown. Equal texts are scored once. Raises ValueError if the two differ in length.
    """
    if len(texts) != len(languages):
        raise ValueError(f"There are {len(texts)} texts and {len(languages)} languages: pass one language per text.")
    scored: dict[tuple[str | None, str | None], Sentiment] = {}
    for pair in zip(texts, languages, strict=True):
        if pair not in scored:
            scored[pair] = _sentiment(*pair)
    return [scored[pair] for pair in zip(texts, languages, strict=True)]


def _sentiment(text: str | None, given_language: str | None) -> Sentiment:
    if text is None or not text.strip():
        return Sentiment(None, "unknown", _code(given_language))
    language = _code(given_language) or _recognised(text)
    if language not in LANGUAGES:
        return Sentiment(None, "unknown", language)
    words = lexicon(language)
    praise, blame, says_neutral = _weighed(_tokens(text), words)
    total = praise - blame
    polarity = total / math.sqrt(total * total + words.rules.normaliser)
    if abs(polarity) >= words.rules.least_polarity and not says_neutral:
        return Sentiment(round(polarity, 4), "positive" if polarity > 0 else "negative", language)
    if says_neutral or (praise and blame):
        return Sentiment(round(polarity, 4), "neutral", language)
    return Sentiment(None, "unknown", language)


def _tokens(text: str) -> list[str]:
    text = _EMOTICON.sub(lambda found: _HAPPY if found.group()[-1] in ")Dp" else _SAD, text)
    return [token.replace("’", "'") for token in _TOKEN.findall(text.lower())]


def _weighed(tokens: list[str], words: Lexicon) -> tuple[float, float, bool]:
    """Praise and blame of a text (both 0 or more), and whether it says explicitly that it is neutral."""
    rules = words.rules
    weights: list[tuple[int, float]] = []
    says_neutral = False
    contrast_at = -1
    clause_start, position = 0, 0
    while position < len(tokens):
        token = tokens[position]
        if token[0] in _END_OF_CLAUSE:
            clause_start = position + 1
        if token in words.contrast:
            contrast_at, clause_start = position, position
        length = 1
        for size in range(min(words.longest_expression, len(tokens) - position), 0, -1):
            expression = " ".join(tokens[position : position + size]) if size > 1 else token
            if expression in words.neutral:
                says_neutral, length = True, size
                break
            weight = words.weights.get(expression) if size > 1 else words.weight(expression)
            if weight is None:
                continue
            if weight:
                weights.append((position, weight * _changed_by(tokens, clause_start, position, size, weight, words)))
            length = size
            break
        position += length
    praise = blame = 0.0
    for at, weight in weights:
        if 0 < contrast_at < len(tokens):
            weight *= rules.before_contrast if at < contrast_at else rules.after_contrast
        praise, blame = praise + max(weight, 0.0), blame + max(-weight, 0.0)
    return praise, blame, says_neutral


def _changed_by(tokens: list[str], clause_start: int, position: int, size: int, weight: float, words: Lexicon) -> float:
    """The factor by which the words around a weighted one change it: emphasis and negation before it.

    In Dutch and German main clauses the negation may also stand right after it.
    """
    rules = words.rules
    factor = 1.0
    before = tokens[max(clause_start, position - rules.negation_window) : position]
    if before and before[-1] in words.stronger:
        factor = rules.stronger
    elif before and before[-1] in words.weaker:
        factor = rules.weaker
    after = tokens[position + size] if words.language != "en" and position + size < len(tokens) else ""
    if any(word in words.negations for word in before) or (weight > 0 and after in words.negations):
        factor *= rules.negated_praise if weight > 0 else rules.negated_blame
    return factor


def _code(language: str | None) -> str | None:
    return language.strip().lower().replace("_", "-").split("-")[0] or None if language else None


def _recognised(text: str) -> str | None:
    language, certainty = _identifier().classify(text)
    return language if certainty >= shared_rules().least_language_certainty else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(_RECOGNISED_LANGUAGES))
    return identifier
