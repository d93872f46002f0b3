"""A plain implementation of PANet's equations, which tests compare with.

Features are resized to the masks, and everything is computed in loops.
"""
import torch
import torch.nn.functional as F


def up(features, size, align_corners=False):
    """Resize features (C, h, w) to (C, H, W)."""
    return F.interpolate(
        features[None], size, mode='bilinear',
        align_corners=align_corners)[0]


def pool(features, mask, pool_at='image', align_corners=False):
    """Pool features (C, h, w) under a mask (H, W) to (C,)."""
    mask = mask.to(features.dtype)
    if pool_at == 'feature':
        mask = F.interpolate(
            mask[None, None], features.shape[1:], mode='bilinear',
            align_corners=True)[0, 0]
    else:
        features = up(features, mask.shape, align_corners)
    return (features * mask).sum((1, 2)) / (mask.sum() + 1e-5)


def match(features, prototypes, scale=20.0, distance='cosine'):
    """Match features (C, h, w) with prototypes (C,) to logits (K, h, w)."""
    logits = []
    for prototype in prototypes:
        prototype = prototype[:, None, None]
        if distance == 'cosine':
            logits.append(F.cosine_similarity(
                features, prototype.expand_as(features), dim=0))
        else:
            logits.append(-((features - prototype)**2).sum(0))
    return scale * torch.stack(logits)


def prototypes_of(supports, labels, **pooling):
    """Compute 1 + W prototypes of (W, S, C, h, w) and (W, S, H, W)."""
    ways, shots = labels.shape[:2]
    background = [
        pool(supports[w, s], labels[w, s] == 0, **pooling)
        for w in range(ways) for s in range(shots)]
    prototypes = [sum(background) / len(background)]
    for w in range(ways):
        of_way = [
            pool(supports[w, s], labels[w, s] == w + 1, **pooling)
            for s in range(shots)]
        prototypes.append(sum(of_way) / shots)
    return prototypes


def segmentation_loss(logits, labels, align_corners=False):
    """Compute the loss of a list of (K, h, w) and labels (Q, H, W)."""
    resized = torch.stack([
        up(one, labels.shape[1:], align_corners) for one in logits])
    return F.cross_entropy(resized, labels, ignore_index=255)


def alignment_loss(supports, support_labels, queries, query_labels,
                   query_logits, mask_source='prediction', scale=20.0,
                   distance='cosine', pool_at='image', align_corners=False):
    """Compute the alignment loss of one episode."""
    ways, shots = support_labels.shape[:2]

    def query_prototype(way):
        total, area = 0, 0
        for q in range(len(queries)):
            if mask_source == 'prediction':
                features = queries[q]
                mask = query_logits[q].argmax(0) == way
            else:
                features = queries[q]
                mask = query_labels[q] == way
                if pool_at == 'image':
                    features = up(features, mask.shape, align_corners)
                else:
                    mask = F.interpolate(
                        mask[None, None].to(features),
                        features.shape[1:], mode='bilinear',
                        align_corners=True)[0, 0]
            mask = mask.to(features)
            total = total + (features * mask).sum((1, 2))
            area = area + mask.sum()
        return total / (area + 1e-5), area

    background, _ = query_prototype(0)
    loss = 0
    for w in range(ways):
        prototype, area = query_prototype(w + 1)
        if area == 0:
            continue
        for s in range(shots):
            logits = match(
                supports[w, s], [background, prototype], scale, distance)
            label = support_labels[w, s]
            target = torch.full_like(label, 255)
            target[label == 0] = 0
            target[label == w + 1] = 1
            loss = loss + segmentation_loss(
                [logits], target[None], align_corners)
    return loss / (ways * shots)
