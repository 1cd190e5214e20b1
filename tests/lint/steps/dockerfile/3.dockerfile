FROM python:3.11.9-slim-bookworm
RUN apt-get update && apt-get install -y libopenblas0=0.3.21+ds-4
RUN pip install numpy==1.26.4
COPY run.py /opt/run.py
