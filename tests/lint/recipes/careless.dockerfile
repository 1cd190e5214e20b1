FROM node:lts-alpine
RUN apk add git python3~=3.11 curl=8.5.0-r0
RUN apk upgrade
COPY --from=ghcr.io/example/uv:latest /uv /bin/
RUN npm install
RUN npm install -g typescript prettier@3.1.1
ADD https://example.org/model.bin /opt/
RUN curl -fsSL https://example.org/install.sh | sh -s -- --yes
RUN sh -c "$(wget -qO- https://example.org/more.sh)"
EXPOSE 80
