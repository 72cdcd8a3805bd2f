# Not run as an image yet: written where no container engine was at hand.
#   docker build -t pfgm-torch .
#   docker run --rm -v "$PWD:/data" pfgm-torch sample digits --out grid.png
FROM node:22-slim AS build
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates cmake g++ make \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /package
COPY . .
RUN npm ci && npm pack --pack-destination /tmp
# libtorch and the addon, for the package as it is installed.
ENV PFGM_CACHE=/opt/pfgm-torch
RUN npm install --global /tmp/pfgm-torch-*.tgz && pfgm-torch setup

FROM node:22-slim
ENV PFGM_CACHE=/opt/pfgm-torch
# The compiler's OpenMP, which the addon is linked with.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /usr/local/lib/node_modules/pfgm-torch /usr/local/lib/node_modules/pfgm-torch
COPY --from=build /opt/pfgm-torch /opt/pfgm-torch
RUN ln -s ../lib/node_modules/pfgm-torch/bin/pfgm-torch.js /usr/local/bin/pfgm-torch
# Runs go to a folder that is mounted.
WORKDIR /data
USER node
ENTRYPOINT ["pfgm-torch"]
CMD ["--help"]
