FROM ubuntu:20.04
ARG GITHUB_TOKEN=ghp_0123456789abcdefghijABCDEFGHIJ012345
ENV DB_PASSWORD=hunter2hunter2 \
    API_KEY=$API_KEY TOKENIZERS_PARALLELISM=false
RUN pip install --extra-index-url https://ada:s3cretpass@pypi.example.org/simple lab==1.0.0
RUN --mount=type=secret,id=token git clone https://github.com/example/private /src \
 && git -C /src checkout 9f1c2d3e4b5a60718293a4b5c6d7e8f901234567
RUN git clone --depth 1 --branch v2.0 https://github.com/example/public
CMD /src/run --seed 4
