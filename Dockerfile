# The site's image: web process, worker and management commands, without the embedded model.
# Give it a SECRET_KEY, ALLOWED_HOSTS, and an OPENAI_API_KEY or OPENAI_BASE_URL; make the tables
# with `python manage.py preparedatabase`. compose.yaml does all of that.

FROM node:24-slim AS modules
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.12-slim AS packages
COPY requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
        --only-binary :all: --require-hashes --requirement requirements.txt

FROM python:3.12-slim AS site
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py ./
COPY billing billing
COPY chatsite chatsite
COPY conversations conversations
COPY static static
COPY templates templates

# Hashed and compressed copies; what they are made from stays behind in this stage.
FROM site AS collected
COPY --from=modules /app/node_modules node_modules
RUN python manage.py collectstatic --noinput --verbosity 0

FROM site
COPY --from=collected /app/staticfiles staticfiles
RUN python -m compileall -q billing chatsite conversations \
    && useradd --system --uid 10001 --home-dir /data chatsite \
    && mkdir /data \
    && chown chatsite /data
USER chatsite
# Without DATABASE_URL a single container keeps an SQLite file in the volume.
ENV HOST=0.0.0.0 PORT=8000 DATABASE_URL=sqlite:////data/chatsite.sqlite3
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "chatsite.bootstrap.healthcheck", "http://127.0.0.1:8000/healthz"]
CMD ["python", "-m", "chatsite.server"]
