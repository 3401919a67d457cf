"""The fully convolutional network."""
