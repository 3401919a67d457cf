"""What is stored and how it is fed: images and tables, splits, labels, augmentation, validation."""
