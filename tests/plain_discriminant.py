"""A plain implementation of the discriminant, which tests compare with.

Everything is computed in loops in float64. A support is a list of cells (C,)
and two lists of their weights, for the background and for its class.
"""
import torch


def unit(features):
    """Convert features (C, h, w) to a list of unit cells (C,)."""
    cells = features.double().flatten(1).T
    return [cell / cell.norm().clamp_min(1e-12) for cell in cells]


def moments_of(cells, weights):
    """Compute the mean p (C,) and moments M (C, C); None without a pixel."""
    area = sum(float(weight) for weight in weights)
    if area <= 0:
        return None
    mean = sum(float(w) * u for w, u in zip(weights, cells, strict=True))
    outer = sum(
        float(w) * torch.outer(u, u)
        for w, u in zip(weights, cells, strict=True))
    return mean / area, outer / area


def classes_of(supports, shots):
    """Compute means and moments of the classes of supports.

    The supports are tuples (cells, weights of background, weights of way).
    All shots with a pixel have the same weight in their class.
    """
    parts = [[moments_of(cells, back) for cells, back, _ in supports]]
    start = 0
    for number in shots:
        parts.append([
            moments_of(cells, of_way)
            for cells, _, of_way in supports[start:start + number]])
        start += number
    means, moments = [], []
    for of_class in parts:
        seen = [one for one in of_class if one is not None]
        means.append(sum(p for p, _ in seen) / len(seen))
        moments.append(sum(m for _, m in seen) / len(seen))
    return means, moments


def scatter_of(means, moments):
    """Compute S, in which all classes have the same weight."""
    return sum(
        m - torch.outer(p, p)
        for p, m in zip(means, moments, strict=True)) / len(means)


def fit(means, moments, shrinkage=1.0):
    """Compute the weights V (K, C) and the biases (K,)."""
    scatter = scatter_of(means, moments)
    channels = len(scatter)
    ridge = shrinkage * scatter.trace() / channels
    inverse = torch.linalg.inv(
        scatter + ridge * torch.eye(channels, dtype=torch.float64))
    weights = [inverse @ p for p in means]
    return torch.stack(weights), torch.stack([
        -(w @ p) / 2 for w, p in zip(weights, means, strict=True)])


def logits_of(cells, weight, bias):
    """Compute the logits (K, m) of cells."""
    return torch.stack([weight @ u + bias for u in cells], dim=1)


def shares_of(logits, rounds=10, least=1e-3):
    """Estimate the frequencies of classes by expectation maximisation."""
    classes, number = logits.shape
    shares = [1 / classes] * classes
    for _ in range(rounds):
        total = [0.0] * classes
        for m in range(number):
            largest = max(float(one) for one in logits[:, m])
            joint = [
                shares[k] * float((logits[k, m] - largest).exp())
                for k in range(classes)]
            for k in range(classes):
                total[k] += joint[k] / sum(joint) / number
        shares = [max(one, least) for one in total]
        shares = [one / sum(shares) for one in shares]
    return shares


def certain_cells(logits, keep, ways=None):
    """Find the indices of the most certain cells of each class."""
    classes, number = logits.shape
    of_class = [[] for _ in range(classes)]
    for m in range(number):
        order = sorted(
            range(classes), key=lambda k, m=m: float(logits[k, m]))
        margin = float(logits[order[-1], m] - logits[order[-2], m])
        of_class[order[-1]].append((margin, m))
    kept = []
    for k, found in enumerate(of_class):
        if len(found) < 4 or (ways is not None and k and k not in ways):
            kept.append([])
            continue
        most = max(1, round(keep * len(found)))
        kept.append([m for _, m in sorted(found, reverse=True)[:most]])
    return kept


def refine(cells, logits, means, moments, keep=0.3, share=0.2, rounds=3,
           shrinkage=1.0):
    """Compute the logits of a query with two classes after all rounds.

    The second result is how many cells each class has kept in each round.
    """
    numbers = []
    for _ in range(rounds):
        kept = certain_cells(logits, keep)
        numbers.append([len(one) for one in kept])
        new_means, new_moments = [], []
        for k, chosen in enumerate(kept):
            if not chosen:
                new_means.append(means[k])
                new_moments.append(moments[k])
                continue
            mean, outer = moments_of(
                [cells[m] for m in chosen], [1] * len(chosen))
            new_means.append((1 - share) * means[k] + share * mean)
            new_moments.append((1 - share) * moments[k] + share * outer)
        logits = logits_of(cells, *fit(new_means, new_moments, shrinkage))
    return logits, numbers
