"""Claims and awards from a spreadsheet, checked row by row and approved as a batch by a second person."""
