from __future__ import annotations

import _thread
import datetime as dt
import sqlite3
import threading
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights import api
from weights.data.table.delimited import remark_of
from weights.data.table.read import describe_source, read_table
from weights.data.table.sql import Query
from weights.errors import DataError, NotFoundError, TooLargeError, UsageError

_COLUMNS = "id integer, age integer, dose real, sex text, seen date, scan blob, mixed"


@pytest.fixture
def clinic(tmp_path):
    """A database of two tables."""
    path = tmp_path / "clinic.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(f"create table visits ({_COLUMNS})")
    rows = [(i, 20 + i, i / 8, "fm"[i % 2], f"2024-01-{i % 28 + 1:02d}", b"\xff\xd8", "n.d." if i == 7 else i) for i in range(60)]
    connection.executemany("insert into visits values (?, ?, ?, ?, ?, ?, ?)", rows)
    connection.execute("insert into visits (id) values (60)")
    connection.execute("create table labs (id integer)")
    connection.commit()
    connection.close()
    return path


def rows_of(query, database, **options):
    return read_table(Query(query, database), **options)


def test_rows_come_in_the_order_of_the_result_with_their_types(clinic):
    table = rows_of("select id, dose, sex from visits where id < 3 order by id desc", clinic)
    assert table.to_pydict() == {"id": [2, 1, 0], "dose": [0.25, 0.125, 0.0], "sex": ["f", "m", "f"]}
    assert table.schema.types == [pa.int64(), pa.float64(), pa.string()]


def test_null_is_missing_and_whole_numbers_stay_whole(clinic):
    table = rows_of("select id, age from visits where id > 58", clinic)
    assert table.to_pydict() == {"id": [59, 60], "age": [79, None]}
    assert table.field("age").type == pa.int64()


def test_a_column_that_mixes_numbers_and_words_is_text_and_said_with_the_row_of_the_result(clinic):
    table = rows_of("select mixed from visits where id < 10", clinic)
    assert table["mixed"].to_pylist() == ["0", "1", "2", "3", "4", "5", "6", "n.d.", "8", "9"]
    assert remark_of(table.field("mixed")) == "holds numbers (9 cells) and text (1; first: row 8, 'n.d.')"
    assert rows_of("select mixed from visits where id < 10", clinic, missing=["n.d."])["mixed"].to_pylist() == [*range(7), None, 8, 9]


def test_a_mixture_is_found_however_many_rows_are_fetched_before(tmp_path):
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    connection.execute("create table t (x)")
    connection.executemany("insert into t values (?)", [(i,) for i in range(30_000)] + [(0.5,), ("late",)])
    connection.commit()
    table = rows_of("select x from t", path)
    assert (table["x"][0].as_py(), table["x"][30_000].as_py()) == ("0", "0.5")
    assert remark_of(table.field("x")) == "holds numbers (30,001 cells) and text (1; first: row 30,002, 'late')"
    assert rows_of("select x from t where x is not 'late'", path).field("x").type == pa.float64()


def test_blobs_are_set_aside_and_said(clinic):
    look = api.look(Query("select age, scan from visits", clinic))
    assert [(f.kind, f.note) for f in look.features if f.name == "scan"] == [("unsupported", "holds binary values")]


