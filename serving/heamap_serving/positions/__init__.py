"""What an image says without calibration and without the network: columns, their lattice and relative intensities."""
