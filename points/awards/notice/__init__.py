"""Public notice (公示): awards that wait in the open for some working days, objections, and credit when it is due."""
