"""One chart a file: scores to a Vega-Lite specification, or None where it has nothing to show."""
