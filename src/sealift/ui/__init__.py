"""How results look: progress displays, tables, formats, units."""
