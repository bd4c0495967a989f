"""Alembic's revisions of the tables; jobarranger/db/schema.py runs them."""
