"""A figure, as a row of ``RESULTS.md``."""
from dataclasses import dataclass, field


@dataclass
class Row:
    """A figure and how it was measured.

    Attributes:
        figure (str): Its name; ``notes.json`` refers to it.
        size (str): What it was measured on.
        compared (str): The things compared, the numerator first.
        value (float): The figure, in ``unit``.
        low (float): The least of all rounds.
        high (float): The greatest of all rounds.
        rounds (int): How many there were.
        unit (str): 'x', '%', or a word with a space before it.
        at_least (float, optional): What is required.
        under (float, optional): What is required.
        seconds (dict[str, float]): Median of each thing timed.
        remark (str): What a reader must know beside.
    """

    figure: str
    size: str
    compared: str
    value: float
    low: float
    high: float
    rounds: int
    unit: str = 'x'
    at_least: float | None = None
    under: float | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    remark: str = ''

    @property
    def missed(self) -> bool:
        """Whether the figure misses what is required."""
        return (self.at_least is not None and self.value < self.at_least
                or self.under is not None and self.value >= self.under)
