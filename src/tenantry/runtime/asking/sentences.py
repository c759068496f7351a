"""What a sentence is about, as a vector: the model all-MiniLM-L6-v2, worked out by numpy."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import TenantryError, invalid

Vector = npt.NDArray[np.float32]

MODEL = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the weights."""
WIDTH = 384
_LAYERS, _HEADS = 6, 12
_MOST = 128
"""Pieces of words that are looked at."""
_LONGEST = 100
"""Characters of a word that pieces are looked for in."""
_WORD = re.compile(r"\w+|[^\w\s]")


class Sentences:
    """The model in a folder, as its publishers give it: `model.safetensors` and `vocab.txt`.

    Sentences that mean alike have vectors that point alike. The same text has the same vector; weights are read where
    they lie. Raises `invalid` where the folder has no such model.
    """

    def __init__(self, folder: Path) -> None:
        weights, words = folder / "model.safetensors", folder / "vocab.txt"
        try:
            with weights.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            vocabulary = words.read_text(encoding="utf-8").splitlines()
        except OSError as problem:
            raise _not_there(folder, f"{problem.filename}: {problem.strerror}") from None
        if found != MODEL:
            raise _not_there(folder, "its weights are other ones")
        self._pieces = {word: number for number, word in enumerate(vocabulary)}
        self._weights = _read(weights)

    def vector(self, text: str) -> Vector:
        """384 numbers, of length one: the mean over the last layer (Reimers and Gurevych 2019, section 3)."""
        pieces = self._pieces_of(text)
        x = self._weights["embeddings.word_embeddings.weight"][pieces]
        x = x + self._weights["embeddings.position_embeddings.weight"][: len(pieces)]
        x = self._normed(
            x + self._weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm"
        )
        for layer in range(_LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}")
        mean = x.mean(axis=0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)

    def _layer(self, x: Vector, name: str) -> Vector:
        """A layer of an encoder: attention, then two dense layers, each added to what it is given (Devlin 2019)."""
        heads = (len(x), _HEADS, WIDTH // _HEADS)
        query, key, value = (
            self._dense(x, f"{name}.attention.self.{part}").reshape(heads).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(heads[2] ** 0.5)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        seen = (scores @ value).transpose(1, 0, 2).reshape(len(x), WIDTH)
        seen = self._dense(seen, f"{name}.attention.output.dense")
        x = self._normed(x + seen, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._dense(x, f"{name}.intermediate.dense"))
        return self._normed(x + self._dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _dense(self, x: Vector, name: str) -> Vector:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _normed(self, x: Vector, name: str) -> Vector:
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(1e-12))
        return x * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]

    def _pieces_of(self, text: str) -> list[int]:
        """The longest known pieces of each word, from left to right (WordPiece); a word that has none is unknown."""
        plain = unicodedata.normalize("NFD", text.lower())
        plain = "".join(one for one in plain if unicodedata.category(one) != "Mn").replace("_", " _ ")
        found = [piece for word in _WORD.findall(plain) for piece in self._pieces_of_word(word)]
        return [self._pieces["[CLS]"], *found[: _MOST - 2], self._pieces["[SEP]"]]

    def _pieces_of_word(self, word: str) -> list[int]:
        if len(word) > _LONGEST:
            return [self._pieces["[UNK]"]]
        found: list[int] = []
        rest, before = word, ""
        while rest:
            piece = next(
                (rest[:end] for end in range(len(rest), 0, -1) if before + rest[:end] in self._pieces), ""
            )
            if not piece:
                return [self._pieces["[UNK]"]]
            found.append(self._pieces[before + piece])
            rest, before = rest[len(piece) :], "##"
        return found


def _read(path: Path) -> dict[str, Vector]:
    """Tensors by name: a length of eight bytes, a header in JSON, and the numbers (safetensors)."""
    data = np.memmap(path, np.uint8, mode="r")
    size = int.from_bytes(data[:8].tobytes(), "little")
    header = json.loads(data[8 : 8 + size].tobytes())
    start = 8 + size
    return {
        name: data[start + said["data_offsets"][0] : start + said["data_offsets"][1]]
        .view(np.float32)
        .reshape(said["shape"])
        for name, said in header.items()
        if said.get("dtype") == "F32"
    }


def _gelu(x: Vector) -> Vector:
    """Each x times the normal distribution's share below it; its error function by formula 7.1.26 of Abramowitz and
    Stegun, right to 1.5e-7.
    """
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = t * np.float32(1.061405429) - np.float32(1.453152027)
    for factor in (1.421413741, -0.284496736, 0.254829592):
        series = series * t + np.float32(factor)
    erf = np.copysign(1 - series * t * np.exp(-z * z), x)
    return (x * (1 + erf) / 2).astype(np.float32)


def _not_there(folder: Path, why: str) -> TenantryError:
    return invalid(
        f"asking.sentences: {folder} is no all-MiniLM-L6-v2: {why}",
        "name a folder with its `model.safetensors` and `vocab.txt`, or leave the setting out",
    )
