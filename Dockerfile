# chrysproxy on Debian 12 (FFmpeg 5, which beamcoder needs) and Node 24.
#   docker build -t chrysproxy .
#   docker run -d --name chrysproxy -p 8080:8080 -p 50001:50001 -v chrysproxy:/data/chrysalis chrysproxy
# bin/prove-dockerfile.js tests these steps in a clean Debian root, without Docker.

FROM node:24-bookworm-slim AS build
WORKDIR /opt/chrysproxy

# Files that change rarely come first, so that a change of src/ only compiles src/.
COPY bin/setup bin/
COPY config/apt-build.txt config/
RUN bin/setup --packages build

COPY package.json package-lock.json ./
RUN bin/setup --modules

COPY tsconfig.json ./
COPY native native
COPY src src
RUN bin/setup --build

# Remove what only the build needs: development packages, object files, the sources of SQLite.
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && find node_modules -type d -name obj.target -prune -exec rm -rf {} + \
 && rm -rf node_modules/better-sqlite3/deps


FROM node:24-bookworm-slim
WORKDIR /opt/chrysproxy

COPY bin/setup bin/
COPY config/apt-runtime.txt config/
RUN bin/setup --packages runtime && rm -rf /var/lib/apt/lists/*

# The proxy runs as this user, which owns only its data.
RUN groupadd --gid 8080 chrysproxy \
 && useradd --uid 8080 --gid chrysproxy --no-create-home --shell /usr/sbin/nologin chrysproxy \
 && mkdir -p /data/chrysalis \
 && chown chrysproxy:chrysproxy /data/chrysalis

COPY LICENSE package.json ./
COPY bin/chrysproxy.js bin/
COPY config config
COPY proto proto
# The page is served without compilation.
COPY web web
COPY --from=build /opt/chrysproxy/node_modules node_modules
COPY --from=build /opt/chrysproxy/native/build/chrys_native.node native/build/
COPY --from=build /opt/chrysproxy/dist dist

ENV NODE_ENV=production
# A container has its own network: `docker run -p` decides who can reach the ports, not this address. Without
# tls.require_client_cert, everyone who can reach the ports can use the proxy. Then publish them only to a trusted network,
# or to the local machine: -p 127.0.0.1:8080:8080 -p 127.0.0.1:50001:50001
ENV CHRYSPROXY_HOST=0.0.0.0

# REST, gRPC
EXPOSE 8080 50001
# Cameras, settings and conf.yaml
VOLUME /data/chrysalis
USER chrysproxy

HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = 0; const at = `://127.0.0.1:${process.env.CHRYSPROXY_PORT ?? 8080}/healthz`; Promise.any([`http${at}`, `https${at}`].map((url) => fetch(url))).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["node", "bin/chrysproxy.js"]
CMD ["start", "--data-dir", "/data/chrysalis"]
