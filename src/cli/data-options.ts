import { INTEGER, oneOf, PICTURE_SIZE, SWITCH, TEXT } from './kinds.js'
import type { Settings } from './options.js'

/** How to read the data: given on to openDataset, which knows which of them the data takes. */
export const DATA_OPTIONS = {
  size: {
    kind: PICTURE_SIZE,
    value: 'n',
    help: 'folder, zip, tar, parquet: scale and crop the images to n x n pixels, or to WxH',
  },
  channels: { kind: oneOf([1, 3]), value: 'n', help: 'of these: 1 for grey, 3 for colour (default: 3)' },
  skipBroken: { kind: SWITCH, help: 'of these: pass over images that do not decode, with a warning' },
  array: { kind: TEXT, value: 'name', help: 'npz: which array (default: the only one, images, x or arr_0)' },
  count: { kind: INTEGER, value: 'n', help: 'two-moons, eight-gaussians, heart: points (default: 10000)' },
} as const
export type DataSettings = Settings<typeof DATA_OPTIONS>
