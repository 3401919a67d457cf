"""The exact-Bayes bound against the thickness of a column, for several doses."""

import pandas as pd
from matplotlib.figure import Figure

from heamap.elements import COLOURS
from heamap.evaluation.targets import NI_CO_FE

SHOWN = {"Pt": "-", "Pd": ":", NI_CO_FE: "--", "Ni": (0, (1, 2)), "Co": (0, (3, 1, 1, 1)), "Fe": "-."}
"""Line style of each bounded count."""


def skill_against_total(table: pd.DataFrame) -> Figure:
    """One panel a dose: the best skill over total x composition that any estimate can have, with standard errors.

    Parameters
    ----------
    table : from ``heamap.evaluation.bounds.tabulate``
    """
    doses = sorted(table["dose_per_square_angstrom"].unique())
    figure = Figure(figsize=(2.2 + 2.8 * len(doses), 3.6), layout="constrained")
    panels = figure.subplots(1, len(doses), sharey=True, squeeze=False)[0]
    for axes, dose in zip(panels, doses, strict=True):
        rows = table[table["dose_per_square_angstrom"] == dose]
        for name, style in SHOWN.items():
            own = rows[rows["element"] == name].sort_values("total")
            axes.errorbar(
                own["total"],
                own["skill"],
                yerr=own["standard_error"] / own["variance"],
                linestyle=style,
                color=COLOURS.get(name, "black"),
                label="Ni + Co + Fe" if name == NI_CO_FE else name,
                capsize=2,
            )
        axes.set_title(f"{dose:.2g} e/Å$^2$", fontsize=10)
        axes.set_xlabel("Atoms in the column (known)")
        axes.set_ylim(0, 1.02)
    panels[0].set_ylabel("Best possible skill over\ntotal × composition")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
    return figure
