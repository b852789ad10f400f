"""The class of a chart."""

from wandb.plot import CustomChart, plot_table

__all__ = ["CustomChart", "plot_table"]
