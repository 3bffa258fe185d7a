"""Writes to a SQLite database and reads it, for tests in languages without a driver.

Standard input is JSON: {"run": ["SQL", ...], "ask": {"name": "SELECT ..."}}. Standard output has the rows of each question,
as JSON objects, with blobs in hexadecimal.
"""

import json
import sqlite3
import sys


def row(cursor, values):
    names = [column[0] for column in cursor.description]
    texts = [value.hex() if isinstance(value, bytes) else value for value in values]
    return dict(zip(names, texts, strict=True))


task = json.load(sys.stdin)
connection = sqlite3.connect(sys.argv[1], timeout=10)
connection.execute("PRAGMA foreign_keys = ON")
for statement in task.get("run", []):
    connection.execute(statement)
connection.commit()
connection.row_factory = row
print(json.dumps({name: connection.execute(sql).fetchall() for name, sql in task.get("ask", {}).items()}))
