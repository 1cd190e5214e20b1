FROM python:3.11.9-slim-bookworm
RUN apt-get update && apt-get install -y libopenblas0
RUN pip install numpy
COPY run.py /opt/run.py
