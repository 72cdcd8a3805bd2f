# Not run as an image yet: written where no container engine was at hand.
#   docker build -t pfgm-torch .
#   docker run --rm -v "$PWD:/data" pfgm-torch sample digits --out grid.png
FROM node:22-slim AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates cmake g++ make \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /package
COPY . .
RUN npm ci && npm run pack:all

FROM node:22-slim
COPY --from=build /package/build/packages/*.tgz /tmp/packages/
RUN npm install --global /tmp/packages/*.tgz && rm -r /tmp/packages
# Runs go to a folder that is mounted.
WORKDIR /data
USER node
ENTRYPOINT ["pfgm-torch"]
CMD ["--help"]
