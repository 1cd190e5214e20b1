FROM python
RUN apt-get update && apt-get install -y libopenblas0
RUN pip install numpy
COPY run.py /opt/run.py
