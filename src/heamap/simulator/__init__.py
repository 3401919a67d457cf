"""One structure of the user's own: read, turned, imaged, written."""

DEFAULT_ENGINE = "thermal"
DEFAULT_CONFIGURATIONS = 8
DEFAULT_WAVES = 24
