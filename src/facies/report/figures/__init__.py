"""Figures, each a function from tables of predictions or estimates to an SVG string for use inside a page."""
