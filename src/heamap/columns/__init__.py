"""The network on columns: counts from the brightness around each column and from what its neighbours know."""
