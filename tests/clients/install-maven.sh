#!/usr/bin/env bash
# Fetches what the builds of projects/ need from outside, by running them with the stock mvn against whatever repository
# this machine's Maven uses. It becomes .cache/maven/upstream (MXART_CLIENT_CACHE: elsewhere than .cache), a tree in the
# Maven 2 repository layout that tests serve as an upstream; and .cache/maven/newer, a Maven that is newer than Debian's.
# What is complete stays.
set -euo pipefail
cd "$(dirname "$0")"

cache="${MXART_CLIENT_CACHE:-$PWD/.cache}/maven"
made_of=$({ mvn --version | sed -n 1p && find install-maven.sh projects -type f | LC_ALL=C sort | xargs cat; } | sha256sum)
if [ "$(cat "$cache/made-of" 2>/dev/null)" = "$made_of" ]; then
    exit
fi

mkdir -p "$cache"
building=$(mktemp -d "$cache/building.XXXXXX")
trap 'rm -rf "$building"' EXIT
cp -r projects/maven "$building/projects"
cd "$building/projects"

export MAVEN_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

# build PROJECT GOAL...
build() {
    mvn --batch-mode --quiet -Dstyle.color=never --strict-checksums --file "$1" "-Dmaven.repo.local=$building/local" \
        "-Dreleases.url=file://$building/deployed" "-Dsnapshots.url=file://$building/deployed" "${@:2}"
}

plugins=org.apache.maven.plugins
build shop deploy
build greet deploy
build greet com.example.greet:greet-maven-plugin:1.0:say
build customer dependency:copy-dependencies
build customer "$plugins:maven-dependency-plugin:3.6.0:get" -Dartifact=commons-cli:commons-cli:1.4
build customer "$plugins:maven-deploy-plugin:3.1.1:deploy-file" "-Durl=file://$building/deployed" \
    -Dfile=pom.xml -DpomFile=pom.xml
# The metadata of Maven's own plugin groups is asked for before it is clear that nobody has a plugin of this prefix.
if build customer nobodys:goal >"$building/refusal"; then
    exit 1
fi
grep --quiet "No plugin found for prefix 'nobodys'" "$building/refusal"

# What a local repository has beyond a remote one's: notes of its own, and what was built here. It names the metadata
# of each remote repository after that repository.
cd "$building/local"
rm -rf com/example
find . -type f \( -name '_remote.repositories' -o -name '*.lastUpdated' -o -name 'resolver-status.properties' \
    -o -name 'maven-metadata-local.xml' \) -delete
find . -type f -name 'maven-metadata-*.xml' | while read -r file; do
    to="${file%/*}/maven-metadata.xml"
    mv "$file" "$to"
    printf '%s' "$(sha1sum <"$to" | cut -d ' ' -f 1)" >"$to.sha1"
done
find . -type f -name 'maven-metadata-*' -delete
find . -type d -empty -delete

# A newer Maven speaks HTTP in another way: Debian's asks for checksum files, and shows the phrase behind a status; from
# 3.9 on it goes by header fields, and shows problem documents.
newer=3.9.16
cd "$building"
mvn --batch-mode --quiet -Dstyle.color=never --strict-checksums "-Dmaven.repo.local=$building/other" \
    "$plugins:maven-dependency-plugin:3.6.0:get" "-Dartifact=org.apache.maven:apache-maven:$newer:tar.gz:bin" \
    -Dtransitive=false
tar --extract --directory "$building" \
    --file "$building/other/org/apache/maven/apache-maven/$newer/apache-maven-$newer-bin.tar.gz"

cd "$cache"
rm -rf upstream newer made-of
mv "$building/local" upstream
mv "$building/apache-maven-$newer" newer
echo "$made_of" >made-of
