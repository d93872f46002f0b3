"""Rendering of toy images: textured shapes on clutter with exact labels.

A class is the combination of a shape and a texture. Colours carry no
information: the colours of objects, distractors and background are sampled
from the same distribution. Every shape and every texture occurs in two
classes, so that a network can learn all of them from the base classes
without having seen the combinations of the novel classes.
"""
from collections.abc import Callable

import cv2
import numpy as np

SHAPES = ('disc', 'square', 'triangle', 'star', 'cross', 'ring')
TEXTURES = ('striped', 'checked', 'dotted', 'netted', 'zigzag', 'ringed')
# Classes 1 to 6 and classes 7 to 12 contain every shape and every texture
# once, so that any three consecutive classes differ in both.
CLASS_PAIRS = tuple((shape, TEXTURES[(i + shift) % len(TEXTURES)])
                    for shift in (0, 2) for i, shape in enumerate(SHAPES))
TOY_CLASSES = tuple(f'{texture} {shape}' for shape, texture in CLASS_PAIRS)
# Shapes with these textures, and combinations of no class, are background.
DISTRACTOR_TEXTURES = ('shaded', 'woven')
DISTRACTOR_PAIRS = tuple(
    (shape, texture) for shape in SHAPES
    for texture in TEXTURES + 2 * DISTRACTOR_TEXTURES
    if (shape, texture) not in CLASS_PAIRS)

VOID = 255
# Number of fractional bits of the fixed-point coordinates passed to cv2.
SUBPIXEL_BITS = 4


def _wave(x: np.ndarray) -> np.ndarray:
    """Compute a triangle wave of period 1, from -1 (at 0) to 1 (at 0.5)."""
    return 4 * np.abs(x - np.round(x)) - 1


# The functions are positive at the second colour. x and y are relative to
# the object's centre, in periods of the pattern.
TEXTURE_FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    'striped': lambda x, y: _wave(x),
    'checked': lambda x, y: 2 * _wave(x / 1.4) * _wave(y / 1.4),
    'dotted': lambda x, y: 1.3 - 4 * np.hypot(
        x - np.round(x), y - np.round(y)),
    'netted': lambda x, y: np.maximum(_wave(x), _wave(y)) - 0.4,
    'zigzag': lambda x, y: _wave(x + 0.4 * _wave(y / 1.6)),
    'ringed': lambda x, y: _wave(np.hypot(x, y)),
    'shaded': lambda x, y: 0.15 * _wave(x / 6 + 0.25),
    'woven': lambda x, y: (np.sin(4 * y + 2 * np.sin(3 * x))
                           * np.sin(5 * x + 2 * np.sin(3 * y))),
}


def _polygon(num_corners: int, first: float = -np.pi / 2) -> np.ndarray:
    """Place corners on the unit circle, by default from the top (y down)."""
    angles = first + 2 * np.pi * np.arange(num_corners) / num_corners
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (P, 2)


def shape_contours(shape: str) -> list[np.ndarray]:
    """Return the outline of a shape.

    Args:
        shape (str): One of ``SHAPES``.

    Returns:
        list[np.ndarray]: Closed contours within the unit disc, each (P, 2).
        A second contour is a hole.
    """
    if shape == 'ring':
        return [_polygon(48), 0.45 * _polygon(48)]
    if shape == 'star':
        return [_polygon(10) * np.tile([1, 0.5], 5)[:, None]]
    if shape == 'cross':
        arm = 0.4  # half the width of an arm
        tip = np.sqrt(1 - arm**2)
        corners = np.array([[tip, -arm], [tip, arm], [arm, arm]])
        quarter_turn = np.array([[0, 1], [-1, 0]])
        return [np.concatenate([
            corners @ np.linalg.matrix_power(quarter_turn, i)
            for i in range(4)])]
    if shape == 'square':
        return [_polygon(4, -np.pi / 4)]
    return [_polygon(3 if shape == 'triangle' else 48)]


def sample_colours(rng: np.random.Generator) -> np.ndarray:
    """Sample two colours that differ in brightness.

    Returns:
        np.ndarray: RGB colours, (2, 3) float32 in [0, 255], in any order of
        brightness.
    """
    while True:
        hsv = rng.uniform((0, 0.1, 0.1), (360, 0.7, 1), (1, 2, 3))
        colours = cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)[0]
        if abs(np.diff(colours.mean(axis=1))[0]) > 0.45:
            return 255 * colours


