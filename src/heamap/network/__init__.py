"""The fully convolutional networks."""
