"""Maps to column counts, their errors, and the yardsticks beside them."""