def _blended(mix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blend two random colours; ``mix`` is the weight of the second."""
    first, second = sample_colours(rng)
    return first + np.clip(mix, 0, 1)[..., None] * (second - first)


def render_background(rng: np.random.Generator, size: int) -> np.ndarray:
    """Render a gradient with noise, blobs and lines.

    Args:
        rng (np.random.Generator): Random generator.
        size (int): Height and width in pixels.

    Returns:
        np.ndarray: RGB image, (H, W, 3) float32 in [0, 255].
    """
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    angle = rng.uniform(0, 2 * np.pi)
    mix = _wave(0.6 * (x * np.cos(angle) + y * np.sin(angle)))
    for cells in (4, 12, 40):
        noise = rng.normal(0, 0.25, (cells, cells)).astype(np.float32)
        mix += cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
    image = _blended(0.5 + 0.3 * mix, rng)  # (H, W, 3)
    for _ in range(rng.integers(4, 9)):
        colour = sample_colours(rng)[0].tolist()
        points = rng.uniform(0, size, (3, 2))
        if rng.random() < 0.5:
            axes = rng.uniform(0.02, 0.09, 2) * size
            cv2.ellipse(image, (points[0].tolist(), (2 * axes).tolist(),
                                rng.uniform(0, 180)),
                        colour, -1, cv2.LINE_AA)
        else:
            thickness = max(1, round(rng.uniform(0.008, 0.035) * size))
            cv2.polylines(image, [points.astype(np.int32)], False, colour,
                          thickness, cv2.LINE_AA)
    return image


def render_object(image: np.ndarray, label: np.ndarray, shape: str,
                  texture: str, label_id: int, centre: np.ndarray,
                  radius: float, rng: np.random.Generator) -> None:
    """Render one object onto an image and its label, both in place.

    Args:
        image (np.ndarray): RGB image, (H, W, 3) float32.
        label (np.ndarray): Labels, (H, W) uint8. Pixels that antialiasing
            blends in the image do not get the label of the object.
        shape (str): One of ``SHAPES``.
        texture (str): A key of ``TEXTURE_FUNCTIONS``.
        label_id (int): Label of the object.
        centre (np.ndarray): Centre (x, y) in pixels.
        radius (float): Radius in pixels of the disc that encloses the object
            before it is stretched.
        rng (np.random.Generator): Random generator of the tilt, the stretch,
            the texture's direction and period, and the colours.
    """
    size = len(label)
    tilt, direction = rng.uniform((-0.5, -0.3), (0.5, 0.3))
    stretch = np.exp(rng.uniform(-0.2, 0.2))
    pose = _rotation(tilt) @ np.diag([stretch, 1 / stretch])
    contours = [
        np.round((centre + radius * contour @ pose.T) * 2**SUBPIXEL_BITS)
        .astype(np.int32) for contour in shape_contours(shape)]

    period = rng.uniform(0.09, 0.115) * size
    grid = np.mgrid[:size, :size][::-1].reshape(2, -1) - centre[:, None]
    x, y = (_rotation(direction) @ grid / period).reshape(2, size, size)
    # The edges of the pattern are about a pixel wide.
    paint = _blended(
        0.5 + period / 4 * TEXTURE_FUNCTIONS[texture](x, y), rng)  # (H, W, 3)

    cover, inside = np.zeros((2, *label.shape), np.uint8)
    cv2.fillPoly(cover, contours, 255, cv2.LINE_AA, SUBPIXEL_BITS)
    image += cover[..., None] / 255 * (paint - image)
    cv2.fillPoly(inside, contours, 1, cv2.LINE_8, SUBPIXEL_BITS)
    label[inside == 1] = label_id


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)],
                     [np.sin(angle), np.cos(angle)]])


def render_toy_image(seed: int, index: int,
                     size: int) -> tuple[np.ndarray, np.ndarray]:
    """Render image ``index`` of the toy data set ``seed``.

    The image shows one to four objects and up to two distractors. The class
    in front is ``index`` modulo the number of classes, so that all classes
    are about equally frequent. Later objects cover earlier ones.

    Args:
        seed (int): Seed of the data set.
        index (int): Index of the image in the data set.
        size (int): Height and width in pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: The image, (H, W, 3) uint8 RGB, and
        its labels, (H, W) uint8: 0 background, i the class
        ``TOY_CLASSES[i - 1]``, 255 a border of one pixel around objects.
    """
    rng = np.random.default_rng((seed, index))
    num_classes = len(CLASS_PAIRS)
    class_ids = 1 + rng.integers(num_classes, size=rng.binomial(3, 0.4))
    things = [(i, *CLASS_PAIRS[i - 1]) for i in class_ids]
    for pair in rng.choice(DISTRACTOR_PAIRS, rng.binomial(2, 0.5)):
        things.append((0, *pair))
    rng.shuffle(things)
    front = index % num_classes
    things.append((front + 1, *CLASS_PAIRS[front]))

    image = render_background(rng, size)
    label = np.zeros((size, size), np.uint8)
    taken = np.zeros((0, 3))  # x, y and radius of the rendered objects
    for label_id, shape, texture in things:
        radius = size * rng.uniform(0.19, 0.68 / np.sqrt(1 + len(things)))
        spots = rng.uniform(0.6 * radius, size - 0.6 * radius, (6, 2))
        # The spot with the most room among six lets objects overlap a bit.
        gaps = np.linalg.norm(spots[:, None] - taken[:, :2], axis=2)
        room = np.min(gaps - taken[:, 2], axis=1, initial=size)
        centre = spots[room.argmax()]
        taken = np.concatenate([taken, [[*centre, radius]]])
        render_object(
            image, label, shape, texture, label_id, centre, radius, rng)

    image = 127.5 + rng.uniform(0.6, 1) * (image - 127.5)
    image += rng.uniform(-25, 25) + rng.normal(0, 4, image.shape)
    # Pixels that antialiasing blends belong to neither side.
    label[cv2.dilate(label, np.ones((3, 3), np.uint8)) != label] = VOID
    return np.clip(image, 0, 255).astype(np.uint8), label
