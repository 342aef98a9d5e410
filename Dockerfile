# docker build -t parlor .
# docker run --name parlor -p 127.0.0.1:8787:8787 -v parlor:/data parlor
#
# The first start writes the first two keys to the log of the container. parlor serves
# HTTP without TLS: publish the port on the loopback address or to a reverse proxy's
# network only, and set PARLOR_BEHIND_PROXY=true and PARLOR_PUBLIC_URL there.
# Other commands run in the same container: docker exec parlor parlor keys list

FROM rust:1.95-bookworm AS build
WORKDIR /parlor
COPY . .
# The profile `dist` optimizes over all crates. The folder for the file needs an owner,
# which the final image cannot change: it has no shell.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/parlor/target \
    cargo build --locked --profile dist --features s3,local-embeddings \
    && cp target/dist/parlor /usr/local/bin/parlor \
    && .ci/third-party-notices /THIRD-PARTY-NOTICES \
    && mkdir /data

# glibc, CA certificates and a user without rights, without a shell.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/parlor /usr/local/bin/parlor
COPY --from=build /THIRD-PARTY-NOTICES /parlor/LICENSE /usr/share/doc/parlor/
COPY --from=build --chown=65532:65532 /data /data
# Inside the container every address: Docker forwards published ports to it. docker
# stop waits 10 seconds. The time for running requests, and 3 seconds for answers that
# are interrupted after it, are shorter. A node on PostgreSQL serves for 5 seconds more and
# needs docker run --stop-timeout 30.
ENV PARLOR_DB=/data/parlor.db \
    PARLOR_LISTEN=0.0.0.0:8787 \
    PARLOR_SHUTDOWN_TIMEOUT=6
VOLUME /data
EXPOSE 8787
# A first start that upgrades a large file does not respond until it has ended.
HEALTHCHECK --interval=10s --timeout=10s --start-period=5m \
    CMD ["/usr/local/bin/parlor", "health"]
ENTRYPOINT ["/usr/local/bin/parlor"]
CMD ["serve"]
