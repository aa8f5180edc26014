-- What clients of PostgreSQL ask of the catalogue when they connect and look around, one statement a paragraph.
-- The word before the colon names the client; «some» means that rows are expected.

-- DBeaver some: where am I
SELECT current_schema(), session_user;

-- DBeaver some: the database
SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datname = 'default';

-- DBeaver: a setting
SELECT * FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings';

-- DBeaver some: schemas
SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 AND d.classoid = 'pg_namespace'::regclass ORDER BY nspname;

-- DBeaver some: types
SELECT t.oid, t.*, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base_type_name, d.description FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid = t.typelem LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid = t.typrelid LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid = d.objoid WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') AND (et.typcategory IS NULL OR et.typcategory <> 'C');

-- DBeaver some: tables of a schema
SELECT c.oid, c.*, d.description, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS partition_expr, pg_catalog.pg_get_partkeydef(c.oid) AS partition_key FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass WHERE c.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'public') AND c.relkind NOT IN ('i', 'I', 'c');

-- DBeaver some: columns of a table
SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid) LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum) LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid) LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum AND dep.classid = dep.refclassid WHERE NOT a.attisdropped AND c.relname = 'activity' ORDER BY a.attnum;

-- Grafana some: the version
SELECT current_setting('server_version_num')::int / 100 AS version;

-- Grafana some: tables
SELECT quote_ident(table_name) AS "table" FROM information_schema.tables WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog') ORDER BY 1;

-- Grafana some: columns
SELECT quote_ident(column_name) AS "column", data_type AS "type" FROM information_schema.columns WHERE quote_ident(table_name) = 'activity';

-- Grafana some: a panel of counts over time
SELECT floor(extract(epoch FROM timestamp) / 3600) * 3600 AS "time", count(*) AS "value" FROM activity WHERE timestamp BETWEEN '2000-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z' GROUP BY 1 ORDER BY 1;

-- Metabase some: tables
SELECT "n"."nspname" AS "schema", "c"."relname" AS "name", CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type", "d"."description" AS "description", "stat"."n_live_tup" AS "estimated_row_count" FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid" LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = 0) AND ("d"."classoid" = 'pg_class'::regclass) LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname") WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_') AND ("n"."nspname" <> 'information_schema') AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN ('public')) ORDER BY "type" ASC, "schema" ASC, "name" ASC;

-- Metabase some: what the session may
with table_privileges as (
 select
   NULL as role,
   t.schemaname as schema,
   t.objectname as table,
   pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'update') as update,
   pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'select') as select,
   pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'insert') as insert,
   pg_catalog.has_table_privilege(     current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'delete') as delete
 from (
   select schemaname, tablename as objectname from pg_catalog.pg_tables
   union
   select schemaname, viewname as objectname from pg_catalog.pg_views
   union
   select schemaname, matviewname as objectname from pg_catalog.pg_matviews
 ) t
 where t.schemaname !~ '^pg_'
   and t.schemaname <> 'information_schema'
   and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')
)
select t.*
from table_privileges t;

-- Metabase some: columns
SELECT "c"."column_name" AS "name", CASE WHEN "c"."udt_schema" IN ('public', 'pg_catalog') THEN FORMAT('%s', "c"."udt_name") ELSE FORMAT('"%s"."%s"', "c"."udt_schema", "c"."udt_name") END AS "database-type", "c"."ordinal_position" - 1 AS "database-position", "c"."table_schema" AS "table-schema", "c"."table_name" AS "table-name", "pk"."column_name" IS NOT NULL AS "pk?", COL_DESCRIPTION(CAST(CAST(FORMAT('%I.%I', CAST("c"."table_schema" AS TEXT), CAST("c"."table_name" AS TEXT)) AS REGCLASS) AS OID), "c"."ordinal_position") AS "field-comment", (("column_default" IS NULL) OR (LOWER("column_default") = 'null')) AND ("is_nullable" = 'NO') AND NOT ((("column_default" IS NOT NULL) AND ("column_default" LIKE '%nextval(%')) OR ("is_identity" <> 'NO')) AS "database-required", (("column_default" IS NOT NULL) AND ("column_default" LIKE '%nextval(%')) OR ("is_identity" <> 'NO') AS "database-is-auto-increment" FROM "information_schema"."columns" AS "c" LEFT JOIN (SELECT "tc"."table_schema", "tc"."table_name", "kc"."column_name" FROM "information_schema"."table_constraints" AS "tc" INNER JOIN "information_schema"."key_column_usage" AS "kc" ON ("tc"."constraint_name" = "kc"."constraint_name") AND ("tc"."table_schema" = "kc"."table_schema") AND ("tc"."table_name" = "kc"."table_name") WHERE "tc"."constraint_type" = 'PRIMARY KEY') AS "pk" ON ("c"."table_schema" = "pk"."table_schema") AND ("c"."table_name" = "pk"."table_name") AND ("c"."column_name" = "pk"."column_name") WHERE c.table_schema !~ '^information_schema|catalog_history|pg_' AND ("c"."table_schema" IN ('public')) UNION ALL SELECT "pa"."attname" AS "name", CASE WHEN "ptn"."nspname" IN ('public', 'pg_catalog') THEN FORMAT('%s', "pt"."typname") ELSE FORMAT('"%s"."%s"', "ptn"."nspname", "pt"."typname") END AS "database-type", "pa"."attnum" - 1 AS "database-position", "pn"."nspname" AS "table-schema", "pc"."relname" AS "table-name", FALSE AS "pk?", NULL AS "field-comment", FALSE AS "database-required", FALSE AS "database-is-auto-increment" FROM "pg_catalog"."pg_class" AS "pc" INNER JOIN "pg_catalog"."pg_namespace" AS "pn" ON "pn"."oid" = "pc"."relnamespace" INNER JOIN "pg_catalog"."pg_attribute" AS "pa" ON "pa"."attrelid" = "pc"."oid" INNER JOIN "pg_catalog"."pg_type" AS "pt" ON "pt"."oid" = "pa"."atttypid" INNER JOIN "pg_catalog"."pg_namespace" AS "ptn" ON "ptn"."oid" = "pt"."typnamespace" WHERE ("pc"."relkind" = 'm') AND ("pa"."attnum" >= 1) AND ("pn"."nspname" IN ('public')) ORDER BY "table-schema" ASC, "table-name" ASC, "database-position" ASC;

