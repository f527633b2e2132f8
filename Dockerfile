# The agent with a browser for journeys. scripts/image builds it and tries it; docs/deploy.md says how it is run.
FROM python:3.13-slim-trixie AS build
RUN python -m venv /venv
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY prober prober
RUN /venv/bin/pip install --no-cache-dir --compile '.[apprise,sentry]'

FROM python:3.13-slim-trixie
# libatomic1: Playwright's own node wants it, and slim images have none. tini: a browser leaves processes
# behind that only PID 1 can bury.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates chromium-headless-shell fonts-liberation libatomic1 tini \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 prober \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin prober \
    && install -d -o 10001 -g 10001 /data
COPY --from=build /venv /venv
COPY deploy/healthy.py /healthy.py
# The root may be read-only: what is kept lies in /data, what is not in /tmp.
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PROBER_LISTEN=0.0.0.0:9620
USER 10001:10001
VOLUME ["/data"]
EXPOSE 9620
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["/venv/bin/python", "-I", "/healthy.py"]
# Without -g: a signal to the whole group would end the browsers that a stop gives their time to finish.
ENTRYPOINT ["tini", "--", "/venv/bin/prober"]
CMD ["run", "-c", "/etc/prober/config.yaml"]
