"""The words that carry sentiment, per language: the lexica of the packages, and `words.yml` with what they lack.

Only the data of the packages are read, not their code. The lexica are Dutch: De Smedt & Daelemans 2012, public domain;
German: Clematide & Klenner 2010, Apache 2.0; English: Hutto & Gilbert 2014, MIT.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, distribution, version
from os.path import commonprefix
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import snowballstemmer
import yaml

LANGUAGES = ("nl", "de", "en")
WORDS_FILE = Path(__file__).with_name("words.yml")
_PACKAGES = ("py3langid", "snowballstemmer")
_VADER_SCALE = 4.0
_VADER_EMOJI = "vaderSentiment/emoji_utf8_lexicon.txt"
_UMLAUTS = "äöüß"
_SHORTEST_FORM = 3
_MOST_REPLACED = 2
# Endings of inflected Dutch, German and English words; the letter before may change (laat, late; vies, vieze).
_ENDING = re.compile(r"\w?(e|er|ere|st|ste|en|em|es|eren|erer|sten|ly|ed)")


class LexiconError(Exception):
    """A lexicon is missing from its package. The message says what to do."""


@dataclass(frozen=True)
class Rules:
    """How the weights of words make the polarity of a text; words.yml explains each number."""

    negation_window: int
    negated_praise: float
    negated_blame: float
    stronger: float
    weaker: float
    before_contrast: float
    after_contrast: float
    least_weight: float
    least_polarity: float
    normaliser: float
    least_language_certainty: float


class Lexicon:
    """One language: the weight of its words (-1 to 1), and the words that change the weight of others."""

    def __init__(self, language: str) -> None:
        known = _words()[language]
        self.language = language
        self.rules = shared_rules()
        self.negations = frozenset(known["negations"])
        self.stronger = frozenset(known["stronger"])
        self.weaker = frozenset(known["weaker"])
        self.contrast = frozenset(known["contrast"])
        self.neutral = frozenset(known["neutral"])
        self._stemmer = snowballstemmer.stemmer(known["stemmer"])
        of_package = _of_package(known["lexicon"]["package"], known["lexicon"]["file"])
        own = {word: float(weight) for weight, words in known["words"].items() for word in words}
        self.weights = _emoji() | of_package | own
        self.longest_expression = max(
            expression.count(" ") + 1 for expression in [*own, *self.neutral, *self.stronger, *self.weaker]
        )
        self._seen: dict[str, float] = {}

    def weight(self, word: str) -> float:
        """The weight of a word in lower case, -1 to 1; 0 if it carries no sentiment or is unknown.

        An unknown inflected form has the mean weight of known forms of the same stem.
        """
        known = self._seen.get(word)
        if known is None:
            known = self.weights.get(word)
            if known is None:
                known = self._weight_of_other_forms(word)
            known = known if abs(known) >= self.rules.least_weight and word not in self.negations else 0.0
            self._seen[word] = known
        return known

    def _weight_of_other_forms(self, word: str) -> float:
        """`snelle` has the weight of `snel`. The forms may differ only in an inflectional ending.

        A shared stem alone does not suffice: `ervaring` is an experience, `ervaren` means experienced.
        """
        if len(word) <= _SHORTEST_FORM or not word.isalpha():
            return 0.0
        weights = []
        for form in self._forms.get(self._stem(word), ()):
            shared = len(commonprefix([word, form]))
            if len(form) - shared <= _MOST_REPLACED and _ENDING.fullmatch(word[shared:]):
                weights.append(self.weights[form])
        return sum(weights) / len(weights) if weights else 0.0

    @cached_property
    def _forms(self) -> dict[str, list[str]]:
        of_stem: dict[str, list[str]] = {}
        for word in self.weights:
            if len(word) >= _SHORTEST_FORM and word.isalpha():
                of_stem.setdefault(self._stem(word), []).append(word)
        return of_stem

    def _stem(self, word: str) -> str:
        # The German stemmer drops umlauts, and `schon` is not `schön`.
        return f"{self._stemmer.stemWord(word)}|{sum(word.count(letter) for letter in _UMLAUTS)}"


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of one of LANGUAGES, read once. Raises LexiconError if a package is missing."""
    return Lexicon(language)


@cache
def shared_rules() -> Rules:
    """The rules that all languages share."""
    return Rules(**_words()["rules"])


@cache
def scorer_version() -> str:
    """A hash of words, rules, packages and code: scores of different versions may differ."""
    packages = [*(_words()[language]["lexicon"]["package"] for language in LANGUAGES), *_PACKAGES]
    files = [WORDS_FILE, Path(__file__), Path(__file__).with_name("sentiment.py")]
    parts = [*(file.read_text(encoding="utf-8") for file in files), *(f"{name} {version(name)}" for name in packages)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@cache
def _words() -> dict[str, Any]:
    return yaml.safe_load(WORDS_FILE.read_text(encoding="utf-8"))


def _file_of(package: str, file: str) -> Path:
    try:
        path = Path(str(distribution(package).locate_file(file)))
    except PackageNotFoundError as error:
        raise LexiconError(f"{package} is not installed: install the dependencies in pyproject.toml.") from error
    if not path.is_file():
        raise LexiconError(f"{package} has no file {file}: install the version in the lock file.")
    return path


def _of_package(package: str, file: str) -> dict[str, float]:
    path = _file_of(package, file)
    return _of_vader(path) if path.suffix == ".txt" else _of_pattern(path)


def _of_pattern(path: Path) -> dict[str, float]:
    """A lexicon in the format of `pattern`: one element per sense of a word; the word has the mean of its senses."""
    senses: dict[str, list[float]] = {}
    for element in ElementTree.parse(path).getroot():  # noqa: S314 - comes with a locked package
        senses.setdefault(element.attrib["form"].lower(), []).append(float(element.attrib["polarity"]))
    return {word: sum(values) / len(values) for word, values in senses.items()}


def _of_vader(path: Path) -> dict[str, float]:
    """VADER's lexicon, tab-separated: the word, the mean of ten ratings from -4 to 4, and further fields."""
    lines = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {line[0].lower(): float(line[1]) / _VADER_SCALE for line in lines}


@cache
def _emoji() -> dict[str, float]:
    """The weights of emoji, from the words with which VADER describes them; words.yml sets a few itself."""
    package = _words()["en"]["lexicon"]["package"]
    english = _of_vader(_file_of(package, _words()["en"]["lexicon"]["file"]))
    weights = {}
    for line in _file_of(package, _VADER_EMOJI).read_text(encoding="utf-8").splitlines():
        emoji, description = line.split("\t")
        weight = max((english.get(word, 0.0) for word in description.split()), key=abs)
        if weight:
            weights[emoji] = weight
    own = {emoji: float(weight) for weight, some in _words()["emoji"].items() for emoji in some}
    return weights | own
