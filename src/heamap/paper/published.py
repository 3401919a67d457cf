"""The numbers that the paper prints: M. Ragone et al., Comput. Mater. Sci. 201 (2022) 110905."""

from dataclasses import dataclass

from heamap.elements import ELEMENTS

CITATION = "M. Ragone et al., Comput. Mater. Sci. 201 (2022) 110905"


@dataclass(frozen=True)
class Value:
    """A number as the paper gives it: exact, a range, or only a lower bound.

    Attributes
    ----------
    low, high : equal for an exact number; ``high`` is None for "greater than ``low``"
    """

    low: float
    high: float | None

    def __str__(self) -> str:
        if self.high is None:
            return f"> {self.low:g}"
        return f"{self.low:g}" if self.low == self.high else f"{self.low:g}-{self.high:g}"


def exact(number: float) -> Value:
    return Value(number, number)


INTENSITY_SLOPE = {"Pt": 0.366, "Ni": 0.029, "Pd": 0.134, "Co": 0.057, "Fe": 0.072}
"""Fig. 5: normalised peak intensity per atom."""

INTENSITY_R2 = {"Pt": 0.308, "Ni": 0.002, "Pd": 0.035, "Co": 0.007, "Fe": 0.011}
"""Fig. 5: of the line of peak intensity against count."""

PREDICTION_R2 = {"Pt": exact(0.82), "Pd": exact(0.80)} | dict.fromkeys(("Ni", "Co", "Fe"), Value(0.70, None))
"""Fig. 6: of predicted against true counts."""

ERRORS = ("0", "1", "2", "3")
"""Absolute errors in atoms that Table 2 tells apart; it has no room for larger ones."""

ERROR_SHARES = {
    "Pt": (0.50, 0.41, 0.07, 0.02),
    "Ni": (0.33, 0.44, 0.19, 0.04),
    "Pd": (0.35, 0.49, 0.14, 0.02),
    "Co": (0.34, 0.43, 0.19, 0.04),
    "Fe": (0.35, 0.42, 0.19, 0.04),
}
"""Table 2: shares of the columns by ``ERRORS``."""

MEAN_FRACTIONS = {
    "7": dict.fromkeys(ELEMENTS, Value(0.17, 0.18)) | {"Pt": exact(0.23), "Fe": exact(0.25)},
    "8": dict.fromkeys(ELEMENTS, exact(0.18)) | {"Pt": exact(0.27)},
}
"""Figs 7 and 8: mean in-column atomic fractions of the two experimental particles."""

LARGEST_PT_FRACTION = 0.60
"""Figs 7 and 8: of Pt in one column."""

SETTING = {"training images": 8000, "test images": 2000, "epochs": 800, "smallest particle (nm)": 6.5}
SETTING |= {"largest particle (nm)": 7.5, "field of view (nm)": 5.12}
"""What the numbers rest on. The paper prints the field as 51.2 nm, but 256 pixels of 0.02 nm are 51.2 Angstrom."""
