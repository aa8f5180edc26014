// A JDBC client (org.postgresql) before the PostgreSQL door: catalogue, parameters, pages of rows, binary results, errors.
// Run by the single-file launcher with the driver on the class path; prints one line of JSON.

import java.io.StringReader;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.Properties;
import java.util.TreeSet;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class SqlDoor {
    static void check(boolean holds, String what) {
        if (!holds) throw new AssertionError(what);
    }

    static Connection connect(String more) throws SQLException {
        Properties login = new Properties();
        login.setProperty("user", "anyone");
        login.setProperty("password", System.getenv("FOOTFALL_READ_KEY"));
        String url = "jdbc:postgresql://127.0.0.1:" + System.getenv("FOOTFALL_PG_PORT") + "/default" + more;
        return DriverManager.getConnection(url, login);
    }

    /** Questions that have a turn just now, as the server counts them. */
    static double running() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(System.getenv("FOOTFALL_URL") + "/metrics")).build();
        String text = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
        return text.lines().filter(line -> line.startsWith("footfall_sql_running "))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(' ')))).sum();
    }

    static void until(boolean is_so) throws Exception {
        for (long started = System.nanoTime(); (running() > 0) != is_so; Thread.sleep(5)) {
            check(System.nanoTime() - started < 30_000_000_000L, "in time");
        }
    }

    /** Another thread cancels what a statement asks; the turn is free then, and the connection goes on. */
    static void cancelled() throws Exception {
        until(false);
        try (Connection connection = connect(""); Statement statement = connection.createStatement()) {
            Thread other = new Thread(() -> {
                try {
                    until(true);
                    statement.cancel();
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
            });
            other.start();
            try {
                statement.executeQuery("SELECT count(*) FROM activity a, activity b, activity c WHERE a.message_id < b.message_id AND b.event <> c.event");
                throw new AssertionError("it has an end");
            } catch (SQLException error) {
                check(error.getSQLState().equals("57014"), error.getSQLState());
            }
            other.join();
            until(false);
            CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
            StringWriter text = new StringWriter();
            long rows = copies.copyOut("COPY (SELECT event FROM activity LIMIT 7) TO STDOUT (FORMAT csv, HEADER)", text);
            check(rows == 7 && text.toString().lines().count() == 8, rows + " " + text);
            try {
                copies.copyIn("COPY activity FROM STDIN", new StringReader("a"));
                throw new AssertionError("it was written");
            } catch (SQLException error) {
                check(error.getSQLState().equals("25006"), error.getSQLState());
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        long total;
        TreeSet<String> tables = new TreeSet<>();
        int columns = 0;
        try (Connection connection = connect("")) {
            DatabaseMetaData about = connection.getMetaData();
            check(about.getDatabaseProductName().equals("PostgreSQL"), "a name");
            try (ResultSet rows = about.getTables(null, "public", "%", new String[] {"TABLE"})) {
                while (rows.next()) tables.add(rows.getString("TABLE_NAME"));
            }
            check(tables.contains("activity") && tables.contains("persons"), "tables: " + tables);
            try (ResultSet rows = about.getColumns(null, "public", "activity", "%")) {
                while (rows.next()) columns++;
            }
            check(columns > 20, "columns: " + columns);
            try (ResultSet rows = about.getSchemas()) {
                check(rows.next(), "schemas");
            }
            try (ResultSet rows = about.getPrimaryKeys(null, "public", "activity")) {
                check(!rows.next(), "no keys");
            }
            try (Statement statement = connection.createStatement();
                    ResultSet rows = statement.executeQuery("SELECT count(*) FROM activity")) {
                rows.next();
                total = rows.getLong(1);
            }
            String sql = "SELECT count(*), max(timestamp), avg(amount) FROM activity WHERE event = ? AND timestamp > ? AND length(event) < ?";
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                // From the fifth time on the driver prepares on the server and asks for binary.
                for (int turn = 0; turn < 8; turn++) {
                    statement.setString(1, "$pageview");
                    statement.setTimestamp(2, new Timestamp(0));
                    statement.setInt(3, 50);
                    try (ResultSet rows = statement.executeQuery()) {
                        rows.next();
                        check(rows.getLong(1) >= 0, "a count");
                        rows.getTimestamp(2);
                        rows.getBigDecimal(3);
                    }
                }
            }
            try (Statement statement = connection.createStatement()) {
                statement.executeQuery("SELECT * FROM nowhere");
                throw new AssertionError("there is no such table");
            } catch (SQLException error) {
                check(error.getSQLState().equals("42P01"), error.getSQLState());
            }
            connection.setAutoCommit(false);
            long seen = 0;
            try (Statement statement = connection.createStatement()) {
                statement.setFetchSize(100);
                try (ResultSet rows = statement.executeQuery("SELECT message_id, timestamp, amount, properties FROM activity")) {
                    while (rows.next()) seen++;
                }
            }
            connection.commit();
            check(seen == total, "page by page: " + seen + " of " + total);
        }
        try (Connection connection = connect("?preferQueryMode=simple");
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SELECT count(*) FROM activity")) {
            rows.next();
            check(rows.getLong(1) == total, "the simple protocol");
        }
        cancelled();
        System.out.println("{\"total\":" + total + ",\"tables\":" + tables.size() + ",\"columns\":" + columns + "}");
    }
}
