"""Words as vectors: which are close, what is to one as a second is to a third, and vectors by counting.

    3CosAdd     a is to b as c is to argmax_d cos(d, b - a + c)             not a, b or c
    PPMI        max(0, log p(w, c) / (p(w) p(c)))                           its SVD gives vectors

Source: Mikolov, Sutskever, Chen, Corrado, Dean, "Distributed representations of words and phrases and
    their compositionality", 2013, arXiv:1310.4546 (analogies); Levy, Goldberg, "Neural word embedding
    as implicit matrix factorization", 2014 (PPMI and its SVD as vectors).
"""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def neighbours(vectors: Tensor, words: Tensor, k: int) -> Tensor:
    """The k closest words by cosine, nearest first, (n, k), of words (n,), themselves left out."""
    unit = normalize(vectors)
    near = (unit[words] @ unit.T).scatter(1, words[:, None], -torch.inf)
    return near.topk(k, 1).indices


def analogies(vectors: Tensor, questions: Tensor) -> Tensor:
    """d of each question (a, b, c), (n, 3) -> (n,): a is to b as c is to d; never a, b or c itself."""
    unit = normalize(vectors)
    a, b, c = (unit[word] for word in questions.unbind(1))
    return (normalize(b - a + c) @ unit.T).scatter(1, questions, -torch.inf).argmax(1)


def ppmi(counts: Tensor) -> Tensor:
    """Positive pointwise mutual information, nats, (words, words), of how often pairs were met."""
    joint = counts.double() / counts.sum()
    chance = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (joint / chance).log().nan_to_num(nan=0.0, neginf=0.0).clamp(min=0)


def factorised(matrix: Tensor, width: int) -> Tensor:
    """Vectors, (words, width), whose products come closest to a symmetric matrix: U sqrt(S)."""
    u, s, _ = torch.linalg.svd(matrix)
    return u[:, :width] * s[:width].sqrt()
