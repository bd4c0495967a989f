"""All statements about requests (`ja_ext_dispatch`), and about agents (`ja_ext_agent`).

Functions take a connection and never commit. Every update names the states it may find, so that a
result that came in between wins; how many rows it met is the caller's affair (docs/requests.md).
Views elsewhere may join the table for showing; what *open* means they take from `conditions`.
"""
