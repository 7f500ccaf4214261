# One image for every process of Loanwright: pages and API, worker, migrations, simulators. docker-compose.yml says which is which.

FROM node:20-bookworm-slim AS assets
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
COPY pyproject.toml requirements.lock ./
COPY tools tools
RUN python -m tools.lock runtime > runtime.lock \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r runtime.lock
COPY --from=assets /app/node_modules node_modules
RUN python -c "from tools.set_up import lay_out_assets; lay_out_assets()"

FROM python:3.11-slim-bookworm
# Reads the pictures that customers hand in.
RUN apt-get update && apt-get install -y --no-install-recommends tesseract-ocr tesseract-ocr-chi-sim \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin loanwright \
    && install -d -o loanwright -g loanwright /data
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
COPY --from=build /app/services/paper_fonts services/paper_fonts
COPY --from=build /app/web/static/vendor web/static/vendor
# The account that runs the code cannot write it, so the bytecode is made now.
RUN python -m compileall -q /app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER loanwright
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["python", "/app/cli.py"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--inner-port", "8001"]
