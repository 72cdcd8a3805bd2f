import type { Command } from 'commander'

/** A command of the command line. */
interface Entry {
  /** What it does, in a line of the help. */
  readonly summary: string
  /** Loads the file that has its arguments and options, and does it. */
  load(): Promise<{ define(command: Command): void }>
}

/** All commands, as the help has them. Only that which is asked for is loaded: mistakes and help are printed at once. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  train: { summary: 'train a model on data', load: () => import('./train.js') },
  ui: { summary: 'show runs on a page: losses, samples, fields', load: () => import('./ui.js') },
  sample: { summary: 'draw samples from a model', load: () => import('./sample.js') },
  encode: { summary: 'follow images up to the far plane', load: () => import('./encode.js') },
  decode: { summary: 'follow encodings down to images', load: () => import('./decode.js') },
  likelihood: { summary: 'how likely images are under a model', load: () => import('./likelihood.js') },
  interpolate: { summary: 'images between two images or samples', load: () => import('./interpolate.js') },
  fill: { summary: 'fill in parts of an image', load: () => import('./fill.js') },
  upscale: { summary: 'make a small image as large as the model’s', load: () => import('./upscale.js') },
  solvers: { summary: "compare the solvers' errors on a model", load: () => import('./solvers.js') },
  serve: { summary: 'draw samples for others, over HTTP', load: () => import('./serve.js') },
  eval: { summary: 'score samples against real data', load: () => import('./eval.js') },
  compare: { summary: "measure the papers' claims, as a report", load: () => import('./compare.js') },
  convert: {
    summary: "write another program's model as one of this package",
    load: () => import('./convert.js'),
  },
  export: { summary: 'write a model for other programs', load: () => import('./export.js') },
  data: { summary: 'download a data set that people know', load: () => import('./data.js') },
  info: { summary: 'show versions and devices, or what a model is', load: () => import('./info.js') },
  doctor: { summary: 'tell what keeps pfgm-torch from working', load: () => import('./doctor.js') },
  setup: { summary: 'get libtorch and build the addon', load: () => import('./setup.js') },
}