def test_a_database_of_one_table_needs_no_query_and_of_several_they_are_named(tmp_path, clinic):
    connection = sqlite3.connect(tmp_path / "one.db")
    connection.execute('create table `order by "x"` (x)')
    connection.execute('insert into `order by "x"` values (1)')
    connection.commit()
    assert read_table(tmp_path / "one.db").to_pydict() == {"x": [1]}
    with pytest.raises(UsageError, match=r"2 tables: 'visits', 'labs'\. Say which rows, such as --query 'select \* from \"visits\"' "):
        read_table(clinic)


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ("select * from visit", NotFoundError, r"has no table 'visit'\. Did you mean 'visits'\?"),
        ("select agee from visits", NotFoundError, "a column 'agee', which its tables do not have"),
        ("select * from visits where", DataError, "could not answer the query: incomplete input"),
        ("selec * from visits", UsageError, "a select was needed, but 'selec"),
        ("select 1; select 2", UsageError, "2 statements came"),
        (" -- nothing", UsageError, "the query is empty"),
        ("delete from visits", UsageError, "only reads"),
        ("insert into labs values (1)", UsageError, "only reads"),
        ("with x as (select 1) insert into labs select * from x", UsageError, "only reads"),
        ("attach 'other.db' as other", UsageError, "only reads"),
        ("pragma user_version", UsageError, "only reads"),
        ("select * from pragma_table_info('visits')", UsageError, "only reads"),
        ("select * from labs", DataError, "has 0 rows"),
        ("select id, id from visits", DataError, "'id' stands 2 times"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(clinic, query, error, message):
    with pytest.raises(error, match=message):
        rows_of(query, clinic)


@pytest.mark.parametrize(
    "query",
    [
        "select id from visits where sex is not 'a; b' limit 2;",
        "-- of May; all\nselect id from visits /* ; delete from visits */ limit 2 ; ",
        'with "a;b" as (select id from visits limit 2) select * from "a;b"',
        "select id from visits where sex <> 'insert into labs' limit 2",
        "values (0), (1)",
    ],
)
def test_semicolons_and_words_in_quotes_and_comments_are_no_statements(clinic, query):
    assert next(iter(rows_of(query, clinic).to_pydict().values())) == [0, 1]


def test_a_file_cannot_be_written_to_whatever_the_query_is_taken_for(clinic, monkeypatch):
    monkeypatch.setattr("weights.data.table.sql._check_select", lambda query: None)
    before = clinic.read_bytes()
    for query in ("delete from visits", "drop table labs", "create table t (x)", "attach ':memory:' as other", "pragma writable_schema=1"):
        with pytest.raises(UsageError, match="only reads"):
            rows_of(query, clinic)
    assert clinic.read_bytes() == before


def test_other_files_are_refused_in_words(tmp_path, clinic):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"A database of SQLite was needed, but '.*t.csv' is none"):
        rows_of("select 1", tmp_path / "t.csv")
    with pytest.raises(DataError, match="is a folder"):
        rows_of("select 1", tmp_path)
    with pytest.raises(NotFoundError, match=r"no database '.*clinik.sqlite'\. Did you mean '.*clinic.sqlite'"):
        rows_of("select 1", tmp_path / "clinik.sqlite")
    content = clinic.read_bytes()
    clinic.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="could not answer the query"):
        rows_of("select * from visits", clinic)


def test_names_with_signs_that_addresses_use_are_files(tmp_path):
    path = tmp_path / "a ?mode=rwc#%20.db"
    connection = sqlite3.connect(path)
    connection.execute("create table t as select 1 as x")
    connection.commit()
    assert rows_of("select x from t", path).to_pydict() == {"x": [1]}


def test_reading_leaves_nothing_beside_a_database_with_a_write_ahead_log(tmp_path):
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    connection.execute("pragma journal_mode = wal")
    connection.execute("create table t as select 1 as x")
    connection.commit()
    connection.close()
    assert rows_of("select x from t", path).to_pydict() == {"x": [1]}
    assert [*tmp_path.iterdir()] == [path]
    connection = sqlite3.connect(path)
    connection.execute("insert into t values (2)")
    connection.commit()
    assert rows_of("select x from t", path).to_pydict() == {"x": [1, 2]}
    connection.close()


def test_a_database_that_somebody_is_writing_to_is_refused_in_words(clinic, monkeypatch):
    monkeypatch.setattr("weights.data.table.sql._SECONDS_TO_WAIT", 0.1)
    with sqlite3.connect(clinic) as writer:
        writer.execute("begin exclusive")
        with pytest.raises(DataError, match=r"somebody is writing to it \(database is locked\)\. Try again"):
            rows_of("select * from visits", clinic)


def test_addresses_of_servers_and_queries_that_are_no_text_are_refused_in_words(clinic):
    with pytest.raises(UsageError, match=r"the address 'postgresql://localhost/clinic' came. In Python connect to it"):
        rows_of("select 1", "postgresql://localhost/clinic")
    with pytest.raises(UsageError, match="A query is text"):
        Query(sqlite3.connect(":memory:"), "select 1")


