-- A crash may forget the counters; waiting for the disk at each request would cost more.
ALTER TABLE rate_buckets SET UNLOGGED;
