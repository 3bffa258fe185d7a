# docker build --tag portcullis .
FROM rust:1.95-slim-bookworm AS builder
WORKDIR /src
COPY . .
# A cache mount is not part of the image, so the binary is copied out of it in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package portcullis-server \
    && install --mode=0755 target/release/portcullis /usr/local/bin/portcullis

FROM debian:bookworm-slim
# The uid is fixed: volumes and mounted secrets belong to a number, not to a name.
RUN groupadd --system --gid 10001 portcullis \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/portcullis --shell /usr/sbin/nologin portcullis \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/portcullis
# Roots for mail servers and databases that are reached by TLS.
COPY --from=builder /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=builder /usr/local/bin/portcullis /usr/local/bin/portcullis

# By number, so that Kubernetes can prove `runAsNonRoot`.
USER 10001:10001
WORKDIR /var/lib/portcullis
VOLUME /var/lib/portcullis
ENV PORTCULLIS_LISTEN=:8000 \
    PORTCULLIS_DATA_DIR=/var/lib/portcullis
EXPOSE 8000
# The image has no curl: bash opens the connection.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && printf 'GET /ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r -u 3 _ status _ && [ \"$status\" = 200 ]"]
ENTRYPOINT ["portcullis"]
CMD ["serve"]
