FROM nvidia/cuda:12.2.0-devel-ubuntu22.04
RUN <<EOF
set -e
apt-get update
apt-get install -y cmake=3.22.1-1ubuntu1.22.04.2 ninja-build
pip install torch==2.1.2 --index-url https://download.pytorch.org/whl/cu121
EOF
COPY <<EOF /run.sh
pip install nothing-at-run-time
EOF
ENV CUBLAS_WORKSPACE_CONFIG=:4096:8
ENTRYPOINT ["/bin/bash", "-c", "python /train.py --seed $(date +%s)"]
