"""The program's database, in a file of SQLite or on PostgreSQL, for walks that move what lies in it.

    python tables.py PLACE SQL    runs one statement that has to touch one row
"""

import sqlite3
import sys


class Tables:
    """Statements with `?` for values, on either."""

    def __init__(self, place):
        self.is_file = not place.startswith("postgres")
        if self.is_file:
            self.connection = sqlite3.connect(place, timeout=60)
        else:
            import psycopg

            self.connection = psycopg.connect(place)

    def run(self, sql, values=()):
        cursor = self.connection.cursor()
        cursor.execute(sql if self.is_file else sql.replace("?", "%s"), values)
        return cursor

    def commit(self):
        self.connection.commit()
        self.connection.close()


if __name__ == "__main__":
    tables = Tables(sys.argv[1])
    assert tables.run(sys.argv[2]).rowcount == 1, sys.argv[2]
    tables.commit()
