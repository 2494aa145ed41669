# One image for each of entries, approvals, profile, portal, batch and migrate: `make images` builds them all.
# BASE takes a digest (docker.io/library/python:3.13-slim@sha256:...) or a mirror's name.
ARG BASE=docker.io/library/python:3.13-slim
ARG SERVICE=entries

# Packages are installed and code is compiled in stages of their own; the images take the results
# and none of the tools. All is compiled anew (-f), by hash: what pip imports of the packages while it
# runs it compiles with their times.
FROM ${BASE} AS installer
COPY requirements/build.txt /requirements/
RUN python -m venv /packages \
    && /packages/bin/pip install --no-cache-dir --only-binary :all: --require-hashes \
        -r /requirements/build.txt

FROM installer AS services-packages
ARG TRACING=
COPY requirements/services.txt requirements/tracing.txt /requirements/
# aiohttp-apispec has no wheel; it is pure Python.
RUN /packages/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes --no-build-isolation \
        --only-binary :all: --no-binary aiohttp-apispec -r /requirements/services.txt \
        ${TRACING:+-r /requirements/tracing.txt} \
    && /packages/bin/pip uninstall --yes setuptools pip \
    && python -m compileall -f -q --invalidation-mode unchecked-hash /packages

FROM installer AS migrate-packages
COPY requirements/services.txt requirements/migrate.txt /requirements/
RUN /packages/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes --no-build-isolation \
        --only-binary :all: --no-binary aiohttp-apispec \
        -r /requirements/services.txt -r /requirements/migrate.txt \
    && /packages/bin/pip uninstall --yes setuptools pip \
    && python -m compileall -f -q --invalidation-mode unchecked-hash /packages

FROM installer AS portal-packages
ARG TRACING=
COPY requirements/portal.txt requirements/tracing.txt /requirements/
RUN /packages/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes \
        --only-binary :all: -r /requirements/portal.txt \
        ${TRACING:+-r /requirements/tracing.txt} \
    && /packages/bin/pip uninstall --yes setuptools pip \
    && python -m compileall -f -q --invalidation-mode unchecked-hash /packages

FROM installer AS batch-packages
COPY requirements/batch.txt /requirements/
RUN /packages/bin/pip install --no-cache-dir --no-compile --no-deps --require-hashes \
        --only-binary :all: -r /requirements/batch.txt \
    && /packages/bin/pip uninstall --yes setuptools pip \
    && python -m compileall -f -q --invalidation-mode unchecked-hash /packages

FROM ${BASE} AS code
WORKDIR /app
COPY libs ./libs
COPY services ./services
COPY batch ./batch
COPY portal ./portal
# Nothing can be compiled on start: the root is read-only. By hash, as a copy may change a file's time.
RUN python -m compileall -f -q --invalidation-mode unchecked-hash libs services batch portal

FROM ${BASE} AS services-runtime
COPY --from=services-packages /packages /packages
COPY --from=code /app/libs /app/libs

FROM services-runtime AS entries
COPY --from=code /app/services/__init__.py /app/services/
COPY --from=code /app/services/entries /app/services/entries
ENTRYPOINT ["python", "-m", "services.entries"]

FROM services-runtime AS approvals
COPY --from=code /app/services/__init__.py /app/services/
COPY --from=code /app/services/approvals /app/services/approvals
ENTRYPOINT ["python", "-m", "services.approvals"]

FROM services-runtime AS profile
COPY --from=code /app/services/__init__.py /app/services/
COPY --from=code /app/services/profile /app/services/profile
ENTRYPOINT ["python", "-m", "services.profile"]

FROM ${BASE} AS portal
COPY --from=portal-packages /packages /packages
COPY --from=code /app/libs /app/libs
COPY --from=code /app/portal /app/portal
ENTRYPOINT ["python", "-m", "portal"]

FROM ${BASE} AS migrate
COPY --from=migrate-packages /packages /packages
COPY --from=code /app/libs /app/libs
COPY --from=code /app/services /app/services
COPY --from=code /app/portal/__init__.py /app/portal/
COPY --from=code /app/portal/migrations /app/portal/migrations
ENTRYPOINT ["python", "-m", "libs.postgres"]

FROM ${BASE} AS batch
COPY --from=batch-packages /packages /packages
COPY --from=code /app/libs/__init__.py /app/libs/
COPY --from=code /app/libs/auth /app/libs/auth
COPY --from=code /app/batch /app/batch
ENTRYPOINT ["python", "-m", "batch"]

# hadolint ignore=DL3006 # one of the stages above
FROM ${SERVICE}
ARG SERVICE
ARG VERSION=dev
ARG REVISION=unknown
# The commit's time, so that two builds of one commit are equal.
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="timesheets-${SERVICE}" \
      org.opencontainers.image.description="ExampleCo Timesheets: ${SERVICE}" \
      org.opencontainers.image.vendor="ExampleCo" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.source="https://github.com/exampleco/timesheets" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# What /metrics and the first log line show of the build (libs/web/build.py).
ENV PATH=/packages/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    TIMESHEETS_VERSION="${VERSION}" TIMESHEETS_REVISION="${REVISION}"
WORKDIR /app
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# Kubernetes probes the admin port.
HEALTHCHECK NONE