-- Metabase: foreign keys
SELECT "fk_ns"."nspname" AS "fk-table-schema", "fk_table"."relname" AS "fk-table-name", "fk_column"."attname" AS "fk-column-name", "pk_ns"."nspname" AS "pk-table-schema", "pk_table"."relname" AS "pk-table-name", "pk_column"."attname" AS "pk-column-name" FROM "pg_constraint" AS "c" INNER JOIN "pg_class" AS "fk_table" ON "c"."conrelid" = "fk_table"."oid" INNER JOIN "pg_namespace" AS "fk_ns" ON "c"."connamespace" = "fk_ns"."oid" INNER JOIN "pg_attribute" AS "fk_column" ON "c"."conrelid" = "fk_column"."attrelid" INNER JOIN "pg_class" AS "pk_table" ON "c"."confrelid" = "pk_table"."oid" INNER JOIN "pg_namespace" AS "pk_ns" ON "pk_table"."relnamespace" = "pk_ns"."oid" INNER JOIN "pg_attribute" AS "pk_column" ON "c"."confrelid" = "pk_column"."attrelid" WHERE fk_ns.nspname !~ '^information_schema|catalog_history|pg_' AND ("c"."contype" = 'f'::char) AND ("fk_column"."attnum" = ANY(c.conkey)) AND ("pk_column"."attnum" = ANY(c.confkey)) AND ("fk_table"."relname" IN ('activity')) ORDER BY "fk-table-schema" ASC, "fk-table-name" ASC;

-- Metabase: kinds of values that have names
SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e);

-- Metabase some: the server's time zone
show timezone;

-- Metabase: the session's time zone
SET SESSION TIMEZONE TO 'Europe/Vienna';

-- Metabase some: the session's time zone as it is
SELECT current_setting('TIMEZONE');

-- Metabase some: a table's first rows
SELECT "public"."activity"."message_id" AS "message_id", SUBSTRING("public"."activity"."event", 1, 1234) AS "event", "public"."activity"."timestamp" AS "timestamp", "public"."activity"."amount" AS "amount" FROM "public"."activity" LIMIT 10000;

-- Metabase some: whether a table has rows
SELECT TRUE AS "_" FROM "public"."activity" WHERE 1 <> 2 LIMIT 1;

-- Metabase some: the values of a column
SELECT "public"."activity"."event" AS "event" FROM "public"."activity" GROUP BY "public"."activity"."event" ORDER BY "public"."activity"."event" ASC LIMIT 1001;

-- Metabase some: how many, and how many different ones
SELECT COUNT(*) AS "count", COUNT(DISTINCT "public"."activity"."person_id") AS "count_2" FROM "public"."activity";

-- Metabase some: a question by month
SELECT DATE_TRUNC('month', "public"."activity"."timestamp") AS "timestamp", COUNT(*) AS "count" FROM "public"."activity" GROUP BY DATE_TRUNC('month', "public"."activity"."timestamp") ORDER BY DATE_TRUNC('month', "public"."activity"."timestamp") ASC;

-- Metabase some: by week from Sunday on
SELECT (DATE_TRUNC('week', ("public"."activity"."timestamp" + INTERVAL '1 day')) + INTERVAL '-1 day') AS "timestamp", COUNT(*) AS "count" FROM "public"."activity" GROUP BY (DATE_TRUNC('week', ("public"."activity"."timestamp" + INTERVAL '1 day')) + INTERVAL '-1 day') ORDER BY (DATE_TRUNC('week', ("public"."activity"."timestamp" + INTERVAL '1 day')) + INTERVAL '-1 day') ASC;

