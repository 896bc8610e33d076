"""Tables that several sections share, and how a table is written."""
