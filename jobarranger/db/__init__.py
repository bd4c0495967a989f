"""The database: tables, connection, transactions, ids, schema."""
