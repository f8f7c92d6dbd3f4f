"""The parts of the page of a study that recognises a disease."""