def test_rows_that_do_not_fit_into_memory_are_refused_while_they_come(clinic, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1MB")
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i, i * 2 from n"
    with pytest.raises(TooLargeError, match="Reading the rows of the query"):
        rows_of(endless, clinic)


def test_ctrl_c_ends_a_query_that_gives_no_rows(clinic):
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n where i < 0"
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        rows_of(endless, clinic)
    timer.join()


class _Driver:
    """A connection of another database: what DB-API asks of it."""

    description = (("price", None), ("at", None), ("raw", None), ("day", None))
    rows = [(Decimal("1.10"), dt.datetime(2024, 5, 1, 10), memoryview(b"x"), dt.date(2024, 5, 1)), (None, None, None, None)]  # noqa: RUF012

    def cursor(self):
        return self

    def execute(self, query):
        self.left = [*self.rows]

    def fetchmany(self, n):
        taken, self.left = self.left[:n], self.left[n:]
        return taken

    def close(self):
        self.left = []


def test_any_connection_of_dbapi_is_asked(clinic):
    table = rows_of("select * from prices", _Driver())
    assert table["price"].to_pylist() == [1.1, None]
    assert table["at"].to_pylist() == [dt.datetime(2024, 5, 1, 10), None]
    assert table["day"].to_pylist() == [dt.date(2024, 5, 1), None]
    with sqlite3.connect(clinic) as connection:
        assert rows_of("select count(*) as n from visits", connection)["n"].to_pylist() == [61]
        with pytest.raises(DataError, match="The database could not answer the query: no such table: visit"):
            rows_of("select * from visit", connection)
        with pytest.raises(UsageError, match="only reads"):
            rows_of("delete from visits", connection)


def test_a_connection_of_sqlalchemy_or_adbc_is_asked_its_own_way(clinic):
    class Engine:
        def raw_connection(self):
            return sqlite3.connect(clinic)

    class Cursor:
        def execute(self, query):
            pass

        def fetch_arrow_table(self):
            return pa.table({"x": [1]})

        def close(self):
            pass

    class Adbc:
        cursor = Cursor

    assert rows_of("select id from visits limit 1", Engine()).to_pydict() == {"id": [0]}
    assert rows_of("select x from t", Adbc()).to_pydict() == {"x": [1]}
    with pytest.raises(UsageError, match=r"a connection with a cursor .* was needed, but a int came"):
        rows_of("select 1", 7)


def test_a_query_describes_where_its_rows_came_from(clinic):
    assert describe_source(Query("select *\n from  visits", clinic)) == "clinic.sqlite, select * from visits"


def test_a_run_reads_the_rows_of_its_query_again_also_where_the_database_is_now(tmp_path, clinic):
    query = "select age, dose, sex from visits where age is not null"
    model = wt.fit(clinic, "sex", query=query, model="linear", members=2, inspect=False)
    model.save(tmp_path / "run")
    loaded = wt.load(tmp_path / "run")
    assert loaded.report.origin.source == Query(query, str(clinic))
    assert loaded.read_again().dataset.n_samples == 60
    clinic.rename(tmp_path / "moved.sqlite")
    with pytest.raises(NotFoundError, match="There is no database"):
        loaded.read_again()
    assert loaded.read_again(tmp_path / "moved.sqlite").dataset.n_samples == 60
    assert (loaded.predict(Query(query, tmp_path / "moved.sqlite")) == model.predict(Query(query, tmp_path / "moved.sqlite"))).all()


def test_a_run_of_a_connection_knows_its_rows_only_while_it_lasts(tmp_path, clinic):
    with sqlite3.connect(clinic) as connection:
        model = wt.fit(connection, "sex", query="select age, dose, sex from visits where age > 0", model="linear", members=2, inspect=False)
        assert model.read_again().dataset.n_samples == 60
        model.save(tmp_path / "run")
    assert wt.load(tmp_path / "run").report.origin.source is None
    assert "select age, dose, sex" in wt.load(tmp_path / "run").report.source


def test_a_connection_that_its_thread_alone_may_use_serves_a_fit_and_its_predictions():
    connection = sqlite3.connect(":memory:")  # refuses other threads, as is the default
    connection.execute("create table t (a real, y real)")
    connection.executemany("insert into t values (?, ?)", [(0.1 * i, 0.2 * i + 1) for i in range(40)])
    model = wt.fit(Query("select * from t", connection), "y", model="linear", members=4, inspect=False)
    np.testing.assert_allclose(model.predict(Query("select a from t where y > 5", connection))[0], 5.2, rtol=1e-3)
