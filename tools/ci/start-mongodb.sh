#!/usr/bin/env bash
# Starts a MongoDB-compatible server that nobody here wrote (mongo-java-server, see docs/decisions/0005) for tests.
#
#   eval "$(bash tools/ci/start-mongodb.sh)"     exports MONGODB_URI and MONGODB_PID; the data is kept in memory
#   eval "$(bash tools/ci/start-mongodb.sh -p 27027 -f /tmp/data.h2)"   on that port, data in that file
#   kill "$MONGODB_PID"                          stops it
#
# Needs a JDK (17 or newer) and Maven; the jars come from Maven Central, at pinned versions, into ~/.m2 the first time.
# The log and the list of jars are in node_modules/.cache/mongodb. Exit code 1 and a sentence on stderr when it does not start.
set -euo pipefail

port=0
file=()
while getopts 'p:f:' option; do
  case "$option" in
    p) port="$OPTARG" ;;
    f) file=("$OPTARG") ;;
    *) echo 'usage: start-mongodb.sh [-p PORT] [-f FILE]' >&2; exit 2 ;;
  esac
done

here="$(cd "$(dirname "$0")" && pwd)"
cache="$here/../../node_modules/.cache/mongodb"
mkdir -p "$cache"
fail() { echo "start-mongodb: $1" >&2; exit 1; }
command -v java > /dev/null || fail 'no java found; install a JDK (17 or newer), for example: apt-get install openjdk-17-jdk-headless'

# The list of jars is as good as the pom it was made from, while every jar is still there.
pom="$(cksum < "$here/mongodb/pom.xml" | tr ' ' '-')"
classpath="$cache/classpath-$pom"
present() { [ -s "$classpath" ] && for jar in $(tr ':' ' ' < "$classpath"); do [ -f "$jar" ] || return 1; done; }
if ! present; then
  command -v mvn > /dev/null || fail 'no mvn found; install Maven, for example: apt-get install maven'
  for attempt in 1 2 3; do
    mvn -q -B -f "$here/mongodb/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath \
      -Dmdep.outputFile="$classpath.$$" > "$cache/maven.log" 2>&1 && break
    [ "$attempt" -lt 3 ] || fail "Maven could not fetch the server; see $cache/maven.log"
  done
  mv "$classpath.$$" "$classpath"
fi

log="$cache/server-$$.log"
: > "$log"
nohup java -Xmx2g -cp "$(cat "$classpath")" "$here/mongodb/MongodbServer.java" "$port" "${file[@]}" > "$log" 2>&1 < /dev/null &
pid=$!
for _ in $(seq 1 300); do
  uri="$(grep -m1 -o '^mongodb://[0-9.:]*' "$log" || true)"
  [ -n "$uri" ] && break
  kill -0 "$pid" 2> /dev/null || fail "the server ended before it listened; see $log"
  sleep 0.1
done
[ -n "$uri" ] || { kill "$pid"; fail "the server did not listen within 30 s; see $log"; }
echo "export MONGODB_URI=$uri MONGODB_PID=$pid"