-- Metabase some: by day
SELECT CAST("public"."activity"."timestamp" AS date) AS "timestamp", SUM("public"."activity"."amount") AS "sum" FROM "public"."activity" GROUP BY CAST("public"."activity"."timestamp" AS date) ORDER BY CAST("public"."activity"."timestamp" AS date) ASC;

-- Metabase some: by hour of the day and day of the week
SELECT CAST(extract(hour from "public"."activity"."timestamp") AS integer) AS "timestamp", CASE WHEN ((CAST(extract(dow from "public"."activity"."timestamp") AS integer) + 1) % 7) = 0 THEN 7 ELSE ((CAST(extract(dow from "public"."activity"."timestamp") AS integer) + 1) % 7) END AS "timestamp_2", COUNT(*) AS "count" FROM "public"."activity" GROUP BY CAST(extract(hour from "public"."activity"."timestamp") AS integer), CASE WHEN ((CAST(extract(dow from "public"."activity"."timestamp") AS integer) + 1) % 7) = 0 THEN 7 ELSE ((CAST(extract(dow from "public"."activity"."timestamp") AS integer) + 1) % 7) END ORDER BY 1 ASC, 2 ASC;

-- Metabase some: the last days
SELECT COUNT(*) AS "count" FROM "public"."activity" WHERE ("public"."activity"."timestamp" >= DATE_TRUNC('day', (NOW() + INTERVAL '-30 day'))) AND ("public"."activity"."timestamp" < DATE_TRUNC('day', (NOW() + INTERVAL '1 day')));

-- Metabase some: between two moments
SELECT COUNT(*) AS "count" FROM "public"."activity" WHERE ("public"."activity"."timestamp" >= timestamp with time zone '2020-01-01 00:00:00.000Z') AND ("public"."activity"."timestamp" < '2100-01-01T00:00:00+02:00'::timestamptz);

-- Metabase some: measures
SELECT AVG("public"."activity"."amount") AS "avg", STDDEV_POP("public"."activity"."amount") AS "stddev", PERCENTILE_CONT(0.5) within group (order by "public"."activity"."amount") AS "median", MIN("public"."activity"."timestamp") AS "min", SUM(CASE WHEN "public"."activity"."event" = 'visit' THEN 1 ELSE 0.0 END) AS "count-where", CAST(SUM(CASE WHEN "public"."activity"."event" = 'visit' THEN 1 ELSE 0.0 END) AS DOUBLE PRECISION) / NULLIF(COUNT(*), 0) AS "share" FROM "public"."activity";

-- Metabase some: bins of an amount
SELECT ((FLOOR((("public"."activity"."amount" - 0.0) / 10.0)) * 10.0) + 0.0) AS "amount", COUNT(*) AS "count" FROM "public"."activity" GROUP BY ((FLOOR((("public"."activity"."amount" - 0.0) / 10.0)) * 10.0) + 0.0) ORDER BY ((FLOOR((("public"."activity"."amount" - 0.0) / 10.0)) * 10.0) + 0.0) ASC;

-- Metabase some: expressions over a question
SELECT "source"."word" AS "word", "source"."part" AS "part", COUNT(*) AS "count" FROM (SELECT "public"."activity"."event" AS "event", substring("public"."activity"."event" FROM '[a-z]+') AS "word", CASE WHEN 1 < 1 THEN '' ELSE SPLIT_PART("public"."activity"."event", 'e', 1) END AS "part" FROM "public"."activity" WHERE (LOWER("public"."activity"."event") LIKE '%e%')) AS "source" GROUP BY "source"."word", "source"."part" ORDER BY "count" DESC, "source"."word" ASC LIMIT 20;

-- Metabase some: another zone
SELECT DATE_TRUNC('hour', timezone('Europe/Vienna', "public"."activity"."timestamp")) AS "timestamp", COUNT(*) AS "count" FROM "public"."activity" GROUP BY DATE_TRUNC('hour', timezone('Europe/Vienna', "public"."activity"."timestamp")) ORDER BY 1 ASC LIMIT 10;

-- Metabase some: a join, and days between
SELECT (CAST("Sessions"."end" AS DATE) - CAST("Sessions"."start" AS DATE)) AS "days", CAST(TRUNC((extract(epoch from "Sessions"."end") - extract(epoch from "Sessions"."start"))) AS integer) AS "seconds" FROM "public"."activity" LEFT JOIN "public"."sessions" AS "Sessions" ON "public"."activity"."person_id" = "Sessions"."person_id" LIMIT 10;

-- psycopg: a type by its name
SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter FROM pg_type t WHERE t.oid = to_regtype('hstore') ORDER BY t.oid;
