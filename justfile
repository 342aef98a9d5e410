# Single commands for daily work, for https://just.systems (PyPI: rust-just).
# The recipes of the group `tests` are the steps of tests/run.

# prints the recipes
default:
    @{{ just_executable() }} --list --unsorted

# builds parlor and serves generated conversations, such as: just demo --conversations 1000
demo *arguments:
    cargo run --release -- demo {{ arguments }}

# formats the source and applies the suggestions of clippy
fix:
    cargo clippy --fix --allow-dirty --allow-staged --all-targets
    cargo fmt

# measures parlor and compares the figures with the targets, such as: just bench --only lists
bench *arguments:
    benches/run {{ arguments }}

# all steps of the tests, or the given ones, such as: just test format lints
test *arguments:
    tests/run {{ arguments }}

# format of the source
[group('tests')]
format:
    tests/run format

# clippy
[group('tests')]
lints:
    tests/run lints

# licences, notices, duplicates and sources of dependencies
[group('tests')]
dependencies:
    tests/run dependencies

# scripts, justfile, Dockerfile
[group('tests')]
project-files:
    tests/run project-files

# links between the Markdown files
[group('tests')]
docs-links:
    tests/run docs-links

# unit and API tests
[group('tests')]
tests:
    tests/run tests

# store and API on a PostgreSQL server; with --long also with two nodes
[group('tests')]
postgres:
    tests/run postgres

# loss of the leader of a PostgreSQL cluster; with --long
[group('tests')]
failover:
    tests/run failover

# hostile inputs for the parsers
[group('tests')]
fuzz:
    tests/run fuzz

# quality of search and answers
[group('tests')]
retrieval:
    tests/run retrieval

# API against its OpenAPI document
[group('tests')]
openapi:
    tests/run openapi

# client libraries
[group('tests')]
clients:
    tests/run clients

# clients generated from the OpenAPI document
[group('tests')]
generated-clients:
    tests/run generated-clients

# sources and built files of the widget and the pages
[group('tests')]
web:
    tests/run web

# widget and API reference in Chromium
[group('tests')]
browser:
    tests/run browser

# nginx, Caddy and systemd
[group('tests')]
proxies:
    tests/run proxies

# an embedding model in the process, with real weights
[group('tests')]
embeddings:
    tests/run embeddings

# backups in object storage
[group('tests')]
object-storage:
    tests/run object-storage

# e-mails and webhooks with a mail server and Standard Webhooks
[group('tests')]
mail:
    tests/run mail

# metrics, alert rules and dashboard with Prometheus
[group('tests')]
monitoring:
    tests/run monitoring

# documentation of the code
[group('tests')]
doc:
    tests/run doc
