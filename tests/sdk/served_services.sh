# With FOOTFALL_TEST_STORE=services: the walks on an installation of six processes and a balancer, on services of their own. Sourced by served.sh.
# Whoever looks into mails or the database finds them where one process has them.
for service in kafka clickhouse postgres redis; do
  declare "$service=$(dev/services/$service up $$ | cut -d' ' -f1)"
done
FOOTFALL_LOG_URL="kafka://$kafka/walks" FOOTFALL_LOG_PARTITIONS=3 FOOTFALL_STORE_URL="clickhouse://${clickhouse#http://}/walks"
FOOTFALL_DATABASE_URL="$postgres" FOOTFALL_BUS_URL="$redis" FOOTFALL_SECRETS_DIR="$folder/secrets" FOOTFALL_MAIL_URL="folder:$folder/data/mails"
export FOOTFALL_LOG_URL FOOTFALL_LOG_PARTITIONS FOOTFALL_STORE_URL FOOTFALL_DATABASE_URL FOOTFALL_BUS_URL FOOTFALL_SECRETS_DIR FOOTFALL_MAIL_URL
database="$postgres"
unset FOOTFALL_TEST_STORE
processes=()

# A free port below those that the system gives to clients.
free_port() { python3 -c 'import random, socket
while True:
    port = random.randrange(18000, 32000)
    try:
        socket.create_server(("127.0.0.1", port)).close()
        break
    except OSError:
        pass
print(port)'; }

# part ROLE DATA: starts one and waits until it is ready; its address is in $at.
part() {
  local listen
  listen="127.0.0.1:$(free_port)"
  FOOTFALL_DATA_DIR="$2" FOOTFALL_LISTEN="$listen" "$footfall" "$1" >>"$folder/said" 2>&1 &
  processes+=($!)
  at="http://$listen"
  becomes_ready "footfall $1" "$at" "${processes[-1]}"
}

start() {
  local doors answers
  # One after the other: of the links to the first account the last one counts.
  part jobs "$folder/jobs-1"
  part jobs "$folder/jobs-2"
  part ingest "$folder/ingest-1"
  doors="$at"
  part ingest "$folder/ingest-2"
  doors="$doors,$at"
  part api "$folder/data"
  answers="$at"
  part api "$folder/api-2"
  node tests/sdk/balancer.cjs "$port" "$doors" "$answers,$at" &
  server=$!
  for _ in $(seq 200); do
    if curl -fsS -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null; then return; fi
    sleep 0.05
  done
  echo "the balancer does not answer" >&2
  exit 1
}

stop() {
  { kill "$server" && wait "$server"; } 2>/dev/null || true
  { kill -TERM "${processes[@]}" && wait "${processes[@]}"; } 2>/dev/null || true
  server="" processes=()
}
