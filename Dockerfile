# One image for web, worker and beat; compose.yaml says which is which.
FROM python:3.11-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev libvirt-dev pkg-config
COPY requirements /requirements
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements/postgres.txt \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r /requirements/kvm.txt

FROM python:3.11-slim-bookworm
# libvirt0 and ssh serve KVM endpoints, libpq5 the database.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libpq5 libvirt0 openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/leasehold leasehold
COPY --from=build /venv /venv
COPY . /app
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 DATA_DIR=/var/lib/leasehold
# Collecting needs settings, not secrets: keys made here are forgotten with the layer's shell.
RUN env $(python -m portal.keys) python manage.py collectstatic --noinput && chown -R leasehold: /var/lib/leasehold
USER leasehold
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "portal.wsgi:application", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4"]
