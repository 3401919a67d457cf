"""The figures and numbers of Ragone et al. (2022), redrawn from the line's own data."""
