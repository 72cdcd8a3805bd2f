# Not run as an image yet: written where no container engine was at hand. Its steps were run in a root of Debian 12.
#   docker build -t pfgm-torch .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" pfgm-torch sample digits --out grid.png
#   docker run --rm -p 127.0.0.1:8000:8000 -e PFGM_TOKEN=secret pfgm-torch
FROM node:22-slim AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates cmake g++ make \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /package
COPY . .
RUN npm ci && npm run pack:all

FROM node:22-slim
RUN --mount=type=bind,from=build,source=/package/build/packages,target=/tmp/packages \
  npm install --global /tmp/packages/*.tgz \
  && npm cache clean --force \
  && install -d -o node -g node /data
# Runs go to a folder that is mounted.
WORKDIR /data
USER node
ENTRYPOINT ["pfgm-torch"]
EXPOSE 8000
CMD ["serve", "digits", "--host", "0.0.0.0"]
