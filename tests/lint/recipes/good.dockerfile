# syntax=docker/dockerfile:1
ARG PYTHON=3.11.9
FROM python:${PYTHON}-slim-bookworm@sha256:9b2f0c1d4e5a60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9 AS base
LABEL org.opencontainers.image.authors="Ada Author" org.opencontainers.image.version="1.2.0"
RUN apt-get update \
 # what numpy computes with
 && apt-get install -y --no-install-recommends libopenblas0=0.3.21+ds-4 \
 && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /opt/
RUN pip install --no-cache-dir --require-hashes -r /opt/requirements.txt
ADD --checksum=sha256:9b2f0c1d4e5a60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9 https://example.org/data.csv /opt/data.csv

FROM base
COPY run.py /opt/
ENV RANDOM_SEED=42 \
    OMP_NUM_THREADS=1
ENTRYPOINT ["python", "/opt/run.py"]
CMD ["--steps", "1000"]
