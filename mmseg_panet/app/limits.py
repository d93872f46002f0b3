"""The limits of a session: how much one person may upload."""
from dataclasses import dataclass, fields

from ..errors import check_number


@dataclass(frozen=True)
class SessionLimits:
    """How much one person may upload.

    Args:
        max_images (int): Images of a session. Defaults to 50.
        max_megabytes (float): Size of the file of an image. Defaults to 25.
        max_total_megabytes (float): Size of the files of all images, and of
            the file of a bank. Defaults to 500.
        max_megapixels (float): Pixels of an image. Defaults to 100.
        max_classes (int): Classes of a session, at most 254, the labels of
            8 bits. Defaults to 100.
        preview_pixels (int): Pixels of an image as it is shown, marked and
            segmented on the page. Larger images are reduced. Defaults to
            1024 x 768.

    Raises:
        InputError: If a limit is not above 0.
    """

    max_images: int = 50
    max_megabytes: float = 25
    max_total_megabytes: float = 500
    max_megapixels: float = 100
    max_classes: int = 100
    preview_pixels: int = 1024 * 768

    def __post_init__(self) -> None:
        for one in fields(self):
            check_number(
                one.name, getattr(self, one.name), above=0,
                most=254 if one.name == 'max_classes' else float('inf'))
