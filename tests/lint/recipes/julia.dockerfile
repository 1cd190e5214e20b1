FROM julia:1.9
COPY Project.toml Manifest.toml /app/
RUN julia --project=/app -e 'using Pkg; Pkg.instantiate()'
RUN julia -e 'using Pkg; Pkg.add("DataFrames"); Pkg.add(name="CSV", version="0.10.12")'
ENV JULIA_NUM_THREADS=1
LABEL maintainer="ada@uni.example"
ENTRYPOINT ["julia", "--project=/app"]
